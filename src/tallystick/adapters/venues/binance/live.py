"""What Binance USD-M wants of a live client: combined streams by SUBSCRIBE, REST by GET; the venue pings, and pongs are automatic.

Since 2026-04-23 books come on one address and everything else on another; the old common one is gone
(https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Important-WebSocket-Change-Notice).
"""

from __future__ import annotations

import json

from tallystick.adapters.venues.live_feed import RestCall, Socket
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.ports import Question, Stream

# The venue takes at most 1024 streams a connection and ten messages a second.
STREAMS_A_MESSAGE = 100
TRADES_AT_ONCE = 1000


class BinanceLive:
    """Implements `LiveProtocol`."""

    venue = "binance"
    heartbeat = ""
    base_url = "https://fapi.binance.com"
    ws_url = "wss://fstream.binance.com"
    streams: tuple[Stream, ...] = (
        Stream("aggTrade", "TRADE", 60 * NS_PER_SECOND, "trades", sequential=True),
        Stream("depth@100ms", "BOOK_DELTA", 10 * NS_PER_SECOND, "book"),
        Stream("markPrice@1s", "MARK", 10 * NS_PER_SECOND),
        Stream("forceOrder", "LIQUIDATION", 0),
    )

    def require(self, symbols: tuple[str, ...]) -> None:
        """Its names are in capitals; its streams alone answer to small letters too."""
        wrong = next((symbol for symbol in symbols if symbol != symbol.upper()), None)
        if wrong is not None:
            raise ConfigurationError(f"expected symbols in capitals as binance names them, found {wrong!r}", where="--symbols", hint=f"Give {wrong.upper()}")

    def polled(self, symbols: tuple[str, ...]) -> tuple[Question, ...]:
        """Open interest has no stream."""
        return tuple(Question("openInterest", symbol, "open_interest") for symbol in symbols)

    def accounts(self, addresses: tuple[str, ...]) -> tuple[Question, ...]:
        """None: an account answers its owner only."""
        if addresses:
            raise ConfigurationError("expected a venue whose accounts are public (hyperliquid), found binance", where="--accounts")
        return ()

    def least_round_s(self, accounts: int) -> float:
        """Nothing is asked."""
        return 0.0

    def sockets(self, symbols: tuple[str, ...]) -> tuple[Socket, ...]:
        """Books on `/public`, the rest on `/market`; SUBSCRIBE messages of a hundred streams each."""
        books = tuple(stream.name for stream in self.streams if stream.name.startswith("depth"))
        others = tuple(stream.name for stream in self.streams if stream.name not in books)
        return tuple(Socket(path, names, _subscriptions(symbols, names)) for path, names in (("/public/stream", books), ("/market/stream", others)))

    def call(self, question: Question) -> RestCall:
        """Aggregate trades by id, a book of a thousand levels, or the open interest."""
        symbol = question.symbol
        if question.about == "trades":
            after = f"&fromId={question.after_id + 1}" if question.after_id else ""
            target = f"/fapi/v1/aggTrades?symbol={symbol}{after}&limit={TRADES_AT_ONCE}"
            return RestCall("GET", target, asked=target, full_rows=TRADES_AT_ONCE)
        target = f"/fapi/v1/depth?symbol={symbol}&limit=1000" if question.about == "book" else f"/fapi/v1/openInterest?symbol={symbol}"
        return RestCall("GET", target, asked=target)


def _subscriptions(symbols: tuple[str, ...], streams: tuple[str, ...]) -> tuple[str, ...]:
    names = [f"{symbol.lower()}@{stream}" for symbol in symbols for stream in streams]
    parts = [names[start : start + STREAMS_A_MESSAGE] for start in range(0, len(names), STREAMS_A_MESSAGE)]
    return tuple(json.dumps({"method": "SUBSCRIBE", "params": part, "id": number}) for number, part in enumerate(parts, 1))
