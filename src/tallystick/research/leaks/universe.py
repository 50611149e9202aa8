"""Was the list of symbols known when the run began, or was it made of those that are known to have lived?"""

from __future__ import annotations

import numpy as np

from tallystick.contracts.time import iso_from_ns
from tallystick.market.bars import BarPanel
from tallystick.research.leaks.findings import LINES, Leak
from tallystick.research.leaks.pipeline import Flags, Pipeline


def universe_leak(pipeline: Pipeline) -> Leak | None:
    """The leak of the list of symbols itself, or None: made after the period began, or exactly the survivors of all that could have been chosen."""
    if pipeline.universe_known_ns is not None and pipeline.universe_known_ns > pipeline.start_ns:
        late = iso_from_ns(pipeline.universe_known_ns)
        return _leak(pipeline, f"the list of symbols was made at {late}, after the first traded bar", 0, len(pipeline.bars.symbols))
    if pipeline.candidates is None:
        return None
    chosen, candidates = set(pipeline.bars.symbols), pipeline.candidates
    began, lived = _began(candidates, pipeline.start_ns), _lived(candidates)
    died = [symbol for symbol, first, last in zip(candidates.symbols, began, lived, strict=True) if first and not last]
    survivors = {symbol for symbol, last in zip(candidates.symbols, lived, strict=True) if last}
    if not died or not chosen or chosen != survivors or len(survivors) < 2:
        return None
    says = f"the symbols are exactly those whose bars reach the end; {len(died)} that traded at the start are left out: {', '.join(died[:5])}"
    return _leak(pipeline, says, len(died), len(candidates.symbols))


def _leak(pipeline: Pipeline, says: str, changed: int, compared: int) -> Leak:
    reported = _held_return(pipeline.traded_bars)
    return Leak(
        "todays_universe",
        "list of symbols",
        says,
        LINES["todays_universe"],
        reported=reported,
        without=None if pipeline.candidates is None else _held_return(pipeline.candidates),
        changed=changed,
        compared=compared,
        first_ns=pipeline.start_ns,
    )


def _began(panel: BarPanel, start_ns: int) -> Flags:
    """bool[S]: had a bar in the first twentieth of the period."""
    first = int(np.searchsorted(panel.open_times_ns, start_ns))
    return np.asarray(panel.present()[:, first : first + max(panel.bars // 20, 1)].any(axis=1))


def _lived(panel: BarPanel) -> Flags:
    """bool[S]: has a bar in the last twentieth of the period."""
    return np.asarray(panel.present()[:, -max(panel.bars // 20, 1) :].any(axis=1))


def _held_return(panel: BarPanel) -> float | None:
    """Mean price return, first to last close, of the symbols that had a bar in the first twentieth of the period; no costs."""
    returns = []
    for row in np.flatnonzero(_began(panel, panel.start_ns)).tolist():
        closes = panel.close[row][np.isfinite(panel.close[row])]
        returns.append(float(closes[-1]) / float(closes[0]) - 1.0)
    return sum(returns) / len(returns) if returns else None
