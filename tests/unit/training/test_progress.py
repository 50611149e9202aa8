from __future__ import annotations

import pytest

from tallystick.contracts.errors import DataError, InvariantViolation
from tallystick.contracts.training import TrainingEvent
from tallystick.training.progress import ProgressReporter


def reporter(clock=lambda: 0) -> tuple[ProgressReporter, list[TrainingEvent]]:
    events: list[TrainingEvent] = []
    return ProgressReporter("run-1", 2, events.append, clock), events


@pytest.mark.clause("D1.92", "D2.50", "D2.52")
def test_every_stage_boundary_is_an_event_of_the_run() -> None:
    report, events = reporter()
    for stage in ("ranking", "feature_selection", "training"):
        report.stage(stage, 4)
    changes = [(event.previous_stage, event.new_stage) for event in events if event.event_type == "stage_change"]
    assert changes == [(None, "ranking"), ("ranking", "feature_selection"), ("feature_selection", "training")]
    assert {event.run_id for event in events} == {"run-1"}


@pytest.mark.clause("D2.46")
def test_progress_never_goes_back_and_stays_within_hundred() -> None:
    report, events = reporter()
    for stage in ("ranking", "feature_selection", "training"):
        report.stage(stage, 3)
        for _ in range(5):
            report.step("fwd_ret_60m")
    values = [event.progress_pct for event in events if event.event_type == "progress"]
    assert values == sorted(values)
    assert values[-1] == 100.0


@pytest.mark.clause("D1.92", "D2.51")
def test_a_long_wait_still_says_where_the_run_stands() -> None:
    now = [0]
    report, events = reporter(lambda: now[0])
    report.beat()
    assert events == []
    report.stage("training", 10)
    for _ in range(6):
        now[0] += 10_000_000_000
        report.beat()
    stamps = [event.timestamp for event in events if event.event_type == "progress"]
    assert stamps[-1] == "1970-01-01T00:01:00Z"
    assert len(stamps) == 7


@pytest.mark.clause("D2.48", "D2.49")
def test_ends_of_targets_runs_and_errors_are_events() -> None:
    report, events = reporter()
    report.target_complete("fwd_ret_60m", "skipped", 0)
    report.run_complete()
    report.error(DataError("too few bars"))
    report.error(KeyboardInterrupt())
    assert [event.event_type for event in events] == ["target_complete", "run_complete", "error", "error"]
    assert (events[2].error_type, events[2].recoverable) == ("DATA_ERROR", False)
    assert (events[3].error_type, events[3].recoverable, events[3].error_message) == ("INTERRUPTED", True, "KeyboardInterrupt")


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(InvariantViolation):
        reporter()[0].stage("guessing", 1)  # type: ignore[arg-type]
