"""Does an account trade at prices that it could not have had? A decision is made at a close; the first price after it is the next open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tallystick.contracts.errors import TallystickError
from tallystick.market.bars import BarPanel
from tallystick.research.leaks.findings import LINES, Leak
from tallystick.research.leaks.pipeline import Flags, Floats, Ints, Pipeline, Trade, Traded

MOST_PROBES = 10
_FAR = 1.013


def fill_leak(pipeline: Pipeline, weights: Floats, seed: int) -> Leak | None:
    """The leak of the fill model over weights [S, T] of all bars, or None."""
    panel = pipeline.traded_bars
    used = np.ascontiguousarray(weights[:, pipeline.start :])
    found = _traded(pipeline.trade, panel, used)
    if found is None:
        return None
    columns = _decisions(panel, used, seed)
    says, column, changed, compared = _first_fault(pipeline.trade, panel, used, found, columns)
    if not says:
        return None
    costs = _both_returns(pipeline, panel, used, found)
    return Leak(
        "same_bar_fill",
        "fills",
        says,
        LINES["same_bar_fill"],
        reported=costs[0],
        without=costs[1],
        changed=changed,
        compared=compared,
        reach_bars=0,
        first_ns=int(panel.open_times_ns[column]),
    )


def _traded(trade: Trade, panel: BarPanel, weights: Floats) -> Traded | None:
    try:
        return trade(panel, weights)
    except TallystickError:
        return None


def _held(weights: Floats) -> Floats:
    """The last decision at each column; 0 before the first."""
    out = np.zeros_like(weights)
    last = np.zeros(weights.shape[0])
    for column in range(weights.shape[1]):
        last = np.where(np.isnan(weights[:, column]), last, weights[:, column])
        out[:, column] = last
    return out


def _decisions(panel: BarPanel, weights: Floats, seed: int) -> Ints:
    """Columns at which some target changes while its symbol trades in this bar and the next two; a seeded choice of at most `MOST_PROBES`."""
    held = _held(weights)
    changes = np.diff(held, axis=1, prepend=0.0) != 0.0
    there = panel.present()
    near = there.copy()
    near[:, :-1] &= there[:, 1:]
    near[:, :-2] &= there[:, 2:]
    near[:, -2:] = False
    columns = np.flatnonzero((changes & near).any(axis=0))
    columns = columns[columns > 0]
    if columns.size > MOST_PROBES:
        columns = np.sort(np.random.default_rng(seed).choice(columns, MOST_PROBES, replace=False))
    return columns


def _first_fault(trade: Trade, panel: BarPanel, weights: Floats, found: Traded, columns: Ints) -> tuple[str, int, int, int]:
    for column in columns.tolist():
        for check in (_undecided, _decision_bar_prices, _rest_of_fill_bar, _blind_to_the_open):
            fault = check(trade, panel, weights, found, column)
            if fault is not None:
                return fault[0], column, fault[1], fault[2]
    return "", 0, 0, 0


Fault = tuple[str, int, int]


def _before(found: Traded, column: int) -> Flags:
    return np.asarray(found.columns <= column)


def _rows_of(found: Traded, chosen: Flags) -> Floats:
    return np.stack([found.columns[chosen], found.rows[chosen], found.prices[chosen]])


def _same_fills(left: Traded, right: Traded, column: int) -> bool:
    one, two = _rows_of(left, _before(left, column)), _rows_of(right, _before(right, column))
    return one.shape == two.shape and bool((one == two).all())


def _undecided(trade: Trade, panel: BarPanel, weights: Floats, found: Traded, column: int) -> Fault | None:
    """What is decided at a close must not change that bar's fills or its equity."""
    other = weights.copy()
    other[:, column:] = np.where(_held(weights)[:, column:] == 0.0, 0.5 / len(panel.symbols), 0.0)
    changed = _traded(trade, panel, other)
    if changed is None or (_same_fills(found, changed, column) and bool((found.equity[: column + 1] == changed.equity[: column + 1]).all())):
        return None
    here = int(np.count_nonzero(found.columns == column))
    return "a decision made at a close changed what had traded in that same bar", max(here, 1), int(found.columns.size)


def _prices_at(found: Traded, column: int, rows: Ints) -> dict[tuple[int, int], float]:
    """Price by row and side: another price of the decision bar may change how much is wanted, even to the other side, but no price."""
    chosen = (found.columns == column) & np.isin(found.rows, rows)
    keys = zip(found.rows[chosen].tolist(), found.sides[chosen].tolist(), strict=True)
    return dict(zip(keys, found.prices[chosen].tolist(), strict=True))


def _with(panel: BarPanel, column: int, names: tuple[str, ...], factor: float) -> BarPanel:
    found = {name: getattr(panel, name).copy() for name in names}
    for values in found.values():
        values[:, column] *= factor
    return replace(panel, **found)


def _changed_rows(weights: Floats, column: int) -> Ints:
    held = _held(weights)
    return np.flatnonzero(held[:, column] != held[:, column - 1])


def _moved(trade: Trade, panel: BarPanel, weights: Floats, found: Traded, column: int, bar: int, names: tuple[str, ...]) -> int:
    """How many fills of the bar after `column` have another price when the prices of `bar` are others."""
    rows = _changed_rows(weights, column)
    before = _prices_at(found, column + 1, rows)
    moved = 0
    for factor in (_FAR, 1.0 / _FAR):
        changed = _traded(trade, _with(panel, bar, names, factor), weights)
        if changed is not None:
            after = _prices_at(changed, column + 1, rows)
            moved = max(moved, sum(after[key] != price for key, price in before.items() if key in after))
    return moved


def _decision_bar_prices(trade: Trade, panel: BarPanel, weights: Floats, found: Traded, column: int) -> Fault | None:
    """The price of a fill must not come from the bar at whose close it was decided."""
    moved = _moved(trade, panel, weights, found, column, column, ("open", "high", "low", "close"))
    return (f"{moved} fills moved with the prices of the bar at whose close they were decided", moved, int(found.columns.size)) if moved else None


def _rest_of_fill_bar(trade: Trade, panel: BarPanel, weights: Floats, found: Traded, column: int) -> Fault | None:
    """The price of a fill at the open must not come from what the bar did afterwards."""
    moved = _moved(trade, panel, weights, found, column, column + 1, ("high", "low", "close"))
    return (f"{moved} fills moved with the high, low and close of the bar at whose open they were made", moved, int(found.columns.size)) if moved else None


def _blind_to_the_open(trade: Trade, panel: BarPanel, weights: Floats, found: Traded, column: int) -> Fault | None:
    """After a changed target the equity must feel the next open: an account that does not has traded at the close that decided."""
    rows = _changed_rows(weights, column)
    if not bool(np.isfinite(panel.open[rows, column + 1]).any()):
        return None
    if found.columns.size and not bool(np.isin(rows, found.rows[found.columns == column + 1]).any()):
        # The order was refused, or is still to come.
        return None
    for factor in (1.04, 0.96):
        changed = _traded(trade, _with(panel, column + 1, ("open",), factor), weights)
        if changed is None or bool((changed.equity[column + 1 :] != found.equity[column + 1 :]).any()):
            return None
    return "the account earned from the close that decided, not from the next open", 1, int(max(found.columns.size, 1))


def _both_returns(pipeline: Pipeline, panel: BarPanel, weights: Floats, found: Traded) -> tuple[float | None, float | None]:
    """Total return by this fill model and by the house's."""
    other = _traded(pipeline.reference, panel, weights)
    return tuple(None if item is None else float(item.equity[-1] / item.equity[0] - 1.0) for item in (found, other))  # type: ignore[return-value]
