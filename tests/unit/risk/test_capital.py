from __future__ import annotations

from decimal import Decimal

import pytest
from tests.fakes.trading import account, held, instrument

from tallystick.contracts.errors import DataError
from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.risk import RiskConfig
from tallystick.risk.capital import available_capital, capital_limits, distance_quantity

CONFIG = RiskConfig()
FLAT = Position.flat("BTCUSDT")


@pytest.mark.clause("D4.66")
def test_distance_quantity_follows_its_formula() -> None:
    # 1,000 · 8 / 100 · (1 − 0.08 · 8)
    assert distance_quantity(Decimal(1000), Decimal(100), CONFIG) == Decimal("28.8")


def test_distance_quantity_is_nothing_where_the_target_leverage_leaves_no_distance() -> None:
    assert distance_quantity(Decimal(1000), Decimal(100), RiskConfig(L_max=20.0, L_target=15.0)) == 0


def test_available_capital_keeps_the_free_margin() -> None:
    assert available_capital(account("10000", "4000"), CONFIG) == 3000
    assert available_capital(account("10000", "500"), CONFIG) == 0


@pytest.mark.clause("D4.66")
def test_largest_position_is_the_smallest_of_its_bounds_on_the_lot_grid() -> None:
    limits = capital_limits(account("10000"), FLAT, Decimal(300), CONFIG, instrument(lot="0.01"))
    assert isinstance(limits.max_position_size, Decimal)
    # 20 % of equity binds: 2,000 / 300 = 6.666…
    assert limits.max_position_size == Decimal("6.66")
    assert limits.available_capital == 9000


def test_risk_fraction_bounds_the_loss_at_the_stop() -> None:
    limits = capital_limits(account("10000"), FLAT, Decimal(100), RiskConfig(risk_fraction=0.001), instrument())
    assert limits.max_position_size == 5


def test_free_margin_bounds_the_size() -> None:
    limits = capital_limits(account("10000", "1100"), FLAT, Decimal(100), CONFIG, instrument())
    assert limits.max_position_size == Decimal("2.016")


@pytest.mark.clause("D4.67", "D4.68")
def test_capital_is_a_pure_function_of_its_arguments() -> None:
    first = capital_limits(account("10000"), FLAT, Decimal(100), CONFIG, instrument())
    assert capital_limits(account("10000"), FLAT, Decimal(100), CONFIG, instrument()) == first


def test_r7_long_and_short_get_the_same_size() -> None:
    sizes = {capital_limits(account(), held(direction=side), Decimal(100), CONFIG, instrument()).max_position_size for side in Direction}
    assert len(sizes) == 1


@pytest.mark.clause("D4.136")
def test_refuses_a_price_that_is_none() -> None:
    with pytest.raises(DataError, match="price above 0"):
        capital_limits(account(), FLAT, Decimal(0), CONFIG, instrument())
