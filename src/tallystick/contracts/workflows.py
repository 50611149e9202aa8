"""Settings of the model that a run used, and of the workflows that run a strategy more than once. They stand in `config.json` of such a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tallystick.contracts.contract import Shape
from tallystick.contracts.run_documents import Count, Sha256Text, UtcText

SearchMethod = Literal["grid", "random", "optuna"]
SplitScheme = Literal["explicit", "anchored", "rolling"]
PortfolioMode = Literal["raw_capital", "equal_weight", "custom_weight"]


class ModelSettings(Shape):
    """A trained model as a run used it: `run` is the training run (run id / instance), SHA-256 of its meta and of its model file.

    trained_until: open time of the last bar that any model of the training run was fitted or judged on, null where that is not recorded. in_sample: whether
    the run was allowed to test bars up to there, and does. doubts: why the model is not fully trusted, as the promotion gate or the loader says.
    """

    run: str
    target: str
    family: str
    meta_sha256: Sha256Text
    model_sha256: Sha256Text
    trained_until: UtcText | None
    in_sample: bool
    doubts: tuple[str, ...]


class ParameterRange(Shape):
    """Values from `low` to `high`, both included; on whole steps from `low` where `step` is given, spread by logarithm where `log` is true."""

    low: float
    high: float
    step: float | None = None
    log: bool = False


class SearchSettings(Shape):
    """How parameters were tried. `param_grid` lists values, `param_ranges` bounds; trials: how many; the best has the highest `sort_by`, or the lowest.

    min_trades: experiments with fewer closed trades are recorded and not ranked. seed is null for a grid, which needs none.
    """

    method: SearchMethod
    param_grid: Mapping[str, tuple[float, ...]]
    param_ranges: Mapping[str, ParameterRange]
    trials: Annotated[int, Field(ge=1)]
    seed: int | None
    sort_by: str
    ascending: bool
    min_trades: Count


class SplitPeriod(Shape):
    """Open times from `start`, included, to `end`, excluded."""

    start: UtcText
    end: UtcText


class WalkforwardSplit(Shape):
    """A training period and the test period after it."""

    name: str
    train: SplitPeriod
    test: SplitPeriod


class WalkforwardSettings(Shape):
    """Splits as they were run. gap_bars: bars left out between training and test, derived from what the strategy remembers; top_k: chosen in each split."""

    scheme: SplitScheme
    splits: tuple[WalkforwardSplit, ...]
    gap_bars: Count
    top_k: Annotated[int, Field(ge=1)]


class ForwardSettings(Shape):
    """Where frozen parameters came from: the run, its seal, the rank it had there by `metric`; `chosen_until` is the end of the bars that chose it.

    resumed_from: the forward run that this one goes on from.
    """

    source_run_id: str
    source_sha256: Sha256Text
    metric: str
    rank: Annotated[int, Field(ge=1)]
    chosen_until: UtcText
    resumed_from: str | None


class PortfolioSource(Shape):
    """A forward run that is part of a portfolio, the seal of its folder, and its share of the first capital."""

    run_id: str
    sha256: Sha256Text
    weight: float


class PortfolioSettings(Shape):
    """What is in a portfolio and how its capital is split; `filters` holds the filters that were given, by name."""

    mode: PortfolioMode
    sources: tuple[PortfolioSource, ...]
    rank_metric: str
    filters: Mapping[str, str]
