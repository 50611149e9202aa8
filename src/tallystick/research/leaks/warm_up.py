"""Do values depend on where history happens to begin? Begin it later, run it again, compare what both should know."""

from __future__ import annotations

import numpy as np

from tallystick.contracts.errors import TallystickError
from tallystick.research.leaks.changes import later_start
from tallystick.research.leaks.findings import LINES, Leak
from tallystick.research.leaks.pipeline import MAIN, Flags, Floats, Pipeline, differs

DROPS = (1, 2, 3, 7, 19, 64)
NEARLY = 1e-6
"""Features may differ by this share: what is left of an opening value that has faded. Decisions may not differ at all."""


def warm_up_leak(pipeline: Pipeline) -> Leak | None:
    """The leak of a recursion that began too late before the first traded bar, or None."""
    names = ("features", "decisions") if pipeline.features is not None else ("decisions",)
    for drop in _drops(pipeline):
        for name in names:
            leak = _begun_later(pipeline, name, drop)
            if leak is not None:
                return leak
    return None


def spare_bars(pipeline: Pipeline) -> int:
    """How many of the bars before the start could be dropped, so that as many are left as are declared to be needed, or nine tenths of them."""
    start = pipeline.start
    return start - pipeline.warm_up_bars if pipeline.warm_up_bars is not None else start // 10


def _drops(pipeline: Pipeline) -> list[int]:
    spare = spare_bars(pipeline)
    return sorted({drop for drop in (*DROPS, spare // 2, spare) if 0 < drop <= spare})


def _begun_later(pipeline: Pipeline, name: str, drop: int) -> Leak | None:
    panel = pipeline.bars
    later = later_start(pipeline.inputs, int(panel.open_times_ns[drop]))
    try:
        if name == "features" and pipeline.features is not None:
            before, after = pipeline.features(pipeline.inputs), pipeline.features(later)
            changed = _far(before[..., pipeline.start :], after[..., pipeline.start - drop :])
        else:
            before, after = pipeline.weights(), pipeline.weights(later)
            changed = differs(before[..., pipeline.start :], after[..., pipeline.start - drop :])
    except TallystickError:
        return None
    if not bool(changed.any()):
        return None
    count, compared = int(np.count_nonzero(changed)), int(changed.size)
    # Without the leak there would be one answer; the later start gives the other one that the same bars could have given.
    other = pipeline.weights(later) if name == "features" else after
    without = pipeline.total_return(np.concatenate([np.full((*other.shape[:-1], drop), np.nan), other], axis=-1))
    says = f"{name} changed in {count} of {compared} traded bars when history began {drop} bar{'s' if drop > 1 else ''} later, at {later[MAIN].bars} bars"
    return Leak(
        "short_warm_up",
        name,
        says,
        LINES["short_warm_up"],
        reported=pipeline.total_return(pipeline.weights()),
        without=without,
        changed=count,
        compared=compared,
        first_ns=int(panel.open_times_ns[pipeline.start + int(np.flatnonzero(changed)[0])]),
    )


def _far(before: Floats, after: Floats) -> Flags:
    """bool[T]: columns in which a value is there on one side only, or differs by more than `NEARLY`."""
    there = np.isnan(before) == np.isnan(after)
    close = np.abs(before - after) <= NEARLY * np.maximum(np.abs(before), np.abs(after))
    same = there & (close | np.isnan(before) | (before == after))
    return np.asarray(~same.reshape(-1, same.shape[-1]).all(axis=0))
