"""The fitted scores, walk-forward: a model is refitted on a fixed grid of days and sees only labels that had closed by its day.

The grid counts days of the calendar, so a release of the past and a release of today use the same fits, to the bit: model `G` (a multiple of
`step_days`) serves the days from G to G + step_days − 1 and learns from rows of (G − purge − train_days, G − purge], with purge = the longest horizon
of its label. Rows are taken every `sample_days` days, because labels of 30 to 90 days on neighbouring days say nearly the same. They are the names of
`broad_liquid` on their day, whatever the mode of the release: what lifts a name among many does so among the few, and many teach better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.labels import forward_return
from tallystick.contracts.pool import Mode
from tallystick.contracts.time import NS_PER_DAY, date_from_ns
from tallystick.universe.eligibility import UniverseJudge, day_column
from tallystick.universe.features import MODEL_FEATURES, NO_CONTEXT, FeatureHistory, MarketContext, Values, market_context, model_matrix
from tallystick.universe.labels import Label, label_values, parse_label
from tallystick.universe.ports import ScoreFamily, ScorePredictor

UNIVERSE: Mode = "broad_liquid"
FIT_THREADS = 2


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How the fitted scores learn; days are calendar days. A component with fewer rows than `smallest_rows` is left out and says so.

    Of more than `largest_rows` rows every second day is taken, or every third: a wide universe teaches in fewer days.
    """

    label: str = "blended_rank_pct"
    train_days: int = 720
    step_days: int = 60
    sample_days: int = 5
    smallest_rows: int = 300
    largest_rows: int = 4000
    seed: int = 42

    def fit_day(self, day_number: int) -> int:
        """The day number of the fit that serves a day."""
        return day_number // self.step_days * self.step_days

    def sample_days_of(self, fit_day: int, purge_days: int) -> range:
        """Day numbers of the training rows of a fit."""
        last = (fit_day - purge_days) // self.sample_days * self.sample_days
        first = fit_day - purge_days - self.train_days + 1
        return range(-(-first // self.sample_days) * self.sample_days, last + 1, self.sample_days)


@dataclass(frozen=True, slots=True)
class ComponentFit:
    """How one component of a release was made: on which day, from which rows, by which library; `absent` says why there is none."""

    family: str
    label: str
    fitted_on: str
    rows: int
    train_from: str | None = None
    train_to: str | None = None
    features: int = 0
    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    absent: str = ""


@dataclass(frozen=True, slots=True)
class _Fitted:
    predictor: ScorePredictor | None
    usable: NDArray[np.int64]
    record: ComponentFit


class WalkForward:
    """Scores of the fitted components on any day; each fit is made once."""

    def __init__(self, judge: UniverseJudge, features: FeatureHistory, families: Mapping[str, ScoreFamily], settings: FitSettings) -> None:
        self.judge, self.features, self.families, self.settings = judge, features, families, settings
        self.label: Label = parse_label(settings.label)
        self.origin = judge.panel.start_ns // NS_PER_DAY
        self._returns = {days: forward_return(judge.panel.close, days) for days in self.label.weights} if families else {}
        self._refreshes = np.unique(np.concatenate([[0], judge.months]))
        self._members = judge.membership(self._refreshes.tolist() if families else [], UNIVERSE)[0]
        self._rows: dict[int, tuple[Values, Values]] = {}
        self._fits: dict[tuple[int, str], _Fitted] = {}

    def scores(self, column: int, rows: Sequence[int]) -> tuple[dict[str, dict[str, float]], dict[str, ComponentFit]]:
        """Raw scores per component and symbol for the members `rows` on a day, and how each component was made. Nothing after the day is read."""
        found: dict[str, dict[str, float]] = {}
        records: dict[str, ComponentFit] = {}
        if not self.families:
            return found, records
        inside = self.judge.membership(self.judge.refreshes(column), UNIVERSE)[0][-1]
        matrix = model_matrix(self.features.day(column, rows), self._context(column, inside))
        for component in sorted(self.families):
            fitted = self._fitted(self.settings.fit_day(self.origin + column), component)
            records[component] = fitted.record
            if fitted.predictor is not None:
                values = fitted.predictor.predict(np.ascontiguousarray(matrix[:, fitted.usable])).tolist()
                found[component] = dict(zip((self.judge.panel.symbols[row] for row in rows), values, strict=True))
        return found, records

    def fit_all(self, as_of_dates: Sequence[str]) -> None:
        """Make every fit that these days need, two at a time; each is a function of its own rows, so their order cannot change a bit."""
        if not self.families:
            return
        days = {self.settings.fit_day(self.origin + day_column(self.judge.panel, day)) for day in as_of_dates}
        wanted = [(day, component) for day in sorted(days) for component in sorted(self.families) if (day, component) not in self._fits]
        # Rows are gathered by one thread; the fits themselves run outside the interpreter's lock.
        for day in sorted(days):
            self._training_rows(day)
        with ThreadPoolExecutor(FIT_THREADS) as pool:
            for key, fitted in zip(wanted, pool.map(lambda key: self._fit(*key), wanted), strict=True):
                self._fits[key] = fitted

    def _context(self, column: int, inside: NDArray[np.bool_]) -> MarketContext:
        """The market's context over the names that the models learn from; none for too few."""
        rows = [row for row in self.judge.order if inside[row]]
        return market_context(self.features.day(column, rows)) if len(rows) >= self.judge.config.smallest_context else NO_CONTEXT

    def _fitted(self, fit_day: int, component: str) -> _Fitted:
        key = (fit_day, component)
        if key not in self._fits:
            self._fits[key] = self._fit(fit_day, component)
        return self._fits[key]

    def _training_rows(self, fit_day: int) -> tuple[list[int], list[tuple[Values, Values]]]:
        """The days whose rows a fit learns from, and their rows."""
        days = [day for day in self.settings.sample_days_of(fit_day, self.label.purge_days) if day >= self.origin]
        parts = [self._day_rows(day - self.origin) for day in days]
        stride = -(-sum(y.size for _, y in parts) // self.settings.largest_rows)
        kept = [place for place, day in enumerate(days) if parts[place][1].size and (stride < 2 or day // self.settings.sample_days % stride == 0)]
        return [days[place] for place in kept], [parts[place] for place in kept]

    def _fit(self, fit_day: int, component: str) -> _Fitted:
        family = self.families[component]
        days, parts = self._training_rows(fit_day)
        rows = sum(y.size for _, y in parts)
        fitted_on = date_from_ns(fit_day * NS_PER_DAY)
        if rows < self.settings.smallest_rows:
            why = f"{rows} training rows on {fitted_on}, {self.settings.smallest_rows} are needed"
            return _Fitted(None, np.zeros(0, np.int64), ComponentFit(family.family, self.label.name, fitted_on, rows, absent=why))
        x, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
        usable = np.flatnonzero(~np.isnan(x).all(axis=0))
        names = [MODEL_FEATURES[place] for place in usable]
        predictor = family.fit(np.ascontiguousarray(x[:, usable]), y, names, seed=self.settings.seed, threads=1)
        record = ComponentFit(
            family=family.family,
            label=self.label.name,
            fitted_on=fitted_on,
            rows=rows,
            train_from=date_from_ns(days[0] * NS_PER_DAY),
            train_to=date_from_ns(days[-1] * NS_PER_DAY),
            features=len(names),
            versions=dict(sorted(family.versions().items())),
        )
        return _Fitted(predictor, usable, record)

    def _day_rows(self, column: int) -> tuple[Values, Values]:
        """x[N, 44] and y[N] of the names in the universe of a day, that of the last refresh before it, whose label is known; sorted by symbol."""
        if column not in self._rows:
            inside = self._members[np.searchsorted(self._refreshes, column, side="right") - 1]
            rows = [row for row in self.judge.order if inside[row]]
            if rows:
                y = label_values(self.label, {days: values[rows, column] for days, values in self._returns.items()})
                known = ~np.isnan(y)
                x = model_matrix(self.features.day(column, rows), self._context(column, inside))
                self._rows[column] = (x[known], y[known])
            else:
                self._rows[column] = (np.empty((0, len(MODEL_FEATURES))), np.empty(0))
        return self._rows[column]
