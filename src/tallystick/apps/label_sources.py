"""Recorded streams for the labeler: files or database tables of open interest, liquidations and marks, as whole units by coin.

Columns are those of the tables `hl_oi_snapshots` (snapshot_ts, coin, open_interest), `hl_liquidations` (detected_ts, coin) and `hl_mark_prices`
(snapshot_ts, coin, mark_px), or their everyday names. Times are UTC nanoseconds, ISO text, or a date-time column. Bars with `oi_close`, `close` and
`liquidation_long_usd` are read too: what a bar says is known at its close, so it stands at its open time plus the interval. A file holds one venue's rows, and
bars of one interval.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.analysis.cascade_labeler import CoinHistory
from tallystick.artifacts.checksum import sha256_file
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_SECOND, ns_from_iso

Kind = Literal["oi", "liquidations", "marks"]
SeriesKind = Literal["funding", "spot"]
TIMES = ("snapshot_ts", "detected_ts", "ts_ns", "event_time_ns", "ts", "time", "timestamp")
COINS = ("coin", "symbol")
VALUES: dict[str, tuple[str, ...]] = {
    "oi": ("open_interest", "oi", "value"),
    "marks": ("mark_px", "mark_price", "price", "value"),
    "liquidations": (),
    "funding": ("funding_rate", "rate", "value"),
    "spot": ("price", "spot_price", "value"),
}
TABLES: dict[str, tuple[str, ...]] = {
    "oi": ("hl_oi_snapshots",),
    "liquidations": ("hl_liquidations", "hl_liquidation_events_raw"),
    "marks": ("hl_mark_prices", "hl_mark_prices_raw"),
    "funding": ("hl_funding_snapshots",),
    "spot": ("spot_price_snapshots",),
}
BAR_VALUES = {"oi": "oi_close", "marks": "close", "liquidations": "liquidation_long_usd", "spot": "close"}
BAR_SIDES = ("liquidation_long_usd", "liquidation_short_usd")
VENUES = ("venue", "exchange")
EARLIEST_NS, LATEST_NS = 10**17, 4 * 10**18
_PLAIN = r"^[0-9]+(\.[0-9]+)?$"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
MOST_DECIMALS = 40
_ISO_DATE = r"^\d{4}-\d\d-\d\d"


@dataclass(frozen=True, slots=True)
class Stream:
    """One source: coin → times, units and decimals of units (liquidations: one unit each), with what its artifact says of it."""

    kind: Kind
    name: str
    sha256: str
    rows: int
    repeated_rows: int
    columns: dict[str, tuple[NDArray[np.int64], NDArray[np.int64], int]]

    def as_document(self, coins: Collection[str]) -> dict[str, Any]:
        """The `LabelSource` of this stream. coins: those that have open interest; rows of others are counted."""
        document = {"kind": self.kind, "name": self.name, "sha256": self.sha256, "rows": self.rows, "repeated_rows": self.repeated_rows}
        unused = {coin: int(times.size) for coin, (times, _, _) in sorted(self.columns.items()) if coin not in coins}
        return {**document, "unused_rows": unused}


def read_stream(path: Path, kind: Kind) -> Stream:
    """Read one stream. Raises DataError naming the file and what is wrong: an unknown form, a missing column, a time or value that is none, several venues."""
    frame = read_frame(path, kind)
    for name in VENUES:
        present = sorted(str(item) for item in frame[name].unique()) if name in frame.columns else []
        if len(present) > 1:
            # Two venues' open interest in turn would fall and rise with every row.
            raise DataError(f"expected {kind} of one venue, found {', '.join(present)}", where=str(path), hint="Give a file with the rows of one")
    return stream_of(known_rows(frame, kind, str(path)), kind, path.name, sha256_file(path), frame.height, str(path))


def stream_of(rows: pl.DataFrame, kind: Kind, name: str, sha256: str, read: int, where: str) -> Stream:
    """Rows of ts, coin and value as a stream. Raises DataError for values that are no numbers, or that differ at one instant."""
    columns: dict[str, tuple[NDArray[np.int64], NDArray[np.int64], int]] = {}
    repeated = 0
    for (coin,), own in sorted(rows.partition_by("coin", as_dict=True, maintain_order=True).items()):
        times = own["ts"].to_numpy()
        place = f"{where}, {coin}"
        units, decimals = units_of(own["value"], place) if kind != "liquidations" else (np.ones(times.size, dtype=np.int64), 0)
        order = np.argsort(times, kind="stable")
        times, units = np.ascontiguousarray(times[order]), np.ascontiguousarray(units[order])
        if kind != "liquidations":
            kept = first_of_each(times, units, place)
            repeated += int(times.size - kept.sum())
            times, units = times[kept], units[kept]
        columns[str(coin)] = (times, units, decimals)
    return Stream(kind, name, sha256, read, repeated, columns)


def first_of_each(times: NDArray[np.int64], values: NDArray[Any], where: str) -> NDArray[np.bool_]:
    """bool[N]: the first row of each instant, of rows in order of time. Raises DataError where an instant has two different values."""
    first = np.ones(times.size, dtype=np.bool_)
    first[1:] = times[1:] != times[:-1]
    differs = np.flatnonzero(~first[1:] & (values[1:] != values[:-1]))
    if differs.size:
        raise DataError(f"expected one value at an instant, found two different ones at {times[differs[0]]}", where=where)
    return first


def histories_of(oi: Stream, liquidations: Stream, marks: Stream) -> tuple[CoinHistory, ...]:
    """The coins that have open interest, in order of name, each with its liquidations and marks (none where there are none).

    Raises DataError without any open interest, and for a stream that has rows, but none of a coin with open interest: its coins are named otherwise.
    """
    if not oi.columns:
        raise DataError("expected open interest, found no row", where=oi.name)
    for stream in (liquidations, marks):
        if stream.columns and not stream.columns.keys() & oi.columns.keys():
            wanted, given = (", ".join(sorted(item.columns)[:5]) for item in (oi, stream))
            raise DataError(f"expected {stream.kind} of coins with open interest ({wanted}), found only {given}", where=stream.name, hint="Use the same names")
    nothing = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 0)
    found = []
    for coin, (times, units, decimals) in sorted(oi.columns.items()):
        forced, prices = liquidations.columns.get(coin, nothing), marks.columns.get(coin, nothing)
        found.append(CoinHistory(coin, times, units, decimals, forced[0], prices[0], prices[1], prices[2]))
    return tuple(found)


def units_of(values: pl.Series, where: str) -> tuple[NDArray[np.int64], int]:
    """Numbers as whole units of the last decimal that any of them uses, and how many decimals that is; exact.

    Raises DataError for text that is no number, a negative number, or numbers that leave 64 bits.
    """
    text = text_of(values, where)
    if values.len() and not bool(text.str.contains(_PLAIN).fill_null(value=False).all()):
        text = pl.Series([_plain(item, where) for item in text], dtype=pl.String)
    parts = text.str.split_exact(".", 1).struct.unnest()
    whole, fraction = parts["field_0"], parts["field_1"].fill_null("").str.strip_chars_end("0")
    longest = fraction.str.len_chars().max()
    decimals = longest if isinstance(longest, int) else 0
    units = (whole + fraction.str.pad_end(decimals, "0")).cast(pl.Int64, strict=False)
    if units.null_count():
        raise DataError(f"expected numbers that fit into 64 bits with {decimals} decimals, found a larger one", where=where, hint="Give fewer decimals")
    return np.ascontiguousarray(units.to_numpy()), decimals


def text_of(column: pl.Series, where: str) -> pl.Series:
    """A column as text. Raises DataError for one of lists or bytes, which have none."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"expected text or numbers in {column.name or 'a column'}, found {column.dtype}", where=where) from error


def _plain(item: str | None, where: str) -> str:
    number = Decimal(item) if item is not None and _NUMBER.fullmatch(item) else Decimal(-1)
    exponent = number.as_tuple().exponent
    if number < 0 or not isinstance(exponent, int) or (number and abs(exponent) > MOST_DECIMALS):
        raise DataError(f"expected a number of 0 or more with at most {MOST_DECIMALS} decimals, found {item!r}", where=where)
    return format(number, "f") if number else "0"


def read_frame(path: Path, kind: Kind | SeriesKind) -> pl.DataFrame:
    """The rows of a file or database table as they are. Raises DataError for a form that is not known, or a file that cannot be read."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return pl.read_parquet(path)
        if suffix == ".csv":
            return pl.read_csv(path, infer_schema=False)
        if suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path, infer_schema_length=None)
        if suffix in (".db", ".sqlite", ".sqlite3"):
            return _table(path, kind)
    except (OSError, pl.exceptions.PolarsError, sqlite3.Error) as error:
        raise DataError(f"expected a readable file of {kind}, found: {str(error).strip().splitlines()[0]}", where=str(path)) from error
    raise DataError(f"expected a .parquet, .csv, .jsonl or .db file of {kind}, found {path.name}", where=str(path))


def known_rows(frame: pl.DataFrame, kind: Kind | SeriesKind, where: str) -> pl.DataFrame:
    """Rows as ts (UTC nanoseconds), coin and value, in their order. A bar's value stands at its close. Raises DataError naming what is missing."""
    return _from_bars(frame, kind, where) if BAR_VALUES.get(kind) in frame.columns else _from_rows(frame, kind, where)


def _table(path: Path, kind: Kind | SeriesKind) -> pl.DataFrame:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        present = {name for (name,) in connection.execute("select name from sqlite_master where type in ('table', 'view')")}
        names = [name for name in TABLES[kind] if name in present]
        if not names:
            raise DataError(f"expected the table {TABLES[kind][0]}, found {', '.join(sorted(present)) or 'none'}", where=str(path))
        # The name is one of ours, never the user's.
        cursor = connection.execute(f"select * from {names[0]}")  # noqa: S608
        columns = [item[0] for item in cursor.description]
        return pl.DataFrame(cursor.fetchall(), schema=columns, orient="row", infer_schema_length=None)


def _column(frame: pl.DataFrame, names: tuple[str, ...], what: str, where: str) -> str:
    for name in names:
        if name in frame.columns:
            return name
    raise DataError(f"expected a column of {what} ({', '.join(names)}), found {', '.join(frame.columns)}", where=where)


def _from_rows(frame: pl.DataFrame, kind: Kind | SeriesKind, where: str) -> pl.DataFrame:
    time, coin = _column(frame, TIMES, "times", where), _column(frame, COINS, "coins", where)
    value = frame[_column(frame, VALUES[kind], kind, where)] if VALUES[kind] else pl.Series([1] * frame.height, dtype=pl.Int64)
    summed = [name for name in frame.columns if name.endswith("count")] if kind == "liquidations" else []
    if summed:
        raise DataError(f"expected a row for each liquidation, found sums over a time ({', '.join(summed)})", where=where, hint="Give single liquidations")
    if value.null_count():
        raise DataError("expected a coin and a value in every row, found rows without", where=where)
    return pl.DataFrame({"ts": _times(frame[time], where), "coin": _coins(frame[coin], where), "value": value})


def _coins(column: pl.Series, where: str) -> pl.Series:
    coins = text_of(column, where)
    if coins.null_count() or bool((coins == "").any()):
        raise DataError("expected a coin and a value in every row, found rows without", where=where)
    return coins


def _times(column: pl.Series, where: str) -> pl.Series:
    kind = column.dtype
    if kind == pl.String:
        column = _times_of_text(column, where)
    if isinstance(column.dtype, pl.Datetime):
        column = column.dt.cast_time_unit("ns").cast(pl.Int64)
    if not column.dtype.is_integer() or column.null_count():
        raise DataError(f"expected times as whole UTC nanoseconds, ISO text or date-times in every row, found {kind}", where=where)
    earliest = column.min()
    if isinstance(earliest, int) and earliest < EARLIEST_NS:
        raise DataError(f"expected times in UTC nanoseconds, found {earliest}", where=where, hint="Seconds and milliseconds are not guessed: convert them")
    latest = column.max()
    if isinstance(latest, int) and latest > LATEST_NS:
        raise DataError(f"expected times in UTC nanoseconds before the year 2096, found {latest}", where=where)
    return column.cast(pl.Int64)


def _times_of_text(column: pl.Series, where: str) -> pl.Series:
    """Digits, or ISO text whose rows may differ in how many decimals they give. 01/02/2025 is refused: it is two days, by whom one asks."""
    wrong = column.filter(~column.str.contains(_ISO_DATE).fill_null(value=False))
    if not wrong.len():
        try:
            found = column.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False).cast(pl.Int64)
        except pl.exceptions.PolarsError:
            found = pl.Series([None] * column.len(), dtype=pl.Int64)
        try:
            return pl.Series([ns_from_iso(text) if time is None else time for text, time in zip(column, found, strict=True)]) if found.null_count() else found
        except DataError as error:
            raise DataError(error.message, where=where) from error
    times = column.cast(pl.Int64, strict=False)
    if times.null_count():
        first = column.filter(times.is_null())
        raise DataError(f"expected times as UTC nanoseconds or ISO text such as 2025-01-01T00:00:00Z, found {first[0]!r}", where=where)
    return times


def _from_bars(frame: pl.DataFrame, kind: Kind | SeriesKind, where: str) -> pl.DataFrame:
    opened = _times(frame[_column(frame, TIMES, "times", where)], where)
    bars = frame.with_columns(opened.alias("_opened"), _coins(frame[_column(frame, COINS, "coins", where)], where).alias("coin"))
    closed = bars.with_columns((pl.col("_opened") + _interval(bars, where)).alias("ts"))
    if kind != "liquidations":
        return closed.select("ts", "coin", pl.col(BAR_VALUES[kind]).alias("value"))
    # A bar tells only that a side was liquidated: one event for each side that was.
    sides = []
    for side in (name for name in BAR_SIDES if name in closed.columns):
        values = closed[side].cast(pl.Float64, strict=False)
        wrong = closed[side].filter(~(values.is_finite() & (values >= 0.0)).fill_null(value=False))
        if wrong.len():
            raise DataError(f"expected a {side} of 0 or more in every bar, found {wrong[0]!r}", where=where)
        sides.append(closed.filter(values > 0.0).select("ts", "coin", pl.lit(1).alias("value")))
    return pl.concat(sides)


def _interval(bars: pl.DataFrame, where: str) -> int:
    """Nanoseconds between bars. One that is too short would let a bar be known before its close, so every coin must have it, and no step be more common."""
    steps = bars.sort("coin", "_opened").with_columns(pl.col("_opened").diff().over("coin").alias("step")).filter(pl.col("step") > 0)
    if not steps.height:
        raise DataError("expected at least two bars of a coin, to know their interval, found fewer", where=where)
    shortest = steps.group_by("coin").agg(pl.col("step").min()).sort("step", "coin")
    counted = steps.group_by("step").len().sort("len", "step", descending=[True, False])
    interval, usual, other = int(shortest["step"][0]), int(counted["step"][0]), int(shortest["step"][-1])
    if interval != other or counted["len"][0] > counted.filter(pl.col("step") == interval)["len"][0]:
        seconds = f"{interval / NS_PER_SECOND:g} and {(other if interval != other else usual) / NS_PER_SECOND:g} seconds"
        raise DataError(f"expected bars of one interval, found {seconds}", where=where, hint="Give each interval a file of its own, without stray rows")
    return interval
