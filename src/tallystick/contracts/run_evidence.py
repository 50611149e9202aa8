"""What the results of a run are worth: the sections of `report.json` that say how far chance, choice and size would carry them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.contracts.contract import Rule, Shape

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
_Count = Annotated[int, Field(ge=0)]


class Interval(Shape):
    """A confidence interval in the unit of its figure; null where the figure does not exist."""

    low: float | None
    high: float | None


class Bootstrap(Shape):
    """Intervals from resampled bar returns: blocks of geometric length, wrapped around (stationary bootstrap, Politis and Romano 1994)."""

    method: Literal["stationary_block"]
    level: Probability
    resamples: _Count
    mean_block_bars: float
    seed: _Count
    intervals: Mapping[str, Interval]


class Evidence(Shape):
    """Is it skill or luck? sharpe_per_bar is not annualised; kurtosis is 3 for a normal distribution.

    probabilistic_sharpe: probability that the true Sharpe ratio is above 0. deflated_sharpe: above what the best of `trials` trials without any skill would
    be expected to show (expected_best_sharpe, annualised). minimum_track_record_bars: bars after which probabilistic_sharpe reaches 0.95.
    trials: this run and every other configuration that the index had tried on a shared symbol and an overlapping period before it.
    """

    bars: _Count
    sharpe_per_bar: float | None
    skewness: float | None
    kurtosis: float | None
    probabilistic_sharpe: Probability | None
    deflated_sharpe: Probability | None
    expected_best_sharpe: float | None
    trials: Annotated[int, Field(ge=1)]
    minimum_track_record_bars: float | None
    bootstrap: Bootstrap | None


class Capacity(Shape):
    """How large the account could be. A fill of x quote units in a bar that traded v may be at most participation_frac · v.

    largest_equity: initial cash, in quote units, at which every fill keeps to that; largest_equity_95: at which 95 % of the fills do.
    highest_participation_frac: at the size of this run. Null without a fill in a bar with volume.
    """

    participation_frac: Probability
    largest_equity: float | None
    largest_equity_95: float | None
    highest_participation_frac: float | None
    fills_without_volume: _Count


class Overfitting(Shape):
    """Combinatorially symmetric cross-validation of a sweep (Bailey, Borwein, López de Prado and Zhu 2017).

    probability: share of choices in which the best trial in sample is at or below the median out of sample. probability_of_loss: share in which it loses
    money out of sample. Median Sharpe ratios of the chosen trial are annualised. choices: ways to take half of the blocks.
    """

    probability: Probability
    probability_of_loss: Probability
    median_logit: float
    median_sharpe_in_sample: float
    median_sharpe_out_of_sample: float
    trials: Annotated[int, Field(ge=2)]
    blocks: Annotated[int, Field(ge=2)]
    choices: _Count


def _intervals(report: Any) -> str | None:
    if report.evidence is None or report.evidence.bootstrap is None:
        return None
    for name, item in report.evidence.bootstrap.intervals.items():
        if (item.low is None) != (item.high is None) or (item.low is not None and item.low > item.high):
            return f"{name} from {item.low} to {item.high}"
    return None


def _deflation(report: Any) -> str | None:
    found = report.evidence
    if found is None or found.deflated_sharpe is None or found.probabilistic_sharpe is None:
        return None
    return f"{found.deflated_sharpe} above {found.probabilistic_sharpe}" if found.deflated_sharpe > found.probabilistic_sharpe else None


EVIDENCE_RULES = (
    Rule("intervals_have_two_ends", "both ends of an interval or none, low at or below high", _intervals, ("D3.10",)),
    Rule("deflating_never_raises", "deflated_sharpe at or below probabilistic_sharpe", _deflation, ("D3.10",)),
)
