from __future__ import annotations

from decimal import Decimal
from math import inf

import pytest
from tests.fakes.trading import account, held, instrument

from tallystick.contracts.errors import DataError
from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.risk import RiskConfig
from tallystick.contracts.traded_instruments import MarginTier
from tallystick.execution.ledger import Ledger
from tallystick.execution.venue_liquidation import takings
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


@pytest.mark.clause("D4.60")
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("quantity", ["1000", "4000", "90000"])
def test_the_venue_never_liquidates_before_the_distance_says_so(direction: Direction, quantity: str) -> None:
    """Against the venue's own rule: at the liquidation price that risk names equity still covers the tier's maintenance, or is about to fail it."""
    tiers = (
        MarginTier(0, 2_000_000, 0, 20),
        MarginTier(250_000_000_000, 4_000_000, 5_000_000_000, 10),
        MarginTier(1_000_000_000_000, 8_000_000, 45_000_000_000, 5),
    )
    traded = instrument("A", tick="0.01", lot="1", tiers=tiers)
    position, mark = held("A", quantity, "100", direction), Decimal(100)
    equity = Decimal(quantity) * 100 / 8
    risk = calculator.assess(account(str(equity)), {"A": position}, {"A": mark}, CONFIG, {"A": traded})[0][0]
    value = Decimal(quantity) * 100
    tier = next(tier for tier in reversed(tiers) if value * 10**6 >= tier.lower_micro)
    effective = (value * 10**6 * tier.rate_e8 / 10**8 - tier.deduction_micro) / (value * 10**6)
    assert risk.liquidation_distance == pytest.approx(float(1 / Decimal(8) - effective), abs=1e-6)
    ledger = Ledger({"A": traded}, equity)
    ledger.fill("A", direction.sign * int(quantity), 10_000, 0)
    # A step of the distance inside: rounding, and for a short the maintenance that grows with the price.
    near = int((risk.liquidation_price + (mark - risk.liquidation_price) * Decimal("0.1")) * 100)
    assert list(takings(ledger, {"A": near})) == []


def test_the_configured_rate_is_the_least() -> None:
    lenient = instrument("A", tiers=(MarginTier(0, 100_000, 0, 50),))
    assert calculator.maintenance_rate(lenient, 10**9, CONFIG) == Decimal("0.005") == calculator.maintenance_rate(None, 10**9, CONFIG)
