"""Documents that break one rule of `contracts/market_events.py` each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def value_of_another_kind(document: Document) -> Document:
    document["values"]["update_id"] = 7
    return document


def without_symbol(document: Document) -> Document:
    return {**document, "symbol": ""}


def one_message_vanished(document: Document) -> Document:
    return {**document, "messages_in": document["messages_in"] + 1}


def reason_lost(document: Document) -> Document:
    return {**document, "quarantined": {"late": document["messages_quarantined"] - 1}}


def content_not_base64(document: Document) -> Document:
    return {**document, "encoding": "base64", "content": "not base64!"}


VIOLATIONS = {
    ("observation.venue_event", "values_of_its_kind"): value_of_another_kind,
    ("observation.venue_event", "venue_event_is_identified"): without_symbol,
    ("observation.message_counts", "messages_add_up"): one_message_vanished,
    ("observation.message_counts", "reasons_add_up"): reason_lost,
    ("observation.quarantine", "content_gives_its_bytes"): content_not_base64,
}
