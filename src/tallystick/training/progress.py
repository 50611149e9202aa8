"""Progress of a run as events: at every stage boundary, after every fit, and whenever the compute port says that time passed."""

from __future__ import annotations

from typing import Any, Literal, get_args

from tallystick.contracts.checking import check
from tallystick.contracts.errors import InvariantViolation, TallystickError
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.training import TrainingEvent
from tallystick.training.ports import Clock, ProgressSink

Stage = Literal["ranking", "feature_selection", "training"]
_STARTS: dict[str, float] = {"ranking": 0.0, "feature_selection": 30.0, "training": 40.0}
_ENDS: dict[str, float] = {"ranking": 30.0, "feature_selection": 40.0, "training": 100.0}


class ProgressReporter:
    """Turns steps of the pipeline into events of the contract and hands them to a sink. Percentages never go back."""

    def __init__(self, run_id: str, targets_total: int, sink: ProgressSink, clock: Clock) -> None:
        self._run_id = run_id
        self._targets_total = targets_total
        self._sink = sink
        self._clock = clock
        self._stage: str | None = None
        self._target: str | None = None
        self._targets_complete = 0
        self._done = 0
        self._units = 1

    def stage(self, stage: Stage, units: int) -> None:
        """Enter a stage that has this many steps."""
        if stage not in get_args(Stage):
            raise InvariantViolation(f"expected a stage of training, found {stage!r}")
        previous, self._stage = self._stage, stage
        self._done, self._units, self._target = 0, max(units, 1), None
        self._emit("stage_change", previous_stage=previous, new_stage=stage)
        self.beat()

    def step(self, target: str | None) -> None:
        """One step of the stage is done."""
        self._done = min(self._done + 1, self._units)
        self._target = target
        self.beat()

    def beat(self) -> None:
        """Say where the run stands; called again in long waits."""
        if self._stage is None:
            return
        start, end = _STARTS[self._stage], _ENDS[self._stage]
        self._emit(
            "progress",
            stage=self._stage,
            progress_pct=start + (end - start) * self._done / self._units,
            current_target=self._target,
            targets_complete=self._targets_complete,
            targets_total=self._targets_total,
        )

    def target_complete(self, target: str, status: str, models_trained: int) -> None:
        """A target is done: success, failed, or skipped because routing blocked it. Forward returns have no AUC."""
        self._targets_complete += 1
        self._emit("target_complete", target=target, status=status, models_trained=models_trained, best_auc=None)

    def run_complete(self) -> None:
        """Everything is written."""
        self._emit("run_complete")

    def error(self, error: BaseException) -> None:
        """The run ends with an error; running again is safe, since nothing counts before the manifest is written."""
        code = error.code if isinstance(error, TallystickError) else "INTERRUPTED"
        self._emit("error", error_message=str(error) or type(error).__name__, error_type=code, recoverable=isinstance(error, KeyboardInterrupt))

    def _emit(self, event_type: str, **fields: Any) -> None:
        event = TrainingEvent.model_validate({"event_type": event_type, "timestamp": iso_from_ns(self._clock()), "run_id": self._run_id, **fields})
        check(contract("training.progress_event"), event)
        self._sink(event)
