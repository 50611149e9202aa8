"""Walking the chain: make what is missing, keep what still holds, then verify, trace and replay."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.apps.quickstart import record as records
from tallystick.apps.quickstart.steps import STEPS, Chain
from tallystick.apps.quickstart.warming import WaitFor, compiling_beside
from tallystick.apps.sessions import replay_session, trace
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import DataError, SafetyRefusal, TallystickError
from tallystick.contracts.quickstart import QuickstartRecord
from tallystick.contracts.time import ns_from_iso
from tallystick.kernels.warm import warm_training

OnStep = Callable[[str, str], None]
OnProgress = Callable[[str, float, float, str], None]
Done = tuple[tuple[dict[str, str], ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as people and machines see it. Seconds of wall clock, this time; `kept`: it was made before and still holds; `lines` for a person."""

    name: str
    status: str
    seconds: float
    artifacts: tuple[dict[str, str], ...]
    lines: tuple[str, ...]
    kept: bool = False

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "status": self.status,
            "kept": self.kept,
            "seconds": round(self.seconds, 3),
            "artifacts": list(self.artifacts),
            "lines": list(self.lines),
        }


@dataclass(frozen=True, slots=True)
class QuickstartResult:
    """The whole chain. `symbols`: those of the pool, in its order."""

    steps: tuple[StepResult, ...]
    session_id: str
    order_ids: tuple[str, ...]
    symbols: tuple[str, ...]
    verified_artifacts: int
    replay_differences: int

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "steps": [step.as_document() for step in self.steps],
            "orders": len(self.order_ids),
            "order_ids": list(self.order_ids),
            "session_id": self.session_id,
            "symbols": list(self.symbols),
            "verified_artifacts": self.verified_artifacts,
            "replay_differences": self.replay_differences,
        }


@dataclass(slots=True)
class _Walk:
    """Steps as they are walked, each timed; an error that names no place names its step."""

    on_step: OnStep
    on_progress: OnProgress
    wait_for: WaitFor
    results: list[StepResult] = field(default_factory=list)

    def step(self, name: str, work: Callable[[], Done], *, kept: bool = False) -> None:
        """The seconds of a step include what it waits for its kernels; one that is kept calls none."""
        self.on_step(name, "running")
        began = time.perf_counter()
        try:
            if not kept:
                self.wait_for(name)
            artifacts, lines = work()
        except TallystickError as error:
            error.where = error.where or f"step {name}"
            raise
        self.results.append(StepResult(name, "ok", time.perf_counter() - began, artifacts, lines, kept))
        self.on_step(name, "ok")


def quickstart(root: Path, *, data: Path | None, seed: int, now_ns: int, now_given: bool, on_step: OnStep, on_progress: OnProgress) -> QuickstartResult:
    """Walk the chain in a workspace. The same command again keeps every step that still holds, with the clock of the first time.

    Raises what the first failing step raises; the steps before it are kept.
    """
    if data is not None and not data.exists():
        raise DataError("expected a folder with bars, found none of that name", where=str(data), hint="Check the path given with --data")
    workspace = Workspace(root)
    with records.alone(workspace):
        try:
            kept = records.open_record(workspace, seed=seed, data=data, now_ns=now_ns, now_given=now_given)
            with compiling_beside() as wait_for:
                return _walk(workspace, kept, Chain(workspace, seed, data, ns_from_iso(kept.now), {}), _Walk(on_step, on_progress, wait_for))
        except BaseException:
            records.forget_empty(workspace)
            raise


def _walk(workspace: Workspace, kept: QuickstartRecord, chain: Chain, walk: _Walk) -> QuickstartResult:
    walk.step("compile", _compile)
    _make(workspace, kept, chain, walk)
    records.finish(workspace)
    facts = chain.facts["session"]
    session_id, order_ids = str(facts["session_id"]), tuple(facts["order_ids"])
    checked = differences = 0

    def verify_all() -> Done:
        nonlocal checked
        report = verify(workspace.root, verifiers=dict(VERIFIERS))
        if not report.is_good or report.unknown or report.unprotected:
            first = report.failures[0].path if report.failures else (*report.unknown, *report.unprotected)[0]
            counts = f"{len(report.failures)} failures, {len(report.unknown)} unknown files and {len(report.unprotected)} without a checksum"
            raise SafetyRefusal(
                f"expected every file to verify, found {counts}",
                where=str(first),
                hint=f"See: tallystick verify {workspace.root}",
            )
        checked = report.checked
        return (), (f"{checked} files checked, 0 failures, 0 unknown",)

    def trace_first() -> Done:
        _, links = trace(workspace, order_ids[0], session_id)
        broken = [link for link in links if not link.verified]
        if broken:
            raise SafetyRefusal(f"expected every link of an order to verify, found {len(broken)} that do not", where=broken[0].path)
        return (), (f"order {order_ids[0][:12]}: " + " ← ".join(dict.fromkeys(link.kind for link in links)),)

    def replay() -> Done:
        nonlocal differences
        report = replay_session(workspace, session_id, lambda done, total: walk.on_progress("replay", done, total, "cycles"))
        differences = len(report.differences)
        return (), (f"{report.decisions} decisions in {report.cycles} cycles made again, {differences} differences",)

    walk.step("verify", verify_all)
    walk.step("trace", trace_first)
    walk.step("replay", replay)
    return QuickstartResult(tuple(walk.results), session_id, order_ids, tuple(chain.facts["pool"]["symbols"]), checked, differences)


def _compile() -> Done:
    warm_training()
    return (), ("kernels ready up to training; what else is missing compiles beside the next steps",)


def _make(workspace: Workspace, kept: QuickstartRecord, chain: Chain, walk: _Walk) -> None:
    """Steps in their order. From the first that does not hold any more, everything behind it is made again."""
    by_name = {step.name: step for step in kept.steps}
    holding = True
    for name, step in STEPS:
        before = by_name.get(name)
        holding = holding and before is not None and records.still_holds(workspace, before)
        if holding and before is not None:
            chain.facts[name] = before.facts
            walk.step(name, lambda before=before: (_listed(before), before.lines), kept=True)  # type: ignore[misc]
            continue

        def work(name: str = name, step: Any = step) -> Done:
            nonlocal kept
            made = step(chain, lambda done, total, unit: walk.on_progress(name, done, total, unit))
            kept = records.save_step(workspace, kept, name, made.paths, made.facts, made.lines)
            chain.facts[name] = made.facts
            return _listed(kept.steps[-1]), made.lines

        walk.step(name, work)


def _listed(step: Any) -> tuple[dict[str, str], ...]:
    return tuple({"path": item.path, "sha256": item.sha256} for item in step.artifacts)
