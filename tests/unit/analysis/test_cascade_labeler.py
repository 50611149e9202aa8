"""The cascade labeler: one mechanical rule, prices that look only back, and outcomes that wait for their time."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from tests.fakes.cascade_streams import SECOND, fall, history, marks_with, streamed

from tallystick.analysis import cascade_labeler, cascade_labeler_stream, wave_detector
from tallystick.analysis.cascade_labeler import CascadeRule, label_coin, outcome_of
from tallystick.analysis.cascade_labeler_stream import CascadeLabelerStream
from tallystick.contracts.cascades import LabeledCascade
from tallystick.contracts.errors import ConfigurationError, DataError

RULE = CascadeRule()
WORDS_OF_PRAISE = ("quality", "confidence", "score", "strength", "good", "bad", "predict", "signal", "forecast", "probability")


@pytest.mark.clause("D4.27", "D4.28", "D4.30")
def test_finds_a_fall_with_liquidations_and_measures_it() -> None:
    found = label_coin(history(fall(), [65, 66, 79], marks_with(1000, 980, 960)), RULE)
    (episode,) = found.episodes
    cascade = episode.cascade
    assert (cascade.cascade_id, cascade.coin) == (1, "BTC")
    # 1000 → 895 is the first snapshot below 900, at second 73; the first start that sees it in less than a minute is second 14.
    assert (cascade.start_ts, cascade.end_ts) == (14 * SECOND, 73 * SECOND)
    assert cascade.oi_drop_pct == Decimal("10.5")
    assert (cascade.liquidation_count, cascade.wave_count) == (2, 1)
    assert (cascade.price_start, cascade.price_end, cascade.price_5min_after) == (Decimal("100.0"), Decimal("98.0"), Decimal("96.0"))
    assert cascade.outcome == "CONTINUATION"


@pytest.mark.clause("D4.30")
@pytest.mark.parametrize(("boundary", "found"), [("exclusive", 0), ("inclusive", 1)])
def test_a_drop_of_exactly_the_limit_is_more_than_it_only_when_inclusive(boundary: str, found: int) -> None:
    rule = replace(RULE, boundary=boundary)
    assert len(label_coin(history([(0, 1000), (30, 900), (400, 900)], [5, 6], marks_with(1000, 980, 960)), rule).episodes) == found


@pytest.mark.clause("D4.30")
@pytest.mark.parametrize(("boundary", "found"), [("exclusive", 0), ("inclusive", 1)])
def test_a_time_of_exactly_the_window_is_less_than_it_only_when_inclusive(boundary: str, found: int) -> None:
    rule = replace(RULE, boundary=boundary)
    assert len(label_coin(history([(0, 1000), (60, 800), (400, 800)], [5, 6], marks_with(1000, 980, 960)), rule).episodes) == found


@pytest.mark.clause("D4.30")
def test_drop_and_window_are_parameters() -> None:
    streams = history(fall(last=930), [65, 66, 79], marks_with(1000, 980, 960))
    assert label_coin(streams, RULE).episodes == ()
    assert len(label_coin(streams, replace(RULE, drop_pct=Decimal(5))).episodes) == 1
    assert label_coin(streams, replace(RULE, drop_pct=Decimal(5), window_ns=5 * SECOND)).episodes == ()


def test_too_few_liquidations_are_no_cascade_and_the_next_snapshot_is_tried() -> None:
    streams = history([(0, 1000), (10, 1000), (20, 880), (30, 700), (500, 700)], [25, 26], marks_with(1000, 980, 960))
    (episode,) = label_coin(streams, RULE).episodes
    assert (episode.cascade.start_ts, episode.cascade.end_ts) == (20 * SECOND, 30 * SECOND)
    assert label_coin(history(fall(), [65], marks_with(1000, 980, 960)), RULE).episodes == ()


def test_windows_never_overlap_and_no_liquidation_counts_twice() -> None:
    streams = history(fall(last=500, seconds=40), [*range(60, 100)], marks_with(1000, 980, 960))
    episodes = label_coin(streams, RULE).episodes
    assert len(episodes) > 2
    for before, after in pairwise(episodes):
        assert before.cascade.end_ts < after.cascade.start_ts
    assert sum(episode.cascade.liquidation_count for episode in episodes) <= 40


@pytest.mark.clause("D4.29")
@pytest.mark.parametrize(
    ("start", "end", "after", "outcome"),
    [
        ("100", "98", "97.5", "CONTINUATION"),
        ("100", "98", "97.50001", "NEUTRAL"),
        ("100", "98", "98.5", "REVERSAL"),
        ("100", "98", "98.49", "NEUTRAL"),
        ("100", "103", "104", "CONTINUATION"),
        ("100", "103", "101", "REVERSAL"),
        ("100", "100", "90", "NEUTRAL"),
    ],
)
def test_outcome_compares_the_move_after_with_the_move_of_the_cascade(start: str, end: str, after: str, outcome: str) -> None:
    assert outcome_of(Decimal(start), Decimal(end), Decimal(after), Decimal("0.5")) == outcome


def test_decision_40_outcome_looks_at_no_mark_after_the_instant() -> None:
    due = 73 + 300
    marks = [(0, 1000), (70, 980), (due, 970), (due + 1, 2000)]
    (episode,) = label_coin(history(fall(), [65, 66], marks), RULE).episodes
    assert episode.cascade.price_5min_after == Decimal("97.0")
    # A mark one nanosecond after the start, the end or the instant changes nothing.
    for second in (14, 73, due):
        late = history(fall(), [65, 66], marks)
        times = np.sort(np.append(late.mark_times, second * SECOND + 1))
        units = np.insert(late.mark_units, int(np.searchsorted(late.mark_times, second * SECOND + 1)), 5000)
        (again,) = label_coin(replace(late, mark_times=times, mark_units=units), RULE).episodes
        assert again.cascade == episode.cascade


@pytest.mark.clause("D4.29")
def test_decision_63_cascade_without_a_later_price_is_withheld_and_counted() -> None:
    no_later = label_coin(history(fall(), [65, 66], [(0, 1000), (70, 980)]), RULE)
    assert no_later.episodes == ()
    assert no_later.withheld == {"no_later_price": 1}
    no_earlier = label_coin(history(fall(), [65, 66], [(50, 1000), (100, 980)]), RULE)
    assert no_earlier.withheld == {"no_earlier_price": 1}
    cut = label_coin(history(fall(after=200), [65, 66], [(0, 1000), (90, 980)]), RULE)
    assert cut.withheld == {"record_ends_early": 1}


def test_live_gives_a_cascade_only_after_its_outcome_is_due() -> None:
    stream = CascadeLabelerStream("BTC", RULE, mark_decimals=1)
    given = history(fall(), [65, 66], marks_with(1000, 980, 960))
    due = (73 + 300) * SECOND
    forced = [int(time) for time in given.liquidation_times]
    for time, units, mark in zip(given.interest_times.tolist(), given.interest_units.tolist(), given.mark_units.tolist(), strict=False):
        out = stream.take_open_interest(time, units) + stream.take_mark(time, mark)
        while forced and forced[0] <= time:
            out += stream.take_liquidation(forced.pop(0))
        if time == due + SECOND:
            assert out == label_coin(given, RULE).episodes
        else:
            assert out == ()


def test_live_and_history_agree_however_small_the_first_ring() -> None:
    given = history(fall(last=500, seconds=40), sorted([*range(60, 100)] * 2), marks_with(1000, 980, 960))
    out, withheld = streamed(given, RULE, capacity=2)
    assert (tuple(out), withheld) == (label_coin(given, RULE).episodes, label_coin(given, RULE).withheld)


def test_live_labels_what_a_start_without_an_end_stood_before_when_the_record_ends() -> None:
    # The start at 0 could still fall far enough within its minute; the fall from 10 to 20 is over, and its outcome due, when the record ends.
    given = history([(0, 1000), (10, 1050), (20, 940), (26, 940)], [15, 15], [(0, 100), (19, 90), (24, 95)])
    rule = CascadeRule(outcome_after_ns=5 * SECOND)
    found = label_coin(given, rule)
    assert [(episode.cascade.start_ts // SECOND, episode.cascade.outcome) for episode in found.episodes] == [(10, "REVERSAL")]
    assert streamed(given, rule) == (list(found.episodes), {})


def test_live_memory_stays_bounded_over_a_long_quiet_stream() -> None:
    stream = CascadeLabelerStream("BTC", RULE, mark_decimals=1)
    for second in range(20_000):
        stream.take_open_interest(second * SECOND, 1000)
        stream.take_mark(second * SECOND, 1000)
        stream.take_liquidation(second * SECOND)
    assert stream._state.size < 5000
    assert max(len(column.times) for column in (stream._interest, stream._marks, stream._liquidations)) <= 4097


@pytest.mark.parametrize("kind", ["interest", "mark", "liquidation"])
def test_live_refuses_time_that_runs_backwards(kind: str) -> None:
    stream = CascadeLabelerStream("BTC", RULE, mark_decimals=1)
    stream.take_open_interest(10 * SECOND, 1000)
    stream.take_mark(10 * SECOND, 1000)
    late = {
        "interest": lambda: stream.take_open_interest(10 * SECOND, 1000),
        "mark": lambda: stream.take_mark(9 * SECOND, 1000),
        "liquidation": lambda: stream.take_liquidation(9 * SECOND),
    }
    with pytest.raises(DataError, match="after"):
        late[kind]()


def test_refuses_streams_that_are_out_of_order_or_impossible() -> None:
    good = history(fall(), [65, 66], marks_with(1000, 980, 960))
    with pytest.raises(DataError, match="order of time"):
        label_coin(replace(good, interest_times=good.interest_times[::-1].copy()), RULE)
    with pytest.raises(DataError, match="order of time"):
        replace(good, mark_times=np.zeros_like(good.mark_times))
    with pytest.raises(DataError, match="order of time"):
        replace(good, liquidation_times=good.liquidation_times[::-1].copy())
    with pytest.raises(DataError, match="above 0"):
        replace(good, mark_units=good.mark_units * 0)
    with pytest.raises(DataError, match="0 or more"):
        replace(good, interest_units=good.interest_units - 10_000)
    with pytest.raises(DataError, match="one length"):
        replace(good, interest_units=good.interest_units[1:])


@pytest.mark.parametrize("change", [{"drop_pct": Decimal(0)}, {"drop_pct": Decimal("1.0000001")}, {"window_ns": 0}, {"neutral_move_pct": Decimal(-1)}])
def test_refuses_numbers_that_make_no_rule(change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        replace(RULE, **change)


@pytest.mark.clause("D4.31", "D4.32", "D4.33")
def test_labeler_has_no_name_that_predicts_grades_or_praises() -> None:
    names = [item.name for item in fields(LabeledCascade)] + [item.name for item in fields(CascadeRule)]
    for module in (cascade_labeler, cascade_labeler_stream, wave_detector):
        names += [name for name in vars(module) if getattr(vars(module)[name], "__module__", "") == module.__name__]
        names += [attribute for name in names if isinstance(vars(module).get(name), type) for attribute in vars(vars(module)[name])]
    assert not [name for name in names if any(word in name.lower() for word in WORDS_OF_PRAISE)]


@pytest.mark.clause("D4.31")
def test_a_label_depends_on_nothing_after_its_outcome_is_due() -> None:
    whole = history(fall(), [65, 66], marks_with(1000, 980, 960))
    (episode,) = label_coin(whole, RULE).episodes
    due = episode.cascade.end_ts + RULE.outcome_after_ns
    keep, marks = whole.interest_times <= due, whole.mark_times <= due
    cut = replace(
        whole,
        interest_times=whole.interest_times[keep],
        interest_units=whole.interest_units[keep],
        mark_times=whole.mark_times[marks],
        mark_units=whole.mark_units[marks],
    )
    assert label_coin(cut, RULE).episodes == (episode,)
