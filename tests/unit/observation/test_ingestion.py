"""M1: every event is decoded or kept aside with its reason, and the counts add up."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.observation import MarketEvent, QuarantinedEvent, RawMarketEvent
from tallystick.contracts.observation_events import RawStateEvent
from tallystick.observation.config import ObservationConfig
from tallystick.observation.ingestion import Ingestion
from tallystick.observation.ports import TradeColumns

S = 1_000_000_000
NOW = 1_000 * S
SYMBOLS = ("BTC", "ETH")


def event(kind: str = "TRADE", symbol: str = "BTC", at: int = NOW, source: str = "file:1", **values: object) -> RawMarketEvent:
    fields = {"price": "100.5", "quantity": "2", "side": "buy"} | values
    return RawMarketEvent(kind, symbol, at, fields, source)  # type: ignore[arg-type]


def ingestion(**config: int) -> Ingestion:
    return Ingestion(SYMBOLS, ObservationConfig(**config))


@pytest.mark.clause("D4.22", "D4.23")
def test_ids_are_sequential_and_lead_back_to_their_source() -> None:
    room = ingestion()
    first = room.accept(event(source="file:1"), NOW)
    second = room.accept(event(kind="MARK", source="file:2"), NOW)
    room.accept_marks(NOW + S, SYMBOLS, np.array([101.0, 50.0]), np.array([NOW + S, NOW + S]), "bars:7")
    assert isinstance(first, MarketEvent)
    assert isinstance(second, MarketEvent)
    assert (first.event_id, second.event_id) == (1, 2)
    assert room.source_of(1) == ("TRADE", "BTC", NOW, "file:1")
    assert room.source_of(4) == ("BAR_CLOSE", "ETH", NOW + S, "bars:7")
    for unknown in (0, 5):
        with pytest.raises(InvariantViolation):
            room.source_of(unknown)


@pytest.mark.clause("D4.22")
def test_types_are_converted_and_nothing_is_added() -> None:
    assert ingestion().accept(event(), NOW) == MarketEvent(1, "TRADE", "BTC", NOW, 100.5, 2.0, "buy", "file:1")


@pytest.mark.clause("D4.24", "D4.25", "D4.26")
@pytest.mark.parametrize(
    ("reason", "bad"),
    [
        ("malformed", event(price="abc")),
        ("malformed", event(price=-1)),
        ("malformed", event(price=True)),
        ("malformed", event(price=float("nan"))),
        ("malformed", event(quantity=None)),
        ("malformed", event(side="BUY")),
        ("malformed", event(kind="GOSSIP")),
        ("malformed", event(source="")),
        ("foreign_symbol", event(symbol="DOGE")),
        ("late", event(at=NOW - 30 * S - 1)),
        ("future", event(at=NOW + 1)),
        ("duplicate", event(at=NOW - S)),
        ("out_of_order", event(at=NOW - 2 * S, source="file:2")),
    ],
)
def test_decision_30_what_cannot_be_taken_is_kept_aside_with_its_reason(reason: str, bad: RawMarketEvent) -> None:
    room = ingestion()
    room.accept(event(at=NOW - S), NOW)
    answer = room.accept(bad, NOW)
    assert isinstance(answer, QuarantinedEvent)
    assert answer.reason == reason
    assert answer.finding
    assert (room.received, room.decoded, room.quarantined) == (2, 1, {reason: 1})
    assert room.drain_quarantine() == (answer,)
    assert room.drain_quarantine() == ()


@pytest.mark.clause("D4.24")
def test_no_event_is_too_small_to_matter() -> None:
    room = ingestion()
    assert isinstance(room.accept(event(price="0.00000001", quantity="0.00000001"), NOW), MarketEvent)


def test_exactly_thirty_seconds_is_not_late() -> None:
    assert isinstance(ingestion().accept(event(at=NOW - 30 * S), NOW), MarketEvent)


def test_trades_of_one_instant_are_all_taken() -> None:
    room = ingestion()
    assert all(isinstance(room.accept(event(source=f"file:{i}"), NOW), MarketEvent) for i in range(3))


def test_two_marks_of_one_instant_are_a_duplicate() -> None:
    room = ingestion()
    room.accept_marks(NOW, SYMBOLS, np.array([1.0, 2.0]), np.array([NOW, NOW]), "bars")
    answer = room.accept(event(kind="MARK", source="file:9"), NOW)
    assert isinstance(answer, QuarantinedEvent)
    assert answer.reason == "duplicate"


def test_columns_of_marks_are_judged_like_single_events() -> None:
    room = ingestion()
    room.accept_marks(NOW, SYMBOLS, np.array([1.0, 2.0]), np.array([NOW, NOW]), "bars:1")
    later = NOW + 60 * S
    names = ("BTC", "ETH", "DOGE")
    rows, _, _ = room.accept_marks(later, names, np.array([0.0, np.nan, 1.0]), np.full(3, later), "bars:2")
    assert rows.tolist() == []
    rows, prices, _ = room.accept_marks(later, SYMBOLS, np.array([5.0, 6.0]), np.array([NOW, later]), "bars:3")
    assert (rows.tolist(), prices.tolist()) == ([1], [6.0])
    assert room.quarantined == {"malformed": 1, "foreign_symbol": 1, "late": 1}
    assert room.received == room.decoded + 3 == 6
    with pytest.raises(InvariantViolation, match="twice"):
        room.accept_marks(later, ("BTC", "BTC"), np.ones(2), np.full(2, later), "bars")
    with pytest.raises(InvariantViolation, match="one price"):
        room.accept_marks(later, ("BTC",), np.ones(2), np.full(2, later), "bars")


def test_a_full_quarantine_counts_what_it_loses() -> None:
    room = ingestion(quarantine_kept=2)
    for _ in range(5):
        room.accept(event(symbol="DOGE"), NOW)
    assert len(room.drain_quarantine()) == 2
    assert (room.overwritten, room.quarantined) == (3, {"foreign_symbol": 5})


events = st.builds(
    lambda kind, symbol, offset, source, price: event(kind, symbol, NOW + offset * S, f"f:{source}", price=price),
    st.sampled_from(("TRADE", "MARK", "BAR_CLOSE", "LIQUIDATION", "?")),
    st.sampled_from(("BTC", "ETH", "DOGE")),
    st.integers(-40, 5),
    st.integers(0, 3),
    st.sampled_from(("1", "2.5", "0", "x")),
)


@given(st.lists(events, max_size=20))
@settings(max_examples=60, deadline=None)
@pytest.mark.clause("D4.26")
def test_messages_in_are_decoded_plus_quarantined(found: list[RawMarketEvent]) -> None:
    room = ingestion()
    answers = [room.accept(item, NOW) for item in found]
    assert room.received == len(found) == room.decoded + sum(room.quarantined.values())
    assert [item.event_id for item in answers if isinstance(item, MarketEvent)] == list(range(1, room.decoded + 1))
    assert room.drain_quarantine() == tuple(item for item in answers if isinstance(item, QuarantinedEvent))


def trade_columns(times: list[int], symbols: tuple[str, ...] = SYMBOLS, prices: list[float] | None = None, first_line: int = 1) -> TradeColumns:
    count = len(times)
    rows, numbers = np.arange(count) % len(symbols), np.ones(count)
    lines = np.arange(first_line, first_line + count)
    return TradeColumns("feed", symbols, rows, np.array(times), numbers if prices is None else np.array(prices), numbers, rows * 0, lines, rows * 0)


@pytest.mark.clause("D4.24", "D4.26")
@pytest.mark.parametrize(
    ("columns", "arrivals"),
    [
        (trade_columns([NOW, NOW]), [NOW - 1, NOW]),
        (trade_columns([NOW, NOW]), [NOW, NOW + 31 * S]),
        (trade_columns([NOW, NOW], symbols=("BTC", "DOGE")), [NOW, NOW]),
        (trade_columns([NOW + 2, NOW, NOW], symbols=("BTC",)), [NOW + 2] * 3),
        (trade_columns([NOW, NOW], prices=[1.0, 0.0]), [NOW, NOW]),
        (trade_columns([NOW, NOW], prices=[float("inf"), 1.0]), [NOW, NOW]),
        (trade_columns([NOW, NOW], first_line=50), [NOW, NOW]),
        (trade_columns([NOW - 2 * S, NOW]), [NOW, NOW]),
    ],
)
def test_columns_with_one_trade_that_may_be_refused_change_nothing(columns: TradeColumns, arrivals: list[int]) -> None:
    room = ingestion()
    room.accept(event(source="feed:50", at=NOW - S), NOW)
    assert room.accept_trades(columns, np.array(arrivals)) is None
    assert (room.received, room.decoded) == (1, 1)
    good = trade_columns([NOW, NOW])
    found = room.accept_trades(good, np.array([NOW, NOW]))
    assert found is not None
    assert found.tolist() == [0, 1]
    assert (room.received, room.decoded) == (3, 3)
    assert room.source_of(3) == ("TRADE", "ETH", NOW, "feed:2")
    repeated = room.accept(event(source="feed:1"), NOW)
    assert isinstance(repeated, QuarantinedEvent)
    assert repeated.reason == "duplicate"
    late = room.accept(event(source="feed:9", at=NOW - 1), NOW)
    assert isinstance(late, QuarantinedEvent)
    assert late.reason == "out_of_order"


def position(account: int, at: int, source: str) -> RawStateEvent:
    return RawStateEvent("POSITION", "BTC", at, {"account": f"0x{account}", "quantity": "1", "value": "1", "leverage": None, "liquidation_price": None}, source)


@pytest.mark.clause("D4.24", "D4.25")
def test_accounts_that_come_and_go_leave_nothing_and_change_no_answer() -> None:
    room, source = ingestion(recent_sources=100, quarantine_kept=100), random.Random(7)
    newest: dict[int, int] = {}
    for number in range(40_000):
        # Forty accounts come in each second and are read for a while, now and then with an older answer.
        now, account = NOW + number * S // 40, number - source.randrange(4_000)
        at = now - source.randrange(35) * S
        answer = room.accept(position(account, at, f"file:{number}"), now)
        found = answer.reason if isinstance(answer, QuarantinedEvent) else ""
        assert found == ("late" if now - at > 30 * S else "out_of_order" if at < newest.get(account, -1) else "")
        if not found:
            newest[account] = at
    # Some twenty bytes for each of at most eight thousand lines, where all accounts would be a megabyte.
    assert len(pickle.dumps(room)) < 300_000
    assert room.received == room.decoded + sum(room.quarantined.values())
