"""A moving-average cross with fees over one symbol, and a 50-symbol portfolio: our simulation, vectorbt, and hand-written compiled loops, side by side.

`cross`: SMA(10/30), one unit, fee 0.1 %, every bar's equity written. `portfolio`: new random weights every `--every` bars, long and short, fee and slippage;
ours and the loop also have margin, funding and a liquidation check at every bar's extremes, which vectorbt has not.
`python benchmarks/bench_backtest.py --bars 1000000 --python vectorbt=/path/to/venv/bin/python --out backtest.json`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from contest import contestant, main
from generated_bars import walk

FAST, SLOW, FEE, CASH = 10, 30, 0.001, 1e9
LEVERAGE, SLIPPAGE = 3.0, 0.0001
FUNDING, FUNDING_BARS, MAINTENANCE = 1e-6, 480, 0.08
Work = tuple[Callable[[], dict[str, float]], int]


def weights_of(symbols: int, bars: int, every: int) -> np.ndarray:
    random = np.random.default_rng(1)
    weights = np.full((symbols, bars), np.nan)
    changes = len(range(0, bars, every))
    weights[:, ::every] = np.round(random.uniform(-1.5, 1.5, (symbols, changes)) / symbols, 4)
    return weights


def our_market(arguments: argparse.Namespace, symbols: int, bars: int):  # type: ignore[no-untyped-def]
    from tallystick.market.bars import BarPanel
    from tallystick.market.instruments import assumed_instruments

    columns = [np.stack(parts) for parts in zip(*[walk(bars, arguments.seed + s) for s in range(symbols)], strict=True)]
    times = (28_000_000 + np.arange(bars, dtype=np.int64)) * 60_000_000_000
    panel = BarPanel("generated", 1, tuple(f"S{s:02d}USDT" for s in range(symbols)), times, *columns, np.full((symbols, bars), 1e3), columns[3])
    return panel, assumed_instruments(panel, "crypto_24_7")


@contestant("cross: compiled loop", "numba", runs=15)
def _(arguments: argparse.Namespace) -> Work:
    import numba

    @numba.njit
    def loop(close, equity, fast, slow, fee, cash):  # type: ignore[no-untyped-def]
        fast_sum, slow_sum, held, trades, before = 0.0, 0.0, 0.0, 0, False
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
                    if up and held == 0.0:
                        cash -= price * (1 + fee)
                        held = 1.0
                        trades += 1
                    elif not up and held == 1.0:
                        cash += price * (1 - fee)
                        held = 0.0
                before = up
            equity[t] = cash + held * price
        return trades

    close = walk(arguments.bars, arguments.seed)[3]
    equity = np.empty_like(close)

    def work() -> dict[str, float]:
        trades = loop(close, equity, FAST, SLOW, FEE, CASH)
        return {"trades": int(trades), "profit": round(float(equity[-1]) - CASH, 2)}

    return work, arguments.bars


@contestant("cross: tallystick", runs=15)
def _(arguments: argparse.Namespace) -> Work:
    from tallystick.research.simulation import FillTerms, simulate_targets, slippage_rows
    from tallystick.research.strategies import TickCrosses

    panel, rows = our_market(arguments, 1, arguments.bars)
    terms, slippage = FillTerms(int(FEE * 1e8), 0, 10_000, int(CASH * 1e6)), slippage_rows("fixed", 0.0, 0.0, None, panel.close.shape)

    def work() -> dict[str, float]:
        decisions = TickCrosses(panel, rows).decisions(FAST, SLOW, 1.0)
        found = simulate_targets(panel, rows, decisions, slippage, terms, in_quantities=True)
        return {"trades": len(found.trades), "profit": round(float(found.curve[-1, 0]) / 1e6 - CASH, 2)}

    return work, arguments.bars


def _vectorbt_cross(arguments: argparse.Namespace, engine: str) -> Work:
    import pandas as pd
    import vectorbt as vbt

    vbt.settings["engine"] = engine
    close = pd.Series(walk(arguments.bars, arguments.seed)[3], index=pd.date_range("2020-01-01", periods=arguments.bars, freq="min"))

    def work() -> dict[str, float]:
        fast, slow = vbt.MA.run(close, FAST), vbt.MA.run(close, SLOW)
        found = vbt.Portfolio.from_signals(close, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), size=1.0, fees=FEE, init_cash=CASH, freq="1min")
        return {"trades": int(found.trades.count()), "profit": round(float(found.value().iloc[-1]) - CASH, 2)}

    return work, arguments.bars


@contestant("cross: vectorbt (Numba engine)", "vectorbt", runs=3)
def _(arguments: argparse.Namespace) -> Work:
    return _vectorbt_cross(arguments, "numba")


@contestant("cross: vectorbt (Rust engine)", "vectorbt_rust", runs=3)
def _(arguments: argparse.Namespace) -> Work:
    return _vectorbt_cross(arguments, "rust")


@contestant("portfolio: compiled loop with margin and funding", "numba")
def _(arguments: argparse.Namespace) -> Work:
    import numba

    @numba.njit
    def loop(open_, high, low, close, weights, fee, slippage, cash, equity):  # type: ignore[no-untyped-def]
        symbols, bars = close.shape
        held, wanted = np.zeros(symbols), np.zeros(symbols)
        fills, waiting = 0, False
        for t in range(bars):
            if t % FUNDING_BARS == 0 and t > 0:
                for s in range(symbols):
                    cash -= held[s] * close[s, t - 1] * FUNDING
            if waiting:
                for s in range(symbols):
                    change = wanted[s] - held[s]
                    if change != 0.0:
                        price = open_[s, t] * (1 + slippage if change > 0 else 1 - slippage)
                        cash -= change * price + abs(change) * price * fee
                        held[s] = wanted[s]
                        fills += 1
                waiting = False
            value, worst, gross = cash, cash, 0.0
            for s in range(symbols):
                value += held[s] * close[s, t]
                at_worst = held[s] * (low[s, t] if held[s] > 0 else high[s, t])
                worst += at_worst
                gross += abs(at_worst)
            if worst < gross * MAINTENANCE:
                break
            equity[t] = value
            for s in range(symbols):
                if not np.isnan(weights[s, t]):
                    wanted[s] = weights[s, t] * value / close[s, t]
                    waiting = True
        return fills

    columns = [walk(arguments.portfolio_bars, arguments.seed + s) for s in range(arguments.symbols)]
    open_, high, low, close = (np.stack([column[k] for column in columns]) for k in range(4))
    weights, equity = weights_of(arguments.symbols, arguments.portfolio_bars, arguments.every), np.empty(arguments.portfolio_bars)

    def work() -> dict[str, float]:
        fills = loop(open_, high, low, close, weights, FEE / 10, SLIPPAGE, CASH, equity)
        return {"fills": int(fills), "return": round(float(equity[-1]) / CASH - 1, 4)}

    return work, close.size


@contestant("portfolio: tallystick with margin and funding")
def _(arguments: argparse.Namespace) -> Work:
    from tallystick.research.simulation import FillTerms, simulate_targets, slippage_rows

    panel, rows = our_market(arguments, arguments.symbols, arguments.portfolio_bars)
    weights = weights_of(arguments.symbols, arguments.portfolio_bars, arguments.every)
    slippage = slippage_rows("fixed", SLIPPAGE * 1e4, 0.0, None, panel.close.shape)
    terms = FillTerms(int(FEE * 1e7), 0, int(LEVERAGE * 1e4), int(CASH * 1e6), funding_e8=100, liquidation_fee_e8=500_000)

    def work() -> dict[str, float]:
        found = simulate_targets(panel, rows, weights, slippage, terms)
        return {"fills": len(found.fills), "return": round(float(found.curve[-1, 0]) / 1e6 / CASH - 1, 4), "funding": found.funding_micro / 1e6}

    return work, panel.close.size


def _vectorbt_portfolio(arguments: argparse.Namespace, engine: str) -> Work:
    import pandas as pd
    import vectorbt as vbt

    vbt.settings["engine"] = engine
    bars = arguments.portfolio_bars
    columns = [walk(bars, arguments.seed + s) for s in range(arguments.symbols)]
    index = pd.date_range("2020-01-01", periods=bars, freq="min")
    close = pd.DataFrame(np.stack([column[3] for column in columns], axis=1), index=index)
    weights = pd.DataFrame(weights_of(arguments.symbols, bars, arguments.every).T, index=index)

    def work() -> dict[str, float]:
        found = vbt.Portfolio.from_orders(
            close,
            weights,
            size_type="targetpercent",
            fees=FEE / 10,
            slippage=SLIPPAGE,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            freq="1min",
        )
        return {"fills": int(found.orders.count()), "return": round(float(found.value().iloc[-1]) / CASH - 1, 4)}

    return work, close.size


@contestant("portfolio: vectorbt (Numba engine)", "vectorbt", runs=2)
def _(arguments: argparse.Namespace) -> Work:
    return _vectorbt_portfolio(arguments, "numba")


@contestant("portfolio: vectorbt (Rust engine)", "vectorbt_rust", runs=2)
def _(arguments: argparse.Namespace) -> Work:
    return _vectorbt_portfolio(arguments, "rust")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--portfolio-bars", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)


if __name__ == "__main__":
    main(__file__, __doc__ or "", "bars (cross) and symbol-bars (portfolio) per second", options)
