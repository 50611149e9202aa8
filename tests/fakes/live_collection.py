"""A collection of one symbol of a venue over a log in memory, and the messages that it is fed."""

from __future__ import annotations

from tests.fakes.memory_log import MemoryLog
from tests.fakes.venue_messages import NOON_MS, NOON_NS, depth_snapshot, encoded

from tallystick.adapters.venues.binance.decoder import binance_decoder
from tallystick.adapters.venues.binance.live import BinanceLive
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.adapters.venues.hyperliquid.live import HyperliquidLive
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.observation.collection import Collection, CollectionLimits
from tallystick.observation.ports import Answer, Link, Question

S = NS_PER_SECOND
SYMBOL = "BTCUSDT"
BOOK = Question("depth@100ms", SYMBOL, "book")


def collected(venue: str = "binance", log: MemoryLog | None = None, limits: CollectionLimits | None = None) -> tuple[Collection, MemoryLog]:
    """A collection and its log."""
    kept = log or MemoryLog()
    live = BinanceLive() if venue == "binance" else HyperliquidLive()
    symbols = (SYMBOL,) if venue == "binance" else ("BTC",)
    decoder_of = binance_decoder if venue == "binance" else hyperliquid_decoder
    found = Collection(venue, symbols, live.streams, kept, decoder_of, live.polled(symbols), limits)
    return found, kept


def running() -> tuple[Collection, MemoryLog]:
    """A collection of Binance, connected at noon, whose first questions are being asked."""
    found, kept = collected()
    found.start(NOON_NS)
    connect(found)
    found.questions(NOON_NS)
    return found, kept


def agg_trade(number: int, time_ms: int = NOON_MS) -> bytes:
    """One aggregated trade of Binance's stream."""
    data = {"e": "aggTrade", "E": time_ms, "s": SYMBOL, "a": number, "p": "60000.1", "q": "0.1", "f": number, "l": number, "T": time_ms, "m": True}
    return encoded({"stream": "btcusdt@aggTrade", "data": data})


def trade_rows(*numbers: int, time_ms: int = NOON_MS) -> bytes:
    """Trades as Binance answers them."""
    return encoded([{"a": number, "p": "60000.1", "q": "0.1", "f": number, "l": number, "T": time_ms, "m": True} for number in numbers])


def trades_answer(*numbers: int, after: int, is_full: bool = False) -> Answer:
    """The answer about trades after one."""
    return Answer(trade_rows(*numbers), NOON_NS, f"/fapi/v1/aggTrades?symbol={SYMBOL}&fromId={after + 1}&limit=1000", is_full)


def book_answer(last: int) -> Answer:
    """The answer about a book."""
    return Answer(depth_snapshot(last), NOON_NS, f"/fapi/v1/depth?symbol={SYMBOL}&limit=1000")


def connect(collection: Collection, at_ns: int = NOON_NS) -> None:
    """Every stream is up."""
    collection.take(Link(True, at_ns))
