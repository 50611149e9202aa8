"""Selecting a pool: judge, score, order and cut. One selector serves one day or the months of many years; what days share is computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.contracts.errors import DataError
from tallystick.contracts.pool import Mode
from tallystick.contracts.time import NS_PER_DAY
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import Eligibility, UniverseJudge, best_refusals, choose_mode, day_column
from tallystick.universe.features import FeatureHistory
from tallystick.universe.labels import HORIZONS
from tallystick.universe.ports import ScoreFamily
from tallystick.universe.regime import Regime, classify_regime
from tallystick.universe.scoring import RankedName, rank_universe
from tallystick.universe.walk_forward import ComponentFit, FitSettings, WalkForward


@dataclass(frozen=True, slots=True)
class Selection:
    """A universe judged, ordered and cut: everything a release says, before a byte is written."""

    eligibility: Eligibility
    regime: Regime
    weights: Mapping[str, float]
    ranking: tuple[RankedName, ...]
    pool: tuple[str, ...]
    mode_reason: str = "as asked"
    components: Mapping[str, ComponentFit] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """`<as-of date>-<mode>`."""
        return f"{self.eligibility.as_of_date}-{self.eligibility.mode}"


class PoolSelector:
    """Selects the pools of the given days from one panel of daily bars; each is the pool that a build on that day would have selected.

    `families` fit the components linear and ml (see walk_forward.py); without them the rule stands alone. `settings` choose what they learn: a second
    selector for another label shares `judge` and `features` with the first. Raises DataError when the bars are not daily or do not cover a day.
    """

    def __init__(
        self,
        judge: UniverseJudge,
        days: Sequence[str],
        families: Mapping[str, ScoreFamily] | None = None,
        settings: FitSettings | None = None,
        features: FeatureHistory | None = None,
    ) -> None:
        if not days:
            raise DataError("expected days to select a pool for, found no whole month in the period", where=judge.panel.venue)
        self.judge, self.families, self.settings = judge, dict(families or {}), settings or FitSettings()
        self.features = features or FeatureHistory(judge, sorted({column for day in days for column in self._columns(day)}))
        self.models = WalkForward(judge, self.features, self.families, self.settings)

    def _columns(self, as_of_date: str) -> list[int]:
        """The day itself, and the days of its training rows for a label of any horizon, so that tracks with other labels share the features."""
        column = day_column(self.judge.panel, as_of_date)
        if not self.families:
            return [column]
        origin = self.judge.panel.start_ns // NS_PER_DAY
        fit_day = self.settings.fit_day(origin + column)
        found = {column}
        for purge_days in HORIZONS:
            found.update(day - origin for day in self.settings.sample_days_of(fit_day, purge_days) if day >= origin)
        return sorted(found)

    def select(self, as_of_date: str, mode: Mode | None, pool_size: int = 5, extra_scores: Mapping[str, Mapping[str, float]] | None = None) -> Selection:
        """The pool of a day. Without a mode: `core_major` where it yields enough names, else `broad_liquid`. Writes nothing.

        Raises DataError when fewer names are eligible than the pool has places (with the refusals in numbers), or when a named symbol is not eligible.
        """
        panel, config = self.judge.panel, self.judge.config
        if pool_size < 1:
            raise DataError(f"expected a pool of at least one name, found {pool_size}")
        if mode is None:
            judged, reason = choose_mode(self.judge, as_of_date, pool_size)
        else:
            judged, reason = self.judge.judge(as_of_date, mode), "as asked"
        found = len(judged.members)
        if found < pool_size and not (config.allow_smaller_pool and found):
            raise DataError(
                f"expected at least {pool_size} eligible names for {judged.mode} on {as_of_date}, found {found} of {judged.candidates}",
                where=panel.venue,
                hint=f"Refused: {best_refusals(judged.refused)}. The last release stands",
            )
        strangers = sorted(set(config.named_symbols) - set(judged.members))
        if strangers:
            raise DataError(f"expected every named symbol to be eligible for {judged.mode} on {as_of_date}, found {', '.join(strangers)}", where=panel.venue)
        column, rows = day_column(panel, as_of_date), [panel.row(symbol) for symbol in judged.members]
        features = self.features.day(column, rows)
        regime = classify_regime(features, config.benchmark, config.smallest_context)
        scores, components = self.models.scores(column, rows)
        ranking, weights = rank_universe(features, config, regime.label, {**scores, **(extra_scores or {})})
        # The ranking stays whole: a named pool changes what is published, not what was measured.
        pool = config.named_symbols or tuple(row.symbol for row in ranking[:pool_size])
        return Selection(judged, regime, weights, ranking, pool, reason, components)


def select_pool(
    panel_daily: BarPanel,
    instruments: InstrumentBook,
    config: UniverseConfig,
    as_of_date: str,
    mode: Mode | None,
    pool_size: int = 5,
    families: Mapping[str, ScoreFamily] | None = None,
    extra_scores: Mapping[str, Mapping[str, float]] | None = None,
) -> Selection:
    """The pool of one day, from bars up to and including it. Raises DataError as `PoolSelector.select`."""
    column = day_column(panel_daily, as_of_date)
    judge = UniverseJudge(panel_daily.columns(0, column + 1), instruments, config)
    return PoolSelector(judge, [as_of_date], families).select(as_of_date, mode, pool_size, extra_scores)
