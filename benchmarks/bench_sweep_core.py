"""A sweep over pairs of moving averages: our `simulate_many`, vectorbt, and a hand-written compiled loop over two threads, side by side.

Ours computes every variant's return, Sharpe ratio, drawdown, trades and win rate; the loop and vectorbt the profit alone.
`python benchmarks/bench_sweep_core.py --bars 100000 --pairs 200 --python vectorbt=/path/to/venv/bin/python --out sweep.json`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from bench_backtest import CASH, FEE, our_market
from contest import CONTESTANTS, contestant, main
from generated_bars import walk

CONTESTANTS.clear()
Work = tuple[Callable[[], dict[str, float]], int]


def pairs(count: int) -> list[tuple[int, int]]:
    return [(fast, slow) for fast in range(5, 30) for slow in range(fast + 5, fast + 45, 5)][:count]


def rounded(profits: np.ndarray) -> dict[str, float]:
    return {"best": round(float(profits.max()), 1), "mean": round(float(profits.mean()), 1)}


@contestant("compiled loop on two threads", "numba", runs=15)
def _(arguments: argparse.Namespace) -> Work:
    import numba

    @numba.njit(parallel=True)
    def sweep(close, windows, fee, first_cash, out):  # type: ignore[no-untyped-def]
        for k in numba.prange(len(windows)):
            fast, slow = windows[k, 0], windows[k, 1]
            fast_sum, slow_sum, held, before, cash = 0.0, 0.0, False, False, first_cash
            for t in range(len(close)):
                price = close[t]
                fast_sum += price
                slow_sum += price
                if t >= fast:
                    fast_sum -= close[t - fast]
                if t >= slow:
                    slow_sum -= close[t - slow]
                if t >= slow - 1:
                    up = fast_sum * slow > slow_sum * fast
                    if t >= slow and up != before:
                        if up and not held:
                            cash -= price * (1 + fee)
                            held = True
                        elif not up and held:
                            cash += price * (1 - fee)
                            held = False
                    before = up
            out[k] = cash + (close[-1] if held else 0.0)

    close = walk(arguments.bars, arguments.seed)[3]
    windows, out = np.array(pairs(arguments.pairs)), np.empty(arguments.pairs)

    def work() -> dict[str, float]:
        sweep(close, windows, FEE, CASH, out)
        return rounded(out - CASH)

    return work, arguments.bars * arguments.pairs


@contestant("tallystick on two threads", runs=15)
def _(arguments: argparse.Namespace) -> Work:
    from tallystick.research.simulation import FillTerms, simulate_many, slippage_rows
    from tallystick.research.strategies import TickCrosses

    panel, rows = our_market(arguments, 1, arguments.bars)
    terms, slippage = FillTerms(int(FEE * 1e8), 0, 10_000, int(CASH * 1e6)), slippage_rows("fixed", 0.0, 0.0, None, panel.close.shape)
    windows = pairs(arguments.pairs)

    def work() -> dict[str, float]:
        crosses = TickCrosses(panel, rows)
        found = simulate_many(panel, rows, len(windows), lambda k: crosses.decisions(*windows[k], 1.0), slippage, terms, 525_600.0, in_quantities=True)
        return rounded(found[:, 0] * CASH)

    return work, arguments.bars * arguments.pairs


def _vectorbt(arguments: argparse.Namespace, engine: str) -> Work:
    import pandas as pd
    import vectorbt as vbt

    vbt.settings["engine"] = engine
    close = pd.Series(walk(arguments.bars, arguments.seed)[3], index=pd.date_range("2020-01-01", periods=arguments.bars, freq="min"))
    windows = pairs(arguments.pairs)

    def work() -> dict[str, float]:
        fast = vbt.MA.run(close, [pair[0] for pair in windows], short_name="fast")
        slow = vbt.MA.run(close, [pair[1] for pair in windows], short_name="slow")
        found = vbt.Portfolio.from_signals(close, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), size=1.0, fees=FEE, init_cash=CASH, freq="1min")
        return rounded(found.total_profit().to_numpy())

    return work, arguments.bars * arguments.pairs


@contestant("vectorbt (Numba engine)", "vectorbt", runs=2)
def _(arguments: argparse.Namespace) -> Work:
    return _vectorbt(arguments, "numba")


@contestant("vectorbt (Rust engine)", "vectorbt_rust", runs=2)
def _(arguments: argparse.Namespace) -> Work:
    return _vectorbt(arguments, "rust")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)


if __name__ == "__main__":
    main(__file__, __doc__ or "", "bar-pairs per second", options)
