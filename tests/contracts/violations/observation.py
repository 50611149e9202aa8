"""Documents that break one rule of `contracts/observation.py` each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def one_event_vanished(document: Document) -> Document:
    document["counters"]["events_received"] += 1
    return document


def drop_without_reason(document: Document) -> Document:
    document["counters"]["quarantined"]["late"] -= 1
    return document


def primitives_of_a_stranger(document: Document) -> Document:
    return {**document, "symbols_active": ["BTCUSDT"]}


def bundle_under_another_name(document: Document) -> Document:
    document["primitives"]["ETHUSDT"]["symbol"] = "BTCUSDT"
    return document


def without_source(document: Document) -> Document:
    return {**document, "source": ""}


def id_zero(document: Document) -> Document:
    return {**document, "event_id": 0}


def late_from_the_future(document: Document) -> Document:
    return {**document, "received_at_ns": document["event_time_ns"]}


VIOLATIONS = {
    ("observation.snapshot", "received_is_decoded_and_dropped"): one_event_vanished,
    ("observation.snapshot", "dropped_is_quarantined"): drop_without_reason,
    ("observation.snapshot", "configured_symbols_only"): primitives_of_a_stranger,
    ("observation.snapshot", "bundles_carry_their_symbol"): bundle_under_another_name,
    ("observation.raw_event", "raw_event_has_a_source"): without_source,
    ("observation.event", "event_has_a_source"): without_source,
    ("observation.event", "event_is_positive"): id_zero,
    ("observation.quarantined_event", "late_is_before_arrival"): late_from_the_future,
}
