"""Every feature family by its textbook formula, one bar at a time over plain slices: slow, obvious, and independent of the kernels."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

Bars = dict[str, np.ndarray]


def _returns(bars: Bars, t: int, n: int, column: str = "close") -> np.ndarray:
    prices = bars[column][t - n : t + 1]
    return prices[1:] / prices[:-1] - 1.0


def _last(bars: Bars, column: str, t: int, n: int) -> np.ndarray:
    return bars[column][t - n + 1 : t + 1]


def _sma(bars: Bars, t: int, n: int) -> float:
    return float(_last(bars, "close", t, n).mean())


def _change(bars: Bars, t: int, n: int, column: str = "close") -> float:
    return float(bars[column][t] / bars[column][t - n] - 1.0)


def _mom(bars: Bars, t: int, n: int) -> float:
    return _change(bars, t, n) / (float(_returns(bars, t, n).std(ddof=1)) * n**0.5)


def _zscore(bars: Bars, t: int, n: int, column: str = "close") -> float:
    values = _last(bars, column, t, n)
    return float((values[-1] - values.mean()) / values.std(ddof=1))


def _bands(bars: Bars, t: int, n: int) -> tuple[float, float, float]:
    values = _last(bars, "close", t, n)
    return float(values.mean() - 2 * values.std()), float(values.mean()), float(values.mean() + 2 * values.std())


def _bb_position(bars: Bars, t: int, n: int) -> float:
    lower, _, upper = _bands(bars, t, n)
    return float((bars["close"][t] - lower) / (upper - lower))


def _bb_width(bars: Bars, t: int, n: int) -> float:
    lower, middle, upper = _bands(bars, t, n)
    return (upper - lower) / middle


def _true_range(bars: Bars, t: int) -> float:
    past = bars["close"][t - 1]
    return float(max(bars["high"][t] - bars["low"][t], abs(bars["high"][t] - past), abs(bars["low"][t] - past)))


def _ulcer(bars: Bars, t: int, n: int) -> float:
    depths = [100 * (bars["close"][i] / _last(bars, "close", i, n).max() - 1) for i in range(t - n + 1, t + 1)]
    return float(np.sqrt(np.mean(np.square(depths))))


def _valid(bars: Bars, t: int, n: int) -> float:
    recent = slice(max(0, t - n + 1), t + 1)
    return float(np.sum(~np.isnan(bars["close"][recent]) & (bars["quote_volume"][recent] > 0)))


def _illiquidity(bars: Bars, t: int, n: int) -> float:
    return float(np.mean(np.abs(_returns(bars, t, n)) / (_last(bars, "quote_volume", t, n) / 1e6)))


def _beta(bars: Bars, t: int, n: int) -> float:
    table = np.cov(_returns(bars, t, n), _returns(bars, t, n, "benchmark"))
    return float(table[0, 1] / table[1, 1])


def _elder_start(bar: int, block: int) -> int:
    return (bar // block - 1) * block


def _average(values: np.ndarray, alpha: float) -> np.ndarray:
    out = values.copy()
    for i in range(1, out.size):
        out[i] = out[i - 1] + alpha * (values[i] - out[i - 1])
    return out


def _rsi(bars: Bars, t: int, n: int) -> float:
    first = int(bars["bar"][0])
    start = _elder_start(first + t, 10 * n) - first
    moves = np.diff(bars["close"][start - 1 : t + 1])
    gain, loss = _average(np.maximum(moves, 0), 1 / n)[-1], _average(np.maximum(-moves, 0), 1 / n)[-1]
    return float(100 - 100 / (1 + gain / loss))


def _macd(bars: Bars, t: int, fast: int, slow: int, signal: int, part: int = 0) -> float:
    first = int(bars["bar"][0])
    start = _elder_start(first + t, 5 * (slow + 1) + 5 * (signal + 1)) - first
    closes = bars["close"][start : t + 1]
    line = _average(closes, 2 / (fast + 1)) - _average(closes, 2 / (slow + 1))
    smoothed = _average(line, 2 / (signal + 1))
    return float((line[-1], smoothed[-1], line[-1] - smoothed[-1])[part] / closes[-1])


ORACLES: dict[str, Callable[..., float]] = {
    "ret_{n}": _change,
    "mom_{n}": _mom,
    "vol_{n}": lambda bars, t, n: float(_returns(bars, t, n).std(ddof=1)),
    "downside_vol_{n}": lambda bars, t, n: float(np.minimum(_returns(bars, t, n), 0).std(ddof=1)),
    "up_share_{n}": lambda bars, t, n: float((_returns(bars, t, n) > 0).mean()),
    "rsi_{n}": _rsi,
    "illiquidity_{n}": _illiquidity,
    "sma_{n}": _sma,
    "ma_ratio_{n}": lambda bars, t, n: float(bars["close"][t] / _sma(bars, t, n) - 1),
    "price_vs_sma_{n}": lambda bars, t, n: float(bars["close"][t] / _sma(bars, t, n) - 1),
    "zscore_{n}": _zscore,
    "bb_position_{n}": _bb_position,
    "bb_width_{n}": _bb_width,
    "sma_slope_{n}_{k}": lambda bars, t, n, k: _sma(bars, t, n) / _sma(bars, t - k, n) - 1,
    "share_above_sma_{m}_{n}": lambda bars, t, m, n: float(np.mean([bars["close"][i] > _sma(bars, i, n) for i in range(t - m + 1, t + 1)])),
    "macd_{fast}_{slow}_{signal}": _macd,
    "macd_signal_{fast}_{slow}_{signal}": lambda *a: _macd(*a, part=1),
    "macd_hist_{fast}_{slow}_{signal}": lambda *a: _macd(*a, part=2),
    "close": lambda bars, t: float(bars["close"][t]),
    "volume": lambda bars, t: float(bars["volume"][t]),
    "quote_volume": lambda bars, t: float(bars["quote_volume"][t]),
    "mean_volume_{n}": lambda bars, t, n: float(_last(bars, "volume", t, n).mean()),
    "mean_quote_volume_{n}": lambda bars, t, n: float(_last(bars, "quote_volume", t, n).mean()),
    "volume_ratio_{n}": lambda bars, t, n: float(bars["volume"][t] / _last(bars, "volume", t, n).mean()),
    "volume_change_{n}": lambda bars, t, n: _change(bars, t, n, "volume"),
    "volume_zscore_{n}": lambda bars, t, n: _zscore(bars, t, n, "volume"),
    "valid_bars_{n}": _valid,
    "close_to_high_{n}": lambda bars, t, n: float(bars["close"][t] / _last(bars, "close", t, n).max() - 1),
    "close_to_low_{n}": lambda bars, t, n: float(bars["close"][t] / _last(bars, "close", t, n).min() - 1),
    "drawdown_{n}": lambda bars, t, n: float(bars["close"][t] / np.nanmax(bars["close"][max(0, t - n + 1) : t + 1]) - 1),
    "ulcer_{n}": _ulcer,
    "high_low_range_{n}": lambda bars, t, n: float((_last(bars, "high", t, n).max() - _last(bars, "low", t, n).min()) / bars["close"][t]),
    "atr_{n}": lambda bars, t, n: float(np.mean([_true_range(bars, i) for i in range(t - n + 1, t + 1)]) / bars["close"][t]),
    "rs_{n}": lambda bars, t, n: _change(bars, t, n) - _change(bars, t, n, "benchmark"),
    "beta_{n}": _beta,
    "corr_{n}": lambda bars, t, n: float(np.corrcoef(_returns(bars, t, n), _returns(bars, t, n, "benchmark"))[0, 1]),
}


def oracle(pattern: str, name: str, bars: Bars, t: int) -> float:
    """The value of a feature at column t of one symbol's bars, from `memory` complete bars."""
    return ORACLES[pattern](bars, t, *(int(number) for number in re.findall(r"\d+", name)))
