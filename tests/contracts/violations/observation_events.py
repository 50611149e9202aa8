"""Documents that break one rule of `contracts/observation_events.py` each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def without_source(document: Document) -> Document:
    return {**document, "source": ""}


def bids_from_the_worst(document: Document) -> Document:
    return {**document, "bids": document["bids"][::-1]}


def bid_at_the_ask(document: Document) -> Document:
    return {**document, "asks": [[document["bids"][0][0], 1.0]]}


def six_levels(document: Document) -> Document:
    return {**document, "asks": [[42_000.5 + level, 1.0] for level in range(6)]}


def negative_value(document: Document) -> Document:
    return {**document, "value": -1.0}


VIOLATIONS = {
    ("observation.raw_state_event", "reading_has_a_source"): without_source,
    ("observation.book_event", "reading_has_a_source"): without_source,
    ("observation.book_event", "levels_are_ordered"): bids_from_the_worst,
    ("observation.book_event", "book_is_not_crossed"): bid_at_the_ask,
    ("observation.book_event", "one_to_five_levels"): six_levels,
    ("observation.position_event", "reading_has_a_source"): without_source,
    ("observation.position_event", "values_are_not_negative"): negative_value,
}
