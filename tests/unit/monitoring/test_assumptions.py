from __future__ import annotations

import pytest

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.monitoring import AssumptionStatus
from tallystick.contracts.time import NS_PER_DAY
from tallystick.monitoring.assumptions import AssumptionRegistry


def registry(*answers: bool) -> AssumptionRegistry:
    found, queue = AssumptionRegistry(), iter(answers)
    found.register("orderly", "Times ascend", "data", lambda: next(queue), ("engine.cycle",))
    return found


@pytest.mark.clause("D4.116", "D4.119")
def test_two_failures_warn_three_are_invalid_and_one_success_ends_the_run() -> None:
    found = registry(True, False, False, False, True)
    statuses = [found.test("orderly", day).status for day in range(5)]
    assert [status.value for status in statuses] == ["VALID", "VALID", "WARNING", "INVALID", "VALID"]
    assert [result.failures_in_a_row for result in found.history("orderly")] == [0, 1, 2, 3, 0]


@pytest.mark.clause("D4.119", "D4.120")
def test_a_component_on_an_invalid_assumption_is_unsafe_until_its_test_holds() -> None:
    found = registry(False, False, False, True)
    for day in range(3):
        found.test("orderly", day)
    assert not found.is_safe_to_use("engine.cycle", 3)
    assert found.is_safe_to_use("risk.review", 3)
    assert found.status("orderly", 100 * NS_PER_DAY) is AssumptionStatus.INVALID
    found.test("orderly", 4)
    assert found.is_safe_to_use("engine.cycle", 4)


def test_a_test_older_than_seven_days_is_expired() -> None:
    found = registry(True)
    assert found.status("orderly", 0) is AssumptionStatus.UNTESTED
    found.test("orderly", 0)
    assert found.status("orderly", 7 * NS_PER_DAY) is AssumptionStatus.VALID
    assert found.status("orderly", 7 * NS_PER_DAY + 1) is AssumptionStatus.EXPIRED
    assert [item.name for item in found.failing(8 * NS_PER_DAY)] == ["orderly"]


@pytest.mark.clause("D4.121")
def test_a_test_that_raises_is_a_failure_with_its_error() -> None:
    found = AssumptionRegistry()
    found.register("b", "", "data", lambda: 1 / 0 > 0, ())
    found.register("a", "", "data", None, ())
    (result,) = found.test_all(5)
    assert (result.held, result.error) == (False, "ZeroDivisionError: division by zero")
    assert [item.name for item in found.assumptions(5)] == ["a", "b"]


def test_unknown_names_and_repeats_are_refused() -> None:
    found = registry()
    for action in (lambda: found.test("x", 0), lambda: found.status("x", 0), lambda: found.register("orderly", "", "", None, ())):
        with pytest.raises(ConfigurationError):
            action()
