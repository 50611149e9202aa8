"""Decoders parse and normalise, nothing else: every value of every event stands in its message, and every entry of a message becomes an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.shared_data import shared_data

from tallystick.adapters.recordings.recording_files import read_recording, recording_files
from tallystick.apps.observe_replay import decoder_of
from tallystick.contracts.market_events import EVENT_VALUES, VenueEvent

# Words of ours for a venue's code: sides, and what a flag or an interval asked for says.
OURS = {"buy", "sell"}
INTERPRETING = ("strength", "confidence", "signal", "score", "quality", "bullish", "bearish", "momentum", "weak", "strong", "important")
VENUES = ("binance", "hyperliquid")


# What an answer does not say and its question does.
OF_THE_QUESTION = ("account", "exchange")


def messages(venue: str) -> Iterator[tuple[bytes, tuple[Any, ...], Path]]:
    for message, _, answer, path in exchanges(venue):
        yield message, answer, path


def exchanges(venue: str) -> Iterator[tuple[bytes, str, tuple[Any, ...], Path]]:
    for path in recording_files(shared_data() / "payloads" / venue):
        decoder = decoder_of(venue)
        for line in read_recording(path):
            yield line.message, line.asked, decoder.decode(line.message, line.received_ns, line.source, line.asked), path


def words_of(text: str) -> set[str]:
    return {word.lower() for word in text.replace("\\", "").split('"')}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    if isinstance(value, tuple):
        for item in value:
            yield from texts(item)


@pytest.mark.clause("D4.11", "D4.12", "D4.15", "D4.16", "D4.20", "D4.25")
@pytest.mark.parametrize("venue", VENUES)
def test_every_value_stands_in_its_message_as_it_is(venue: str) -> None:
    compared = 0
    for message, asked, answer, path in exchanges(venue):
        words, asked_words = words_of(message.decode()), words_of(asked)
        for event in answer:
            if isinstance(event, VenueEvent):
                of_question = {text for name in OF_THE_QUESTION for text in texts(event.values.get(name))}
                found = {text for name, value in event.values.items() if name not in OF_THE_QUESTION for text in texts(value)} - OURS
                assert {text.lower() for text in found} <= words, f"{path.name}: {event}"
                assert {text.lower() for text in of_question} <= words | asked_words, f"{path.name}: {event}"
                compared += len(found)
    assert compared > 1000


@pytest.mark.clause("D4.14")
@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_time_is_in_nanoseconds(venue: str) -> None:
    for message, answer, _ in messages(venue):
        for event in answer:
            if isinstance(event, VenueEvent) and event.clock == "venue":
                assert event.event_time_ns % 1_000_000 == 0
                assert str(event.event_time_ns // 1_000_000).encode() in message


@pytest.mark.clause("D4.13", "D4.17", "D4.18", "D4.19", "D4.24")
def test_no_trade_is_filtered_or_summed_however_small() -> None:
    count = 0
    for message, answer, _ in messages("hyperliquid"):
        document = json.loads(message)
        if isinstance(document, dict) and document.get("channel") == "trades":
            events = [(event.symbol, event.values["price"], event.values["quantity"], event.values["trade_id"]) for event in answer]
            assert events == [(item["coin"], item["px"], item["sz"], item["tid"]) for item in document["data"]]
            count += len(events)
    assert count > 50


@pytest.mark.clause("D4.12", "D4.16", "D4.25")
def test_no_value_has_a_name_that_interprets() -> None:
    names = {name for values in EVENT_VALUES.values() for name in values}
    assert not [name for name in names if any(word in name for word in INTERPRETING)]
