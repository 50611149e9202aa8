from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy import float64
from numpy.typing import NDArray
from tests.fakes.daily_bars import book_of, daily_panel

from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.selection import PoolSelector
from tallystick.universe.walk_forward import FitSettings

DAYS = 1200
PANEL = daily_panel(days=DAYS)


@dataclass
class Recorder:
    """A family that keeps what it was fitted on, and predicts the first column."""

    fits: list[tuple[NDArray[float64], NDArray[float64], tuple[str, ...]]] = field(default_factory=list)
    family: str = "Recorder"

    def versions(self) -> Mapping[str, str]:
        return {"recorder": "1"}

    def fit(self, x: NDArray[float64], y: NDArray[float64], feature_names: Sequence[str], *, seed: int, threads: int) -> Recorder:
        self.fits.append((x.copy(), y.copy(), tuple(feature_names)))
        return self

    def predict(self, x: NDArray[float64]) -> NDArray[float64]:
        return x[:, 0].copy()


def day(number: int, panel: BarPanel = PANEL) -> str:
    return date_from_ns(panel.start_ns + number * NS_PER_DAY)


def selector(panel: BarPanel, days: list[str], settings: FitSettings | None = None) -> tuple[PoolSelector, Recorder]:
    recorder = Recorder()
    judge = UniverseJudge(panel, book_of(panel), UniverseConfig())
    return PoolSelector(judge, days, {"linear": recorder}, settings), recorder


def test_a_fit_learns_from_labels_that_had_closed_by_its_day_and_from_nothing_later() -> None:
    settings = FitSettings()
    fit_day = settings.fit_day(PANEL.start_ns // NS_PER_DAY + 1100)
    fit_column = fit_day - PANEL.start_ns // NS_PER_DAY
    poisoned = daily_panel(days=DAYS)
    for name in COLUMNS:
        getattr(poisoned, name)[:, fit_column + 1 :] *= 7.0
    fits = []
    for panel in (PANEL, poisoned, PANEL.columns(0, fit_column + 1)):
        found, recorder = selector(panel, [day(fit_column)])
        record = found.select(day(fit_column), "broad_liquid").components["linear"]
        fits.append((recorder.fits[0], record))
    for (x, y, names), record in fits[1:]:
        np.testing.assert_array_equal(x, fits[0][0][0])
        np.testing.assert_array_equal(y, fits[0][0][1])
        assert names == fits[0][0][2]
        assert record == fits[0][1]
    record = fits[0][1]
    assert record.train_to is not None
    # Purged: the label of the last row had closed on the day of the fit.
    assert ns_from_iso(record.train_to) + 90 * NS_PER_DAY <= ns_from_iso(record.fitted_on)
    assert ns_from_iso(record.train_to) + 95 * NS_PER_DAY > ns_from_iso(record.fitted_on)
    assert record.train_from is not None
    assert ns_from_iso(record.fitted_on) - ns_from_iso(record.train_from) < (720 + 90) * NS_PER_DAY
    assert record.rows == fits[0][0][1].size


def test_days_between_two_refits_share_their_fit() -> None:
    first = FitSettings().fit_day(PANEL.start_ns // NS_PER_DAY + 1100) - PANEL.start_ns // NS_PER_DAY
    days = [day(first), day(first + 59), day(first + 60)]
    found, recorder = selector(PANEL, days)
    fitted_on = [found.select(text, "broad_liquid").components["linear"].fitted_on for text in days]
    assert len(recorder.fits) == 2
    assert fitted_on == [days[0], days[0], days[2]]


def test_a_component_without_enough_rows_is_absent_and_says_so() -> None:
    found, recorder = selector(PANEL, [day(500)])
    selection = found.select(day(500), "broad_liquid")
    assert recorder.fits == []
    assert selection.weights == {"rule": 1.0}
    assert "training rows" in selection.components["linear"].absent
    assert all(row.linear_score is None for row in selection.ranking)


def test_a_wide_universe_teaches_in_fewer_days() -> None:
    _, many = selector(PANEL, [day(1100)])
    narrow, few = selector(PANEL, [day(1100)], FitSettings(largest_rows=400))
    wide, many = selector(PANEL, [day(1100)])
    for one in (narrow, wide):
        one.select(day(1100), "broad_liquid")
    assert few.fits[0][1].size <= 400 < many.fits[0][1].size


def test_side_by_side_fits_are_the_fits_one_by_one() -> None:
    days = [day(number) for number in range(1000, DAYS, 30)]
    together, _ = selector(PANEL, days)
    together.models.fit_all(days)
    alone, _ = selector(PANEL, days)
    for text in days:
        assert together.select(text, "broad_liquid") == alone.select(text, "broad_liquid")


@pytest.mark.parametrize("label", ["blended_rank_pct", "future_topk_label_60"])
def test_a_pool_selected_among_many_days_is_the_pool_selected_alone(label: str) -> None:
    days = [day(number) for number in (1000, 1031, 1093, 1150)]
    settings = FitSettings(label=label)
    many, _ = selector(PANEL, days, settings)
    for text in days:
        one, _ = selector(PANEL.columns(0, PANEL.bars if text == days[-1] else (ns_from_iso(text) - PANEL.start_ns) // NS_PER_DAY + 1), [text], settings)
        assert many.select(text, None) == one.select(text, None)
