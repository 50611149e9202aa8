"""Daily panels made from a seed, for tests of the universe: a common factor, one life per symbol, turnover as asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tallystick.contracts.instruments import Instrument
from tallystick.contracts.time import NS_PER_DAY, iso_from_ns, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook, assumed_instruments

NAMES = ("ADAUSDT", "BTCUSDT", "DOTUSDT", "ETHUSDT", "LINKUSDT", "NEARUSDT", "SOLUSDT", "TRXUSDT", "XRPUSDT")


def daily_panel(
    days: int = 900,
    symbols: tuple[str, ...] = NAMES,
    lives: Mapping[str, tuple[int, int]] | None = None,
    turnover: Mapping[str, float] | None = None,
    seed: int = 7,
    start: str = "2023-01-01",
) -> BarPanel:
    """A panel whose symbols live from day `lives[symbol][0]` up to, not including, day `lives[symbol][1]`; turnover is 50 million a day by default."""
    rng = np.random.default_rng(seed)
    count = len(symbols)
    returns = 0.01 * rng.standard_normal(days) + 0.02 * rng.standard_normal((count, days)) + 0.0005 * np.arange(count)[:, None]
    close = 100.0 * np.exp(np.cumsum(returns, axis=1))
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    volume = np.array([(turnover or {}).get(name, 50e6) for name in symbols])[:, None] * (1 + 0.2 * rng.random((count, days)))
    columns = [opened, np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99, close, volume / close, volume]
    for row, name in enumerate(symbols):
        first, end = (lives or {}).get(name, (0, days))
        for column in columns:
            column[row, :first] = np.nan
            column[row, end:] = np.nan
    times = ns_from_iso(start) + NS_PER_DAY * np.arange(days, dtype=np.int64)
    return BarPanel("binance", 1440, symbols, times, *columns)


def book_of(panel: BarPanel, **dates: tuple[int | None, int | None]) -> InstrumentBook:
    """Assumed instruments of a panel; `dates[symbol]` = (listed, delisted) as day numbers of the panel, None = unknown or still there."""
    rows: list[Instrument] = []
    for row in assumed_instruments(panel, "crypto_24_7"):
        listed, delisted = dates.get(row.venue_symbol, (None, None))
        rows.append(row.model_copy(update={"listed": day_text(panel, listed), "delisted": day_text(panel, delisted)}))
    return InstrumentBook(rows)


def day_text(panel: BarPanel, day: int | None) -> str | None:
    """The time of a day of the panel."""
    return None if day is None else iso_from_ns(panel.start_ns + day * NS_PER_DAY)
