"""Does a stage read bars that had not closed? Change the future, run it again, compare the past bit by bit; then ask how far ahead it read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.contracts.errors import TallystickError
from tallystick.contracts.leaks import LeakKind
from tallystick.research.leaks.changes import KINDS, another_future, changed_from, first_unknown, no_future
from tallystick.research.leaks.findings import LINES, Leak
from tallystick.research.leaks.pipeline import MAIN, Floats, Inputs, Ints, Pipeline, Stage, differs

CUTS = 12
NEIGHBOURS = 6
FAR = 32
"""A symbol that is traded or not by what happens more than so many bars ahead was chosen by somebody who knew."""
WHOLE = 0.6
"""Reading more than this share of what lies ahead, at most of the moments asked, is reading the whole sample."""


@dataclass(frozen=True, slots=True)
class _Hit:
    """A moment at which the stage changed although only the future did: columns up to `cut` were compared."""

    cut: int
    changed: int
    compared: int
    first: int
    traded_changed: bool


@dataclass(frozen=True, slots=True)
class _Probe:
    """A stage over a pipeline's inputs, and how to ask it."""

    pipeline: Pipeline
    stage: Stage
    before: Floats
    seed: int

    def after(self, inputs: Inputs, cut: int) -> Floats | None:
        """The stage's columns up to `cut` on other inputs; None where it cannot run on them."""
        try:
            return self.stage(inputs)[..., : cut + 1]
        except TallystickError:
            return None

    def known_at(self, cut: int) -> int:
        """When the bar of a column closes."""
        panel = self.pipeline.bars
        return int(panel.open_times_ns[cut]) + panel.interval_ns

    def changes(self, inputs: Inputs, cut: int) -> _Hit | None:
        """What changed up to `cut`, if anything."""
        found = self.after(inputs, cut)
        if found is None:
            return None
        before = self.before[..., : cut + 1]
        columns = np.flatnonzero(differs(before, found))
        if columns.size == 0:
            return None
        return _Hit(cut, int(columns.size), cut + 1 - self.pipeline.start, int(columns[0]), bool((_ever(before) != _ever(found)).any()))


def _ever(values: Floats) -> Floats:
    """Rows with any value other than zero or none, bool[S]."""
    rows = np.where(np.isnan(values), 0.0, values).reshape(values.shape[0], -1)
    return np.asarray((rows != 0.0).any(axis=1))


def moments(pipeline: Pipeline, seed: int, count: int = CUTS) -> Ints:
    """Columns at which the past is compared: spread over the traded bars, each drawn inside its own part, none too near the ends."""
    first, last = pipeline.start + (pipeline.bars.bars - pipeline.start) // 8, pipeline.bars.bars - 1
    edges = np.linspace(first, last - (last - first) // 12, count + 1)
    drawn = edges[:-1] + np.random.default_rng(seed).random(count) * np.diff(edges)
    return np.unique(drawn.astype(np.int64))


def future_leak(pipeline: Pipeline, name: str, stage: Stage, seed: int) -> Leak | None:
    """The leak of a stage that knows the future, or None. `name` says where."""
    probe = _Probe(pipeline, stage, stage(pipeline.inputs), seed)
    for place, cut in enumerate(moments(pipeline, seed).tolist()):
        for inputs in _futures(pipeline, probe.known_at(cut), seed + 101 * place):
            hit = probe.changes(inputs, cut)
            if hit is not None:
                return _named(probe, name, hit)
    return None


def _futures(pipeline: Pipeline, known_at_ns: int, seed: int) -> Iterator[Inputs]:
    for kind in KINDS:
        yield another_future(pipeline.inputs, known_at_ns, kind, seed)
    yield no_future(pipeline.inputs, known_at_ns)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far ahead of each moment a source was read, in bars of that source; 0 where nothing changed. ahead: how many bars there were to read."""

    cuts: Ints
    reach: Ints
    ahead: Ints

    @property
    def furthest(self) -> int:
        """The furthest reading."""
        return int(self.reach.max(initial=0))

    @property
    def is_whole(self) -> bool:
        """Reads on to the end, wherever it stands."""
        read = self.reach > 0
        far = self.reach[read] >= WHOLE * self.ahead[read]
        return bool(read.any()) and 2 * int(np.count_nonzero(far)) >= int(far.size) and self.furthest > 4

    @property
    def ends_together(self) -> bool:
        """Neighbouring moments read up to the same bar rather than equally far: the bar of a longer interval, joined before it closed."""
        read = np.flatnonzero(self.reach > 0)
        ends = (self.cuts + self.reach)[read]
        same_end = int(np.count_nonzero(np.diff(ends) == 0))
        same_reach = int(np.count_nonzero(np.diff(self.reach[read]) == 0))
        return same_end > same_reach


def _reach(probe: _Probe, source: str, cuts: Sequence[int], rows_of: Callable[[Floats, Floats], bool] | None = None, row: int | None = None) -> _Reach:
    panel = probe.pipeline.inputs[source]
    found, ahead = [], []
    for cut in cuts:
        first = first_unknown(panel, probe.known_at(cut))
        left = panel.bars - first

        def read(distance: int, first: int = first, cut: int = cut) -> bool:
            rows = None if row is None else [row]
            for kind in KINDS:
                other = changed_from(panel, first + distance - 1, kind, probe.seed + 7, rows)
                after = probe.after({**probe.pipeline.inputs, source: other}, cut)
                before = probe.before[..., : cut + 1]
                if after is not None and (rows_of(before, after) if rows_of is not None else bool(differs(before, after).any())):
                    return True
            return False

        found.append(_furthest(read, left))
        ahead.append(left)
    return _Reach(np.array(cuts, np.int64), np.array(found, np.int64), np.array(ahead, np.int64))


def _furthest(read: Callable[[int], bool], most: int) -> int:
    """The largest distance at which a change is read, by doubling and then halving; 0 for none."""
    if most < 1 or not read(1):
        return 0
    low = 1
    while low * 2 <= most and read(low * 2):
        low *= 2
    high = min(low * 2, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if read(middle) else (low, middle)
    return low


def _named(probe: _Probe, name: str, hit: _Hit) -> Leak:
    """Which leak it is, by how far and in what it read."""
    pipeline = probe.pipeline
    near = list(range(hit.cut, min(hit.cut + NEIGHBOURS, pipeline.bars.bars - 2)))
    joined = {source: _reach(probe, source, near) for source in sorted(pipeline.inputs) if source != MAIN}
    source, reach = max(joined.items(), key=lambda item: item[1].furthest, default=(MAIN, None))
    own = _reach(probe, MAIN, near)
    if reach is None or reach.furthest == 0 or own.furthest > 0:
        source, reach = MAIN, own
    kind, also = _kind(probe, source, reach, near)
    if hit.traded_changed and reach.furthest > FAR and name == "decisions" and len(pipeline.bars.symbols) > 1:
        also = (*also, "todays_universe")
    if name == "membership":
        kind, also = "todays_universe", ()
    what = "the whole sample" if kind == "whole_sample" else f"{reach.furthest} bar{'s' if reach.furthest != 1 else ''} ahead"
    says = f"{name} up to a bar changed when only bars after it did: it reads {what}{'' if source == MAIN else f' of {source}'}"
    times = pipeline.bars.open_times_ns
    return Leak(kind, name, says, LINES[kind], also, changed=hit.changed, compared=hit.compared, reach_bars=reach.furthest, first_ns=int(times[hit.first]))


def _kind(probe: _Probe, source: str, reach: _Reach, near: Sequence[int]) -> tuple[LeakKind, tuple[LeakKind, ...]]:
    # Nothing ahead was read, yet other futures changed it: it knows how many bars there will be.
    if reach.is_whole or reach.furthest == 0:
        return "whole_sample", ()
    if source != MAIN:
        return ("merge_offset", ()) if reach.furthest <= 1 else ("future_shift", ("merge_offset",))
    if reach.ends_together:
        return "merge_offset", ("future_shift",)
    if _only_others(probe, near):
        return ("merge_offset", ()) if reach.furthest <= 1 else ("future_shift", ("merge_offset",))
    # One bar of its own series: a shift by one and a join that is one bar off are the same thing.
    return ("future_shift", ("merge_offset",)) if reach.furthest <= 1 else ("future_shift", ())


def _only_others(probe: _Probe, near: Sequence[int]) -> bool:
    """Whether no row reads its own future, and some row that of another."""
    others = False
    for row in range(min(len(probe.pipeline.bars.symbols), 4)):

        def own(before: Floats, after: Floats, row: int = row) -> bool:
            return bool(differs(before[row : row + 1], after[row : row + 1]).any())

        if _reach(probe, MAIN, near[:3], own, row).furthest > 0:
            return False
        others = others or _reach(probe, MAIN, near[:3], None, row).furthest > 0
    return others
