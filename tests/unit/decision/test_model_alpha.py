"""The model policy: from predictions to mandates, with the numbers that decide."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tests.fakes.decisions import SYMBOLS, FakePredictor, model, position, view

from tallystick.contracts.decision import MandateType
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError, StrategyError
from tallystick.decision.config import DecisionConfig
from tallystick.decision.model_alpha import ModelAlpha

PLAIN = DecisionConfig(timing_cost_k=0.0, score_base_bps=0.0, score_spread_share=0.0, impact_cost_k=0.0)


def signal(bar: int, scale: float = 1e-3) -> np.ndarray:
    """A different forecast for each symbol, alternating in time so that it has a spread."""
    return scale * np.array([1.0, -1.0, 0.5, -0.5, 0.1]) * (1.0 if bar % 2 else -1.0)


def warmed(config: DecisionConfig = PLAIN, bars: int = 40, **more: object) -> ModelAlpha:
    policy = ModelAlpha([model(prior_ic=0.3)], SYMBOLS, 5, config)
    for bar in range(bars):
        policy.warm(view(bar, features={"signal": signal(bar)}, **more))  # type: ignore[arg-type]
    return policy


def test_decision_22_a_negative_forecast_opens_a_short() -> None:
    mandates = {item.symbol: item for item in warmed().propose(view(41, features={"signal": signal(41)}), {})}
    long, short = mandates["AAAUSDT"], mandates["BBBUSDT"]
    assert (long.type, short.type) == (MandateType.ENTRY, MandateType.ENTRY)
    assert long.direction is not short.direction
    assert long.alpha is not None
    assert short.alpha == pytest.approx(-long.alpha)


def test_decision_22_cost_includes_impact_at_the_planned_notional() -> None:
    policy = warmed(DecisionConfig())
    cost = policy.found.costs[0, 0]
    planned, adv = 0.05 * 100_000.0, 1e9
    assert cost[2] == pytest.approx(10.0 * math.sqrt(planned / adv / 0.01))
    assert cost[1] == pytest.approx(0.15 * 0.002 * 1e4 * math.sqrt(60 / 5))
    assert cost[3] == pytest.approx(cost[0] + cost[1] + cost[2])


def test_decision_22_alpha_is_a_return_over_the_horizon() -> None:
    policy = warmed()
    found = policy.found
    assert found.sigma[0, 0] == pytest.approx(0.002 * math.sqrt(12))
    assert found.alpha[0, 0] == pytest.approx(found.z[0, 0] * found.confidence[0, 0] * found.sigma[0, 0])


@pytest.mark.parametrize("equity", [0.0, -178_425.8])
def test_a_policy_without_equity_holds_and_the_session_goes_on(equity: float) -> None:
    policy = warmed()
    found = policy.propose(view(41, features={"signal": signal(41)}, equity=equity), {"AAAUSDT": position("OPEN")})
    assert {item.type for item in found} == {MandateType.HOLD}
    assert all("no equity" in str(item.reason) for item in found)
    richer = policy.propose(view(42, features={"signal": signal(42)}), {})
    assert {item.type for item in richer} == {MandateType.ENTRY}, "it forecasts again as soon as there is something to plan with"


def test_hold_says_score_and_threshold() -> None:
    policy = warmed(DecisionConfig())
    mandate = policy.propose(view(41, features={"signal": signal(41)}), {})[0]
    assert mandate.type is MandateType.HOLD
    assert mandate.stage == "arbitration"
    assert mandate.limit == 2.0 + 0.5 * 1.0
    assert mandate.value is not None
    assert mandate.value < mandate.limit


def test_decision_46_a_turned_forecast_exits_before_it_flips() -> None:
    policy = warmed()
    held = {"AAAUSDT": position("OPEN")}
    mandates = {item.symbol: item for item in policy.propose(view(42, features={"signal": signal(42)}), held)}
    assert mandates["AAAUSDT"].type is MandateType.EXIT
    assert mandates["AAAUSDT"].direction is None


def test_missing_feature_skips_the_prediction() -> None:
    policy = warmed()
    values = signal(41)
    values[0] = np.nan
    mandate = policy.propose(view(41, features={"signal": values}), {})[0]
    assert (mandate.type, mandate.stage) == (MandateType.HOLD, "prediction")
    assert policy.found.raw[0, 0] != policy.found.raw[0, 0]


def test_unknown_feature_is_an_error() -> None:
    with pytest.raises(DataError, match="signal"):
        ModelAlpha([model()], SYMBOLS, 5, PLAIN).warm(view(1, features={"other": signal(1)}))


def test_prior_skill_is_used_until_five_pairs_are_known() -> None:
    policy = ModelAlpha([model(target="fwd_ret_5m", prior_ic=0.07)], SYMBOLS, 5, PLAIN)
    for bar in range(8):
        policy.warm(view(bar, close=100.0 + signal(bar) * 1000, features={"signal": signal(bar)}))
        if bar < 5:
            assert policy.found.ic[0, 0] == 0.07
    assert policy.found.ic[0, 0] != 0.07


def test_skill_reads_no_later_close() -> None:
    first, second = warmed(bars=30), warmed(bars=30)
    now = view(30, features={"signal": signal(30)})
    jumped = view(30, close=np.full(5, 250.0), features={"signal": signal(30)})
    first.warm(now)
    second.warm(jumped)
    # The newest close ends the pair of twelve bars ago; all older pairs are the same, and the forecast of this bar is not judged by it.
    assert np.array_equal(first.found.z, second.found.z)
    third = warmed(bars=30)
    third.warm(view(30, features={"signal": signal(30)}))
    assert np.array_equal(first.found.ic, third.found.ic)


def test_skill_of_a_perfect_model_is_near_one() -> None:
    policy = ModelAlpha([model(target="fwd_ret_5m")], SYMBOLS, 5, PLAIN)
    closes = np.full((60, 5), 100.0)
    for bar in range(1, 60):
        closes[bar] = closes[bar - 1] * (1.0 + np.sin(bar * np.arange(1, 6)) * 1e-2)
    for bar in range(59):
        policy.warm(view(bar, close=closes[bar], features={"signal": closes[bar + 1] / closes[bar] - 1.0}))
    assert (policy.found.ic > 0.9).all()


@pytest.mark.clause("D1.36", "D1.37")
def test_decision_26_ranked_scores_compare_within_one_timestamp_only() -> None:
    policy = ModelAlpha([model(target="cs_percentile_60m")], SYMBOLS, 5, PLAIN)
    policy.warm(view(1, features={"signal": np.array([1.0, 2.0, 3.0, 4.0, 5.0])}))
    first = policy.found.z[0].copy()
    policy.warm(view(2, features={"signal": 1000.0 * np.array([1.0, 2.0, 3.0, 4.0, 5.0])}))
    assert np.array_equal(first, policy.found.z[0])
    assert first[0] == pytest.approx(-first[4])
    assert first[2] == 0.0


def test_ranking_needs_enough_symbols() -> None:
    policy = ModelAlpha([model(target="cs_percentile_60m")], SYMBOLS[:4], 5, PLAIN)
    mandate = policy.propose(view(1, SYMBOLS[:4], features={"signal": np.arange(4.0)}), {})[0]
    assert "too few symbols" in str(mandate.reason)


def test_models_of_one_symbol_speak_for_it_alone() -> None:
    policy = ModelAlpha([model(symbol="CCCUSDT")], SYMBOLS, 5, PLAIN)
    policy.warm(view(1, features={"signal": np.arange(5.0)}))
    assert policy.found.raw[0].tolist()[2] == 2.0
    assert np.isnan(policy.found.raw[0][[0, 1, 3, 4]]).all()


def test_inference_sees_one_batch_per_cycle() -> None:
    loaded = model()
    policy = ModelAlpha([loaded], SYMBOLS, 5, PLAIN)
    policy.warm(view(1))
    assert isinstance(loaded.predictor, FakePredictor)
    assert loaded.predictor.calls == 1


def test_barrier_models_feed_gate_and_exit() -> None:
    peak = model(target="will_peak_60m_k0.5", rule=lambda x: np.full(len(x), 0.9))
    policy = ModelAlpha([model(), peak], SYMBOLS, 5, PLAIN)
    mandate = policy.propose(view(1), {"AAAUSDT": position("OPEN")})[0]
    assert (mandate.type, mandate.value, mandate.limit) == (MandateType.EXIT, 0.9, pytest.approx(0.65))
    assert policy.barriers()["AAAUSDT"] == (0.9, None)


def test_forecast_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="kinds"):
        ModelAlpha([model(target="next_mood_60m")], SYMBOLS, 5, PLAIN)


def test_bars_only_go_forward() -> None:
    policy = warmed(bars=3)
    with pytest.raises(StrategyError, match="after"):
        policy.warm(view(2))
    with pytest.raises(StrategyError, match="another"):
        policy.warm(view(9, symbols=SYMBOLS[:4]))


def test_missed_bars_leave_no_old_values() -> None:
    policy = warmed(bars=30)
    policy.warm(view(300, features={"signal": signal(300)}))
    memory = policy.memory
    assert np.count_nonzero(~np.isnan(memory.close_ring)) == len(SYMBOLS)


def test_saved_memory_resumes_bit_for_bit() -> None:
    straight, saved = warmed(bars=35), warmed(bars=30)
    resumed = ModelAlpha([model(prior_ic=0.3)], SYMBOLS, 5, PLAIN)
    resumed.from_bytes(saved.to_bytes())
    for bar in range(30, 35):
        resumed.warm(view(bar, features={"signal": signal(bar)}))
    assert resumed.to_bytes() == straight.to_bytes()
    assert np.array_equal(resumed.found.alpha, straight.found.alpha)


def test_damaged_or_foreign_memory_is_refused() -> None:
    data = warmed(bars=5).to_bytes()
    other = ModelAlpha([model(family="Ridge")], SYMBOLS, 5, PLAIN)
    with pytest.raises(ArtifactError, match="another"):
        other.from_bytes(data)
    for broken in (data[:-1], data[:50] + b"?" + data[51:], b""):
        with pytest.raises(ArtifactError, match="damaged"):
            warmed(bars=1).from_bytes(broken)


def test_stage_table_is_plain_json() -> None:
    policy = warmed()
    policy.propose(view(41, features={"signal": np.where(np.arange(5) == 1, np.nan, signal(41))}), {})
    for symbol in SYMBOLS:
        json.dumps(policy.stages(symbol), allow_nan=False)
    row = policy.stages("AAAUSDT")["predictions"]["60m"]["LightGBM"]
    assert set(row) == {"raw", "z", "ic", "confidence", "calibrated", "weight"}
    assert policy.predictions("BBBUSDT") == ()
    assert policy.predictions("AAAUSDT")[0].blend_weights == {"LightGBM": 1.0}
    assert policy.arbitration("AAAUSDT").selected_horizon == "60m"
    with pytest.raises(StrategyError):
        policy.stages("ZZZUSDT")


def test_freshness_falls_with_the_age_of_the_bar() -> None:
    policy = ModelAlpha([model()], SYMBOLS, 5, PLAIN)
    old = view(1)
    policy.warm(type(old)(**{**vars(old), "now_ns": old.now_ns + 1800 * 10**9}))
    assert policy.found.fresh[0] == pytest.approx(math.exp(-1.0))
