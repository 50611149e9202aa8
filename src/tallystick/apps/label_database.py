"""Streams and series out of a database of facts, for the labeler and the validators: which table of a venue holds what."""

from __future__ import annotations

from typing import Any, Literal

import polars as pl

from tallystick.adapters.fact_tables.reader import FactTablesReader
from tallystick.analysis.validators.evidence import Series
from tallystick.apps.label_series import series_by_coin
from tallystick.apps.label_sources import Kind, Stream, stream_of
from tallystick.apps.labels import Streams
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.market.symbols import split_symbol

What = Literal["oi", "liquidations", "marks", "funding", "spot"]
# Venue → what → (table, time, coin, value or none, whether only this venue's rows of a table that several share).
TABLES: dict[str, dict[What, tuple[str, str, str, str | None, str | None]]] = {
    "hyperliquid": {
        "oi": ("hl_oi_snapshots", "snapshot_ts", "coin", "open_interest", None),
        "liquidations": ("hl_liquidations", "detected_ts", "coin", None, None),
        "marks": ("hl_mark_prices", "snapshot_ts", "coin", "mark_px", None),
        "funding": ("hl_funding_snapshots", "snapshot_ts", "coin", "funding_rate", None),
        "spot": ("spot_price_snapshots", "snapshot_ts", "coin", "price", "source"),
    },
    "binance": {
        "oi": ("binance_oi_snapshots", "snapshot_ts", "coin", "open_interest", None),
        "liquidations": ("liquidation_events", "timestamp", "symbol", None, "venue"),
        "marks": ("mark_prices", "timestamp", "symbol", "mark_price", "venue"),
        "funding": ("binance_funding_snapshots", "snapshot_ts", "coin", "funding_rate", None),
        "spot": ("spot_price_snapshots", "snapshot_ts", "coin", "price", "source"),
    },
}

# A rate is paid once in so many hours: Hyperliquid's each hour, Binance's, as a rule, every eight.
FUNDING_HOURS = {"hyperliquid": 1, "binance": 8}
COMMON_HOURS = 8
# When a rate is paid: at the time of its own row where it was told on being paid, later where it was told ahead.
PAID_AT = {"hyperliquid": "next_funding_ts", "binance": "funding_time"}

EVIDENCE: tuple[tuple[str, What], ...] = (("open_interest", "oi"), ("marks", "marks"), ("funding", "funding"), ("spot", "spot"))


def database_streams(url: str, venue: str) -> Streams:
    """The labeler's three streams of one venue. Raises DataError for a database without its open interest, ConfigurationError for an unknown venue."""
    oi, liquidations, marks = (_stream(url, venue, kind) for kind in ("oi", "liquidations", "marks"))
    if not oi.rows:
        raise DataError(
            f"expected open interest of {venue} in {TABLES[venue]['oi'][0]}, found no row",
            hint=f"Fill the tables: tallystick observe replay RECORDINGS --venue {venue} --database URL",
        )
    return Streams(oi, liquidations, marks)


def database_evidence(url: str, venue: str) -> dict[str, dict[str, Series]]:
    """What the validators can use of one venue, by the field names of `Evidence`; the funding of the other venue under this one's names.

    Funding of both is for eight hours, since a rate for one hour and one for eight stand apart where the venues agree. Where two names of the other venue
    have one base asset (BTCUSDC, BTCUSDT), the last in order speaks for it.
    """
    found = {name: _series(url, venue, what) for name, what in EVIDENCE}
    beside = {split_symbol(coin).base: series for other in sorted(TABLES) if other != venue for coin, series in _series(url, other, "funding").items()}
    bases = {coin: split_symbol(coin).base for coin in found["funding"]}
    return {**found, "other_funding": {coin: beside[base] for coin, base in bases.items() if base in beside}}


def _series(url: str, venue: str, what: What) -> dict[str, Series]:
    found = series_by_coin(*_rows(url, venue, what))
    if what != "funding":
        return found
    times = COMMON_HOURS / FUNDING_HOURS[venue]
    return {coin: Series(series.times, series.values * times) for coin, series in found.items()}


def _stream(url: str, venue: str, kind: Kind) -> Stream:
    rows, where = _rows(url, venue, kind)
    content = "".join(f"{ts}\t{coin}\t{value}\n" for ts, coin, value in rows.iter_rows())
    return stream_of(rows, kind, TABLES[venue][kind][0], sha256_bytes(content.encode()), rows.height, where)


def _rows(url: str, venue: str, what: What) -> tuple[pl.DataFrame, str]:
    if venue not in TABLES:
        raise ConfigurationError(f"expected one of the venues {', '.join(sorted(TABLES))}, found {venue!r}", where="--venue")
    table, time, coin, value, shared = TABLES[venue][what]
    reader = FactTablesReader(url)
    try:
        names = [coin, time, *([value] if value is not None else []), *([PAID_AT[venue]] if what == "funding" else [])]
        # Sorted here: databases sort text each in their own way.
        found = sorted(reader.columns(table, names, {shared: venue} if shared is not None else None), key=lambda row: row[:3])
        where = f"{reader.name}, {table}"
    finally:
        reader.close()
    if what == "funding":
        found = _in_force(found)
    rows = {
        "ts": pl.Series([row[1] for row in found], dtype=pl.Int64),
        "coin": pl.Series([row[0] for row in found], dtype=pl.String),
        # Every liquidation counts one.
        "value": pl.Series([row[2] if value is not None else "1" for row in found], dtype=pl.String),
    }
    return pl.DataFrame(rows), where


def _in_force(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Of coin, time, rate and when it is paid: at the instant of a settlement one rate is paid and the next one is told, and that is the one in force."""
    told = {row[:2] for row in rows if row[3] != row[1]}
    return [row for row in rows if row[3] != row[1] or row[:2] not in told]
