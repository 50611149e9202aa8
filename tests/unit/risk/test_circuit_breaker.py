from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.contracts.decision import MandateType
from tallystick.contracts.errors import InvariantViolation, SafetyRefusal
from tallystick.contracts.risk import BreakerState, CircuitState, RiskConfig
from tallystick.risk import circuit_breaker

CONFIG = RiskConfig()
EQUITY = Decimal(10000)


def trades(*results: int, state: BreakerState | None = None) -> BreakerState:
    state = state or BreakerState()
    for number, result in enumerate(results):
        state = circuit_breaker.record_trade(state, Decimal(result), EQUITY, CONFIG, number)
    return state


@pytest.mark.clause("D4.69", "D4.70")
def test_trips_on_consecutive_losses_once_enough_trades_were_seen() -> None:
    assert trades(*[-1] * 9).state is CircuitState.CLOSED
    tripped = trades(*[1] * 5, *[-1] * 5)
    assert tripped.state is CircuitState.OPEN
    assert tripped.reason == "5 losses in a row, limit 5"
    assert tripped.opened_ns == 9


def test_a_win_begins_the_count_again() -> None:
    assert trades(*[1] * 6, *[-1] * 4, 1, -1).state is CircuitState.CLOSED


def test_trips_on_a_single_large_loss() -> None:
    # 526 of 10,526 before it is just under 5 %, 527 of 10,527 is above
    assert trades(-526).state is CircuitState.CLOSED
    assert "one trade lost 527" in str(trades(-527).reason)


def test_trips_on_the_loss_of_the_session() -> None:
    assert trades(-400, -400).state is CircuitState.CLOSED
    assert "since the last reset" in str(trades(-400, -400, -400).reason)


def test_trips_on_a_price_move_inside_its_window_only() -> None:
    second = 1_000_000_000
    quiet = circuit_breaker.record_price_move(BreakerState(), "X", -0.25, 61 * second, CONFIG, 0)
    assert quiet.state is CircuitState.CLOSED
    assert circuit_breaker.record_price_move(BreakerState(), "X", 0.19, second, CONFIG, 0).state is CircuitState.CLOSED
    assert "X moved -0.2500" in str(circuit_breaker.record_price_move(BreakerState(), "X", -0.25, second, CONFIG, 0).reason)


@pytest.mark.clause("D4.71")
def test_never_closes_by_itself_and_keeps_its_first_reason() -> None:
    opened = trades(-600)
    later = trades(*[1] * 100, state=opened)
    assert later.state is CircuitState.OPEN
    assert later.reason == opened.reason
    assert circuit_breaker.trip(later, "another", 5).reason == opened.reason


@pytest.mark.clause("D4.71")
@pytest.mark.parametrize(("actor", "phrase"), [("", circuit_breaker.RESET_PHRASE), ("ada", "yes"), ("ada", "")])
def test_reset_without_actor_and_phrase_is_refused(actor: str, phrase: str) -> None:
    with pytest.raises(SafetyRefusal, match="named actor"):
        circuit_breaker.reset(trades(-600), actor=actor, phrase=phrase)


def test_explicit_reset_closes_it_with_empty_counts() -> None:
    assert circuit_breaker.reset(trades(-600), actor="ada", phrase=circuit_breaker.RESET_PHRASE) == BreakerState()


@pytest.mark.clause("D4.70", "D4.72")
def test_decision_15_open_blocks_every_symbol_and_closed_none() -> None:
    assert circuit_breaker.block_mandates(BreakerState(), ["A", "B"], 0) == ()
    mandates = circuit_breaker.block_mandates(trades(-600), ["B", "A", "C"], 2_000_000_000)
    assert [mandate.symbol for mandate in mandates] == ["A", "B", "C"]
    assert {mandate.type for mandate in mandates} == {MandateType.BLOCK}
    assert {mandate.timestamp for mandate in mandates} == {2.0}


@pytest.mark.clause("D4.72")
def test_there_is_no_state_between_closed_and_open() -> None:
    assert [state.value for state in CircuitState] == ["CLOSED", "OPEN"]
    with pytest.raises(InvariantViolation, match="say why"):
        BreakerState(state=CircuitState.OPEN)


def test_marks_of_a_bar_are_looked_at_one_by_one_and_only_inside_the_window() -> None:
    before, after = {"A": Decimal(100), "B": Decimal(50)}, {"A": Decimal(81), "B": Decimal(30), "NEW": Decimal(1)}
    second = 1_000_000_000
    tripped = circuit_breaker.record_price_moves(BreakerState(), before, after, second, CONFIG, 7)
    assert tripped == circuit_breaker.record_price_move(BreakerState(), "B", -0.4, second, CONFIG, 7)
    assert circuit_breaker.record_price_moves(BreakerState(), before, after, 61 * second, CONFIG, 7) == BreakerState()
