"""Does a label tell only what happened after its bar, and no later than it says; and was a model fitted to labels of the bars that it is tested on?"""

from __future__ import annotations

from tallystick.contracts.time import iso_from_ns
from tallystick.market.bars import BarPanel
from tallystick.research.leaks.changes import KINDS, changed_from
from tallystick.research.leaks.findings import LINES, Leak
from tallystick.research.leaks.future import moments
from tallystick.research.leaks.pipeline import MAIN, Floats, Pipeline, Stage, differs


def label_leak(pipeline: Pipeline, stage: Stage, seed: int) -> Leak | None:
    """The leak of labels float64[S, T], or None. The label of a bar may depend on that bar's close, as its base, and on the label_bars bars after it.

    What lies before is known to the features; what lies later is not kept apart by the purge, which is as long as the label says it is.
    """
    panel, bars = pipeline.bars, pipeline.label_bars
    before = stage(pipeline.inputs)
    waits = False
    cuts = moments(pipeline, seed).tolist()
    for place, cut in enumerate(cuts):
        for kind in KINDS:
            late = changed_from(panel, cut + bars + 1, kind, seed + place)
            leak = _compared(pipeline, stage, before, late, cut, f"changed with bars later than its {bars}")
            if leak is None and cut > 0 and not pipeline.label_reads_past:
                early = _changed_before(panel, cut, kind, seed + 31 * place)
                leak = _compared(pipeline, stage, before, early, cut, "changed with bars before its own")
            if leak is not None:
                return leak
            after = changed_from(panel, cut + 1, kind, seed + place)
            waits = waits or _compared(pipeline, stage, before, after, cut, "") is not None
    return None if waits else _leak(pipeline, cuts[0], "did not change with any bar after its own: it is known when it is made")


def model_leak(pipeline: Pipeline) -> Leak | None:
    """The leak of a model that was fitted to labels of traded bars, or None."""
    if pipeline.model_seen_ns is None or pipeline.model_seen_ns < pipeline.start_ns:
        return None
    says = f"the model may know bars until {iso_from_ns(pipeline.model_seen_ns)}, after the first traded bar"
    seen = int((pipeline.traded_bars.open_times_ns <= pipeline.model_seen_ns).sum())
    return Leak("future_label", "model", says, LINES["future_label"], changed=seen, compared=pipeline.traded_bars.bars, first_ns=pipeline.start_ns)


def _compared(pipeline: Pipeline, stage: Stage, before: Floats, other: BarPanel, cut: int, what: str) -> Leak | None:
    after = stage({**pipeline.inputs, MAIN: other})
    if not bool(differs(before[..., cut : cut + 1], after[..., cut : cut + 1])[0]):
        return None
    return _leak(pipeline, cut, what)


def _leak(pipeline: Pipeline, cut: int, what: str) -> Leak:
    says, time = f"the label of a bar {what}", int(pipeline.bars.open_times_ns[cut])
    return Leak("future_label", "labels", says, LINES["future_label"], changed=1, compared=1, first_ns=time)


def _changed_before(panel: BarPanel, cut: int, kind: str, seed: int) -> BarPanel:
    """The panel with another course in the columns before `cut`."""
    return changed_from(panel, 0, kind, seed, last=cut - 1)
