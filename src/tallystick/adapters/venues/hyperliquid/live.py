"""What Hyperliquid wants of a live client: one subscription a message, a ping of the client's own, questions posted to /info."""

from __future__ import annotations

import json
import re

from tallystick.adapters.venues.hyperliquid.answers import ACCOUNT
from tallystick.adapters.venues.hyperliquid.candles import WEIGHT_A_MINUTE
from tallystick.adapters.venues.live_feed import RestCall, Socket
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.ports import Question, Stream

# A question about an account weighs 2, far less than one for trades (20)
# (https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits). Accounts get half of the minute's weight, so that the
# backfill of every coin after a lost connection finds room in the other.
ACCOUNT_WEIGHT = 2.0
ACCOUNTS_SHARE = 0.5
_ADDRESS = re.compile(r"0x[0-9a-f]{40}").fullmatch


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

    def require(self, symbols: tuple[str, ...]) -> None:
        """Any name may be one: kPEPE, @107 and PURR/USDC are."""

    def polled(self, symbols: tuple[str, ...]) -> tuple[Question, ...]:
        """Nothing: the context stream tells the open interest."""
        return ()

    def accounts(self, addresses: tuple[str, ...]) -> tuple[Question, ...]:
        """One `clearinghouseState` an account, on the venue's main exchange; whoever asks is answered."""
        # The venue writes addresses in small letters, and two spellings are one account.
        plain = tuple(address.lower() for address in addresses)
        wrong = next((given for given, address in zip(addresses, plain, strict=True) if _ADDRESS(address) is None), None)
        if wrong is not None:
            raise ConfigurationError(f"expected addresses of 0x and 40 hexadecimal digits, found {wrong!r}", where="--accounts")
        return tuple(Question(ACCOUNT, "", "account", account=address) for address in plain)

    def least_round_s(self, accounts: int) -> float:
        """By the venue's weights."""
        return accounts * ACCOUNT_WEIGHT * 60 / (WEIGHT_A_MINUTE * ACCOUNTS_SHARE)

    def sockets(self, symbols: tuple[str, ...]) -> tuple[Socket, ...]:
        """One connection, one message a stream and coin."""
        texts = tuple(
            json.dumps({"method": "subscribe", "subscription": {"type": stream.name, "coin": coin}}, separators=(",", ":"))
            for coin in symbols
            for stream in self.streams
        )
        return (Socket("/ws", tuple(stream.name for stream in self.streams), texts),)

    def call(self, question: Question) -> RestCall:
        """An account, or the newest trades of a coin; nothing else can be asked again."""
        asked = {"type": ACCOUNT, "user": question.account} if question.about == "account" else {"type": "recentTrades", "coin": question.symbol}
        body = json.dumps(asked, separators=(",", ":"))
        return RestCall("POST", "/info", body.encode(), body)
