from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import account, held, instrument

from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.risk import BreakerState, CircuitState, Kill, KillState, RiskConfig
from tallystick.risk.restraint import restrain

CONFIG = RiskConfig()
NOW_NS = 1_735_689_600_000_000_000


def mandates(positions: dict[str, Position], marks: dict[str, str], equity: str = "100000", config: RiskConfig = CONFIG, **more: Any) -> tuple[Mandate, ...]:
    arguments = {"observation_failed": False, "breaker": BreakerState(), "kill": KillState(), **more}
    return restrain(account(equity), positions, {key: Decimal(value) for key, value in marks.items()}, config, NOW_NS, **arguments)


def rows(found: tuple[Mandate, ...]) -> list[tuple[str, str, float]]:
    return [(mandate.symbol, mandate.type.name, mandate.authority) for mandate in found]


def test_healthy_account_is_not_restrained() -> None:
    assert mandates({"A": held("A")}, {"A": "100", "B": "5"}) == ()


def test_decision_13_failed_observation_blocks_every_symbol_and_nothing_else() -> None:
    found = mandates({"A": held("A")}, {"A": "100", "B": "5"}, observation_failed=True)
    assert rows(found) == [("A", "BLOCK", 10.0), ("B", "BLOCK", 10.0)]


def test_failed_observation_leaves_risk_exits_going_on() -> None:
    found = mandates({"A": held("A")}, {"A": "90"}, observation_failed=True)
    assert rows(found) == [("A", "BLOCK", 10.0), ("A", "EXIT", 9.5)]


@pytest.mark.clause("D4.70")
def test_open_breaker_and_latched_kill_block_every_symbol() -> None:
    opened = BreakerState(CircuitState.OPEN, "5 losses in a row", NOW_NS)
    killed = KillState(kills=(Kill("manual", "desk", NOW_NS, "2025-01-01"),))
    assert [mandate.strategy_id for mandate in mandates({}, {"A": "1", "B": "1"}, breaker=opened)] == ["risk.circuit_breaker"] * 2
    found = mandates({}, {"A": "1", "B": "1"}, kill=killed)
    assert rows(found) == [("A", "BLOCK", 10.0), ("B", "BLOCK", 10.0)]
    assert "manual: desk" in str(found[0].reason)


def test_leverage_above_the_maximum_blocks_every_symbol() -> None:
    config = RiskConfig(L_max=2.0, L_target=2.0, L_symbol_max=2.0)
    found = mandates({"A": held("A", "2100")}, {"A": "100", "B": "1"}, config=config)
    assert {row for row in rows(found) if row[1] == "BLOCK"} == {("A", "BLOCK", 10.0), ("B", "BLOCK", 10.0)}


def test_held_symbol_without_a_mark_blocks_every_entry_and_is_named() -> None:
    found = mandates({"A": held("A")}, {"B": "1"})
    assert rows(found) == [("A", "BLOCK", 10.0), ("B", "BLOCK", 10.0)]
    assert found[0].reason == "no mark for the held symbol A"


@pytest.mark.parametrize(("direction", "mark"), [(Direction.LONG, "98"), (Direction.SHORT, "102")])
def test_stop_loss_demands_an_exit(direction: Direction, mark: str) -> None:
    found = mandates({"A": held("A", direction=direction)}, {"A": mark})
    assert rows(found) == [("A", "EXIT", 9.5)]
    assert found[0].quantity == 1


@pytest.mark.parametrize(("direction", "mark"), [(Direction.LONG, "103"), (Direction.SHORT, "97")])
def test_take_profit_demands_an_exit(direction: Direction, mark: str) -> None:
    assert rows(mandates({"A": held("A", direction=direction)}, {"A": mark})) == [("A", "EXIT", 7.5)]


def test_time_stop_applies_only_where_the_age_is_known() -> None:
    positions, marks = {"A": held("A")}, {"A": "100"}
    assert mandates(positions, marks, opened_ns={"A": NOW_NS - 899_000_000_000}) == ()
    assert rows(mandates(positions, marks, opened_ns={"A": NOW_NS - 900_000_000_000})) == [("A", "EXIT", 7.5)]


def test_r9_reduce_comes_before_exit_as_the_distance_shrinks() -> None:
    # one position of q · 100 against equity 1,000: distance = 1/L − MMR
    config = RiskConfig(L_max=40.0, L_symbol_max=40.0)
    at_12 = rows(mandates({"A": held("A", "120")}, {"A": "100"}, equity="1000", config=config))
    assert at_12 == [("A", "REDUCE", 9.0), ("A", "REDUCE", 8.0)]
    at_32 = rows(mandates({"A": held("A", "320")}, {"A": "100"}, equity="1000", config=config))
    assert ("A", "EXIT", 10.0) in at_32


def test_symbol_exposure_above_its_maximum_demands_a_reduction_to_within_it() -> None:
    config = RiskConfig(L_symbol_max=1.0)
    found = mandates({"A": held("A", "40")}, {"A": "100"}, equity="1000", config=config, instruments={"A": instrument("A")})
    assert rows(found) == [("A", "REDUCE", 7.0)]
    # r12: what is left keeps the limit, so more than half goes
    assert found[0].quantity == 30


def test_reduction_is_rounded_up_to_the_lot_and_never_above_what_is_held() -> None:
    config = RiskConfig(L_symbol_max=0.005)
    found = mandates({"A": held("A", "0.5")}, {"A": "100"}, equity="1000", config=config, instruments={"A": instrument("A", lot="0.3")})
    assert found[0].quantity == Decimal("0.5")


def test_only_the_worst_symbol_is_reduced_for_the_smallest_distance() -> None:
    positions = {"A": held("A", "60"), "B": held("B", "60", direction=Direction.SHORT)}
    found = mandates(positions, {"A": "100", "B": "100"}, equity="1000", config=RiskConfig(L_max=40.0, L_symbol_max=40.0))
    assert [row[0] for row in rows(found) if row[2] == 9.0] == ["A"]


def test_closing_position_gets_no_further_demand() -> None:
    leaving = Position("A", PositionState.CLOSING, Direction.LONG, Decimal(1), Decimal(100))
    assert mandates({"A": leaving}, {"A": "50"}) == ()


def test_risk_never_demands_an_entry_or_a_hold() -> None:
    found = mandates({"A": held("A", "500")}, {"A": "90", "B": "1"}, equity="1000", observation_failed=True)
    assert {mandate.type for mandate in found} <= {MandateType.EXIT, MandateType.REDUCE, MandateType.BLOCK}


def test_mandates_are_in_one_order_whatever_the_order_of_the_input() -> None:
    positions = {"B": held("B"), "A": held("A")}
    first = mandates(positions, {"B": "90", "A": "90"}, observation_failed=True)
    assert first == mandates(dict(reversed(positions.items())), {"A": "90", "B": "90"}, observation_failed=True)


def test_ruined_account_exits_what_it_holds() -> None:
    found = mandates({"A": held("A")}, {"A": "100"}, equity="-1")
    assert ("A", "EXIT", 10.0) in rows(found)
