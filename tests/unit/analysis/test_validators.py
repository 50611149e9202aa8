"""Nine hypotheses: what is an event, what supports it, and what the counts are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tallystick.analysis.cascade_labeler import LabeledEpisode
from tallystick.analysis.validators import hypotheses
from tallystick.analysis.validators.absorption import count_absorption
from tallystick.analysis.validators.basis import count_basis
from tallystick.analysis.validators.counting import Sample, result_of
from tallystick.analysis.validators.cross_asset_lead import count_cross_asset_lead
from tallystick.analysis.validators.evidence import Evidence, Series
from tallystick.analysis.validators.funding_lead import count_funding_lead
from tallystick.analysis.validators.funding_settlement import count_funding_settlement
from tallystick.analysis.validators.hypotheses import count_all
from tallystick.analysis.validators.interest_concentration import count_interest_concentration
from tallystick.analysis.validators.price_legs import count_price_legs, legs_of
from tallystick.analysis.validators.sequencing import count_sequencing
from tallystick.analysis.validators.wave_structure import count_wave_structure
from tallystick.contracts.cascades import LabeledCascade, ValidationResult
from tallystick.contracts.errors import ConfigurationError, DataError

SECOND = 10**9
HOUR = 3600 * SECOND
START = 100 * HOUR
ANY = Sample(min_events=1)
CASCADE = LabeledCascade(1, "BTC", START, START + 40 * SECOND, Decimal(12), 9, 3, Decimal(100), Decimal(98), "REVERSAL", Decimal(99))


def episode(**changes: object) -> LabeledEpisode:
    return LabeledEpisode(replace(CASCADE, **changes), ())


def series(*points: tuple[float, float]) -> Series:
    """Seconds from the start of the cascade, and values."""
    return Series(np.array([START + int(second * SECOND) for second, _ in points], dtype=np.int64), np.array([value for _, value in points]))


def counts(result: ValidationResult) -> tuple[int, int]:
    return result.supporting_events, result.total_events


@pytest.mark.clause("D4.39", "D4.40", "D4.41")
@pytest.mark.parametrize(
    ("supporting", "total", "status"),
    [(29, 29, "INSUFFICIENT_DATA"), (0, 0, "INSUFFICIENT_DATA"), (18, 30, "VALIDATED"), (17, 30, "FAILED"), (30, 30, "VALIDATED"), (0, 30, "FAILED")],
)
def test_status_follows_thirty_events_and_six_tenths(supporting: int, total: int, status: str) -> None:
    result = result_of("P0", [place < supporting for place in range(total)], None, Sample())
    assert result == ValidationResult("P0", total, supporting, supporting / total if total else 0.0, None, status)


def test_p1_funding_lead_reads_two_venues_five_to_thirty_minutes_before() -> None:
    def counted(second: float, gap: float) -> tuple[int, int]:
        one, other = series((second, 0.0001 + gap)), series((-7200, 0.0001))
        return counts(count_funding_lead(Evidence((episode(),), funding={"BTC": one}, other_funding={"BTC": other}), ANY))

    assert counted(-600, 0.0006) == (1, 1)
    assert counted(-600, 0.0004) == (0, 1)
    # Readings outside the lead window are no evidence, so there is no event.
    assert counted(-299, 0.0006) == (0, 0)
    assert counted(-1801, 0.0006) == (0, 0)


def test_p2_wave_structure_counts_three_to_five_waves() -> None:
    evidence = Evidence(tuple(episode(wave_count=waves) for waves in (1, 2, 3, 4, 5, 6)))
    assert counts(count_wave_structure(evidence, ANY)) == (3, 6)


def test_p3_absorption_measures_the_furthest_mark_in_the_direction_of_the_cascade() -> None:
    def counted(*points: tuple[float, float]) -> tuple[int, int]:
        return counts(count_absorption(Evidence((episode(),), marks={"BTC": series(*points)}), ANY))

    assert counted((41, 97.1), (60, 120.0)) == (1, 1)
    assert counted((41, 97.0)) == (0, 1)
    assert counted((40, 50.0), (341, 50.0)) == (0, 0)


def test_p4_concentration_is_a_share_of_value_over_all_coins() -> None:
    marks = {"BTC": series((-5, 100.0)), "ETH": series((-5, 10.0))}
    enough = {"BTC": series((-5, 15.0)), "ETH": series((-5, 850.0))}
    assert counts(count_interest_concentration(Evidence((episode(),), marks, enough), ANY)) == (1, 1)
    fewer = {"BTC": series((-5, 14.9)), "ETH": series((-5, 850.0))}
    assert counts(count_interest_concentration(Evidence((episode(),), marks, fewer), ANY)) == (0, 1)
    assert counts(count_interest_concentration(Evidence((episode(),), marks, {"BTC": series((-5, 15.0))}), ANY)) == (0, 0)


def test_p5_funding_settlement_counts_quarter_hours_around_the_eighth_hours() -> None:
    minute = 60 * SECOND
    starts = (-15, 15, -16, 16, 0, 240)
    evidence = Evidence(tuple(episode(start_ts=96 * HOUR + offset * minute, end_ts=200 * HOUR) for offset in starts))
    result = count_funding_settlement(evidence, ANY)
    assert counts(result) == (3, 6)
    assert result.status == "VALIDATED"
    assert count_funding_settlement(Evidence((episode(start_ts=100 * HOUR),)), ANY).status == "FAILED"


def test_p6_cross_asset_lead_wants_the_leader_first_by_its_lag() -> None:
    def counted(coin: str, leader: str, lag: int) -> tuple[int, int]:
        lead = episode(coin=leader, start_ts=START - lag * SECOND)
        return counts(count_cross_asset_lead(Evidence((lead, episode(coin=coin)), marks={"BTC": series((0, 1.0))}), ANY))

    assert [counted("ETH", "BTC", lag) for lag in (29, 30, 90, 91)] == [(0, 1), (1, 1), (1, 1), (0, 1)]
    # The ETH cascade is itself an event of BTC's lead, and no BTC cascade came before it.
    assert [counted("SOL", "ETH", lag) for lag in (59, 60, 180, 181)] == [(0, 2), (1, 2), (1, 2), (0, 2)]


def test_p7_legs_are_moves_parted_by_pauses_of_half_a_per_cent() -> None:
    assert legs_of([100.0, 100.2, 100.0]) == 0
    assert legs_of([100.0, 99.0, 98.0, 97.0]) == 1
    assert legs_of([100.0, 99.0, 99.6, 99.0, 98.0]) == 3
    evidence = Evidence((episode(),), marks={"BTC": series((-300, 100.0), (0, 99.0), (10, 99.6), (40, 98.0), (41, 110.0), (50, 90.0))})
    assert counts(count_price_legs(evidence, ANY)) == (1, 1)
    assert counts(count_price_legs(Evidence((episode(),), marks={"BTC": series((0, 99.0))}), ANY)) == (0, 0)


def test_p8_basis_reports_the_far_threshold_where_it_already_holds() -> None:
    def counted(mark: float) -> ValidationResult:
        return count_basis(Evidence((episode(),), marks={"BTC": series((-1, mark))}, spot={"BTC": series((-1, 100.0))}), ANY)

    assert (counts(counted(100.6)), counted(100.6).calibrated_threshold) == ((1, 1), 0.5)
    assert (counts(counted(99.7)), counted(99.7).calibrated_threshold) == ((1, 1), 0.2)
    assert (counts(counted(100.1)), counted(100.1).status) == ((0, 1), "FAILED")


def test_p9_sequencing_compares_the_halves_of_the_fall() -> None:
    def counted(middle: float) -> tuple[int, int]:
        return counts(count_sequencing(Evidence((episode(),), open_interest={"BTC": series((-1, 100.0), (20, middle), (40, 80.0))}), ANY))

    assert counted(91.5) == (1, 1)
    assert counted(90.5) == (0, 1)
    assert counts(count_sequencing(Evidence((episode(),)), ANY)) == (0, 0)


def test_p9_an_even_fall_is_not_a_late_one_whatever_the_grain_of_the_snapshots() -> None:
    def counted(*points: tuple[float, float]) -> tuple[int, int]:
        return counts(count_sequencing(Evidence((episode(),), open_interest={"BTC": series(*points)}), ANY))

    assert counted((0, 100.0), (15, 92.5), (30, 85.0), (40, 80.0)) == (0, 1)
    assert counted((0, 100.0), (10, 99.0), (30, 97.0), (40, 80.0)) == (1, 1)
    # Between two snapshots nobody saw which half fell.
    assert counted((0, 100.0), (40, 80.0)) == (0, 0)


def test_a_reading_that_is_no_longer_in_force_is_no_evidence() -> None:
    seconds, hourly = series((-120, 1.0), (-119, 2.0), (-118, 3.0)), series((-7200, 1.0), (-3600, 2.0))
    assert (seconds.at(START - 58 * SECOND), seconds.at(START - 57 * SECOND)) == (3.0, None)
    assert (hourly.at(START), hourly.at(START + HOUR), hourly.at(START + HOUR + 1)) == (2.0, 2.0, None)
    marks = {"BTC": series((-2, 100.0), (-1, 100.0))}
    # Spot prices that ended the day before are another price, not a basis.
    assert counts(count_basis(Evidence((episode(),), marks=marks, spot={"BTC": series((-86402, 70.0), (-86401, 70.0))}), ANY)) == (0, 0)
    funding = {"BTC": series((-600, 0.001))}
    for hours, events in ((7, 1), (9, 0)):
        other = {"BTC": series((-600 - hours * 3600, 0.0))}
        assert counts(count_funding_lead(Evidence((episode(),), funding=funding, other_funding=other), ANY)) == (events, events)


def test_p6_coins_are_told_by_their_base_asset() -> None:
    lead = episode(coin="BTCUSDT", start_ts=START - 60 * SECOND)
    assert counts(count_cross_asset_lead(Evidence((lead, episode(coin="ETHUSDC"))), ANY)) == (1, 1)
    assert counts(count_cross_asset_lead(Evidence((episode(coin="ETHUSDT"),), marks={"BTCUSDT": series((0, 1.0))}), ANY)) == (0, 1)


@pytest.mark.clause("D4.38", "D4.39")
def test_all_nine_are_counted_over_cascades_with_price_and_open_interest() -> None:
    evidence = Evidence(tuple(episode() for _ in range(40)), {"BTC": series((-1, 100.0), (30, 98.0))}, {"BTC": series((-1, 100.0), (20, 90.0), (40, 80.0))})
    results = [result for result, _ in count_all(evidence)]
    assert [result.hypothesis_name[:2] for result in results] == [f"P{number}" for number in range(1, 10)]
    assert {result.hypothesis_name[:2]: result.total_events for result in results if result.total_events} == {"P2": 40, "P5": 40, "P7": 40, "P9": 40}
    assert all(result.status == "INSUFFICIENT_DATA" for result in results if not result.total_events)


@pytest.mark.parametrize("count", hypotheses.HYPOTHESES)
def test_without_events_every_hypothesis_is_insufficient(count: Callable[[Evidence, Sample], ValidationResult]) -> None:
    result = count(Evidence(()), Sample())
    assert (result.total_events, result.success_rate, result.status) == (0, 0.0, "INSUFFICIENT_DATA")


@pytest.mark.clause("D4.42", "D4.43")
def test_results_are_counts_and_claim_nothing() -> None:
    names = list(ValidationResult.__dataclass_fields__)
    assert names == ["hypothesis_name", "total_events", "supporting_events", "success_rate", "calibrated_threshold", "status"]
    words = [result.hypothesis_name.lower() for result, _ in count_all(Evidence(()))]
    assert not [word for word in words if any(claim in word for claim in ("correct", "true", "proven", "will", "predict", "future"))]


@pytest.mark.clause("D4.43")
def test_a_result_does_not_change_when_later_events_are_added_to_the_history() -> None:
    marks = ((-300, 100.0), (0, 99.0), (10, 99.6), (40, 98.0), (100, 97.5))
    short = Evidence((episode(),), marks={"BTC": series(*marks)})
    longer = Evidence((episode(),), marks={"BTC": series(*marks, (9000, 5.0))})
    assert count_all(short) == count_all(longer)


def test_refuses_samples_and_series_that_are_none() -> None:
    with pytest.raises(ConfigurationError):
        Sample(0)
    with pytest.raises(ConfigurationError):
        Sample(30, 0.0)
    with pytest.raises(DataError):
        series((1, 1.0), (1, 2.0))


@pytest.mark.clause("D4.43")
def test_how_long_a_reading_is_in_force_is_told_by_those_before_it_alone() -> None:
    spot, marks = [(float(second), 100.0) for second in range(-900, -600)], {"BTC": series((-1, 101.0))}
    hourly = [(3600.0 * hour, 100.0) for hour in range(1, 1000)]
    # The spot price ended ten minutes before the cascade; that it was recorded each hour from then on does not bring it back.
    for points in (spot, spot + hourly):
        assert counts(count_basis(Evidence((episode(),), marks=marks, spot={"BTC": series(*points)}), ANY)) == (0, 0)
    assert series(*spot, *hourly).at(START + 999 * HOUR + 2 * HOUR) == 100.0
