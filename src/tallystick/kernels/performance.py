"""Performance figures over an equity curve and a list of closed trades: plain loops, one summation order, NaN for "does not exist"."""

from __future__ import annotations

import math

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.statistics import mean, present_order, quantile, sample_std, total

CURVE_FIGURES = (
    "total_return",
    "sharpe_simple",
    "max_drawdown",
    "annual_volatility",
    "sortino",
    "cagr",
    "calmar",
    "average_drawdown",
    "current_drawdown",
    "longest_drawdown_bars",
)
TRADE_FIGURES = (
    "win_rate",
    "profit_factor",
    "expectancy",
    "median_trade",
    "best_trade",
    "worst_trade",
    "trade_std",
    "average_holding_bars",
    "max_consecutive_wins",
    "max_consecutive_losses",
    "top3_share",
)
LEAST_DRAWDOWN_FOR_CALMAR = 0.005


@kernel
def bar_returns(equity_micro: NDArray[int64]) -> NDArray[float64]:
    """Simple returns between neighbours of an equity curve, float64[T − 1]."""
    out = np.empty(max(equity_micro.shape[0] - 1, 0), np.float64)
    for t in range(out.shape[0]):
        out[t] = equity_micro[t + 1] / equity_micro[t] - 1.0
    return out


@kernel
def _downside(returns: NDArray[float64]) -> float:
    squares = 0.0
    for t in range(returns.shape[0]):
        if returns[t] < 0.0:
            squares += returns[t] * returns[t]
    return math.sqrt(squares / returns.shape[0]) if returns.shape[0] > 0 else math.nan


@kernel
def deviation_of(summed: float, squares: float, n: int) -> float:
    """Sample standard deviation from the sum of n values and of their squares, so that bars without a change need no visit; NaN below two values.

    What is left of the squares after rounding (10⁻¹⁴ of them) counts as none: values that are all the same.
    """
    if n < 2:
        return math.nan
    spread = squares - summed * summed / n
    return math.sqrt(spread / (n - 1)) if spread > 1e-14 * squares else 0.0


@kernel
def sharpe_of(summed: float, squares: float, n: int, bars_per_year: float) -> float:
    """√(bars per year) · mean / deviation of n returns; NaN where they do not vary."""
    deviation = deviation_of(summed, squares, n)
    return math.sqrt(bars_per_year) * (summed / n) / deviation if deviation > 0.0 else math.nan


@kernel
def curve_figures(start_micro: int, equity_micro: NDArray[int64], bars_per_year: float) -> NDArray[float64]:
    """The figures of `CURVE_FIGURES` for equity_micro[T], which starts from start_micro before its first bar.

    Sharpe and Sortino: √(bars per year) · mean / deviation of bar returns, no risk-free rate; sample deviation, and the root of the mean square of the losses.
    Drawdowns are fractions of the running peak, at or below 0; CAGR compounds over T / bars_per_year years; Calmar = CAGR / |max drawdown|
    where that is at least half a percent.
    """
    out = np.full(len(CURVE_FIGURES), math.nan)
    bars = equity_micro.shape[0]
    if bars == 0 or start_micro <= 0:
        return out
    path = np.empty(bars + 1, np.int64)
    path[0] = start_micro
    for t in range(bars):
        path[t + 1] = equity_micro[t]
    returns = bar_returns(path)
    out[0] = path[bars] / path[0] - 1.0
    summed, squares = 0.0, 0.0
    for t in range(bars):
        summed += returns[t]
        squares += returns[t] * returns[t]
    deviation = deviation_of(summed, squares, bars)
    year = math.sqrt(bars_per_year)
    out[1] = sharpe_of(summed, squares, bars, bars_per_year)
    out[3] = year * deviation
    loss = _downside(returns)
    if loss > 0.0:
        out[4] = year * mean(returns) / loss
    peak = path[0]
    deepest, depth_sum, depth, below, longest = 0.0, 0.0, 0.0, 0, 0
    for t in range(bars + 1):
        peak = max(peak, path[t])
        depth = path[t] / peak - 1.0
        deepest = min(deepest, depth)
        depth_sum += depth
        below = below + 1 if path[t] < peak else 0
        longest = max(longest, below)
    out[2] = deepest
    if path[bars] > 0:
        out[5] = (path[bars] / path[0]) ** (bars_per_year / bars) - 1.0
        if -deepest >= LEAST_DRAWDOWN_FOR_CALMAR:
            out[6] = out[5] / -deepest
    out[7] = depth_sum / (bars + 1)
    out[8] = depth
    out[9] = longest
    return out


@kernel
def _longest_run(results: NDArray[float64], sign: float) -> int:
    here, longest = 0, 0
    for k in range(results.shape[0]):
        here = here + 1 if results[k] * sign > 0.0 else 0
        longest = max(longest, here)
    return longest


@kernel
def trade_figures(trades: NDArray[int64]) -> NDArray[float64]:
    """The figures of `TRADE_FIGURES` for closed trades int64[N, 4] (symbol, first bar, last bar, result in micro-quote after fees), in the order they closed.

    Amounts are in quote units. A win is a result above 0. top3_share: the three best results over the sum of all, where that sum is positive.
    """
    out = np.full(len(TRADE_FIGURES), math.nan)
    n = trades.shape[0]
    if n == 0:
        return out
    results = trades[:, 3] / 1e6
    wins, gained, lost, held = 0, 0.0, 0.0, 0.0
    for k in range(n):
        if results[k] > 0.0:
            wins += 1
            gained += results[k]
        else:
            lost -= results[k]
        held += trades[k, 2] - trades[k, 1]
    order = present_order(results)
    everything = total(results)
    out[0] = wins / n
    if lost > 0.0:
        out[1] = gained / lost
    out[2] = everything / n
    out[3] = quantile(results, 0.5)
    out[4] = results[order[n - 1]]
    out[5] = results[order[0]]
    out[6] = sample_std(results)
    out[7] = held / n
    out[8] = _longest_run(results, 1.0)
    out[9] = _longest_run(results, -1.0)
    if everything > 0.0:
        best = 0.0
        for k in range(max(n - 3, 0), n):
            best += results[order[k]]
        out[10] = best / everything
    return out


@kernel
def exposure_figures(curve: NDArray[int64]) -> NDArray[float64]:
    """Mean gross, highest gross, mean net, share of bars with a position: fractions of equity, from curve[T, 3] (equity, cash, gross)."""
    out = np.full(4, math.nan)
    bars = curve.shape[0]
    if bars == 0:
        return out
    gross, highest, net, held = 0.0, 0.0, 0.0, 0
    for t in range(bars):
        share = curve[t, 2] / curve[t, 0]
        gross += share
        highest = max(highest, share)
        net += (curve[t, 0] - curve[t, 1]) / curve[t, 0]
        held += 1 if curve[t, 2] > 0 else 0
    out[0] = gross / bars
    out[1] = highest
    out[2] = net / bars
    out[3] = held / bars
    return out


@kernel
def mean_equity(curve: NDArray[int64]) -> float:
    """Mean equity of curve[T, 3] in micro-quote, as a float."""
    summed = 0.0
    for t in range(curve.shape[0]):
        summed += curve[t, 0]
    return summed / curve.shape[0] if curve.shape[0] > 0 else math.nan
