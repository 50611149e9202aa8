from __future__ import annotations

from decimal import Decimal
from math import inf

import pytest
from tests.fakes.trading import account, held

from tallystick.contracts.errors import DataError
from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.risk import RiskConfig
from tallystick.risk import calculator

CONFIG = RiskConfig()


@pytest.mark.clause("D4.61", "D4.63")
def test_sums_exposures_and_finds_the_smallest_liquidation_distance() -> None:
    positions = {"A": held("A", "100", "50"), "B": held("B", "10", "300", Direction.SHORT)}
    risks, portfolio = calculator.assess(account("10000"), positions, {"A": Decimal(60), "B": Decimal(200)}, CONFIG)
    assert portfolio.gross_notional == 8000
    assert portfolio.net_notional == 4000
    assert portfolio.total_leverage == 0.8
    assert portfolio.net_leverage == 0.4
    assert portfolio.position_count == 2
    assert [risk.symbol for risk in risks] == ["A", "B"]
    assert portfolio.min_liquidation_distance == min(risk.liquidation_distance for risk in risks)


@pytest.mark.clause("D4.60")
@pytest.mark.parametrize(("direction", "expected"), [(Direction.LONG, "80.5"), (Direction.SHORT, "119.5")])
def test_liquidation_price_follows_the_isolated_formula_at_the_mark(direction: Direction, expected: str) -> None:
    risk = calculator.position_risk(held(entry="100", direction=direction), Decimal(100), 5.0, CONFIG)
    assert risk.liquidation_price == Decimal(expected)
    assert risk.liquidation_distance == pytest.approx(0.195)


@pytest.mark.parametrize("mark", ["92345.6", "0.00001234"])
def test_liquidation_distance_is_the_same_at_any_price_scale(mark: str) -> None:
    risk = calculator.position_risk(held(entry=mark), Decimal(mark), 5.0, CONFIG)
    assert risk.liquidation_distance == pytest.approx(0.195, abs=1e-9)


def test_unlevered_long_cannot_be_liquidated() -> None:
    risk = calculator.position_risk(held(entry="100"), Decimal(100), 0.5, CONFIG)
    assert risk.liquidation_price == 0
    assert risk.liquidation_distance == 1.0


@pytest.mark.parametrize("direction", list(Direction))
def test_position_beyond_its_liquidation_price_is_at_distance_zero(direction: Direction) -> None:
    assert calculator.position_risk(held(direction=direction), Decimal(100), 1e9, CONFIG).liquidation_distance == 0.0


def test_nothing_held_has_no_worst_symbol() -> None:
    portfolio = calculator.portfolio_risk(account(), ())
    assert (portfolio.total_leverage, portfolio.min_liquidation_distance, portfolio.worst_symbol) == (0.0, 1.0, None)


def test_leverage_without_equity_is_infinite() -> None:
    assert calculator.leverage(Decimal(1), Decimal(0)) == inf
    assert calculator.leverage(Decimal(0), Decimal(0)) == 0.0


@pytest.mark.clause("D4.136", "D4.137")
@pytest.mark.parametrize("marks", [{}, {"BTCUSDT": Decimal(0)}, {"BTCUSDT": Decimal("NaN")}])
def test_missing_mark_raises_instead_of_a_guess(marks: dict[str, Decimal]) -> None:
    with pytest.raises(DataError, match="mark price above 0 for BTCUSDT"):
        calculator.assess(account(), {"BTCUSDT": held()}, marks, CONFIG)


def test_flat_position_has_no_risk_of_its_own() -> None:
    with pytest.raises(DataError, match="held position"):
        calculator.position_risk(Position.flat("A"), Decimal(1), 1.0, CONFIG)


@pytest.mark.clause("D4.64", "D4.65")
def test_calculator_returns_numbers_and_no_verdict() -> None:
    names = {name for name in dir(calculator) if not name.startswith("_")}
    assert not {name for name in names if any(word in name.lower() for word in ("accept", "allow", "mandate", "approve", "order", "decide"))}


def test_safe_leverage_is_where_the_distance_is_the_limit() -> None:
    assert float(calculator.safe_leverage(CONFIG)) == pytest.approx(11.7647, abs=1e-4)
