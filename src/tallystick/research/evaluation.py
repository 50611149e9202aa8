"""From a simulation to the figures of a report: results, costs, exposure, benchmark, tables of fills and equity. Sums and roots run in kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.contracts.instruments import Instrument
from tallystick.contracts.quote_money import MICRO, amount_of
from tallystick.contracts.run_documents import TRADE_COLUMNS, Benchmark, Costs, Exposure, RunSummary
from tallystick.contracts.run_evidence import Capacity
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import iso_from_ns
from tallystick.kernels import performance
from tallystick.kernels.cost_split import spread_parts
from tallystick.kernels.simulation_books import BAR, CASH, FEE, LOTS, NOTIONAL, POSITION, PRICE, REALIZED, SHORTFALL, SIDE, SYMBOL, TRADE
from tallystick.market.bars import BarPanel
from tallystick.research.honesty.capacity import capacity_of
from tallystick.research.simulation import FillTerms, Floats, Ints, Simulation, figures, simulate_targets

EQUITY_COLUMNS = ("timestamp", "equity", "cash", "gross")
_EXPOSURES = ("mean_gross", "max_gross", "mean_net", "time_in_market")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run in figures. advanced: every figure that is not among the core results; results: one row per symbol, best first."""

    summary: RunSummary
    advanced: Mapping[str, float | None]
    costs: Costs
    exposure: Exposure
    results: tuple[Mapping[str, object], ...]


def evaluate(simulation: Simulation, terms: FillTerms, bars_per_year: float) -> Evaluation:
    """Figures of a simulation, annualised by the bars of a year."""
    equity = np.ascontiguousarray(simulation.curve[:, 0])
    curve = figures(performance.CURVE_FIGURES, performance.curve_figures(terms.cash_micro, equity, bars_per_year))
    trades = figures(performance.TRADE_FIGURES, performance.trade_figures(simulation.trades))
    summary = RunSummary(
        total_return=curve["total_return"],
        sharpe_simple=curve["sharpe_simple"],
        max_drawdown=curve["max_drawdown"],
        trades=len(simulation.trades),
        win_rate=trades["win_rate"],
    )
    advanced = {name: value for name, value in {**curve, **trades}.items() if name not in type(summary).model_fields}
    return Evaluation(summary, dict(sorted(advanced.items())), _costs(simulation, terms), _exposure(simulation), _by_symbol(simulation))


def _money(micro: int) -> str:
    return format(amount_of(micro), "f")


def _total(column: Ints) -> int:
    # Python integers, since a sum of many amounts may leave 64 bits.
    return sum(column.tolist())


def _costs(simulation: Simulation, terms: FillTerms) -> Costs:
    traded, shortfall = (_total(simulation.fills[:, column]) for column in (NOTIONAL, SHORTFALL))
    notionals, sides, shortfalls = (np.ascontiguousarray(simulation.fills[:, column]) for column in (NOTIONAL, SIDE, SHORTFALL))
    spread = _total(spread_parts(notionals, sides, shortfalls, terms.spread_e8))
    mean_equity = float(performance.mean_equity(simulation.curve))
    return Costs(
        fees=_money(_total(simulation.fills[:, FEE])),
        spread_and_slippage=_money(shortfall),
        spread=_money(spread),
        slippage=_money(shortfall - spread),
        traded_notional=_money(traded),
        funding_included=simulation.charges_funding,
        funding=_money(simulation.funding_micro) if simulation.charges_funding else None,
        liquidated=simulation.liquidated,
        turnover=traded / mean_equity if mean_equity > 0 else None,
        fills=len(simulation.fills),
        refused_small=simulation.refused_small,
        cut_to_margin=simulation.cut_to_margin,
    )


def _exposure(simulation: Simulation) -> Exposure:
    found = figures(_EXPOSURES, performance.exposure_figures(simulation.curve))
    return Exposure(mean_gross=found["mean_gross"], max_gross=found["max_gross"], mean_net=found["mean_net"], time_in_market=found["time_in_market"])


def _by_symbol(simulation: Simulation) -> tuple[Mapping[str, object], ...]:
    """Closed trades of each symbol, the largest result first, at most ten rows."""
    rows: list[dict[str, object]] = []
    for index, symbol in enumerate(simulation.symbols):
        mine = np.ascontiguousarray(simulation.trades[simulation.trades[:, 0] == index])
        found = figures(performance.TRADE_FIGURES, performance.trade_figures(mine))
        rows.append(
            {
                "ticker": symbol,
                "realized_pnl": _total(mine[:, 3]) / MICRO,
                "trades": len(mine),
                "win_rate": found["win_rate"],
                "profit_factor": found["profit_factor"],
            }
        )
    rows.sort(key=lambda row: (-float(str(row["realized_pnl"])), str(row["ticker"])))
    return tuple(rows[:10])


def buy_and_hold(panel: BarPanel, instruments: Sequence[Instrument], slippage_e8: Ints, terms: FillTerms) -> Simulation:
    """Equal parts of every symbol bought as soon as it has a bar, and held, by the same fill model."""
    weights: Floats = np.full((len(panel.symbols), panel.bars), 1.0 / len(panel.symbols))
    return simulate_targets(panel, instruments, weights, slippage_e8, terms)


def benchmark_of(held: Simulation, terms: FillTerms, bars_per_year: float, total_return: float | None) -> Benchmark:
    """The figures of holding, and how much of a run's total return lies above it."""
    equity = np.ascontiguousarray(held.curve[:, 0])
    found = figures(performance.CURVE_FIGURES, performance.curve_figures(terms.cash_micro, equity, bars_per_year))
    gained = found["total_return"]
    return Benchmark(
        name="buy_and_hold",
        total_return=gained,
        sharpe_simple=found["sharpe_simple"],
        max_drawdown=found["max_drawdown"],
        excess_return=total_return - gained if total_return is not None and gained is not None else None,
    )


def account_returns(simulation: Simulation, terms: FillTerms) -> Floats:
    """Simple return of the account in each bar, float64[T]."""
    path = np.concatenate([np.array([terms.cash_micro], np.int64), simulation.curve[:, 0]])
    return performance.bar_returns(path)


def room_of(simulation: Simulation, panel: BarPanel, terms: FillTerms) -> Capacity:
    """Capacity from the quote volume of the bars that the fills happened in; volume times close where quote volume is not recorded."""
    columns, rows = simulation.fills[:, BAR], simulation.fills[:, SYMBOL]
    quote, other = panel.quote_volume[rows, columns], panel.volume[rows, columns] * panel.close[rows, columns]
    volumes = np.where(np.isfinite(quote), quote, other)
    return capacity_of(simulation.fills[:, NOTIONAL] / MICRO, volumes, terms.cash_micro / MICRO)


def trade_rows(simulation: Simulation, instruments: Sequence[Instrument]) -> list[dict[str, object]]:
    """`trades.csv`: one row per fill."""
    rows: list[dict[str, object]] = []
    for fill in simulation.fills.tolist():
        row = instruments[fill[SYMBOL]]
        rows.append(
            {
                "timestamp": iso_from_ns(int(simulation.open_times_ns[fill[BAR]])),
                "symbol": simulation.symbols[fill[SYMBOL]],
                "side": "buy" if fill[SIDE] > 0 else "sell",
                "price": format(row.price_of(fill[PRICE]), "f"),
                "qty": format(row.quantity_of(fill[LOTS]), "f"),
                "notional": _money(fill[NOTIONAL]),
                "fee": _money(fill[FEE]),
                "cash": _money(fill[CASH]),
                "position": format(row.quantity_of(fill[POSITION]), "f"),
                "realized_pnl": _money(fill[REALIZED]),
                "trade_id": fill[TRADE],
            }
        )
    return rows


def trades_csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Fills as a table."""
    return table_bytes(TRADE_COLUMNS, rows)


def equity_csv(simulation: Simulation) -> bytes:
    """Equity and cash at each close."""
    rows = [
        {"timestamp": iso_from_ns(time), "equity": _money(equity), "cash": _money(cash), "gross": gross / equity}
        for time, (equity, cash, gross) in zip(simulation.open_times_ns.tolist(), simulation.curve.tolist(), strict=True)
    ]
    return table_bytes(EQUITY_COLUMNS, rows)
