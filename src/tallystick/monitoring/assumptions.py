"""The registry of assumptions: it tests them, remembers every result, and says which parts of the house stand on one that failed.

It repairs nothing, and no failure is lost: a test that raises is a failure, with its error kept.
"""

from __future__ import annotations

from collections.abc import Callable

from tallystick.contracts.errors import ConfigurationError, TallystickError
from tallystick.contracts.monitoring import Assumption, AssumptionResult, AssumptionStatus
from tallystick.contracts.time import NS_PER_DAY

WARNING_FAILURES, INVALID_FAILURES = 2, 3
EXPIRY_DAYS = 7
UNSAFE = frozenset({AssumptionStatus.INVALID, AssumptionStatus.EXPIRED})
TEST_ERRORS = (TallystickError, ArithmeticError, LookupError, ValueError, TypeError, OSError)


class AssumptionRegistry:
    """Assumptions by name, with the history of their tests. Time is given with each question."""

    def __init__(self) -> None:
        self._assumptions: dict[str, Assumption] = {}
        self._history: dict[str, list[AssumptionResult]] = {}

    def register(self, name: str, description: str, category: str, test_fn: Callable[[], bool] | None, affected_components: tuple[str, ...]) -> Assumption:
        """Add an assumption, UNTESTED. Raises ConfigurationError for a name that is known."""
        if name in self._assumptions:
            raise ConfigurationError(f"expected a new assumption, found {name} again", where="assumption registry")
        found = Assumption(
            name=name,
            description=description,
            category=category,
            status=AssumptionStatus.UNTESTED,
            affected_components=affected_components,
            test_fn=test_fn,
        )
        self._assumptions[name] = found
        self._history[name] = []
        return found

    def test(self, name: str, now_ns: int) -> AssumptionResult:
        """Run one test and record its result. Raises ConfigurationError for an unknown assumption, or one without a test."""
        assumption = self._assumptions.get(name)
        if assumption is None or assumption.test_fn is None:
            raise ConfigurationError(f"expected an assumption with a test, found {name}", where="assumption registry")
        error: str | None = None
        try:
            held = bool(assumption.test_fn())
        except TEST_ERRORS as caught:
            held, error = False, f"{type(caught).__name__}: {caught}"
        history = self._history[name]
        failures = 0 if held else (history[-1].failures_in_a_row if history else 0) + 1
        status = AssumptionStatus.VALID
        if failures >= INVALID_FAILURES:
            status = AssumptionStatus.INVALID
        elif failures >= WARNING_FAILURES:
            status = AssumptionStatus.WARNING
        result = AssumptionResult(name=name, tested_at_ns=now_ns, held=held, failures_in_a_row=failures, status=status, error=error)
        history.append(result)
        return result

    def test_all(self, now_ns: int) -> tuple[AssumptionResult, ...]:
        """Run every test that there is, by name."""
        return tuple(self.test(name, now_ns) for name in sorted(self._assumptions) if self._assumptions[name].test_fn is not None)

    def status(self, name: str, now_ns: int) -> AssumptionStatus:
        """The status now: EXPIRED when the last test is older than seven days. Raises ConfigurationError for an unknown assumption."""
        if name not in self._assumptions:
            raise ConfigurationError(f"expected a known assumption, found {name}", where="assumption registry")
        history = self._history[name]
        if not history:
            return AssumptionStatus.UNTESTED
        expired = now_ns - history[-1].tested_at_ns > EXPIRY_DAYS * NS_PER_DAY
        # A failed test does not heal by growing old.
        return AssumptionStatus.EXPIRED if expired and history[-1].status is not AssumptionStatus.INVALID else history[-1].status

    def assumptions(self, now_ns: int) -> tuple[Assumption, ...]:
        """Every assumption with its status now, by name."""
        return tuple(self._assumptions[name].model_copy(update={"status": self.status(name, now_ns)}) for name in sorted(self._assumptions))

    def failing(self, now_ns: int) -> tuple[Assumption, ...]:
        """The invalid and expired ones, by name."""
        return tuple(item for item in self.assumptions(now_ns) if item.status in UNSAFE)

    def is_safe_to_use(self, component: str, now_ns: int) -> bool:
        """Whether no assumption that the component stands on is invalid or expired."""
        return all(component not in item.affected_components for item in self.failing(now_ns))

    def history(self, name: str) -> tuple[AssumptionResult, ...]:
        """Every result of an assumption, oldest first."""
        return tuple(self._history.get(name, ()))
