from __future__ import annotations

import itertools
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.contracts.time import NS_PER_DAY, date_from_ns
from tallystick.universe.membership import confirmed, refresh_columns
from tallystick.universe.scoring import RankedName, official_order


def brute_force(eligible: list[bool], barred: list[bool], entry: int, leave: int) -> tuple[bool, ...]:
    """Membership at each refresh from the definition: look back over the runs that end there."""
    out: list[bool] = []
    for place in range(len(eligible)):
        fit = [eligible[k] and not barred[k] for k in range(place + 1)]
        was = out[-1] if out else False
        if barred[place]:
            out.append(False)
        elif len(fit) >= entry and all(fit[-entry:]):
            out.append(True)
        elif len(fit) >= leave and not any(fit[-leave:]):
            out.append(False)
        else:
            out.append(was)
    return tuple(out)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([False, False, False, True])), max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_membership_equals_its_definition(rows: list[tuple[bool, bool]], entry: int, leave: int) -> None:
    eligible, barred = [row[0] for row in rows], [row[1] for row in rows]
    # A second name, with the first one's refreshes upside down, must not disturb the first.
    flags = [np.array([values, [not value for value in values]], dtype=np.bool_).T.reshape(-1, 2) for values in (eligible, barred)]
    found, runs = confirmed(flags[0], flags[1], entry, leave)
    assert tuple(found[:, 0].tolist()) == brute_force(eligible, barred, entry, leave)
    for place in range(len(rows)):
        fit = [eligible[k] and not barred[k] for k in range(place, -1, -1)]
        assert runs[place, 0] == next((k for k, good in enumerate(fit) if not good), len(fit))


@given(st.integers(0, 20_000), st.integers(1, 400))
def test_each_month_has_exactly_one_refresh_beside_the_first_day(first: int, days: int) -> None:
    times = (first + np.arange(days, dtype=np.int64)) * NS_PER_DAY
    places = refresh_columns(times, np.ones(days, np.bool_)).tolist()
    months = [date_from_ns(int(times[place]))[:7] for place in places[1:]]
    assert places[0] == 0
    assert places[-1] == days - 1
    assert len(set(months)) == len(months)


SCORES = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@settings(max_examples=60)
@given(st.lists(st.tuples(SCORES, SCORES, SCORES, SCORES), min_size=1, max_size=12), st.integers(0, 1000))
def test_the_official_order_is_total_and_independent_of_input_order(rows: list[tuple[float, float, float, float]], seed: int) -> None:
    names = [RankedName(f"S{place:02}USDT", None, None, None, *row) for place, row in enumerate(rows)]
    shuffled = list(names)
    random.Random(seed).shuffle(shuffled)
    ordered = official_order(names)
    assert official_order(shuffled) == ordered
    for before, after in itertools.pairwise(ordered):
        keys = [(-r.final_score, -r.confidence, -r.liquidity_stability, -r.avg_quote_vol_180, r.symbol) for r in (before, after)]
        assert keys[0] < keys[1]
