"""Arbitration by decision 18, and what each position state admits."""

from __future__ import annotations

import pytest
from tests.fakes.decisions import mandate, position

from tallystick.contracts.decision import Action, ActionType, MandateType
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.positions import Direction
from tallystick.decision.arbitration import arbitrate


def only(*mandates: object, state: str = "FLAT", **more: object) -> Action:
    (action,) = arbitrate(mandates, {"AAAUSDT": position(state)}, **more)  # type: ignore[arg-type]
    return action


@pytest.mark.clause("D4.51")
def test_mandate_types_rank_as_the_seed_numbers_them() -> None:
    assert {item.name: item.value for item in MandateType} == {"EXIT": 5, "BLOCK": 4, "REDUCE": 3, "ENTRY": 2, "HOLD": 1}


@pytest.mark.clause("D4.53", "D4.57")
def test_there_is_no_action_type_beyond_the_seeds() -> None:
    assert {item.value for item in ActionType} == {"ENTRY", "EXIT", "REDUCE", "HOLD", "NO_ACTION"}


@pytest.mark.clause("D4.54")
def test_exit_wins_over_everything() -> None:
    action = only(*(mandate(kind, authority=9.0) for kind in ("BLOCK", "REDUCE", "HOLD")), mandate("EXIT", authority=0.0), state="OPEN")
    assert action.type is ActionType.EXIT


@pytest.mark.clause("D4.54")
def test_decision_18_block_discards_entry() -> None:
    action = only(mandate("ENTRY", authority=99.0), mandate("BLOCK", authority=0.0, reason="breaker open"))
    assert action.type is ActionType.NO_ACTION
    assert action.reason == "blocked: breaker open"


def test_decision_18_block_does_not_stop_a_reduction() -> None:
    assert only(mandate("BLOCK"), mandate("REDUCE", authority=0.0), state="OPEN").type is ActionType.REDUCE


def test_decision_18_block_with_hold_keeps_the_reason_of_the_block() -> None:
    action = only(mandate("BLOCK", reason="leverage"), mandate("HOLD"), mandate("ENTRY"))
    assert (action.type, action.reason) == (ActionType.HOLD, "blocked: leverage")


@pytest.mark.parametrize(
    ("first", "second"), [({"authority": 6.0}, {}), ({"timestamp": 1.0}, {"timestamp": 2.0}), ({"strategy_id": "a"}, {"strategy_id": "b"})]
)
def test_decision_18_authority_then_time_then_strategy_break_a_tie(first: dict[str, object], second: dict[str, object]) -> None:
    better, worse = mandate("ENTRY", reason="better", **first), mandate("ENTRY", reason="worse", **second)  # type: ignore[arg-type]
    assert only(worse, better).reason == only(better, worse).reason == "better"


def test_decision_18_opposite_entries_of_equal_authority_do_nothing() -> None:
    action = only(mandate("ENTRY", strategy_id="a"), mandate("ENTRY", direction=Direction.SHORT, strategy_id="b"))
    assert action.type is ActionType.NO_ACTION
    assert "opposite" in str(action.reason)


def test_opposite_entry_of_lower_authority_loses() -> None:
    action = only(mandate("ENTRY", authority=4.0), mandate("ENTRY", direction=Direction.SHORT))
    assert (action.type, action.direction) == (ActionType.ENTRY, Direction.SHORT)


@pytest.mark.clause("D4.56")
def test_mandates_are_never_combined() -> None:
    one, other = mandate("REDUCE", quantity=None, reason="one", strategy_id="a"), mandate("REDUCE", reason="other", strategy_id="b")
    action = only(one, other, state="OPEN")
    assert (action.strategy_id, action.reason, action.quantity) == ("a", "one", None)


def test_nothing_gives_no_action_with_a_reason() -> None:
    assert only() == Action(ActionType.NO_ACTION, "AAAUSDT", None, reason="no mandate", stage="arbitration")


def test_expired_mandates_do_not_take_part() -> None:
    assert only(mandate("ENTRY", expires=1500.0), now=1500.0).type is ActionType.NO_ACTION
    assert only(mandate("ENTRY", expires=1500.0), now=1499.0).type is ActionType.ENTRY


@pytest.mark.clause("D4.52")
def test_decision_19_refuses_entry_without_direction() -> None:
    with pytest.raises(InvariantViolation, match="direction"):
        only(type(mandate("HOLD"))("AAAUSDT", MandateType.ENTRY, 1.0, 1.0))
    with pytest.raises(InvariantViolation, match="direction"):
        Action(ActionType.ENTRY, "AAAUSDT", "policy")


@pytest.mark.clause("D4.52")
@pytest.mark.parametrize("field", [{"symbol": ""}, {"authority": -1.0}, {"timestamp": -1.0}, {"authority": float("nan")}])
def test_refuses_mandate_without_symbol_or_with_negative_numbers(field: dict[str, object]) -> None:
    with pytest.raises(InvariantViolation):
        mandate("HOLD", **field)  # type: ignore[arg-type]


def test_decision_19_shorts_open() -> None:
    assert only(mandate("ENTRY", direction=Direction.SHORT)).direction is Direction.SHORT


def test_decision_46_increase_in_the_held_direction_is_admitted() -> None:
    assert only(mandate("ENTRY"), state="OPEN").type is ActionType.ENTRY


def test_decision_46_flip_is_exit_first() -> None:
    action = only(mandate("ENTRY", direction=Direction.SHORT), state="OPEN")
    assert action.type is ActionType.NO_ACTION
    assert "EXIT first" in str(action.reason)


@pytest.mark.parametrize(
    ("state", "admitted"),
    [
        ("FLAT", {"ENTRY", "HOLD"}),
        ("ENTERING", {"EXIT"}),
        ("OPEN", {"EXIT", "REDUCE", "ENTRY", "HOLD"}),
        ("REDUCING", {"EXIT"}),
        ("CLOSING", set()),
    ],
)
def test_state_admits_exactly_its_actions(state: str, admitted: set[str]) -> None:
    for kind in ("EXIT", "REDUCE", "ENTRY", "HOLD"):
        assert (only(mandate(kind), state=state).type.value == kind) is (kind in admitted), (state, kind)


def test_inadmissible_exit_lets_no_entry_pass() -> None:
    assert only(mandate("EXIT"), mandate("ENTRY")).type is ActionType.NO_ACTION


@pytest.mark.clause("D4.55")
def test_every_symbol_with_a_mandate_or_a_position_gets_one_action() -> None:
    actions = arbitrate([mandate("HOLD", "B"), mandate("HOLD", "B")], {"A": position("FLAT", "A")})
    assert [action.symbol for action in actions] == ["A", "B"]
