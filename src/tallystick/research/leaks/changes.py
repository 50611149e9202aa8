"""Other futures: bars that are the same up to a moment and different after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.research.leaks.pipeline import Floats, Inputs

PRICES = ("open", "high", "low", "close")
VOLUMES = ("volume", "quote_volume")
KINDS = ("walk", "jump", "crash", "apart")


def first_unknown(panel: BarPanel, known_at_ns: int) -> int:
    """The first column whose bar had not closed at a moment."""
    return int(np.searchsorted(panel.open_times_ns + panel.interval_ns, known_at_ns, side="right"))


def _factors(kind: str, rows: int, columns: int, draws: np.random.Generator) -> tuple[Floats, Floats]:
    """Factors of prices and of volumes, float64[rows, columns]."""
    if kind == "walk":
        steps = 1.0 + 0.08 * draws.standard_normal((rows, columns)).clip(-3.0, 3.0)
        return np.cumprod(steps, axis=1).clip(0.02, 50.0), draws.uniform(0.2, 5.0, (rows, columns))
    if kind == "apart":
        # One symbol's fortune is another's misfortune: whoever ranks them by what comes ranks them anew.
        order = draws.permutation(rows).reshape(-1, 1) - (rows - 1) / 2
        step = draws.uniform(1.5, 4.0)
        return np.broadcast_to((step**order).clip(0.02, 50.0), (rows, columns)), np.broadcast_to((step ** (2 * order)).clip(1e-3, 1e3), (rows, columns))
    level, volume = (2.7, 0.3) if kind == "jump" else (0.31, 4.0)
    tilt = draws.uniform(0.9, 1.1, (rows, 1))
    return np.broadcast_to(level * tilt, (rows, columns)), np.broadcast_to(volume * tilt, (rows, columns))


def changed_from(panel: BarPanel, column: int, kind: str, seed: int, rows: Sequence[int] | None = None, last: int | None = None) -> BarPanel:
    """The panel with another course of prices and volumes in columns `column` … `last` (the end when None) of some rows (all when None)."""
    chosen = np.arange(len(panel.symbols)) if rows is None else np.array(rows, np.int64)
    end = panel.bars if last is None else last + 1
    if column >= end:
        return panel
    price, volume = _factors(kind, chosen.size, end - column, np.random.default_rng(seed))
    found = {name: getattr(panel, name).copy() for name in COLUMNS}
    for name in COLUMNS:
        found[name][chosen, column:end] *= price if name in PRICES else price * volume if name == "quote_volume" else volume
    return replace(panel, **found)


def another_future(inputs: Inputs, known_at_ns: int, kind: str, seed: int) -> Inputs:
    """Every series changed where it was not known at a moment."""
    return {name: changed_from(panel, first_unknown(panel, known_at_ns), kind, seed + place) for place, (name, panel) in enumerate(sorted(inputs.items()))}


def no_future(inputs: Inputs, known_at_ns: int) -> Inputs:
    """Every series ended where it was known at a moment."""
    return {name: panel.columns(0, first_unknown(panel, known_at_ns)) for name, panel in inputs.items()}


def later_start(inputs: Inputs, first_ns: int) -> Inputs:
    """Every series begun at a later moment."""
    return {name: panel.columns(int(np.searchsorted(panel.open_times_ns, first_ns)), panel.bars) for name, panel in inputs.items()}
