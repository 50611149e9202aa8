"""A store replayed: what an older version stored is compared by what it knew, and nothing else is forgiven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.venue_messages import NOON_MS, NOON_NS, account_state, encoded

from tallystick.adapters.event_store.store import EventStore
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.apps.store_replay import replay_store
from tallystick.artifacts.paths import Workspace, get_event_store_dir
from tallystick.contracts.collection import CollectionMark, StoredMessage
from tallystick.contracts.market_events import LATER_VALUES, VenueEvent
from tallystick.observation.log_decoding import bytes_of_mark

ASKED = '{"type":"clearinghouseState","user":"0xa1"}'
Change = Callable[[VenueEvent], Mapping[str, Any]]


def store_of(root: Path, change: Change) -> Path:
    """A store of one session with one answer about an account, its events stored with changed values."""
    folder = get_event_store_dir(Workspace(root), "hyperliquid")
    with EventStore(folder, "hyperliquid") as store:
        start = bytes_of_mark(CollectionMark("SESSION_STARTED", NOON_NS, symbols=("BTC",)))
        store.append(StoredMessage(1, "mark", NOON_NS, "", start, "mark"), ())
        message = encoded(account_state(NOON_MS, BTC="-0.5"))
        events = [item for item in hyperliquid_decoder(("BTC",)).decode(message, NOON_NS, "hyperliquid:2", ASKED) if isinstance(item, VenueEvent)]
        assert [event.kind for event in events] == ["ACCOUNT", "POSITION"]
        assert all(event.values["account"] == "0xa1" for event in events)
        stored = [replace(event, values=change(event)) for event in events]
        store.append(StoredMessage(2, "answer", NOON_NS, ASKED, message, "decoded"), stored)
    return folder


def differences(root: Path, change: Change) -> int:
    found = replay_store(root, store_of(root, change), "hyperliquid").store
    assert found is not None
    return int(found["differences"])


def without(*names: str) -> Change:
    return lambda event: {name: value for name, value in event.values.items() if name not in names}


@pytest.mark.parametrize("unknown", [LATER_VALUES["ACCOUNT"], {"exchange"}], ids=["a version that knew none of them", "a version that knew some"])
def test_values_that_came_after_the_version_that_stored_an_event_are_no_difference(tmp_path: Path, unknown: set[str]) -> None:
    assert differences(tmp_path, without(*unknown)) == 0


@pytest.mark.parametrize(
    "change",
    [without("size", "withdrawable"), lambda event: {**event.values, "account": "0xb2"}, lambda event: {**event.values, "account": None}],
    ids=["a value that every version has", "another account", "no account where one was asked"],
)
def test_anything_else_is_a_difference(tmp_path: Path, change: Change) -> None:
    assert differences(tmp_path, change) == 1
