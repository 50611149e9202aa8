"""The decoder for Hyperliquid: channels in one pass over typed structs; answers, control messages and refusals on a second look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tallystick.adapters.venues.admission import AdmissionLimits
from tallystick.adapters.venues.hyperliquid import answers, facts, wire
from tallystick.adapters.venues.message_decoder import Fact, MessageDecoder, Reading
from tallystick.adapters.venues.refusals import PARSE_ERRORS, MessageRefused, refusal_of
from tallystick.contracts.errors import DataError
from tallystick.contracts.market_events import Control, Quarantined, VenueEvent

VENUE = "hyperliquid"
# The one frame that is no JSON: sent when a connection opens.
GREETING = b"Websocket connection established."
# How a message of trades begins; it may hold more than one.
TRADES_HEAD = b'{"channel":"trades","data":[{'
CONTROL_CHANNELS = frozenset(
    {
        "activeAssetData",
        "outcomeMetaUpdates",
        "spotState",
        "subscriptionResponse",
        "twapStates",
        "userHistoricalOrders",
        "userTwapHistory",
        "pong",
        "error",
        "notification",
        "orderUpdates",
        "openOrders",
        "userFundings",
        "userNonFundingLedgerUpdates",
        "webData2",
        "webData3",
    }
)

_parse = msgspec.json.Decoder(wire.Message).decode
_parse_trades = msgspec.json.Decoder(wire.TradesMessage).decode
_parse_any = msgspec.json.Decoder().decode

CHANNELS: dict[type[Any], tuple[str, Callable[[Any], list[Fact]]]] = {
    wire.TradesMessage: ("trades", facts.trades),
    wire.BookMessage: ("l2Book", facts.book),
    wire.BestPricesMessage: ("bbo", facts.best_prices),
    wire.MidsMessage: ("allMids", lambda data: facts.mids(data.mids)),
    wire.ContextMessage: ("activeAssetCtx", lambda data: facts.context(data.coin, data.ctx)),
    wire.SpotContextMessage: ("activeSpotAssetCtx", lambda data: facts.context(data.coin, data.ctx)),
    wire.AllContextsMessage: ("allDexsAssetCtxs", lambda data: facts.all_contexts(data.ctxs)),
    wire.ExchangeContextsMessage: ("assetCtxs", lambda data: facts.all_contexts(((data.dex, data.ctxs),))),
    wire.SpotContextsMessage: ("spotAssetCtxs", facts.named_contexts),
    wire.CandleMessage: ("candle", facts.candle),
    wire.UserMessage: ("user", facts.user_events),
    wire.UserEventsMessage: ("userEvents", facts.user_events),
    wire.UserFillsMessage: ("userFills", lambda data: facts.fills(data.fills, data.user)),
    wire.SliceFillsMessage: ("userTwapSliceFills", lambda data: facts.slice_fills(data.twapSliceFills, data.user)),
    wire.AccountMessage: ("clearinghouseState", lambda data: facts.account(data.clearinghouseState, data.user, data.dex)),
    wire.AllAccountsMessage: ("allDexsClearinghouseState", facts.accounts),
}
NAMES = frozenset(name for name, _ in CHANNELS.values())
# Channels that are answered with an account's recent past on subscription, and say so.
WITH_PAST = ("userFills", "userTwapSliceFills")


class HyperliquidDecoder(MessageDecoder):
    """Its busiest messages, trades, go straight from their own parser to their facts; every other the common way."""

    def decode(self, message: bytes, received_ns: int, source: str = "", asked: str = "") -> tuple[VenueEvent | Quarantined | Control, ...]:
        """As `MessageDecoder.decode`."""
        if asked or not message.startswith(TRADES_HEAD):
            return super().decode(message, received_ns, source, asked)
        try:
            found = facts.trades(_parse_trades(message).data)
        except (DataError, *PARSE_ERRORS):
            return super().decode(message, received_ns, source, asked)
        self._messages += 1
        source = source or f"{VENUE}:{self._messages}"
        taken = self.take_plain(found[0], received_ns, source, greeting=True) if len(found) == 1 else None
        return self.judge(Reading("trades", found, greeting=True), message, received_ns, source) if taken is None else taken


def hyperliquid_decoder(symbols: Iterable[str] | None = None, limits: AdmissionLimits | None = None) -> MessageDecoder:
    """A decoder for Hyperliquid; symbols None takes every coin."""
    return HyperliquidDecoder(VENUE, read_message, symbols, limits)


def read_message(message: bytes, asked: str) -> Reading:
    """One frame, or the body of an answer. Raises one of PARSE_ERRORS or MessageRefused."""
    if not asked:
        try:
            parsed = _parse(message)
        except PARSE_ERRORS:
            return _second_look(message)
        # The busiest channel goes straight to its facts.
        if type(parsed) is wire.TradesMessage:
            return _trades(parsed.data)
        channel, entries = CHANNELS[type(parsed)]
        return _channel_reading(channel, entries, parsed.data)
    document = _parse_any(message)
    question = answers.what_was_asked(asked)
    return _named(question.name, lambda: answers.read_answer(document, question))


def _trades(data: tuple[wire.Trade, ...]) -> Reading:
    try:
        return Reading("trades", facts.trades(data), False, True)
    except MessageRefused as error:
        error.channel = "trades"
        raise


def _channel_reading(channel: str, entries: Callable[[Any], list[Fact]], data: Any) -> Reading:
    try:
        found = entries(data)
    except MessageRefused as error:
        error.channel = channel
        raise
    if channel in ("user", "userEvents") and not found:
        return Reading(channel, None, detail="an event without fills")
    # A subscription is answered with the latest trades, some minutes old, or the present book; fills say themselves that they are past.
    return Reading(channel, found, history=channel in WITH_PAST and data.isSnapshot, greeting=channel in ("trades", "l2Book"))


def _second_look(message: bytes) -> Reading:
    if message.strip() == GREETING:
        return Reading("connection", None, detail="established")
    document = _parse_any(message)
    if not isinstance(document, dict) or "channel" not in document:
        told = answers.Asked(answers.told_by_fields(document))
        return _named(told.name, lambda: answers.read_answer(document, told))
    channel = document["channel"]
    if channel in CONTROL_CHANNELS if isinstance(channel, str) else False:
        return Reading(channel, None, detail=_detail(document.get("data")))
    if channel == "post":
        return _posted(document)
    if channel not in NAMES if isinstance(channel, str) else True:
        raise MessageRefused("unknown_channel", f"expected a known channel, found {channel!r:.60}", str(channel))
    # The channel is known, so its parse failed: say how.
    return _named(channel, lambda: _again(document))


def _again(document: dict[str, Any]) -> Reading:
    parsed = msgspec.convert(document, wire.Message, strict=True)
    channel, entries = CHANNELS[type(parsed)]
    return _channel_reading(channel, entries, parsed.data)


def _posted(document: dict[str, Any]) -> Reading:
    """The answer to a question that was posted over the WebSocket: its payload says what was asked."""
    data = document.get("data")
    response = data.get("response") if isinstance(data, dict) else None
    if not isinstance(response, dict) or "payload" not in response:
        raise MessageRefused("missing_field", "expected data.response.payload, found none", "post")
    payload = response["payload"]
    if response.get("type") != "info":
        return Reading("post", None, detail=_detail(payload))
    if not isinstance(payload, dict) or "data" not in payload:
        raise MessageRefused("missing_field", "expected data.response.payload.data, found none", "post")
    question = answers.what_was_asked(str(payload.get("type")))
    return _named(question.name, lambda: answers.read_answer(payload["data"], question))


def _named(channel: str, read: Callable[[], Reading]) -> Reading:
    try:
        return read()
    except (DataError, *PARSE_ERRORS) as error:
        raise refusal_of(error, channel) from error


def _detail(data: object) -> str:
    return data[:200] if isinstance(data, str) else ", ".join(str(key)[:40] for key in list(data)[:5]) if isinstance(data, dict) else ""
