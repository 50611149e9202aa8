"""Cascades over random streams: the compiled history, the live stream and a brute-force oracle agree exactly."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.cascade_oracle import OracleRule, label
from tests.fakes.cascade_streams import oracle_points, rows_of, streamed

from tallystick.analysis.cascade_labeler import CascadeRule, CoinHistory, find_cascades, label_coin
from tallystick.kernels import cascades
from tallystick.kernels.kernel import plain


def random_history(seed: int, points: int) -> CoinHistory:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(1, 8, points)).astype(np.int64) + 1000
    steps = rng.normal(0, 0.02, points) - (rng.random(points) < 0.05) * 0.1
    units = np.maximum(0, 500 * np.exp(np.cumsum(steps - steps.mean()))).astype(np.int64)
    # Some records end with open interest, so that a start still waits for its end.
    later = int(rng.choice([1, 50, 400]))
    forced = np.sort(rng.integers(900, int(times[-1]) + min(later, 50), int(rng.integers(0, points)))).astype(np.int64)
    marks = np.unique(rng.integers(950, int(times[-1]) + later, int(rng.integers(0, points)))).astype(np.int64)
    prices = rng.integers(90, 111, marks.size).astype(np.int64)
    return CoinHistory("BTC", times, units, 1, forced, marks, prices, 2)


@pytest.mark.clause("D4.27", "D4.30")
@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    points=st.integers(1, 220).map(lambda points: max(points, points * 7 % 220)),
    drop=st.sampled_from(["1", "5", "10", "12.5", "40"]),
    window=st.integers(1, 90),
    inclusive=st.booleans(),
    minimum=st.integers(1, 4),
    gap=st.integers(1, 20),
    after=st.integers(1, 60),
    neutral=st.sampled_from(["0", "0.5", "3"]),
)
def test_history_live_and_oracle_agree(
    seed: int, points: int, drop: str, window: int, inclusive: bool, minimum: int, gap: int, after: int, neutral: str
) -> None:
    streams = random_history(seed, points)
    rule = CascadeRule(Decimal(drop), window, "inclusive" if inclusive else "exclusive", minimum, gap, after, Decimal(neutral))
    expected, withheld = label(
        oracle_points(streams.interest_times, streams.interest_units, 1),
        streams.liquidation_times.tolist(),
        oracle_points(streams.mark_times, streams.mark_units, 2),
        OracleRule(rule.drop_pct, window, inclusive, minimum, gap, after, rule.neutral_move_pct),
    )
    found = label_coin(streams, rule)
    assert rows_of(found.episodes) == expected
    assert found.withheld == dict(sorted(withheld.items()))
    live, live_withheld = streamed(streams, rule)
    assert tuple(live) == found.episodes
    assert live_withheld == found.withheld


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), points=st.integers(1, 300))
def test_plain_python_run_of_the_kernel_gives_the_same_records(seed: int, points: int) -> None:
    streams = random_history(seed, points)
    rule = CascadeRule(window_ns=40)
    found = find_cascades(streams.interest_times, streams.interest_units, streams.liquidation_times, rule)
    state = np.zeros(cascades.HEADER + 4 * 1024, dtype=np.int64)
    cascades.prepare(state, rule.kept_e8, rule.inclusive, rule.span_ns, rule.min_liquidations)
    every_block = np.ones(points // cascades.BLOCK + 1, dtype=np.int64)
    records = np.empty((points, cascades.RECORD), dtype=np.int64)
    count = plain(cascades.label_history)(streams.interest_times, streams.interest_units, streams.liquidation_times, every_block, state, records)
    assert np.array_equal(records[:count], found)


@settings(max_examples=200, deadline=None)
@given(interest=st.integers(-5, 2**62), kept=st.integers(1, 10**8 - 1), inclusive=st.integers(0, 1))
def test_limit_is_exact_at_every_size(interest: int, kept: int, inclusive: int) -> None:
    limit = plain(cascades.limit_of)(interest, kept, inclusive)
    if interest <= 0:
        assert limit == -1
        return
    meets = (lambda value: value * 10**8 <= interest * kept) if inclusive else (lambda value: value * 10**8 < interest * kept)
    assert meets(limit) or limit < 0
    assert not meets(limit + 1)
