"""Messages of a venue as facts: decoded events with exact decimal text, control messages, and what was kept aside with its bytes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.order_kinds import TimestampNs

VenueEventKind = Literal[
    "TRADE",
    "LIQUIDATION",
    "QUOTE",
    "BOOK",
    "BOOK_DELTA",
    "MID",
    "MARK",
    "OPEN_INTEREST",
    "FUNDING",
    "BAR",
    "DAY_SUMMARY",
    "FILL",
    "POSITION",
    "ACCOUNT",
    "INSTRUMENT",
]
# Closed on purpose: a message that fits none of these is a defect of the decoder, never "other".
MessageReason = Literal[
    "malformed_json",
    "truncated",
    "unknown_channel",
    "missing_field",
    "wrong_type",
    "not_a_number",
    "impossible_value",
    "foreign_symbol",
    "duplicate",
    "late",
    "future",
    "out_of_order",
    "sequence_gap",
]
Clock = Literal["venue", "receiver"]

# The values that each kind carries; numbers are the venue's own text, identifiers and update numbers are integers, absent ones are None.
EVENT_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "TRADE": ("price", "quantity", "side", "trade_id"),
        "LIQUIDATION": ("price", "quantity", "side", "average_price", "filled_quantity", "order_status", "user", "trade_id"),
        "QUOTE": ("bid_price", "bid_quantity", "ask_price", "ask_quantity", "update_id"),
        "BOOK": ("bids", "asks", "last_update_id"),
        "BOOK_DELTA": ("bids", "asks", "first_update_id", "last_update_id", "previous_update_id"),
        "MID": ("price",),
        "MARK": ("price", "oracle_price", "mid_price", "funding_rate", "premium", "next_funding_ns"),
        "OPEN_INTEREST": ("open_interest", "day_notional_volume"),
        "FUNDING": ("funding_rate", "premium"),
        "BAR": ("interval", "open_time_ns", "close_time_ns", "open", "high", "low", "close", "volume", "quote_volume", "trade_count", "is_closed"),
        "DAY_SUMMARY": ("price", "open", "high", "low", "volume", "quote_volume", "trade_count"),
        "FILL": ("price", "quantity", "side", "trade_id", "order_id", "fee", "closed_profit", "start_position", "direction", "is_taker", "liquidated_user"),
        "POSITION": (
            "size",
            "entry_price",
            "liquidation_price",
            "leverage",
            "leverage_type",
            "margin_used",
            "position_value",
            "unrealized_profit",
            "account",
            "position_side",
        ),
        "ACCOUNT": ("account_value", "total_notional", "total_margin_used", "withdrawable", "account", "exchange"),
        "INSTRUMENT": ("size_decimals", "max_leverage", "is_delisted", "only_isolated"),
    }
)
# Values that came with a later version than 1.0: an event that was stored before says nothing about them.
LATER_VALUES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"LIQUIDATION": frozenset({"trade_id"}), "POSITION": frozenset({"account", "position_side"}), "ACCOUNT": frozenset({"account", "exchange"})}
)
# Facts about an account, not about an instrument: their symbol is empty.
WITHOUT_SYMBOL = frozenset({"ACCOUNT"})


@dataclass(frozen=True, slots=True)
class VenueEvent:
    """One fact out of a venue's message.

    event_id: sequential from 1 in its decoder. event_time_ns: the venue's time; the receive time where the message carries none (`clock` says which).
    received_ns: when the message came; 0 where a recording does not tell. source: the line or message it came from, `#n` for its n-th further fact.
    values: by `EVENT_VALUES`; numbers are exactly the venue's text, books are tuples of (price, quantity). account: the address whose position or totals
    these are, and exchange: on which of the venue's exchanges, each as the message or the question named it; None where neither did. An exchange that is
    empty or None is the venue's main one. position_side: LONG or SHORT where an account holds both of one instrument (Binance's hedge mode), each in a
    message of its own; None where it has one position.
    """

    event_id: int
    kind: VenueEventKind
    venue: str
    symbol: str
    event_time_ns: TimestampNs
    received_ns: TimestampNs
    source: str
    clock: Clock
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message, or `entries` of its entries, that was kept aside, with the bytes of the whole message.

    whole: True when nothing of the message was decoded; it then counts as quarantined. False when other entries of it were.
    """

    reason: MessageReason
    finding: str
    venue: str
    channel: str
    received_ns: TimestampNs
    source: str
    entries: int
    whole: bool
    message: bytes


@dataclass(frozen=True, slots=True)
class Control:
    """A message that is understood and carries no market fact: an acknowledgement, a heartbeat, an error, an account's order list."""

    venue: str
    channel: str
    received_ns: TimestampNs
    source: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """Messages by what became of them: messages_in = decoded + control + quarantined. events_out and entries_set_aside are counted apart.

    quarantined: messages by reason; set_aside: entries of decoded messages by reason.
    """

    messages_in: int = 0
    messages_decoded: int = 0
    messages_control: int = 0
    messages_quarantined: int = 0
    events_out: int = 0
    entries_set_aside: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    set_aside: Mapping[str, int] = field(default_factory=dict)


class QuarantineLine(Shape):
    """One line of the quarantine file. received_ns: digits, nanoseconds; content: the message's bytes, as text or base64."""

    message_number: int
    reason: MessageReason
    finding: str
    venue: str
    channel: str
    received_ns: str
    source: str
    entries: int
    whole: bool
    encoding: Literal["utf-8", "base64"]
    content: str

    def message(self) -> bytes:
        """The bytes as they came."""
        return self.content.encode() if self.encoding == "utf-8" else base64.b64decode(self.content, validate=True)


def quarantine_line(item: Quarantined, message_number: int) -> QuarantineLine:
    """The line that keeps a message: as text where that gives the same bytes back, else as base64."""
    try:
        encoding, content = "utf-8", item.message.decode("utf-8")
    except UnicodeDecodeError:
        encoding, content = "base64", base64.b64encode(item.message).decode("ascii")
    return QuarantineLine(
        message_number=message_number,
        reason=item.reason,
        finding=item.finding,
        venue=item.venue,
        channel=item.channel,
        received_ns=str(item.received_ns),
        source=item.source,
        entries=item.entries,
        whole=item.whole,
        encoding="utf-8" if encoding == "utf-8" else "base64",
        content=content,
    )


def _values_by_kind(event: VenueEvent) -> str | None:
    missing = sorted(set(EVENT_VALUES[event.kind]) ^ set(event.values))
    return f"{event.kind} with {', '.join(missing)} missing or unknown" if missing else None


def _identified(event: VenueEvent) -> str | None:
    good = event.event_id >= 1 and bool(event.source) and (bool(event.symbol) or event.kind in WITHOUT_SYMBOL)
    return None if good else f"id {event.event_id}, source {event.source!r}, symbol {event.symbol!r}"


def _add_up(counts: MessageCounts) -> str | None:
    total = counts.messages_decoded + counts.messages_control + counts.messages_quarantined
    return None if counts.messages_in == total else f"{counts.messages_in} messages, {total} accounted for"


def _reasons_add_up(counts: MessageCounts) -> str | None:
    good = sum(counts.quarantined.values()) == counts.messages_quarantined and sum(counts.set_aside.values()) == counts.entries_set_aside
    return None if good else f"{counts.messages_quarantined} messages and {counts.entries_set_aside} entries kept aside, other sums by reason"


def _content_is_bytes(line: QuarantineLine) -> str | None:
    try:
        line.message()
    except (binascii.Error, ValueError):
        return "content that is not base64"
    return None


_DECODERS = "adapters.venues"

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="observation.venue_event",
        version="1.3",
        purpose="One fact out of a venue's message, with the venue's own decimal text",
        producer=_DECODERS,
        consumers=(Consumer("observation.ingestion", ("*",), "normalise"), Consumer("adapters.event_store", ("*",), "append and replay")),
        shape=VenueEvent,
        encoding="memory",
        rules=(
            Rule("values_of_its_kind", "exactly the values that its kind carries", _values_by_kind, ("D4.22",)),
            Rule("venue_event_is_identified", "an id from 1, a source, and a symbol", _identified, ("D4.22", "D4.23")),
        ),
        clauses=("D4.22", "D4.23"),
        history=(
            "1.1 trade_id of a LIQUIDATION: two fills of one liquidation can be alike in all else",
            "1.2 account of a POSITION and an ACCOUNT, exchange of an ACCOUNT: whose they are, None where nobody said",
            "1.3 position_side of a POSITION: which of the two that an account may hold of one instrument",
        ),
    ),
    Contract(
        name="observation.control_message",
        version="1.0",
        purpose="A message that carries no market fact",
        producer=_DECODERS,
        consumers=(Consumer("apps.observe_replay", ("channel",), "counts"),),
        shape=Control,
        encoding="memory",
    ),
    Contract(
        name="observation.message_counts",
        version="1.0",
        purpose="What became of every message",
        producer=_DECODERS,
        consumers=(Consumer("apps.observe_replay", ("*",), "the counters that a replay prints"),),
        shape=MessageCounts,
        encoding="memory",
        rules=(
            Rule("messages_add_up", "messages_in = decoded + control + quarantined", _add_up, ("D4.26",)),
            Rule("reasons_add_up", "the sums by reason are the totals", _reasons_add_up, ("D4.26",)),
        ),
        clauses=("D4.26",),
    ),
    Contract(
        name="observation.quarantine",
        version="1.0",
        purpose="Every message that was kept aside, append-only, with its bytes",
        producer="adapters.recordings.quarantine_file",
        consumers=(Consumer("apps.cli.observe", ("reason", "content"), "what was not decoded, and why"),),
        shape=QuarantineLine,
        encoding="jsonl",
        paths=("data/quarantine/{venue}/{recording}.jsonl",),
        rules=(Rule("content_gives_its_bytes", "content in the encoding that it names", _content_is_bytes, ("D4.24",)),),
        clauses=("D4.24", "D4.26"),
        wall_clock=("received_ns",),
    ),
    Contract(
        name="observation.fact_tables",
        version="1.2",
        purpose="Decoded facts in tables (hl_oi_snapshots, hl_liquidations, hl_mark_prices and others), each row under a digest of its content",
        producer="adapters.fact_tables.writer",
        consumers=(
            Consumer("apps.label_database", ("hl_oi_snapshots", "hl_liquidations", "hl_mark_prices"), "streams of the cascade labeler"),
            Consumer("analysis.validators", ("hl_labeled_cascades", "hl_cascade_waves"), "labels of earlier runs, read back through apps.label_records"),
            Consumer("research.comparison", ("hl_validation_results",), "shown beside runs"),
        ),
        shape=None,
        encoding="sqlite",
        paths=("data/facts/facts.db",),
        clauses=("D4.27",),
        history=(
            "1.1 hl_position_snapshots and hl_wallet_snapshots (revision 0002)",
            "1.2 hl_labeled_cascades, hl_cascade_waves and hl_validation_results (revision 0003)",
        ),
    ),
)
