from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from tallystick.contracts.training import CrossSectionalRanking, RankingMetrics
from tallystick.training.config import PromotionThresholds
from tallystick.training.evaluation import _verdict
from tallystick.training.promotion import BookResult, book_weights, judge, run_book, sign_weights
from tallystick.training.scoring import Skill

GOOD = BookResult(rebalances=200, gross_return_pct=20.0, cost_pct=5.0, net_return_pct=15.0, sharpe=2.0, max_drawdown_pct=4.0, mean_turnover=1.0, hit_rate=0.6)
POOR = dataclasses.replace(GOOD, net_return_pct=-3.0)
SKILL = Skill(0.05, 0.05, 0.2, 0.55, 0.01, 5.0, 200, None)


def verdict(model: BookResult = GOOD, rule: BookResult = POOR, classical: BookResult = POOR, skill: Skill = SKILL, **more):
    fields = {"thresholds": PromotionThresholds(), "blocked_override": False, **more}
    return judge(model=model, rule=rule, classical=classical, test_skill=skill, **fields)


@pytest.mark.clause("D3.37")
def test_model_that_beats_both_baselines_net_of_cost_is_eligible() -> None:
    found = verdict()
    assert found.assessment.eligible_for_paper
    assert found.assessment.blocking_reasons == ()
    assert found.baselines.result == "beats_both"


@pytest.mark.clause("D3.37", "D1.38")
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"blocked_override": True}, "decision 49"),
        ({"model": dataclasses.replace(GOOD, rebalances=10)}, "10 rebalances"),
        ({"skill": dataclasses.replace(SKILL, t_stat=1.0)}, "t-statistic 1.00"),
        ({"skill": dataclasses.replace(SKILL, t_stat=math.nan)}, "unknown"),
        ({"model": dataclasses.replace(GOOD, max_drawdown_pct=40.0)}, "drawdown 40.00"),
        ({"rule": dataclasses.replace(GOOD, net_return_pct=16.0)}, "rule-based baseline has 16.00"),
        ({"classical": dataclasses.replace(GOOD, net_return_pct=15.0)}, "classical baseline has 15.00"),
        (
            {
                "ranking": CrossSectionalRanking(
                    enabled=True,
                    target_type="cs_zscore",
                    loss_type="listwise_softmax",
                    training_metrics=RankingMetrics(best_ic=0.0, best_spread=0.0, epochs_trained=1),
                )
            },
            "best_ic",
        ),
    ],
)
def test_each_reason_blocks_alone_and_says_its_number(change: dict, word: str) -> None:
    found = verdict(**change).assessment
    assert not found.eligible_for_paper
    assert len(found.blocking_reasons) == 1
    assert word in found.blocking_reasons[0]


def test_losing_model_is_blocked_with_gross_and_costs() -> None:
    found = verdict(model=dataclasses.replace(GOOD, gross_return_pct=4.0, net_return_pct=-1.0), rule=GOOD)
    assert any("4.00 % gross, 5.00 % costs" in reason for reason in found.assessment.blocking_reasons)
    assert found.baselines.result == "beats_one"


def test_book_pays_for_every_change_of_weight() -> None:
    weights = np.array([[0.5, -0.5], [-0.5, 0.5]])
    returns = np.array([[0.01, 0.02], [0.0, np.nan]])
    found = run_book(weights, returns, horizon_minutes=60, costs=PromotionThresholds(taker_fee_bps=9.0, half_spread_bps=1.0))
    assert found.gross_return_pct == pytest.approx(100 * (0.005 - 0.01))
    assert found.cost_pct == pytest.approx(100 * (1.0 + 2.0 + 1.0) * 0.001)
    assert found.rebalances == 2
    assert found.net_return_pct == pytest.approx(found.gross_return_pct - found.cost_pct)


def test_weights_are_market_neutral_at_gross_one() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(7, 20))
    weights = book_weights(scores, np.zeros((7, 20)))
    np.testing.assert_allclose(np.abs(weights).sum(axis=1), 1.0)
    np.testing.assert_allclose(weights.sum(axis=1), 0.0, atol=1e-12)
    assert (np.argmax(weights, axis=1) == np.argmax(scores, axis=0)).all()


def test_lone_symbol_takes_the_sign_of_its_score() -> None:
    scores = np.array([[0.3, -0.2, np.nan, 0.0]])
    assert book_weights(scores, np.zeros((1, 4))).ravel().tolist() == [1.0, -1.0, 0.0, 0.0]
    assert sign_weights(scores, np.zeros((1, 4))).ravel().tolist() == [1.0, -1.0, 0.0, 0.0]


def test_sharpe_is_annualised_by_the_calendar_of_crypto() -> None:
    weights = np.array([[1.0], [1.0], [1.0], [1.0]])
    returns = np.array([[0.01, 0.02, 0.0, 0.01]])
    found = run_book(weights, returns, horizon_minutes=1440, costs=PromotionThresholds(taker_fee_bps=0.0, half_spread_bps=0.0))
    assert found.sharpe == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * math.sqrt(365.0))


def test_a_symbol_that_is_delisted_while_it_is_held_costs_what_it_lost() -> None:
    """The last bar of a name that falls 60 % and goes is what the holder got; a book that leaves it out knew that it would go."""
    close = np.array([[100.0, 101.0, 102.0, 103.0, 104.0], [100.0, 40.0, np.nan, np.nan, np.nan], [100.0, 100.0, 100.0, 100.0, 100.0]])
    predictions = np.array([[0.0], [0.1], [-0.1]])
    shared = SimpleNamespace(target="fwd_ret_180m", rows=SimpleNamespace(bars=np.array([0])), development=0, trailing=np.zeros((3, 1)))
    chosen = SimpleNamespace(strongest="signal", means={"signal": 1.0})
    result = SimpleNamespace(plan=SimpleNamespace(shared=shared, final=chosen, blocked_override=False))
    dataset = SimpleNamespace(
        horizon_bars=lambda _target: 3, interval_ns=3_600_000_000_000, day_minutes=1440, features=("signal",), cube=np.zeros((3, 1, 5)), close=close
    )
    found = _verdict(dataset, result, SimpleNamespace(promotion=PromotionThresholds()), slice(None), predictions, SKILL)
    assert found.market.gross_return_pct == pytest.approx(0.5 * -60.0)
