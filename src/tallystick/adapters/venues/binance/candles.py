"""How Binance USD-M is asked for candles: `/fapi/v1/klines`, at most 1,500 a question."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from tallystick.adapters.venues.binance.decoder import VENUE, binance_decoder
from tallystick.adapters.venues.candle_history import CandleQuestions
from tallystick.adapters.venues.rate_limit import TokenBucket
from tallystick.adapters.venues.rest import Answer, Question

BASE_URL = "https://fapi.binance.com"
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
BARS_A_PAGE = 1_000
# Asked for fewer than so many candles a question weighs this; an address has 2,400 a minute.
WEIGHTS = ((100, 1.0), (500, 2.0), (1_001, 5.0), (1_501, 10.0))
WEIGHT_A_MINUTE = 2_400.0
INVALID_SYMBOL = -1121


def candle_questions(bars_a_page: int = BARS_A_PAGE) -> CandleQuestions:
    """The questions; bars_a_page: how many intervals one may span, at most 1,500."""
    weight = next(weight for below, weight in WEIGHTS if bars_a_page < below)

    def candles(symbol: str, interval: str, first_ms: int, last_ms: int) -> Question:
        query = urlencode({"symbol": symbol, "interval": interval, "startTime": first_ms, "endTime": last_ms, "limit": bars_a_page})
        return Question(f"/fapi/v1/klines?{query}", weight)

    return CandleQuestions(
        venue=VENUE, quote="USDT", intervals=INTERVALS, bars_a_page=bars_a_page, candles=candles, decoder=binance_decoder, is_unknown=_is_unknown
    )


def _is_unknown(answer: Answer) -> bool:
    try:
        document = msgspec.json.decode(answer.body) if answer.status == 400 else None
    except msgspec.DecodeError:
        return False
    return isinstance(document, dict) and document.get("code") == INVALID_SYMBOL


def bucket() -> TokenBucket:
    """A budget that no minute exceeds: a quarter at once, the rest over the minute."""
    return TokenBucket(WEIGHT_A_MINUTE / 4, WEIGHT_A_MINUTE * 3 / 4 / 60)
