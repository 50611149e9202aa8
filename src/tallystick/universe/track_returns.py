"""What each track would have picked and earned: its pools held in equal parts from one activation to the next.

Bought at the open of the activation day and sold at the open of the next one, so nothing is held before its activation. A name without a bar on the
day is not bought; one whose bars end in between is sold at its last close. Cost = turnover × COST_BPS, turnover = ½ Σ |Δw| with cash as one of the parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.universe.monthly_pools import activation_date
from tallystick.universe.selection import Selection

COST_BPS = 15.0
"""Fee of 10 and slippage of 5 basis points of what is traded."""
Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Held:
    symbol: str
    earned: float
    bought: bool
    ended: bool


def held_returns(panel: BarPanel, track: str, selections: Sequence[Selection], benchmark: str) -> list[Document]:
    """One row per release that was active on a day of the panel; returns are fractions, `growth` the product of what was earned so far."""
    rows: list[Document] = []
    before: dict[str, float] = {}
    growth = 1.0
    for place, selection in enumerate(selections):
        start = (ns_from_iso(activation_date(selection.eligibility.as_of_date)) - panel.start_ns) // NS_PER_DAY
        until = panel.bars
        if place + 1 < len(selections):
            until = (ns_from_iso(activation_date(selections[place + 1].eligibility.as_of_date)) - panel.start_ns) // NS_PER_DAY
        if start >= min(until, panel.bars):
            continue
        held = [_hold(panel, symbol, start, until) for symbol in selection.pool]
        weights = {item.symbol: 1.0 / len(held) for item in held if item.bought}
        traded = math.fsum(abs(weights.get(name, 0.0) - before.get(name, 0.0)) for name in sorted(weights.keys() | before.keys()))
        cash = abs(math.fsum(weights.values()) - math.fsum(before.values()))
        turnover = min(1.0, 0.5 * (traded + cash))
        gross = math.fsum(item.earned for item in held) / len(held)
        cost = turnover * COST_BPS / 1e4
        growth *= 1.0 + gross - cost
        rows.append(
            {
                "source_track": track,
                "version": selection.version,
                "activation_date": activation_date(selection.eligibility.as_of_date),
                "until_date": date_from_ns(panel.start_ns + until * NS_PER_DAY),
                "symbols": "|".join(selection.pool),
                "gross_return": gross,
                "turnover": turnover,
                "cost": cost,
                "net_return": gross - cost,
                "growth": growth,
                "benchmark_return": _hold(panel, benchmark, start, until).earned if benchmark in panel.symbols else None,
                "not_bought": "|".join(item.symbol for item in held if not item.bought),
                "ended_early": "|".join(item.symbol for item in held if item.ended),
            }
        )
        before = weights
    return rows


def _hold(panel: BarPanel, symbol: str, start: int, until: int) -> _Held:
    row = panel.row(symbol)
    entry = float(panel.open[row, start])
    if math.isnan(entry):
        return _Held(symbol, 0.0, bought=False, ended=False)
    if until < panel.bars and not math.isnan(panel.open[row, until]):
        return _Held(symbol, float(panel.open[row, until]) / entry - 1.0, bought=True, ended=False)
    seen = start + int(np.flatnonzero(~np.isnan(panel.close[row, start:until]))[-1])
    return _Held(symbol, float(panel.close[row, seen]) / entry - 1.0, bought=True, ended=seen + 1 < until)
