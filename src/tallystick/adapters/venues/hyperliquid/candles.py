"""How Hyperliquid is asked for candles: `candleSnapshot` answers up to 5,000 and keeps no more than the newest 5,000 of an interval."""

from __future__ import annotations

import json

import msgspec

from tallystick.adapters.venues.candle_history import CandleQuestions
from tallystick.adapters.venues.hyperliquid import wire
from tallystick.adapters.venues.hyperliquid.decoder import VENUE, hyperliquid_decoder
from tallystick.adapters.venues.rate_limit import TokenBucket
from tallystick.adapters.venues.rest import Question

BASE_URL = "https://api.hyperliquid.xyz"
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d")
BARS_A_PAGE = 1_000
# An info question weighs 20, and one more for each 60 candles of its answer; an address has 1,200 a minute.
QUESTION_WEIGHT, CANDLES_A_WEIGHT = 20.0, 60.0
WEIGHT_A_MINUTE = 1_200.0


def candle_questions(bars_a_page: int = BARS_A_PAGE) -> CandleQuestions:
    """The questions; bars_a_page: how many intervals one may span."""
    weight = QUESTION_WEIGHT + bars_a_page / CANDLES_A_WEIGHT

    def candles(symbol: str, interval: str, first_ms: int, last_ms: int) -> Question:
        request = {"type": "candleSnapshot", "req": {"coin": symbol, "interval": interval, "startTime": first_ms, "endTime": last_ms}}
        return Question("/info", weight, json.dumps(request, separators=(",", ":")))

    return CandleQuestions(
        venue=VENUE,
        quote="USDC",
        intervals=INTERVALS,
        bars_a_page=bars_a_page,
        candles=candles,
        decoder=hyperliquid_decoder,
        listed=(Question("/info", QUESTION_WEIGHT, '{"type":"meta"}'), _coins),
    )


def _coins(body: bytes) -> frozenset[str]:
    return frozenset(asset.name for asset in msgspec.json.decode(body, type=wire.Universe, strict=True).universe)


def bucket() -> TokenBucket:
    """A budget that no minute exceeds: a quarter at once, the rest over the minute."""
    return TokenBucket(WEIGHT_A_MINUTE / 4, WEIGHT_A_MINUTE * 3 / 4 / 60)
