"""Facts of a venue as what the room reads: a short is a position of some value, and 0 is no liquidation price."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, encoded

from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.apps.observation_pass import ObservationPass


def risk(**changed: Any) -> bytes:
    row = {
        "symbol": "BTCUSDT",
        "positionAmt": "-0.5",
        "entryPrice": "60000.0",
        "liquidationPrice": "0",
        "leverage": "20",
        "marginType": "cross",
        "isolatedMargin": "0.0",
        "notional": "-30000.25",
        "unRealizedProfit": "-1.5",
        "updateTime": NOON_MS,
        "markPrice": "60000.5",
    }
    return encoded([row | changed])


@pytest.mark.parametrize(
    ("changed", "long", "short"),
    [
        ({}, 0.0, 30000.25),
        ({"positionAmt": "0.5", "notional": "30000.25", "liquidationPrice": "41000.5"}, 30000.25, 0.0),
        ({"liquidationPrice": "0.00"}, 0, 30000.25),
    ],
)
def test_positions_of_binance_on_both_sides_are_read(changed: dict[str, Any], long: float, short: float) -> None:
    room, decoder = ObservationPass(("BTCUSDT",)), binance_decoder()
    room.take(decoder.decode(risk(**changed), NOON_NS + MS, asked="/fapi/v2/positionRisk"))
    snapshot = room.snapshot()
    assert snapshot["counters"]["quarantined"] == {}
    bias = snapshot["primitives"]["BTCUSDT"]["open_interest_directional_bias"]
    assert (bias["net_long_value"], bias["net_short_value"]) == (long, short)
