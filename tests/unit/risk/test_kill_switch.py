from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.contracts.errors import InvariantViolation, SafetyRefusal
from tallystick.contracts.messages import document_of, message_of
from tallystick.contracts.risk import KillState, RiskConfig
from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR
from tallystick.risk import kill_switch

CONFIG = RiskConfig()
DAY_NS = 20_000 * NS_PER_DAY


def seen(*equities: float, state: KillState | None = None, start_ns: int = DAY_NS) -> KillState:
    state = state or KillState()
    for hour, equity in enumerate(equities):
        state = kill_switch.observe(state, Decimal(repr(equity)), CONFIG, start_ns + hour * NS_PER_HOUR)
    return state


@pytest.mark.clause("D2.35")
def test_daily_loss_at_its_limit_kills() -> None:
    assert not seen(10000, 9800.01).active
    state = seen(10000, 9800)
    assert state.active
    assert state.reason == "daily_loss: lost 2 % since the day began, limit 2 %"


def test_decision_14_daily_kill_clears_on_the_next_utc_day() -> None:
    killed = seen(10000, 9700)
    assert seen(9900, state=killed, start_ns=DAY_NS + 23 * NS_PER_HOUR).active
    assert not seen(9700, state=killed, start_ns=DAY_NS + NS_PER_DAY).active


def test_decision_14_drawdown_and_manual_kills_outlive_the_day() -> None:
    state = kill_switch.latch_manual(seen(10000, 8900), "asked by the desk", DAY_NS)
    state = seen(9900, state=state, start_ns=DAY_NS + 5 * NS_PER_DAY)
    assert [kill.kind for kill in state.kills] == ["drawdown", "manual"]
    assert "asked by the desk" in str(state.reason)


def test_decision_14_kills_survive_a_restart() -> None:
    state = kill_switch.latch_manual(seen(10000, 8900), "asked by the desk", DAY_NS)
    assert message_of(KillState, document_of(state)) == state


def test_a_loss_overnight_counts_for_the_new_day() -> None:
    state = seen(9750, state=seen(10000), start_ns=DAY_NS + NS_PER_DAY)
    assert kill_switch.daily_result_pct(state) == Decimal("-2.5")
    assert state.active


def test_reset_needs_an_actor_and_the_typed_phrase() -> None:
    state = kill_switch.latch_manual(seen(10000), "stop", DAY_NS)
    for actor, phrase in (("", "reset manual"), ("ada", "reset drawdown"), ("ada", "")):
        with pytest.raises(SafetyRefusal, match="named actor"):
            kill_switch.reset(state, "manual", actor=actor, phrase=phrase)
    assert not kill_switch.reset(state, "manual", actor="ada", phrase="reset manual").active


def test_drawdown_reset_begins_a_new_peak_so_that_it_does_not_return_at_once() -> None:
    killed = seen(10000, 9900, 8950)
    state = kill_switch.reset(killed, "drawdown", actor="ada", phrase="reset drawdown")
    state = seen(8950, state=state, start_ns=DAY_NS + NS_PER_DAY)
    assert not state.active
    assert state.peak_equity == 8950


def test_daily_loss_cannot_be_reset_within_its_day() -> None:
    with pytest.raises(SafetyRefusal, match="next UTC day"):
        kill_switch.reset(seen(10000, 9000), "daily_loss", actor="ada", phrase="reset daily_loss")


def test_first_reason_stays() -> None:
    assert seen(10000, 9790, 9600).reason == seen(10000, 9790).reason


def test_equity_at_or_below_zero_is_a_full_loss() -> None:
    assert kill_switch.daily_result_pct(seen(0, -5)) == -100


def test_refuses_a_day_that_runs_backwards() -> None:
    with pytest.raises(InvariantViolation, match="expected a day from"):
        seen(10000, state=seen(10000), start_ns=DAY_NS - NS_PER_DAY)


def test_manual_kill_needs_a_reason() -> None:
    with pytest.raises(SafetyRefusal, match="reason"):
        kill_switch.latch_manual(KillState(), "", 0)
