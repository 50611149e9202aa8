"""Performance figures against their formulas, by hand and by NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tallystick.kernels.kernel import plain
from tallystick.kernels.performance import CURVE_FIGURES, TRADE_FIGURES, curve_figures, exposure_figures, trade_figures


def curve(start: int, equity: list[int], year: float = 365.0) -> dict[str, float]:
    return dict(zip(CURVE_FIGURES, curve_figures(start, np.array(equity, np.int64), year), strict=True))


def trades(results: list[float]) -> dict[str, float]:
    rows = np.array([[0, 2 * k, 2 * k + 3, round(value * 1e6)] for k, value in enumerate(results)], np.int64).reshape(-1, 4)
    return dict(zip(TRADE_FIGURES, trade_figures(rows), strict=True))


def test_curve_figures_are_their_formulas() -> None:
    equity = [101, 99, 104, 90, 95, 120]
    path = np.array([100, *equity], float)
    returns = np.diff(path) / path[:-1]
    peaks = np.maximum.accumulate(path)
    found = curve(100, equity)
    assert found["total_return"] == pytest.approx(0.2)
    assert found["sharpe_simple"] == pytest.approx(math.sqrt(365) * returns.mean() / returns.std(ddof=1))
    assert found["sortino"] == pytest.approx(math.sqrt(365) * returns.mean() / math.sqrt((np.minimum(returns, 0) ** 2).mean()))
    assert found["annual_volatility"] == pytest.approx(math.sqrt(365) * returns.std(ddof=1))
    assert found["max_drawdown"] == pytest.approx((path / peaks - 1).min())
    assert found["average_drawdown"] == pytest.approx((path / peaks - 1).mean())
    assert found["current_drawdown"] == 0
    assert found["longest_drawdown_bars"] == 2
    assert found["cagr"] == pytest.approx(1.2 ** (365 / 6) - 1)
    assert found["calmar"] == pytest.approx(found["cagr"] / -found["max_drawdown"])


def test_flat_curve_has_no_sharpe_and_no_calmar() -> None:
    found = curve(100, [100, 100, 100])
    assert (found["total_return"], found["max_drawdown"]) == (0, 0)
    assert all(math.isnan(found[name]) for name in ("sharpe_simple", "sortino", "calmar"))


def test_trade_figures_are_their_formulas() -> None:
    results = [3.0, -1.0, -2.0, 4.0, 5.0, 1.0]
    found = trades(results)
    assert found["win_rate"] == pytest.approx(4 / 6)
    assert found["profit_factor"] == pytest.approx(13 / 3)
    assert found["expectancy"] == pytest.approx(10 / 6)
    assert found["median_trade"] == pytest.approx(2.0)
    assert (found["best_trade"], found["worst_trade"]) == (5, -2)
    assert found["trade_std"] == pytest.approx(np.std(results, ddof=1))
    assert found["average_holding_bars"] == 3
    assert (found["max_consecutive_wins"], found["max_consecutive_losses"]) == (3, 2)
    assert found["top3_share"] == pytest.approx(1.2)


def test_no_trades_have_no_figures() -> None:
    assert all(math.isnan(value) for value in trades([]).values())


def test_exposure_is_a_share_of_equity() -> None:
    rows = np.array([[100, 100, 0], [100, 50, 50], [100, 150, 50], [200, 0, 200]], np.int64)
    assert exposure_figures(rows).tolist() == [pytest.approx(0.5), 1.0, pytest.approx(0.25), 0.75]


def test_compiled_and_plain_figures_have_the_same_bits() -> None:
    equity = (1e9 * np.exp(np.cumsum(0.01 * np.random.default_rng(4).standard_normal(200)))).astype(np.int64)
    assert curve_figures(10**9, equity, 8760.0).tobytes() == plain(curve_figures)(10**9, equity, 8760.0).tobytes()
