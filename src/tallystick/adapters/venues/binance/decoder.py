"""The decoder for Binance USD-M: streams in one pass over typed structs; answers, control messages and refusals on a second look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tallystick.adapters.venues.admission import AdmissionLimits
from tallystick.adapters.venues.binance import answers, facts, wire
from tallystick.adapters.venues.message_decoder import Fact, MessageDecoder, Reading
from tallystick.adapters.venues.refusals import PARSE_ERRORS, MessageRefused, refusal_of
from tallystick.contracts.errors import DataError

VENUE = "binance"
# Understood, and about an account, the connection, an index or a listing: no fact that an event could carry.
CONTROL_EVENTS = frozenset(
    {
        "ACCOUNT_CONFIG_UPDATE",
        "ACCOUNT_UPDATE",
        "ALGO_UPDATE",
        "CONDITIONAL_ORDER_TRIGGER_REJECT",
        "GRID_UPDATE",
        "MARGIN_CALL",
        "ORDER_TRADE_UPDATE",
        "STRATEGY_UPDATE",
        "TRADE_LITE",
        "assetIndexUpdate",
        "compositeIndex",
        "contractInfo",
        "listenKeyExpired",
    }
)

_parse_stream = msgspec.json.Decoder(wire.Stream).decode
_parse_event = msgspec.json.Decoder(wire.Event).decode
_parse_any = msgspec.json.Decoder().decode

EVENTS: dict[type[Any], tuple[str, Callable[[Any], list[Fact]]]] = {
    wire.AggregateTrade: ("aggTrade", lambda item: [facts.aggregate_trade(item, item.s)]),
    wire.Trade: ("trade", facts.trade),
    wire.ForceOrder: ("forceOrder", facts.forced_order),
    wire.DepthUpdate: ("depthUpdate", facts.depth),
    wire.BookTicker: ("bookTicker", facts.best_prices),
    wire.MarkPrice: ("markPriceUpdate", facts.mark),
    wire.Kline: ("kline", lambda item: facts.kline(item.k, item.s, item.E)),
    wire.ContractKline: ("continuous_kline", facts.contract_kline),
    wire.DayTicker: ("24hrTicker", facts.day_ticker),
    wire.DaySummary: ("24hrMiniTicker", facts.day_ticker),
}
NAMES = frozenset(name for name, _ in EVENTS.values())
# Streams of the best levels send messages of the same form as the stream of all changes; only the stream's name tells them apart.
TOP_LEVELS = re.compile(r"@depth\d")


class BinanceReader:
    """Reads messages; remembers which symbols have a stream of depth changes, since a depth answer does not name its own.

    The best levels of a symbol whose every change is told say nothing new, and would cut its book short: they count as control messages.
    """

    def __init__(self, symbols: Iterable[str] | None) -> None:
        configured = frozenset(symbols or ())
        self._only = next(iter(configured)) if len(configured) == 1 else None
        self._streamed: set[str] = set()

    def __call__(self, message: bytes, asked: str) -> Reading:
        """One frame, or the body of an answer. Raises one of PARSE_ERRORS or MessageRefused."""
        if asked:
            document = _parse_any(message)
            name, parameters = answers.what_was_asked(asked)
            return _named(name, lambda: answers.read_answer(document, name, parameters, None))
        try:
            if message.startswith(b'{"stream"'):
                found = _parse_stream(message)
                parsed, stream = found.data, found.stream
            else:
                parsed, stream = _parse_event(message), ""
        except PARSE_ERRORS:
            return self._second_look(_parse_any(message))
        return self._reading(parsed, stream)

    def _reading(self, parsed: Any, stream: str) -> Reading:
        channel, entries = EVENTS[type(parsed)]
        if channel == "depthUpdate":
            if not TOP_LEVELS.search(stream):
                self._streamed.add(parsed.s)
            elif parsed.s in self._streamed:
                return Reading(channel, None, detail="best levels of a book whose every change is told")
            else:
                entries = facts.top_of_book
        try:
            found = entries(parsed)
        except MessageRefused as error:
            error.channel = channel
            raise
        return Reading(channel, found)

    def _second_look(self, document: object, stream: str = "") -> Reading:
        if isinstance(document, dict) and "stream" in document and "data" in document:
            stream, document = str(document["stream"]), document["data"]
        if isinstance(document, list) and document and all(isinstance(item, dict) and "e" in item for item in document):
            return self._many(document)
        if not isinstance(document, dict) or "e" not in document:
            name = answers.told_by_fields(document)
            return _named(name, lambda: answers.read_answer(document, name, {}, self._only_symbol()))
        event = document["e"]
        if not isinstance(event, str) or event not in NAMES | CONTROL_EVENTS:
            raise MessageRefused("unknown_channel", f"expected a known event, found {event!r:.60}", str(event))
        if event in CONTROL_EVENTS:
            return Reading(event, None)
        return _named(event, lambda: self._reading(msgspec.convert(document, wire.Event, strict=True), stream))

    def _many(self, documents: list[dict[str, Any]]) -> Reading:
        """The streams of all symbols (`!markPrice@arr`, `!forceOrder@arr`) send lists of one kind of event."""
        channel = str(documents[0]["e"])
        readings = [_named(channel, lambda item=item: self._second_look(item)) for item in documents]  # type: ignore[misc]
        return Reading(channel, [fact for reading in readings for fact in reading.facts or ()])

    def _only_symbol(self) -> str | None:
        return self._only or (next(iter(self._streamed)) if len(self._streamed) == 1 else None)


def binance_decoder(symbols: Iterable[str] | None = None, limits: AdmissionLimits | None = None) -> MessageDecoder:
    """A decoder for Binance USD-M; symbols None takes every symbol."""
    chosen = None if symbols is None else tuple(symbols)
    return MessageDecoder(VENUE, BinanceReader(chosen), chosen, limits)


def _named(channel: str, read: Callable[[], Reading]) -> Reading:
    try:
        return read()
    except (DataError, *PARSE_ERRORS) as error:
        raise refusal_of(error, channel) from error
