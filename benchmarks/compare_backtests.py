"""The same signals, fees and bars through our simulation, backtesting.py and vectorbt; and our metrics beside empyrical's. Writes a table into docs/.

Bars: real hourly Binance candles of `$TALLYSTICK_SHARED/data` (or ../shared). `python benchmarks/compare_backtests.py --write`
Where the rules differ is said in `docs/research/correctness.md`; `tests/parity/test_other_backtesters.py` holds the equality.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tallystick.contracts.instruments import Instrument
from tallystick.kernels import performance
from tallystick.kernels.simulation_books import BAR, FEE, LOTS, PRICE, SIDE
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import assumed_instruments
from tallystick.research.simulation import FillTerms, Simulation, simulate_targets, slippage_rows

HERE = Path(__file__).resolve().parent.parent
PAGE = HERE / "docs" / "research" / "correctness.md"
CASH, RATE = 1_000_000, 0.001
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@dataclass(frozen=True)
class Case:
    """One symbol's bars and the units wanted after each close, float64[T]; whole units, which every system trades."""

    name: str
    panel: BarPanel
    instruments: tuple[Instrument, ...]
    units: np.ndarray


def shared() -> Path:
    return Path(os.environ.get("TALLYSTICK_SHARED") or HERE.parent / "shared")


def cases() -> list[Case]:
    """A cross of two averages on each symbol, long only, and long and short."""
    frame = pl.read_parquet(shared() / "data" / "crypto_intraday" / "binance_1h_15sym.parquet")
    found = []
    for symbol in SYMBOLS:
        rows = frame.filter(pl.col("symbol") == symbol).sort("ts").tail(8760)
        times = rows["ts"].dt.epoch("ns").to_numpy().astype(np.int64)
        columns = [rows[name].to_numpy().astype(np.float64)[None] for name in ("open", "high", "low", "close", "volume")]
        panel = BarPanel("binance", 60, (symbol,), times, *columns, columns[4] * columns[3])
        # Ticks and lots fine enough that no price and no quantity of the comparison is rounded.
        fine = tuple(
            row.model_copy(update={"price_rule": row.price_rule.model_copy(update={"tick": "0.00001"}), "lot": "1", "minimum_notional": "0"})
            for row in assumed_instruments(panel, "crypto_24_7")
        )
        close = panel.close[0]
        sums = np.concatenate(([0.0], np.cumsum(close)))
        fast, slow = np.full(close.shape, np.nan), np.full(close.shape, np.nan)
        fast[11:], slow[47:] = (sums[12:] - sums[:-12]) / 12, (sums[48:] - sums[:-48]) / 48
        up = fast > slow
        size = max(1.0, np.floor(100_000 / close[0]))
        for kind, down in (("long", 0.0), ("long and short", -size)):
            units = np.where(np.isnan(slow), 0.0, np.where(up, size, down))
            # Nothing is left open at the end: backtesting.py would close it by rules of its own.
            units[-3:] = 0.0
            found.append(Case(f"{symbol} {kind}", panel, fine, units))
    return found


def ours(case: Case) -> Simulation:
    terms = FillTerms(int(RATE * 1e8), 0, 20_000, CASH * 1_000_000)
    return simulate_targets(case.panel, case.instruments, case.units[None], slippage_rows("fixed", 0.0, 0.0, None, (1, 1)), terms, in_quantities=True)


def our_fills(found: Simulation, case: Case) -> np.ndarray:
    """Bar, signed units, price, fee of every order; an exit and an entry at one open are one order elsewhere, so they are joined."""
    row = case.instruments[0]
    bars = np.unique(found.fills[:, BAR])
    out = np.empty((len(bars), 4))
    for place, bar in enumerate(bars):
        mine = found.fills[found.fills[:, BAR] == bar]
        signed = float((mine[:, SIDE] * mine[:, LOTS]).sum()) * float(row.lot)
        out[place] = bar, signed, float(row.price_of(int(mine[0, PRICE]))), mine[:, FEE].sum() / 1e6
    return out


def by_vectorbt(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Orders as `our_fills`, and equity at each close: the units wanted after a close as a target for the next bar, at its open."""
    import pandas as pd
    import vectorbt as vbt

    index = pd.to_datetime(case.panel.open_times_ns)
    close, open_ = (pd.Series(column[0], index=index) for column in (case.panel.close, case.panel.open))
    size = pd.Series(np.concatenate(([0.0], case.units[:-1])), index=index)
    found = vbt.Portfolio.from_orders(close, size, size_type="targetamount", price=open_, fees=RATE, init_cash=CASH, freq="1h")
    records = found.orders.records
    signed = records["size"].to_numpy() * np.where(records["side"].to_numpy() == 0, 1.0, -1.0)
    return np.column_stack([records["idx"], signed, records["price"], records["fees"]]), found.value().to_numpy()


def by_backtesting(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Trades as rows (entry bar, exit bar, signed units, entry price, exit price, result after fees), and equity at each close."""
    import pandas as pd
    from backtesting import Backtest, Strategy

    columns = {name.capitalize(): getattr(case.panel, name)[0] for name in ("open", "high", "low", "close", "volume")}
    frame = pd.DataFrame(columns, index=pd.to_datetime(case.panel.open_times_ns))
    units = case.units

    class Follow(Strategy):
        def init(self) -> None:
            self.wanted = 0.0

        def next(self) -> None:
            target = units[len(self.data) - 1]
            if target == self.wanted:
                return
            self.wanted = target
            self.position.close()
            if target > 0:
                self.buy(size=int(target))
            elif target < 0:
                self.sell(size=int(-target))

    stats = Backtest(frame, Follow, cash=CASH, commission=RATE, margin=0.5).run()
    trades = stats["_trades"]
    rows = trades[["EntryBar", "ExitBar", "Size", "EntryPrice", "ExitPrice", "PnL"]].to_numpy(dtype=np.float64)
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))], stats["_equity_curve"]["Equity"].to_numpy()


def our_trades(found: Simulation, case: Case) -> np.ndarray:
    """Closed trades in the form of `by_backtesting`."""
    row, fills = case.instruments[0], found.fills
    out = []
    for number, (_, first, last, result) in enumerate(found.trades.tolist()):
        entry, leave = fills[2 * number], fills[2 * number + 1]
        size = int(entry[SIDE] * entry[LOTS]) * float(row.lot)
        out.append((first, last, size, float(row.price_of(int(entry[PRICE]))), float(row.price_of(int(leave[PRICE]))), result / 1e6))
    return np.array(out)


def difference(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference relative to the larger of the value and one; infinite for other shapes."""
    if mine.shape != theirs.shape:
        return float("inf")
    return float((np.abs(mine - theirs) / np.maximum(np.abs(theirs), 1.0)).max(initial=0.0))


def metrics(equity: np.ndarray, bars_per_year: float) -> dict[str, tuple[float, float]]:
    """Ours and empyrical's, from one equity curve in micro-quote."""
    import empyrical

    found = dict(zip(performance.CURVE_FIGURES, performance.curve_figures(CASH * 1_000_000, equity, bars_per_year), strict=True))
    path = np.concatenate(([CASH * 1e6], equity.astype(np.float64)))
    returns = path[1:] / path[:-1] - 1.0
    rules: dict[str, Callable[[], float]] = {
        "total_return": lambda: empyrical.cum_returns_final(returns),
        "sharpe_simple": lambda: empyrical.sharpe_ratio(returns, annualization=bars_per_year),
        "sortino": lambda: empyrical.sortino_ratio(returns, annualization=bars_per_year),
        "annual_volatility": lambda: empyrical.annual_volatility(returns, annualization=bars_per_year),
        "max_drawdown": lambda: empyrical.max_drawdown(returns),
        "cagr": lambda: empyrical.annual_return(returns, annualization=bars_per_year),
        "calmar": lambda: empyrical.calmar_ratio(returns, annualization=bars_per_year),
    }
    return {name: (float(found[name]), float(rule())) for name, rule in rules.items()}


def table() -> str:
    """The comparison as Markdown."""
    lines = ["| case | trades | vectorbt: orders | equity | backtesting.py: trades | equity |", "|---|---|---|---|---|---|"]
    worst: dict[str, float] = {}
    for case in cases():
        found = ours(case)
        equity = found.curve[:, 0] / 1e6
        orders, value = by_vectorbt(case)
        trades, curve = by_backtesting(case)
        told = (difference(our_fills(found, case), orders), difference(equity, value), difference(our_trades(found, case), trades), difference(equity, curve))
        lines.append(f"| {case.name} | {len(found.trades)} | " + " | ".join(f"{item:.1e}" for item in told) + " |")
        for name, (mine, theirs) in metrics(np.ascontiguousarray(found.curve[:, 0]), 8760.0).items():
            worst[name] = max(worst.get(name, 0.0), abs(mine - theirs) / max(abs(theirs), 1e-9))
    lines += ["", "| metric | largest relative difference from empyrical |", "|---|---|"]
    lines += [f"| {name} | {item:.1e} |" for name, item in worst.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/research/correctness.md")
    arguments = parser.parse_args()
    made = table()
    print(made)
    if arguments.write:
        head, rest = PAGE.read_text(encoding="utf-8").split("<!-- table -->\n")[:2]
        tail = rest.split("<!-- end of table -->\n")[1]
        PAGE.write_text(f"{head}<!-- table -->\n{made}\n<!-- end of table -->\n{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
