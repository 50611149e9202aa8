"""`report.html`: a run, a sweep, a walk-forward or a portfolio as one self-contained page, from the report and the series behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.run_documents import RunReport
from tallystick.contracts.sweep_tables import LeaderboardRow, WalkforwardRow
from tallystick.research.pictures.charts import TradedPrice, bars_across, interval_rows, money_steps, month_table, monthly_returns, price_chart
from tallystick.research.pictures.frame import WIDTH, Series, time_chart
from tallystick.research.pictures.page import Section, code, page, table, tiles
from tallystick.research.pictures.scales import share_text
from tallystick.research.pictures.search import sweep_surface, walkforward_splits
from tallystick.research.run_report import number, percent

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_PRICE_CHARTS = 24
MOST_LEADERS = 20
_NAMES = {"total_return": "total return", "sharpe_simple": "Sharpe", "max_drawdown": "max drawdown"}


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What an account was worth: float64[T] in quote units after each bar, and before the first; positions as shares of equity where they are known."""

    open_times_ns: Ints
    equity: Floats
    start: float
    gross: Floats | None = None
    net: Floats | None = None
    benchmark: Floats | None = None


def run_html(report: RunReport, curve: Curve, prices: Sequence[TradedPrice] = ()) -> bytes:
    """The page of a plain run. prices: every traded symbol with its fills, in the order in which they are shown."""
    return _page(report, [*_curves(curve), *_money(report), _evidence(report), _prices(curve, prices), _by_symbol(report), _settings(report)])


def sweep_html(report: RunReport, leaderboard: Sequence[LeaderboardRow], metric: str = "sharpe_simple", curve: Curve | None = None) -> bytes:
    """The page of a sweep: surface, leaderboard, overfitting; curve: of the best trial."""
    surface = Section("Surface", "Look for a plateau: one strong cell among weak ones is luck.", sweep_surface(leaderboard, metric))
    return _page(report, [surface, _leaders(leaderboard), _overfitting(report), *(_curves(curve) if curve else ()), _settings(report)])


def walkforward_html(report: RunReport, splits: Sequence[WalkforwardRow], metric: str = "sharpe_simple", curve: Curve | None = None) -> bytes:
    """The page of a walk-forward: its splits; curve: the test periods joined."""
    shown = Section("Splits", "Parameters are chosen in the training period and judged in the test period after it.", walkforward_splits(splits, metric))
    return _page(report, [shown, _split_table(splits), _overfitting(report), *(_curves(curve) if curve else ()), _settings(report)])


def portfolio_html(report: RunReport, curve: Curve) -> bytes:
    """The page of a portfolio: its curve, the ways to split its capital, the forward runs that it joins."""
    return _page(report, [*_curves(curve), _modes(report), _joined_runs(report), _settings(report)])


def _page(report: RunReport, sections: Sequence[Section]) -> bytes:
    config = report.config_resolved
    names = str(config["ticker"]).split(",")
    symbols = config["ticker"].replace(",", ", ") if len(names) <= 8 else f"{', '.join(names[:8])} and {len(names) - 8} more"
    lines = [
        f"{report.machine_contract.mode} {report.header.run_id}: {symbols}; {config['interval']} bars of {config['venue']}, "
        f"{config['start'][:10]} to {config['end'][:10]}. Universe: {report.universe_source or 'not recorded'}.",
        report.universe_note or "",
        f"Annualised with {report.annualisation.says}." if report.annualisation else "",
        *(report.warnings or ()),
    ]
    foot = f"Made by Tallystick {report.header.code_version} from report.json, which holds every number. Past results promise nothing."
    mode = report.machine_contract.mode
    title = str(config.get("strategy", mode))
    return page(title if mode in ("run", title) else f"{title} · {mode}", lines, tiles(_figures(report)), sections, foot)


def _figures(report: RunReport) -> list[tuple[str, str]]:
    summary, benchmark, evidence = report.summary, report.benchmark, report.evidence
    found = [
        ("total return", percent(summary.total_return)),
        ("Sharpe", number(summary.sharpe_simple)),
        ("max drawdown", percent(summary.max_drawdown)),
        ("closed trades", f"{summary.trades:,}"),
        ("win rate", percent(summary.win_rate)),
    ]
    if benchmark is not None:
        found.append(("buy and hold", percent(benchmark.total_return)))
    if evidence is not None:
        found.append(("deflated Sharpe", percent(evidence.deflated_sharpe)))
    if report.overfitting is not None:
        found.append(("overfitting", percent(report.overfitting.probability)))
    return found


def _curves(curve: Curve) -> list[Section]:
    times, equity = curve.open_times_ns, curve.equity
    if equity.size == 0:
        return []
    lines = [Series("account", equity)]
    if curve.benchmark is not None:
        lines.append(Series("buy and hold", curve.benchmark, "b"))
    peak = np.maximum.accumulate(np.concatenate([[curve.start], equity]))[1:]
    drawdown = Series("drawdown", equity / peak - 1.0, "loss", filled=True)
    found = [
        Section("Equity", "After each bar, costs taken off; the benchmark pays the same costs.", time_chart("Equity over time", times, lines, unit="quote")),
        Section("Drawdown", "Below the highest equity so far.", _shares("Drawdown over time", times, [drawdown])),
        Section("Monthly returns", "Percent; the first and the last month may be parts.", month_table(monthly_returns(times, equity, curve.start))),
    ]
    if curve.gross is not None and curve.net is not None:
        exposure = [Series("gross", curve.gross, "a", filled=True)]
        if not np.array_equal(curve.gross, curve.net):
            exposure.append(Series("net", curve.net, "c"))
        found.append(Section("Exposure", "Positions as a share of equity at each close.", _shares("Exposure over time", times, exposure)))
    return found


def _shares(says: str, times: Ints, series: Sequence[Series]) -> str:
    return time_chart(says, times, series, unit="share" if len(series) > 1 else "", height=190, show=share_text, zero=True)


def _money(report: RunReport) -> list[Section]:
    costs = report.costs
    if costs is None:
        return []
    start = float(report.config_resolved.get("initial_cash", 0.0))
    result = (report.summary.total_return or 0.0) * start
    parts = [("fees", -float(costs.fees))]
    if costs.spread is not None and costs.slippage is not None:
        parts += [("spread", -float(costs.spread)), ("slippage", -float(costs.slippage))]
    else:
        parts.append(("spread and slippage", -float(costs.spread_and_slippage)))
    if costs.funding is not None:
        parts.append(("funding", -float(costs.funding)))
    before = result - sum(value for _, value in parts)
    steps = money_steps("From the result before costs to the result", ("before costs", before), parts, ("result", result), "quote")
    facts = [
        ("traded notional", f"{float(costs.traded_notional):,.2f}"),
        ("turnover, times the mean equity", number(costs.turnover)),
        ("fills", f"{costs.fills:,}"),
        ("refused for size", f"{costs.refused_small:,}"),
        ("cut to margin", f"{costs.cut_to_margin:,}"),
        ("taken away by liquidation", "–" if costs.liquidated is None else f"{costs.liquidated:,}"),
    ]
    if report.capacity is not None:
        room = report.capacity
        share = share_text(room.participation_frac)
        facts += [
            (f"largest account, every fill within {share} of its bar's volume", _amount(room.largest_equity)),
            (f"largest account, 95 % of fills within {share}", _amount(room.largest_equity_95)),
            ("highest share of a bar's volume in this run", _share(room.highest_participation_frac)),
            ("fills in bars without volume", f"{room.fills_without_volume:,}"),
        ]
    says = "The same trades at the prices that they aimed at, less each cost. " + ("" if costs.funding_included else "Funding payments are not included.")
    return [Section("Where the money went", says, steps + table((), facts, numbers=(1,)))]


def _share(value: float | None) -> str:
    return "–" if value is None else share_text(value)


def _amount(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _evidence(report: RunReport) -> Section:
    found = report.evidence
    if found is None:
        return Section("", "", "")
    rows = []
    if found.bootstrap is not None:
        for name, shown in _NAMES.items():
            kind = "number" if name == "sharpe_simple" else "share"
            item, value = found.bootstrap.intervals.get(name), getattr(report.summary, name)
            if item is not None and item.low is not None and item.high is not None and value is not None:
                rows.append((shown, item.low, value, item.high, kind))
    facts = [
        ("probability that the true Sharpe is above 0", percent(found.probabilistic_sharpe)),
        ("… above the best of as many trials without skill (deflated Sharpe)", percent(found.deflated_sharpe)),
        ("trials counted across the run index", f"{found.trials:,}"),
        ("Sharpe expected of the best of them without skill", number(found.expected_best_sharpe)),
        ("bars until the Sharpe would be convincing (95 %)", _amount(found.minimum_track_record_bars)),
        ("bars in this run", f"{found.bars:,}"),
        ("skewness and kurtosis of bar returns", f"{number(found.skewness)} and {number(found.kurtosis)}"),
    ]
    says = ""
    if found.bootstrap is not None:
        level, blocks = share_text(found.bootstrap.level), f"{found.bootstrap.mean_block_bars:.0f}"
        says = f"{level} intervals from {found.bootstrap.resamples:,} resamples in blocks of {blocks} bars on average."
    return Section("Skill or luck", says, (interval_rows("Intervals of the main results", rows) if rows else "") + table((), facts, numbers=(1,)))


def _prices(curve: Curve, prices: Sequence[TradedPrice]) -> Section:
    if not prices:
        return Section("", "", "")
    if len(prices) == 1:
        body = price_chart(curve.open_times_ns, prices[0], WIDTH, 340)
    else:
        charts = [price_chart(curve.open_times_ns, item, 560, 210) for item in prices[:MOST_PRICE_CHARTS]]
        body = f'<div class="pair">{"".join(charts)}</div>'
    more = f" {len(prices) - MOST_PRICE_CHARTS} more symbols are in trades.csv." if len(prices) > MOST_PRICE_CHARTS else ""
    return Section("Trades on price", f"Buys below the price, sells above it.{more}", body)


def _by_symbol(report: RunReport) -> Section:
    rows = [row for row in report.results if isinstance(row.get("realized_pnl"), int | float)]
    if len(rows) < 2:
        return Section("", "", "")
    shown = [(str(row["ticker"]), float(row["realized_pnl"]), f"{float(row['realized_pnl']):,.2f}") for row in rows]
    return Section("Results by symbol", "Closed trades after costs, in quote units; the ten best.", bars_across("Result of each symbol", shown, "quote"))


def _leaders(rows: Sequence[LeaderboardRow]) -> Section:
    names = ("rank", "parameters", "Sharpe", "total return", "max drawdown", "trades", "win rate")
    body = [
        (str(r.rank), _params(r.params), number(r.sharpe_simple), percent(r.total_return), percent(r.max_drawdown), f"{r.trades:,}", percent(r.win_rate))
        for r in rows[:MOST_LEADERS]
    ]
    says = f"The best {len(body)} of {len(rows):,} trials." if rows else ""
    return Section("Leaderboard", says, table(names, body, numbers=(0, 2, 3, 4, 5, 6)) if body else "")


def _split_table(rows: Sequence[WalkforwardRow]) -> Section:
    names = ("split", "parameters", "training Sharpe", "test Sharpe", "test return", "test drawdown", "trades")
    body = [
        (
            row.split,
            _params(row.params),
            number(row.train_sharpe_simple),
            number(row.test_sharpe_simple),
            percent(row.test_total_return),
            percent(row.test_max_drawdown),
            f"{row.test_trades:,}",
        )
        for row in rows
    ]
    return Section("What was chosen", "", table(names, body, numbers=(2, 3, 4, 5, 6)) if body else "")


def _modes(report: RunReport) -> Section:
    names = ("split of the capital", "first capital", "last equity", "total return", "Sharpe", "max drawdown")
    body = [
        (r.mode, r.initial_capital, r.final_equity, percent(r.total_return), number(r.sharpe_simple), percent(r.max_drawdown))
        for r in report.portfolio_modes or ()
    ]
    return Section("Ways to split the capital", "The same forward runs under each.", table(names, body, numbers=(1, 2, 3, 4, 5)))


def _joined_runs(report: RunReport) -> Section:
    names = ("run", "symbols", "strategy", "share", "total return", "Sharpe", "max drawdown", "trades")
    body = [
        (
            r["run_id"],
            r["ticker"],
            r["strategy"],
            percent(r["weight"]),
            *(percent(r["total_return"]), number(r["sharpe_simple"]), percent(r["max_drawdown"])),
            f"{r['trades']:,}",
        )
        for r in report.results
    ]
    says = "Each before the split; at most ten are shown, portfolio_components.csv has all."
    return Section("Forward runs", says, table(names, body, numbers=(3, 4, 5, 6, 7)))


def _params(text: str) -> str:
    found: Mapping[str, Any] = json.loads(text)
    return ", ".join(f"{name} {value:g}" if isinstance(value, int | float) else f"{name} {value}" for name, value in sorted(found.items()))


def _overfitting(report: RunReport) -> Section:
    found = report.overfitting
    if found is None:
        return Section("", "", "")
    facts = [
        ("probability of overfitting: the best in sample is at or below the median out of sample", percent(found.probability)),
        ("probability that the best in sample loses money out of sample", percent(found.probability_of_loss)),
        ("median Sharpe of the best, in sample", number(found.median_sharpe_in_sample)),
        ("median Sharpe of the best, out of sample", number(found.median_sharpe_out_of_sample)),
        ("trials", f"{found.trials:,}"),
        ("choices of blocks", f"{found.choices:,}"),
    ]
    says = f"Every way to take half of {found.blocks} blocks of time chooses a best trial; the other half judges it."
    return Section("Overfitting", says, table((), facts, numbers=(1,)))


def _settings(report: RunReport) -> Section:
    config = {**report.config_resolved, **dict(report.config_resolved.get("strategy_params") or {})}
    skipped = ("ticker", "strategy_params")
    config |= {f"model.{name}": value for name, value in (config.pop("model", None) or {}).items()}
    rows = [(name, "–" if value is None else str(value)) for name, value in sorted(config.items()) if name not in skipped]
    rows.append(("symbols", str(report.config_resolved["ticker"]).replace(",", ", ")))
    again = report.reproduce
    command = f"<p>Make it again:</p>{code(again.command)}" if again is not None else ""
    return Section("Settings", "", table((), rows) + command)
