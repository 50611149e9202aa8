"""Facts of a venue as what the room reads: a short is a position of some value, and 0 is no liquidation price."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, encoded

from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
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


def test_both_positions_of_hedge_mode_are_read() -> None:
    room, decoder = ObservationPass(("BTCUSDT",)), binance_decoder()
    rows = [{"positionSide": "LONG", "positionAmt": "0.5", "notional": "30000.25"}, {"positionSide": "SHORT", "positionAmt": "-0.2", "notional": "-12000.1"}]
    answer = b"[" + b",".join(risk(**row).strip(b"[]") for row in rows) + b"]"
    room.take(decoder.decode(answer, NOON_NS + MS, asked="/fapi/v3/positionRisk"))
    bias = room.snapshot()["primitives"]["BTCUSDT"]["open_interest_directional_bias"]
    assert (bias["net_long_value"], bias["net_short_value"]) == (30000.25, 12000.1)


def held(*coins: str) -> dict[str, Any]:
    summary = {"accountValue": "100.5", "totalNtlPos": "10.0", "totalRawUsd": "0.0", "totalMarginUsed": "1.0"}
    values = {"szi": "0.5", "entryPx": "60000.0", "marginUsed": "1.0", "positionValue": "10.0", "unrealizedPnl": "-0.1"}
    positions = [{"type": "oneWay", "position": {"coin": coin, "leverage": {"type": "cross", "value": 20}, **values}} for coin in coins]
    return {"marginSummary": summary, "withdrawable": "99.0", "assetPositions": positions}


@pytest.mark.clause("D4.22")
def test_positions_of_one_exchange_stay_when_another_answers_alone() -> None:
    room, decoder = ObservationPass(("BTC", "xyz:TSLA")), hyperliquid_decoder()
    first, then = ({"time": NOON_MS}, {"time": NOON_MS + 1})
    both = {"user": "0x1", "clearinghouseStates": [["", held("BTC") | first], ["xyz", held("xyz:TSLA") | first]]}
    main = {"user": "0x1", "dex": "", "clearinghouseState": held() | then}
    for number, (channel, data) in enumerate((("allDexsClearinghouseState", both), ("clearinghouseState", main)), 1):
        room.take(decoder.decode(encoded({"channel": channel, "data": data}), NOON_NS + number * MS))
    found = {coin: values["open_interest_directional_bias"] for coin, values in room.snapshot()["primitives"].items()}
    assert found["BTC"] is None
    assert found["xyz:TSLA"]["net_long_value"] == 10.0
