"""All canaries over one pipeline, each leak with what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tallystick.contracts.errors import TallystickError
from tallystick.contracts.leaks import LeakKind
from tallystick.research.leaks.changes import no_future
from tallystick.research.leaks.fills import fill_leak
from tallystick.research.leaks.findings import Canaries, Leak
from tallystick.research.leaks.future import future_leak
from tallystick.research.leaks.labels import label_leak, model_leak
from tallystick.research.leaks.pipeline import Floats, Inputs, Pipeline
from tallystick.research.leaks.universe import universe_leak
from tallystick.research.leaks.warm_up import spare_bars, warm_up_leak

STEPS = 16
SPARE = 64
Step = tuple[str, Callable[[], Leak | None]]


def run_canaries(pipeline: Pipeline, seed: int = 0, on_step: Callable[[str, str], None] | None = None) -> Canaries:
    """Every leak of a pipeline. The same pipeline and seed give the same findings. on_step: told each step's name with `running`, then with `ok`."""
    weights, settled = pipeline.weights(), _settled(pipeline)
    not_tested = _untested(pipeline, settled, weights)
    steps: list[Step] = [
        ("future", lambda: _of_the_future(pipeline, weights, seed)),
        ("fills", lambda: None if "same_bar_fill" in not_tested else fill_leak(pipeline, weights, seed)),
        ("symbols", lambda: universe_leak(pipeline)),
        ("members", lambda: _of_members(pipeline, seed)),
        ("labels", lambda: model_leak(pipeline) if pipeline.labels is None else label_leak(pipeline, pipeline.labels, seed)),
        ("warm-up", lambda: None if "short_warm_up" in not_tested else warm_up_leak(settled)),
    ]
    leaks = []
    for name, step in steps:
        if on_step is not None:
            on_step(name, "running")
        if (leak := step()) is not None:
            leaks.append(leak)
        if on_step is not None:
            on_step(name, "ok")
    return Canaries(tuple(leaks), not_tested)


def _untested(pipeline: Pipeline, settled: Pipeline, weights: Floats) -> dict[LeakKind, str]:
    found: dict[LeakKind, str] = {}
    if pipeline.labels is None and pipeline.model_seen_ns is None:
        found["future_label"] = "this run fits no model"
    if spare_bars(settled) < 1:
        found["short_warm_up"] = f"{pipeline.start} bars lie before the start, none to spare"
    if not bool((np.nan_to_num(weights) != 0.0).any()):
        found["same_bar_fill"] = "the run decides nothing"
    return found


def _settled(pipeline: Pipeline) -> Pipeline:
    """The pipeline, begun later where too few bars lie before its start to tell what too little warm-up does."""
    needed = None if pipeline.warm_up_bars is None else pipeline.warm_up_bars + SPARE
    if needed is None or pipeline.start >= needed or pipeline.bars.bars < 2 * needed:
        return pipeline
    return replace(pipeline, start_ns=int(pipeline.bars.open_times_ns[needed]))


def _of_members(pipeline: Pipeline, seed: int) -> Leak | None:
    leak = None if pipeline.membership is None else future_leak(pipeline, "membership", pipeline.membership, seed)
    return None if leak is None else replace(leak, line="benchmark.total_return")


def _of_the_future(pipeline: Pipeline, weights: Floats, seed: int) -> Leak | None:
    """The first stage that knows the future: what follows it knows it through it."""

    def decide(inputs: Inputs) -> Floats:
        return pipeline.weights(inputs)

    stages = (("features", pipeline.features), ("decisions", decide))
    for name, stage in stages:
        leak = None if stage is None else future_leak(pipeline, name, stage, seed)
        if leak is not None:
            return replace(leak, reported=pipeline.total_return(weights), without=pipeline.total_return(_without(pipeline, weights, leak)))
    return None


def _without(pipeline: Pipeline, weights: Floats, leak: Leak) -> Floats:
    """The decisions as late as they could have been made: by as many bars as were read ahead; or, where the whole sample was read, made again in steps,
    each with the bars until its end only."""
    reach = leak.reach_bars or 0
    if leak.kind != "whole_sample" and 0 < reach < weights.shape[1] // 2:
        return np.concatenate([np.full((weights.shape[0], reach), np.nan), weights[:, :-reach]], axis=1)
    panel = pipeline.bars
    out = np.full_like(weights, np.nan)
    edges = np.linspace(pipeline.start, panel.bars, STEPS + 1).astype(np.int64).tolist()
    for first, end in pairwise(edges):
        known = no_future(pipeline.inputs, int(panel.open_times_ns[end - 1]) + panel.interval_ns)
        try:
            out[:, first:end] = pipeline.weights(known)[:, first:end]
        except TallystickError:
            # Too few bars so far for this stage to say anything: no decision.
            continue
    return out
