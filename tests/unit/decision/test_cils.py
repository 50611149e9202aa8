"""The learner of horizons: its weights against definitions written out, its statistics against their contract, and what it may change."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decisions import SYMBOLS, model, view

from tallystick.artifacts.canonical import canonical_json, plain
from tallystick.contracts.checking import findings, parse_bytes
from tallystick.contracts.decision import MandateType
from tallystick.contracts.errors import ArtifactError, ConfigurationError, StrategyError
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_HOUR
from tallystick.decision.cils import ALGORITHMS, Cils, CilsConfig
from tallystick.decision.config import DecisionConfig
from tallystick.decision.model_alpha import ModelAlpha
from tallystick.kernels import alpha as kernels

HORIZONS = ("5m", "15m", "60m")
Pulls = st.lists(st.tuples(st.sampled_from(HORIZONS), st.floats(-500.0, 500.0)), max_size=40)


def learner(algorithm: str = "exp3ix", pulls: Any = (), **more: Any) -> Cils:
    made = Cils(HORIZONS, CilsConfig(algorithm=algorithm, **more))
    for number, (horizon, reward) in enumerate(pulls):
        made.learn(horizon, reward, number, number + NS_PER_HOUR, made.chance(horizon))
    return made


@pytest.mark.clause("D2.27", "D2.28", "D2.29", "D2.30", "D2.31", "D2.32", "D2.56")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(max_examples=40, deadline=None)
@given(pulls=Pulls)
def test_statistics_are_what_their_contract_says_after_any_trades(algorithm: str, pulls: list[tuple[str, float]]) -> None:
    made, item = learner(algorithm, pulls), contract("dashboard.cils_stats")
    stats = made.stats()
    assert findings(item, parse_bytes(item, canonical_json(plain(stats)))) == []
    assert stats.arms is not None
    assert [arm.horizon for arm in stats.arms] == list(HORIZONS)
    for arm in stats.arms:
        rewards = [reward for horizon, reward in pulls if horizon == arm.horizon]
        assert (arm.pulls, arm.rewards) == (len(rewards), pytest.approx(sum(rewards)))
    assert sum(made.weights()) == pytest.approx(1.0)
    assert (stats.total_pulls, stats.last_update is None) == (len(pulls), not pulls)


@settings(max_examples=40, deadline=None)
@given(pulls=Pulls)
def test_exp3ix_divides_each_loss_by_its_chance_and_gamma(pulls: list[tuple[str, float]]) -> None:
    losses, done = dict.fromkeys(HORIZONS, 0.0), 0

    def chances() -> dict[str, float]:
        rate = min(0.07, math.sqrt(math.log(3) / (3 * done))) if done else 0.0
        terms = {horizon: math.exp(-rate * loss) for horizon, loss in losses.items()}
        return {horizon: term / sum(terms.values()) for horizon, term in terms.items()}

    for horizon, reward in pulls:
        losses[horizon] += (1 - (np.clip(reward, -100, 100) / 100 + 1) / 2) / (chances()[horizon] + 0.05)
        done += 1
    assert learner(pulls=pulls).weights() == pytest.approx(tuple(chances().values()))


def test_thompson_weights_are_how_often_a_drawn_arm_is_best() -> None:
    pulls = [("5m", 80.0)] * 6 + [("15m", 20.0)] * 3 + [("60m", -60.0)] * 400
    dice, best = random.Random(5), [0, 0, 0]
    arms = [(6 * 0.9 / 7, 7), (3 * 0.6 / 4, 4), (400 * 0.2 / 401, 401)]
    for _ in range(20_000):
        drawn = [dice.gauss(centre, count**-0.5) for centre, count in arms]
        best[drawn.index(max(drawn))] += 1
    assert learner("thompson_sampling", pulls).weights() == pytest.approx([count / 20_000 for count in best], abs=0.012)


def test_thompson_weights_do_not_step_over_a_narrow_arm() -> None:
    made = learner("thompson_sampling")
    for number in range(20_000):
        # The chance of a horizon moves nothing but the losses of Exp3-IX, and asking for it is all the work.
        made.learn("5m", 0.0, number, number + NS_PER_HOUR, 1 / 3)
    weights = made.weights()
    # One arm at 0.5 and two at N(0, 1): the chance that both lie below one half is Φ(½)².
    assert weights[0] == pytest.approx((0.5 * math.erfc(-0.5 / math.sqrt(2))) ** 2, abs=1e-3)
    assert weights[1] == pytest.approx(weights[2])


def test_ucb_tries_each_horizon_and_then_the_highest_bound() -> None:
    assert learner("ucb").weights() == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert learner("ucb", [("15m", 10.0)]).weights() == (0.5, 0.0, 0.5)
    pulls = [("5m", 100.0)] * 5 + [("15m", -100.0)] + [("60m", 0.0)] * 5
    bounds = [1.0 + math.sqrt(2 * math.log(11) / 5), math.sqrt(2 * math.log(11)), 0.5 + math.sqrt(2 * math.log(11) / 5)]
    assert learner("ucb", pulls).weights() == tuple(float(bound == max(bounds)) for bound in bounds)


@pytest.mark.parametrize("algorithm", ["exp3ix", "thompson_sampling"])
def test_what_pays_gains_weight_and_its_share_grows_with_experience(algorithm: str) -> None:
    some, much = (learner(algorithm, [("60m", 50.0), ("15m", 0.0), ("5m", -50.0)] * count) for count in (5, 50))
    assert much.weights()[2] > some.weights()[2] > 1 / 3 > some.weights()[0] > much.weights()[0]
    assert learner(algorithm).preference().tolist() == [1.0, 1.0, 1.0]
    assert some.preference() == pytest.approx(1 + 0.3 * 0.15 * (3 * np.array(some.weights()) - 1))
    assert much.preference() == pytest.approx(1 + 0.3 * (3 * np.array(much.weights()) - 1))


def test_a_trade_held_past_its_expiry_teaches_nothing() -> None:
    made = learner()
    made.learn("5m", -400.0, 0, 24 * NS_PER_HOUR + 1, 0.5)
    assert made.to_bytes() == learner().to_bytes()
    made.learn("5m", -400.0, 0, 24 * NS_PER_HOUR, 0.5)
    assert made.pulls == [1, 0, 0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_was_saved_goes_on_bit_for_bit(algorithm: str) -> None:
    straight, saved = learner(algorithm, [("5m", 1 / 3), ("60m", -1 / 7), ("5m", 9.0)]), learner(algorithm, [("5m", 1 / 3), ("60m", -1 / 7)])
    resumed = learner(algorithm)
    resumed.from_bytes(saved.to_bytes())
    resumed.learn("5m", 9.0, 2, 2 + NS_PER_HOUR, resumed.chance("5m"))
    assert (resumed.to_bytes(), resumed.weights()) == (straight.to_bytes(), straight.weights())
    with pytest.raises(ArtifactError, match="settings"):
        learner(algorithm, exploration=0.1).from_bytes(saved.to_bytes())


def test_the_loss_of_exp3ix_is_divided_by_the_chance_at_the_selection() -> None:
    sure, doubted = learner(), learner()
    sure.learn("5m", -100.0, 0, 1, 0.9)
    doubted.learn("5m", -100.0, 0, 1, 0.1)
    ratios = [math.log(made.weights()[1] / made.weights()[0]) / 0.07 for made in (sure, doubted)]
    assert ratios == pytest.approx([1 / 0.95, 1 / 0.15])


@pytest.mark.parametrize(("horizon", "reward", "chance"), [("1d", 1.0, 0.5), ("5m", math.nan, 0.5), ("5m", math.inf, 0.5), ("5m", 1.0, 1.5)])
def test_an_unknown_horizon_and_numbers_that_mean_nothing_are_refused(horizon: str, reward: float, chance: float) -> None:
    with pytest.raises(StrategyError, match=r"expected a (horizon|finite reward)"):
        learner().learn(horizon, reward, 0, 1, chance)


@pytest.mark.parametrize("setting", [{"algorithm": "best"}, {"exploration": 1.5}, {"blend": 1.0}, {"reward_cap_bps": math.nan}, {"full_after": 0}])
def test_settings_out_of_their_bounds_are_named(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="expected") as raised:
        CilsConfig(**setting)
    assert f"decision.cils.{next(iter(setting))}" in str(raised.value.where)


def test_settings_survive_their_document() -> None:
    for config in (DecisionConfig(), DecisionConfig(cils=CilsConfig("ucb", blend=0.5), temperature={5: 0.5})):
        assert DecisionConfig.from_document(config.document()) == config
    assert "cils" not in DecisionConfig().document()


@settings(max_examples=100, deadline=None)
@given(
    scores=st.lists(st.lists(st.one_of(st.floats(-20, 20), st.just(math.nan)), min_size=3, max_size=3), min_size=1, max_size=4),
    preference=st.lists(st.floats(0.1, 3.0), min_size=3, max_size=3),
    threshold=st.floats(-5, 10),
)
def test_a_preference_never_chooses_a_horizon_that_fails_while_another_passes(scores: Any, preference: Any, threshold: float) -> None:
    table, chosen = np.array(scores).T.copy(), np.full(len(scores), -7, dtype=np.int64)
    kernels.prefer_all(table, np.full(len(scores), threshold), np.array(preference), chosen)
    for symbol, row in enumerate(scores):
        known = [h for h in range(3) if not math.isnan(row[h])]
        passing = [h for h in known if row[h] >= threshold] or known
        weighed = {h: row[h] * preference[h] if row[h] > 0 else row[h] for h in passing}
        assert chosen[symbol] == (max(passing, key=lambda h: (weighed[h], -h)) if known else -1)


def test_equal_preferences_choose_as_without_a_learner() -> None:
    models = [model(target="fwd_ret_60m", prior_ic=0.3), model(target="fwd_ret_120m", prior_ic=0.2)]
    config = {"score_base_bps": 0.0, "score_spread_share": 0.0}
    plain_one, learning = (ModelAlpha(models, SYMBOLS, 5, DecisionConfig(**config, cils=cils)) for cils in (None, CilsConfig()))  # type: ignore[arg-type]
    for bar in range(40):
        seen = view(bar, features={"signal": 1e-3 * np.array([1.0, -1.0, 0.5, -0.5, 0.1]) * (1 if bar % 2 else -1)})
        assert plain_one.propose(seen, {}) == learning.propose(seen, {})
    assert any(mandate.type is MandateType.ENTRY for mandate in learning.propose(view(41, features={"signal": np.ones(5)}), {}))
