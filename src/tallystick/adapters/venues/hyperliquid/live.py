"""What Hyperliquid wants of a live client: one subscription a message, a ping of the client's own, questions posted to /info."""

from __future__ import annotations

import json

from tallystick.adapters.venues.live_feed import RestCall, Socket
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.ports import Question, Stream


class HyperliquidLive:
    """Implements `LiveProtocol`. Its books come whole, and its context carries mark, funding and open interest."""

    venue = "hyperliquid"
    # The venue closes a connection on which it has sent nothing for 60 s; its pong is a message.
    heartbeat = '{"method":"ping"}'
    base_url = "https://api.hyperliquid.xyz"
    ws_url = "wss://api.hyperliquid.xyz"
    streams: tuple[Stream, ...] = (
        Stream("trades", "TRADE", 60 * NS_PER_SECOND, "trades"),
        Stream("l2Book", "BOOK", 10 * NS_PER_SECOND),
        Stream("activeAssetCtx", "MARK", 30 * NS_PER_SECOND),
    )

    def polled(self, symbols: tuple[str, ...]) -> tuple[Question, ...]:
        """Nothing: the context stream tells the open interest."""
        return ()

    def sockets(self, symbols: tuple[str, ...]) -> tuple[Socket, ...]:
        """One connection, one message a stream and coin."""
        texts = tuple(
            json.dumps({"method": "subscribe", "subscription": {"type": stream.name, "coin": coin}}, separators=(",", ":"))
            for coin in symbols
            for stream in self.streams
        )
        return (Socket("/ws", tuple(stream.name for stream in self.streams), texts),)

    def call(self, question: Question) -> RestCall:
        """The newest trades of a coin; nothing else can be asked again."""
        body = json.dumps({"type": "recentTrades", "coin": question.symbol}, separators=(",", ":"))
        return RestCall("POST", "/info", body.encode(), body)
