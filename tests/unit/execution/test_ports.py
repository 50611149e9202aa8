from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import FakeGateway, instrument

from tallystick.contracts.errors import DataError
from tallystick.execution import ports
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts

PORTS = [ports.MarketFeed, ports.OrderGateway, ports.AccountReader, ports.InstrumentReader]


def methods(port: Any) -> set[str]:
    return {name for name, value in vars(port).items() if callable(value) and not name.startswith("_")}


@pytest.mark.parametrize("port", PORTS)
def test_port_is_small_and_the_simulated_venue_fills_it(port: Any) -> None:
    venue = SimulatedVenue({"A": instrument("A")}, VenueCosts(), Decimal(100))
    assert 1 <= len(methods(port)) <= 5
    assert all(callable(getattr(venue, name)) for name in methods(port))


def test_fake_gateway_fills_its_port() -> None:
    assert all(hasattr(FakeGateway, name) for name in methods(ports.OrderGateway))


@pytest.mark.clause("D4.136")
def test_simulated_venue_refuses_a_subscription_to_what_it_does_not_trade() -> None:
    venue = SimulatedVenue({"A": instrument("A")}, VenueCosts(), Decimal(100))
    venue.subscribe(["A"])
    with pytest.raises(DataError, match="traded here, found Z"):
        venue.subscribe(["A", "Z"])
