"""A trained model as research tests it: which bars it has seen, and what a report must say of it."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.analysis.catalogue import find_feature
from tallystick.contracts.errors import SafetyRefusal
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.workflows import ModelSettings
from tallystick.decision.model_loading import LoadedModel


@dataclass(frozen=True, slots=True, eq=False)
class TrainedForecast:
    """The model, its training run (run id / instance) and the open time of the last bar that the run has seen, None where it does not say.

    in_sample_allowed: bars that it has seen may be tested all the same; the report is then marked.
    """

    model: LoadedModel
    run: str
    trained_until_ns: int | None
    in_sample_allowed: bool = False

    @property
    def memory_bars(self) -> int:
        """How far back its features look."""
        return max((find_feature(name).memory_bars for name in self.model.feature_list), default=0)

    def settings(self, start_ns: int) -> ModelSettings:
        """What a run from this open time on says of the model.

        Raises SafetyRefusal where the model has seen bars from there on, or does not say which it has seen, and that is not allowed: bars before the
        training are refused too, since whoever was trained on what came after them knows their future.
        """
        in_sample = self.trained_until_ns is None or start_ns <= self.trained_until_ns
        until = None if self.trained_until_ns is None else iso_from_ns(self.trained_until_ns)
        if in_sample and not self.in_sample_allowed:
            seen = "which its training run does not say" if until is None else f"which end at {until}"
            raise SafetyRefusal(
                f"expected a period after the bars that the model was trained on, {seen}, found one that starts at {iso_from_ns(start_ns)}",
                where=self.run,
                hint="Start later, train with --end, or mark the report with --in-sample",
            )
        return ModelSettings(
            run=self.run,
            target=self.model.target,
            family=self.model.family,
            meta_sha256=self.model.meta_sha256,
            model_sha256=self.model.model_sha256,
            trained_until=until,
            in_sample=in_sample,
            doubts=self.model.degraded,
        )


def warnings_of(config: ResolvedConfig) -> tuple[str, ...]:
    """What a reader must know of a run's model before believing the result."""
    model = config.model
    if model is None:
        return ()
    seen = f"saw bars until {model.trained_until}" if model.trained_until else "does not say which bars it saw"
    in_sample = f"In-sample: the model {seen} and the period begins at {config.start}, so this result is no evidence of skill."
    doubts = f"The model {model.target}/{model.family} is not fully trusted: {'; '.join(model.doubts)}."
    return (*((in_sample,) if model.in_sample else ()), *((doubts,) if model.doubts else ()))
