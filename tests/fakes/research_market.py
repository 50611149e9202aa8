"""A small market for research tests: bars, instruments, targets, and who made the code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.fakes.decisions import model

from tallystick.contracts.instruments import Instrument
from tallystick.contracts.time import NS_PER_HOUR, ns_from_iso
from tallystick.contracts.training import CodeVersion
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook, assumed_instruments
from tallystick.research.trained_forecast import TrainedForecast

START_NS = ns_from_iso("2024-01-01")
NOW_NS = ns_from_iso("2025-07-01T12:00:00Z")
CODE = CodeVersion(version="0.1.0", source_sha256="5f" * 32, git_sha="unknown")
NAMES = ("ADAUSDT", "BTCUSDT", "ETHUSDT", "PEPEUSDT")
PRICES = (0.7, 60_000.0, 3_000.0, 0.00001)


def walk_panel(symbols: int = 2, bars: int = 300, *, seed: int = 3, gaps: float = 0.0, volatility: float = 0.01) -> BarPanel:
    """Random walks with a slow cycle, so that averages are crossed; `gaps` is the share of bars that are missing."""
    random = np.random.default_rng(seed)
    steps = volatility * random.standard_normal((symbols, bars)) + 0.5 * volatility * np.sin(np.arange(bars) / 9.0)
    close = np.array(PRICES[:symbols])[:, None] * np.exp(np.cumsum(steps, axis=1))
    open_ = np.concatenate([close[:, :1], close[:, :-1]], axis=1) * (1 + 0.1 * volatility * random.standard_normal((symbols, bars)))
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    volume = 1e6 * (1 + random.random((symbols, bars)))
    columns = (open_, high, low, close, volume, volume * close)
    missing = random.random((symbols, bars)) < gaps
    times = START_NS + NS_PER_HOUR * np.arange(bars, dtype=np.int64)
    return BarPanel("testing", 60, NAMES[:symbols], times, *[np.where(missing, np.nan, column) for column in columns])


def book_of(panel: BarPanel) -> InstrumentBook:
    return InstrumentBook(instruments_of(panel))


def instruments_of(panel: BarPanel) -> tuple[Instrument, ...]:
    """In the order of the panel's symbols."""
    rows = {row.venue_symbol: row for row in assumed_instruments(panel, "crypto_24_7")}
    return tuple(rows[symbol] for symbol in panel.symbols)


def forecast(until_bar: int | None, *, allowed: bool = False) -> TrainedForecast:
    """A model that follows the last day, trained until a bar; None for one that does not say."""
    trained = replace(model("Ridge", "fwd_ret_60m", lambda x: 0.1 * x[:, 0], ("ret_24",)), meta_sha256="a" * 64, model_sha256="b" * 64)
    return TrainedForecast(trained, "run/instance", None if until_bar is None else START_NS + until_bar * NS_PER_HOUR, allowed)


def random_weights(panel: BarPanel, *, seed: int, most: float = 1.0, change: float = 0.1, shorts: bool = True) -> np.ndarray:
    """Targets float64[S, T] that change now and then; NaN between, and an exit now and then."""
    random = np.random.default_rng(seed)
    shape = (len(panel.symbols), panel.bars)
    sizes = random.uniform(-most if shorts else 0.0, most, shape) * (random.random(shape) < 0.7)
    return np.where(random.random(shape) < change, sizes, np.nan)
