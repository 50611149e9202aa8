"""M1 for books and positions: taken, or kept aside with a finding; and the facts of venues turned into raw events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tallystick.contracts.checking import findings
from tallystick.contracts.errors import ConfigurationError, InvariantViolation
from tallystick.contracts.market_events import VenueEvent
from tallystick.contracts.observation import MarketEvent, ObservationStatus, QuarantinedEvent, RawMarketEvent
from tallystick.contracts.observation_events import CONTRACTS, BookEvent, PositionEvent, RawStateEvent
from tallystick.kernels.primitives_room import EventColumns, RoomRules
from tallystick.kernels.trade_primitives import TradeRules
from tallystick.observation.config import ObservationConfig
from tallystick.observation.governance import Observation
from tallystick.observation.halt import SystemHalted
from tallystick.observation.history import measure_history
from tallystick.observation.venue_facts import VenueFacts

S = 1_000_000_000
NOW = 1_000_000 * S
BY_NAME = {contract.name: contract for contract in CONTRACTS}
BOOK = {"bids": [["99.5", "1"], ["99", "2.5"]], "asks": [["100.5", 3]]}
POSITION = {"account": "a", "quantity": "-2", "value": "200", "leverage": 5, "liquidation_price": None}


def reading(kind: str, values: dict[str, Any], at: int = NOW, source: str = "s:1", symbol: str = "X") -> RawStateEvent:
    return RawStateEvent(kind, symbol, at, values, source)  # type: ignore[arg-type]


def answered(event: RawStateEvent) -> Any:
    room = Observation(("X",))
    (answer,) = room.ingest(NOW, [event])
    return answer


@pytest.mark.clause("D4.22", "D4.23")
def test_books_and_positions_get_sequential_ids_and_plain_numbers() -> None:
    room = Observation(("X",))
    book, position = room.ingest(NOW, [reading("BOOK", BOOK), reading("POSITION", POSITION, source="s:2")])
    assert book == BookEvent(1, "X", NOW, ((99.5, 1.0), (99.0, 2.5)), ((100.5, 3.0),), "s:1")
    assert position == PositionEvent(2, "X", NOW, "a", -2.0, 200.0, 5.0, None, "s:2")
    assert room.ingestion.source_of(2) == ("POSITION", "X", NOW, "s:2")
    assert findings(BY_NAME["observation.book_event"], book) == findings(BY_NAME["observation.position_event"], position) == []


@pytest.mark.clause("D4.24", "D4.25", "D4.26")
@pytest.mark.parametrize(
    ("kind", "changed", "finding"),
    [
        ("BOOK", {"bids": "99"}, "bids"),
        ("BOOK", {"bids": [], "asks": []}, "either side"),
        ("BOOK", {"bids": [["99.5"]]}, "level"),
        ("BOOK", {"bids": [["nan", "1"]]}, "level"),
        ("BOOK", {"asks": [["100", "-1"]]}, "level"),
        ("BOOK", {"asks": [5]}, "level"),
        ("BOOK", {"bids": [["99", "1"], ["99.5", "1"]]}, "fall"),
        ("BOOK", {"asks": [["101", "1"], ["100", "1"]]}, "rise"),
        ("BOOK", {"asks": [["99.5", "1"]]}, "not below"),
        ("POSITION", {"account": ""}, "account"),
        ("POSITION", {"quantity": "many"}, "quantity"),
        ("POSITION", {"value": "-1"}, "value"),
        ("POSITION", {"leverage": True}, "leverage"),
        ("POSITION", {"liquidation_price": "inf"}, "liquidation_price"),
        ("GOSSIP", {}, "kind"),
    ],
)
def test_decision_30_a_malformed_reading_is_kept_aside(kind: str, changed: dict[str, Any], finding: str) -> None:
    answer = answered(reading(kind, (BOOK if kind == "BOOK" else POSITION) | changed))
    assert isinstance(answer, QuarantinedEvent)
    assert (answer.reason, finding in answer.finding) == ("malformed", True)
    assert answer.content


@pytest.mark.clause("D4.26")
@pytest.mark.parametrize(
    ("reason", "event"),
    [
        ("malformed", reading("BOOK", BOOK, source="")),
        ("foreign_symbol", reading("BOOK", BOOK, symbol="Y")),
        ("late", reading("BOOK", BOOK, at=NOW - 30 * S - 1)),
        ("future", reading("BOOK", BOOK, at=NOW + 1)),
        ("duplicate", reading("BOOK", BOOK, at=NOW - S)),
        ("out_of_order", reading("BOOK", BOOK, at=NOW - 2 * S, source="s:2")),
    ],
)
def test_decision_30_readings_keep_the_order_of_time(reason: str, event: RawStateEvent) -> None:
    room = Observation(("X",))
    room.ingest(NOW, [reading("BOOK", BOOK, at=NOW - S)])
    (answer,) = room.ingest(NOW, [event])
    assert isinstance(answer, QuarantinedEvent)
    assert answer.reason == reason
    counters = room.counters()
    assert (counters.events_received, counters.events_decoded, counters.dropped_events) == (2, 1, 1)


def test_one_message_may_carry_the_positions_of_many_accounts() -> None:
    room = Observation(("X",))
    answers = room.ingest(NOW, [reading("POSITION", POSITION | {"account": name}) for name in "aba"])
    assert [isinstance(answer, PositionEvent) for answer in answers] == [True, True, False]


def test_only_the_five_best_levels_are_kept() -> None:
    levels = [(100.0 - place, 1.0) for place in range(9)]
    book = answered(reading("BOOK", {"bids": levels, "asks": []}))
    assert (len(book.bids), book.asks) == (5, ())


def test_decision_30_positions_beyond_the_limit_lose_the_one_read_longest_ago() -> None:
    room = Observation(("X",), ObservationConfig(positions_kept=2))
    for place, name in enumerate("abac"):
        room.ingest(NOW + place * S, [reading("POSITION", POSITION | {"account": name, "quantity": 1, "value": 10 + place}, NOW + place * S, f"s:{place}")])
    found = room.query("X").open_interest_directional_bias
    assert found is not None
    assert (found.net_long_value, room.counters().overwritten) == (12.0 + 13.0, 1)


@pytest.mark.clause("D4.02", "D4.09")
def test_a_failed_room_answers_none_of_the_new_questions() -> None:
    room = Observation(("X",))
    room.ingest(NOW, [reading("BOOK", BOOK)])
    room.advance_time(NOW - 1)
    assert room.status is ObservationStatus.FAILED
    for call in (lambda: room.nodes("X"), room.level_counts, lambda: room.expect("X", ["a"]), lambda: room.ingest(NOW, [reading("BOOK", BOOK)])):
        with pytest.raises(SystemHalted):
            call()


@pytest.mark.clause("D4.08")
def test_raw_readings_and_promoted_events_cannot_be_changed() -> None:
    given: dict[str, Any] = {"bids": [["99.5", "1"]], "asks": []}
    event: Any = reading("BOOK", given)
    given["bids"][0][0] = "1"
    assert event.values["bids"] == (("99.5", "1"),)
    with pytest.raises(TypeError):
        event.values["bids"] = ()
    room = Observation(("X",))
    for second in range(12):
        at = NOW + second * S
        size = 1.0 if second < 11 else 50.0
        room.ingest(at, [RawMarketEvent("TRADE", "X", at, {"price": 2.0, "quantity": size, "side": "buy"}, f"t:{second}")])
    snapshot: Any = room.snapshot()
    (found,) = snapshot.promoted_events
    assert dict(found) == {
        "timestamp": (NOW + 11 * S) / S, "symbol": "X", "price": 2.0, "quantity": 50.0, "side": "buy",
        "baseline_mean": 1.0, "baseline_stddev": 0.0, "sigma_distance": None,
    }  # fmt: skip
    with pytest.raises(TypeError):
        found["price"] = 1.0


@pytest.mark.clause("D4.06")
def test_no_trade_is_promoted_before_ten_windows_are_closed() -> None:
    room = Observation(("X",))
    for second in range(10):
        at = NOW + second * S
        room.ingest(at, [RawMarketEvent("TRADE", "X", at, {"price": 2.0, "quantity": 10.0**second, "side": "buy"}, f"t:{second}")])
    assert room.snapshot().promoted_events == ()


def test_evidence_that_comes_after_marks_starts_from_the_last_mark() -> None:
    room = Observation(("X", "Y"))
    room.ingest_marks(NOW, ("X", "Y"), np.array([100.0, 50.0]), np.array([NOW, NOW]))
    room.ingest(NOW + S, [reading("POSITION", POSITION | {"quantity": 1, "liquidation_price": 99}, NOW + S)])
    near = room.query("X").liquidation_cascade_proximity
    assert near is not None
    assert (near.price_level, near.positions_at_risk_count) == (100.0, 1)
    room.ingest_marks(NOW + 2 * S, ("X", "Y"), np.array([120.0, 51.0]), np.array([NOW + 2 * S] * 2))
    later = room.query("X").liquidation_cascade_proximity
    assert later is not None
    assert (later.price_level, later.positions_at_risk_count) == (120.0, 0)
    assert room.query("Y").price_traversal_velocity is not None


def fact(kind: str, symbol: str = "X", **values: Any) -> VenueEvent:
    return VenueEvent(1, kind, "binance", symbol, NOW, NOW, "line:1", "venue", values)  # type: ignore[arg-type]


@pytest.mark.clause("D4.22", "D4.26")
def test_facts_of_a_venue_become_raw_events_and_unread_ones_are_counted() -> None:
    facts = VenueFacts()
    trade = facts.raw_event(fact("TRADE", price="1.5", quantity="2", side="buy", trade_id=7))
    assert isinstance(trade, RawMarketEvent)
    room = Observation(("X",))
    (taken,) = room.ingest(NOW, [trade])
    assert isinstance(taken, MarketEvent)
    assert (taken.price, taken.source) == (1.5, "line:1")
    assert facts.raw_event(fact("BOOK_DELTA", bids=(("99", "1"),), asks=())) is None
    assert facts.raw_event(fact("FUNDING", funding_rate="0.01", premium=None)) is None
    assert facts.unread == {"BOOK_DELTA": 1, "FUNDING": 1}
    held = {"size": "-1", "position_value": "100", "leverage": "5", "liquidation_price": None}
    for account, whose in (("0xa1", "0xa1"), (None, "binance")):
        position = facts.raw_event(fact("POSITION", **held, account=account))
        assert position == reading(
            "POSITION", {"account": whose, "quantity": "-1", "value": "100", "leverage": "5", "liquidation_price": None}, source="line:1"
        )


def test_changes_of_a_book_are_applied_to_its_snapshot() -> None:
    facts = VenueFacts()
    facts.raw_event(fact("BOOK", bids=(("99", "1"), ("98", "2")), asks=(("101", "3"),), last_update_id=1))
    changed = facts.raw_event(fact("BOOK_DELTA", bids=(("99", "0"), ("98.5", "4")), asks=(("100.5", "0.5"),)))
    assert isinstance(changed, RawStateEvent)
    assert changed.values["bids"] == (("98.5", "4"), ("98", "2"))
    assert changed.values["asks"] == (("100.5", "0.5"), ("101", "3"))
    broken = facts.raw_event(fact("BOOK_DELTA", bids=(("x", "0"),), asks=()))
    assert broken is not None
    assert answered(broken).reason == "malformed"  # type: ignore[arg-type]


def change(first: int, last: int, previous: int | None, *bids: tuple[str, str]) -> VenueEvent:
    return fact("BOOK_DELTA", bids=bids, asks=(), first_update_id=first, last_update_id=last, previous_update_id=previous)


def whole_book(last: int) -> VenueEvent:
    return fact("BOOK", bids=(("99", "1"), ("98", "1")), asks=(("101", "1"),), last_update_id=last)


@pytest.mark.parametrize("before", [(), (whole_book(4),)], ids=["first snapshot", "snapshot of an unbroken stream"])
def test_changes_that_came_before_a_snapshot_but_are_newer_are_in_the_book(before: tuple[VenueEvent, ...]) -> None:
    facts = VenueFacts()
    stream = (change(5, 6, 4, ("97", "9")), change(7, 9, 6, ("99", "0")), change(10, 12, 9, ("98", "5")))
    for item in (*before, *stream):
        facts.raw_event(item)
    # The snapshot was taken within the second change: it lacks the rest of that and the third.
    found = facts.raw_event(whole_book(8))
    assert isinstance(found, RawStateEvent)
    assert found.values["bids"] == (("98", "5"),)
    later = facts.raw_event(change(13, 13, 12, ("96", "2")))
    assert isinstance(later, RawStateEvent)
    assert later.values["bids"] == (("98", "5"), ("96", "2"))


def test_a_snapshot_that_the_remembered_changes_do_not_join_makes_no_book() -> None:
    facts = VenueFacts()
    for item in (whole_book(4), change(20, 21, 19)):
        facts.raw_event(item)
    assert facts.raw_event(whole_book(8)) is None
    assert facts.raw_event(change(22, 23, 21, ("98", "5"))) is None
    assert facts.unread == {"BOOK": 1, "BOOK_DELTA": 1}
    # One that holds them all makes one again.
    assert facts.raw_event(whole_book(30)) is not None


def test_columns_and_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="trades_kept"):
        ObservationConfig(trades_kept=0)
    with pytest.raises(ConfigurationError, match="sigmas"):
        ObservationConfig(rules=RoomRules(trades=TradeRules(sigmas=0.0)))
    with pytest.raises(ConfigurationError, match="threshold_pct"):
        ObservationConfig(rules=RoomRules(threshold_pct=-1.0))
    whole, real = np.zeros(2, dtype=np.int64), np.ones(2)
    columns = EventColumns(whole, whole, whole, real, real, whole, np.empty((0, 2, 5, 2)))
    with pytest.raises(InvariantViolation, match="arrivals"):
        measure_history(1, columns, np.array([2, 1]), np.array([5]))
    with pytest.raises(InvariantViolation, match="columns"):
        measure_history(1, columns, np.array([2]), np.array([5]))
