from __future__ import annotations

from decimal import Decimal

import pytest
from tests.fakes.trading import held

from tallystick.contracts.positions import Direction, Position, ReconciliationAction
from tallystick.contracts.registry import contract
from tallystick.execution.reconciler import Reconciler

NONE, SYNC, CLOSE = ReconciliationAction


def actions(reconciler: Reconciler, ours: dict[str, Position], theirs: dict[str, Position]) -> list[ReconciliationAction]:
    return [result.action for result in reconciler.compare(ours, theirs)]


@pytest.mark.clause("D4.97")
def test_equal_positions_need_nothing() -> None:
    reconciler = Reconciler()
    result = reconciler.compare({"A": held("A")}, {"A": held("A")})[0]
    assert (result.symbol, result.expected_size, result.actual_size, result.action, result.discrepancy) == ("A", 1.0, 1.0, NONE, 0.0)
    assert reconciler.blocked == {}


@pytest.mark.clause("D4.98", "D4.100")
def test_second_mismatch_in_a_row_recommends_a_sync_and_the_first_blocks() -> None:
    reconciler, ours, theirs = Reconciler(), {"A": held("A", "1")}, {"A": held("A", "0.9")}
    first = reconciler.compare(ours, theirs)[0]
    assert (first.action, first.discrepancy) == (NONE, pytest.approx(-0.1))
    assert list(reconciler.blocked) == ["A"]
    assert actions(reconciler, ours, theirs) == [SYNC]


def test_agreement_between_two_mismatches_begins_the_count_again() -> None:
    reconciler, ours, theirs = Reconciler(), {"A": held("A", "1")}, {"A": held("A", "0.9")}
    reconciler.compare(ours, theirs)
    reconciler.compare(ours, ours)
    assert reconciler.blocked == {}
    assert actions(reconciler, ours, theirs) == [NONE]


def test_difference_within_the_tolerance_is_no_mismatch() -> None:
    reconciler = Reconciler(tolerance=Decimal("0.01"))
    assert actions(reconciler, {"A": held("A", "1")}, {"A": held("A", "0.99")}) == [NONE]
    assert reconciler.blocked == {}


@pytest.mark.clause("D4.98")
@pytest.mark.parametrize("ours", [{}, {"A": held("A", direction=Direction.SHORT)}])
def test_unknown_or_opposite_position_recommends_an_emergency_close(ours: dict[str, Position]) -> None:
    reconciler = Reconciler()
    actions(reconciler, ours, {"A": held("A")})
    assert actions(reconciler, ours, {"A": held("A")}) == [CLOSE]


def test_position_gone_at_the_venue_recommends_a_sync() -> None:
    reconciler = Reconciler()
    actions(reconciler, {"A": held("A")}, {})
    assert actions(reconciler, {"A": held("A")}, {}) == [SYNC]


@pytest.mark.clause("D4.99")
def test_decision_16_reconciler_recommends_and_has_no_hand_to_act() -> None:
    ours, theirs = {"A": held("A", "1")}, {"A": held("A", "2")}
    reconciler = Reconciler()
    for _ in range(3):
        reconciler.compare(ours, theirs)
    assert ours == {"A": held("A", "1")}
    assert theirs == {"A": held("A", "2")}
    assert {name for name in dir(reconciler) if not name.startswith("_")} == {"blocked", "compare"}


def test_results_keep_their_contract_and_come_in_symbol_order() -> None:
    results = Reconciler().compare({"C": held("C"), "A": held("A")}, {"B": held("B"), "A": held("A", "3")})
    assert [result.symbol for result in results] == ["A", "B", "C"]
    rules = contract("execution.reconciliation_result").rules
    assert [rule.holds(result) for result in results for rule in rules] == [None] * 6
