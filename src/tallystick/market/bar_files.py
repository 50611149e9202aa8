"""Files that may hold bars, recognised by their columns: Parquet and CSV (plain or gzip)."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from tallystick.contracts.errors import DataError

NAMES: Mapping[str, tuple[str, ...]] = {
    "ts": ("ts", "open_time", "timestamp", "date", "datetime", "time"),
    "symbol": ("symbol", "ticker"),
    "venue": ("venue", "exchange"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume",),
    "quote_volume": ("quote_volume", "quote_asset_volume", "quotevolume"),
    "rth": ("rth",),
}
REQUIRED = ("ts", "open", "high", "low", "close", "volume")
PRICES = ("open", "high", "low", "close", "volume", "quote_volume")
UNNAMED_VENUE = "imported"
HEAD_BYTES = 65_536
# Epoch numbers are read by size: the four units cannot be confused between May 1970 and 2261.
EPOCH_LIMITS = ((9_200_000_000, 1_000_000_000), (9_200_000_000_000, 1_000_000), (9_200_000_000_000_000, 1_000), (9_200_000_000_000_000_000, 1))


@dataclass(frozen=True, slots=True)
class BarFile:
    """A file with the columns of bars. `columns` maps our names to the file's."""

    path: Path
    kind: Literal["parquet", "csv"]
    separator: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NotBars:
    """A file without the columns of bars, and why. `missing` is set where it looks like bars but lacks columns."""

    path: Path
    why: str
    missing: tuple[str, ...] = ()


def inspect_file(path: Path) -> BarFile | NotBars:
    """Whether a file holds bars, from its first bytes and its columns; its name plays no part."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return NotBars(path, f"cannot be read: {error.strerror}")
    if not head:
        return NotBars(path, "is empty")
    if head[:4] == b"PAR1":
        try:
            names = list(pl.read_parquet_schema(path))
        except (pl.exceptions.PolarsError, OSError) as error:
            return NotBars(path, f"is a damaged Parquet file: {str(error).splitlines()[0]}")
        return _recognise(path, "parquet", "", names)
    return _inspect_text(path, head)


def _inspect_text(path: Path, head: bytes) -> BarFile | NotBars:
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path, "rb") as file:
                head = file.read(HEAD_BYTES)
        except (OSError, EOFError, zlib.error):
            return NotBars(path, "is a damaged gzip file")
    try:
        line = head.split(b"\n", 1)[0].decode("utf-8-sig").strip("\r")
    except UnicodeDecodeError:
        return NotBars(path, "is neither Parquet nor a text table")
    separator = max(",;\t", key=line.count)
    names = [_header_name(name) for name in line.split(separator)]
    if len(names) < 2 or any(character in line for character in "{}"):
        return NotBars(path, "has no header line of a table")
    return _recognise(path, "csv", separator, names)


def _recognise(path: Path, kind: Literal["parquet", "csv"], separator: str, names: Sequence[str]) -> BarFile | NotBars:
    by_lower = {name.lower(): name for name in reversed(names)}
    columns = {}
    for ours, theirs in NAMES.items():
        found = next((by_lower[name] for name in theirs if name in by_lower), None)
        if found is not None:
            columns[ours] = found
    missing = tuple(name for name in REQUIRED if name not in columns)
    if not missing:
        return BarFile(path, kind, separator, columns)
    prices = sum(name in columns for name in ("open", "high", "low", "close"))
    if prices >= 2:
        return NotBars(path, f"has no column {', '.join(missing)}", missing)
    return NotBars(path, "has no columns of bars (open, high, low, close, volume and a time)")


def require_bars(path: Path) -> BarFile:
    """The file's columns. Raises DataError, one sentence, when it is no bar file."""
    found = inspect_file(path)
    if isinstance(found, NotBars):
        raise DataError(
            f"expected a bar file with the columns {', '.join(REQUIRED)}, found that {path.name} {found.why}",
            where=str(path),
            hint="The time column may be named " + ", ".join(NAMES["ts"]),
        )
    return found


def symbol_from_name(path: Path) -> str:
    """The symbol of a file without a symbol column: its name up to the first dot, underscore or hyphen."""
    return re.split(r"[._-]", path.name, maxsplit=1)[0].upper()


def read_rows(file: BarFile, wanted: Sequence[str]) -> pl.DataFrame:
    """Rows in file order, columns under our names: `ts` int64 nanoseconds (null where unreadable), prices float64 (null where unreadable).

    `symbol` and `venue` are always there, `rth` and `quote_volume` where wanted and present. Raises DataError for a file whose body is damaged.
    """
    present = {ours: theirs for ours, theirs in file.columns.items() if ours in wanted}
    try:
        raw = _read_raw(file, list(present.values()))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"expected a whole bar file, found one that cannot be read: {str(error).splitlines()[0]}", where=str(file.path)) from error
    columns = [_column(ours, theirs, raw.schema[theirs]) for ours, theirs in present.items()]
    if "symbol" not in present:
        columns.append(pl.lit(symbol_from_name(file.path)).alias("symbol"))
    if "venue" not in present:
        columns.append(pl.lit(UNNAMED_VENUE).alias("venue"))
    return raw.select(columns)


def _read_raw(file: BarFile, columns: list[str]) -> pl.DataFrame:
    if file.kind == "parquet":
        return pl.read_parquet(file.path, columns=columns)
    # everything as text: a stray word in a price column must refuse one bar, not the file
    raw = pl.read_csv(file.path, separator=file.separator, infer_schema=False, truncate_ragged_lines=True)
    return raw.rename({name: _header_name(name) for name in raw.columns}).select(columns)


def _header_name(text: str) -> str:
    return text.strip().strip('"')


def _column(ours: str, theirs: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(theirs)
    if ours == "ts":
        return _times(column, kind).alias("ts")
    if ours in PRICES:
        text = column.str.strip_chars() if kind == pl.String else column
        return text.cast(pl.Float64, strict=False).alias(ours)
    if ours == "rth":
        return column.cast(pl.String).str.to_lowercase().is_in(["true", "1"]).alias("rth")
    return column.cast(pl.String).str.strip_chars().fill_null("").alias(ours)


def _times(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Datetime) or kind == pl.Date:
        micros = column.cast(pl.Datetime("us")).dt.timestamp("us") if kind == pl.Date else column.dt.timestamp("us")
        return pl.when(micros.abs() < 9_200_000_000_000_000).then(micros * 1000)
    if kind.is_numeric():
        return _epoch(column)
    text = column.cast(pl.String).str.strip_chars()
    iso = text.str.replace(" ", "T", literal=True).str.replace(r"(Z|\+00:?00)$", "")
    formats = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
    naive = [iso.str.to_datetime(form, time_unit="us", strict=False, exact=True).dt.timestamp("us") for form in formats[:2]]
    naive.append(iso.str.to_date(formats[2], strict=False, exact=True).cast(pl.Datetime("us")).dt.timestamp("us"))
    zoned = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False, exact=True).dt.timestamp("us")
    micros = pl.coalesce(*naive, zoned)
    return pl.coalesce(_epoch(text), pl.when(micros.abs() < 9_200_000_000_000_000).then(micros * 1000))


def _epoch(column: pl.Expr) -> pl.Expr:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970 as nanoseconds; null where it is none."""
    whole = pl.coalesce(column.cast(pl.Int64, strict=False), column.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False))
    out: pl.Expr = pl.lit(None, dtype=pl.Int64)
    for limit, unit in reversed(EPOCH_LIMITS):
        out = pl.when((whole >= 0) & (whole < limit)).then(whole * unit).otherwise(out)
    return out
