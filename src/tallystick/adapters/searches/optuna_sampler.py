"""A search by Optuna's tree-structured Parzen estimator, behind the port of research. Optuna is an extra (`hpo`) and is imported when the search begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tallystick.contracts.errors import ConfigurationError

BATCH = 8
"""Proposals between two tellings. Fixed, so that the number of workers changes no proposal."""


class _Range(Protocol):
    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...

    @property
    def log(self) -> bool: ...


class OptunaSearch:
    """`trials` proposals. choices: parameters with listed values; ranges: those that are continuous.

    The same seed and the same results lead to the same proposals. Raises ConfigurationError without the extra.
    """

    def __init__(self, choices: Mapping[str, Sequence[float]], ranges: Mapping[str, _Range], *, trials: int, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise ConfigurationError("expected the extra hpo for method optuna, found no Optuna", hint="Install tallystick[hpo]") from error
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._failed = optuna.trial.TrialState.FAIL
        space: dict[str, Any] = {name: optuna.distributions.CategoricalDistribution(tuple(values)) for name, values in choices.items()}
        space |= {name: optuna.distributions.FloatDistribution(item.low, item.high, log=item.log) for name, item in ranges.items()}
        self._space = dict(sorted(space.items()))
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(4, min(10, trials // 3)))
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._total = trials
        self._asked: list[Any] = []
        self._made = 0

    @property
    def total(self) -> int:
        """How many proposals it will make."""
        return self._total

    def ask(self) -> Sequence[Mapping[str, float]]:
        """The next batch."""
        count = min(BATCH, self._total - self._made)
        self._made += count
        self._asked = [self._study.ask(self._space) for _ in range(count)]
        return [{name: float(trial.params[name]) for name in self._space} for trial in self._asked]

    def tell(self, values: Sequence[float | None]) -> None:
        """Results of the batch, in order; None for a failure."""
        for trial, value in zip(self._asked, values, strict=True):
            if value is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, value)
