"""Documents that break one rule of `contracts/collection.py` each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def span_that_ends_before_it_begins(document: Document) -> Document:
    return {**document, "from_ns": document["to_ns"], "to_ns": document["from_ns"]}


def gap_without_outcome(document: Document) -> Document:
    return {**document, "outcome": ""}


def answer_to_nothing(document: Document) -> Document:
    return {**document, "role": "answer"}


def quarantined_without_reason(document: Document) -> Document:
    return {**document, "kept": []}


def first_segment_lost(document: Document) -> Document:
    return {**document, "segments": document["segments"][1:]}


def message_unaccounted_for(document: Document) -> Document:
    first, *others = document["segments"]
    return {**document, "segments": [{**first, "messages_decoded": first["messages_decoded"] - 1}, *others]}


def records_of_the_day_after(document: Document) -> Document:
    return {**document, "day": "2026-11-20"}


VIOLATIONS = {
    ("observation.collection_mark", "mark_spans_forward"): span_that_ends_before_it_begins,
    ("observation.collection_mark", "gaps_have_an_outcome"): gap_without_outcome,
    ("observation.stored_message", "record_is_numbered"): answer_to_nothing,
    ("observation.stored_message", "reasons_fit_the_outcome"): quarantined_without_reason,
    ("observation.event_day", "segments_follow_each_other"): first_segment_lost,
    ("observation.event_day", "segment_counts_add_up"): message_unaccounted_for,
    ("observation.event_day", "segments_are_of_their_day"): records_of_the_day_after,
}
