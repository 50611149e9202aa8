"""The trained model that a research run's settings name: found, verified, and with the bars that it has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.apps.assembly import predictor_loaders
from tallystick.apps.research_settings import flag, text
from tallystick.apps.trainings import find_run, training_end_ns, verdicts
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.decision.model_loading import LoadedModel, load_models
from tallystick.research.trained_forecast import TrainedForecast


def find_forecast(workspace: Workspace, settings: Mapping[str, Any], interval_minutes: int) -> TrainedForecast:
    """The model of `models` (a training run, the newest unasked) and `model` (TARGET/FAMILY, or the block of a resolved configuration).

    Unasked it is the one of forward returns of every symbol with the highest rank correlation out of fold. What the promotion gate refused may be
    researched: its reasons stand in the report. Raises ConfigurationError for a model that is not there, ArtifactError for one that is not what a resolved
    configuration recorded.
    """
    recorded = settings.get("model")
    if isinstance(recorded, Mapping):
        settings = {"models": recorded.get("run"), "in_sample": recorded.get("in_sample"), **settings}
        settings["model"] = f"{recorded.get('target')}/{recorded.get('family')}"
    run_root = find_run(workspace, text(settings, "models") if "models" in settings else None)
    loaded = load_models(run_root, predictor_loaders(), interval_minutes, verdicts=verdicts(workspace, run_root), ungated=True)
    run = f"{run_root.parent.name}/{run_root.name}"
    model = _chosen([item for item in loaded if item.kind == "fwd_ret" and item.symbol is None], settings, run)
    if isinstance(recorded, Mapping) and model.meta_sha256 != recorded.get("meta_sha256"):
        raise ArtifactError(f"expected the model of SHA-256 {recorded.get('meta_sha256')}, found {model.meta_sha256}", where=model.meta_path)
    return TrainedForecast(model, run, training_end_ns(workspace, run_root) or None, flag(settings, "in_sample"))


def _chosen(models: list[LoadedModel], settings: Mapping[str, Any], run: str) -> LoadedModel:
    if not models:
        raise DataError("expected a model of forward returns of every symbol, found none", where=run, hint="See: tallystick models list")
    named = {f"{item.target}/{item.family}": item for item in models}
    if "model" not in settings:
        return max(models, key=lambda item: item.prior_ic)
    asked = text(settings, "model")
    if asked not in named:
        raise ConfigurationError(f"expected a model among {', '.join(sorted(named))}, found {asked!r}", where="model")
    return named[asked]
