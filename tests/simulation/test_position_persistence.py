"""Gap 1 of document 4: a book rebuilt from the same events after a cut at any point equals the uninterrupted one."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.trading import HOUR_NS, START_NS, approved, bars, instrument

from tallystick.contracts.messages import document_of, message_of
from tallystick.contracts.orders import ApprovedOrder, OrderSide, OrderType
from tallystick.contracts.venue_updates import parse_update
from tallystick.execution.position_book import PositionBook
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts

SYMBOLS = ("A", "B", "C")
INSTRUMENTS = {symbol: instrument(symbol, funding_interval_ns=4 * HOUR_NS) for symbol in SYMBOLS}
CASH = Decimal(3000)


def fresh() -> PositionBook:
    return PositionBook(INSTRUMENTS, CASH)


def choose(random_: random.Random, book: PositionBook, symbol: str, number: int) -> ApprovedOrder | None:
    """An order that the position's state admits, of a random kind; None half of the time."""
    position, client = book.position(symbol), f"{number:031x}{symbol}".lower()
    if random_.random() < 0.5 or position.state.value not in ("FLAT", "OPEN"):
        return None
    if position.direction is None:
        side, quantity = random_.choice(list(OrderSide)), str(random_.randint(1, 60))
        more: dict[str, Any] = random_.choice([{}, {"kind": OrderType.LIMIT, "limit": "98"}, {"kind": OrderType.IOC, "limit": "103"}])
        return approved(symbol=symbol, side=side, quantity=quantity, client_id=client, **more)
    out = OrderSide.SELL if position.direction.sign > 0 else OrderSide.BUY
    action: Any = random_.choice(["EXIT", "REDUCE"])
    quantity = str(position.quantity if action == "EXIT" else (position.quantity / 2).quantize(Decimal("0.001")))
    stop = "92" if out is OrderSide.SELL else "108"
    more = random_.choice([{}, {"kind": OrderType.STOP_MARKET, "stop": stop}])
    return approved(action, symbol=symbol, side=out, quantity=quantity, client_id=client, **more)


def session(seed: int, cycles: int = 60) -> list[dict[str, Any]]:
    """The events of a session, as a journal holds them: intents and updates, in their order."""
    random_, venue, book = random.Random(seed), SimulatedVenue(INSTRUMENTS, VenueCosts(), CASH), fresh()
    events: list[dict[str, Any]] = []
    prices = dict.fromkeys(SYMBOLS, 100.0)
    for number in range(cycles):
        now_ns = START_NS + number * HOUR_NS
        for symbol in SYMBOLS:
            order = choose(random_, book, symbol, number)
            if order is not None:
                book.intend(order)
                venue.submit(order, now_ns)
                events.append({"intent": document_of(order)})
            elif random_.random() < 0.2 and venue.working():
                venue.cancel(random_.choice(venue.working()), now_ns)
        rows = {}
        for symbol in SYMBOLS:
            open_, close = prices[symbol], round(prices[symbol] * random_.uniform(0.9, 1.11), 1)
            prices[symbol] = close
            rows[symbol] = None if random_.random() < 0.1 else (open_, max(open_, close) + 1, max(1.0, min(open_, close) - 1), close)
        venue.advance(now_ns, bars(rows, volume=random_.choice([100.0, 1e6])))
        for update in venue.drain():
            book.apply(update)
            events.append({"update": document_of(update)})
    assert book.ledger.state() == venue.ledger.state()
    return events


def replay(book: PositionBook, events: list[dict[str, Any]]) -> PositionBook:
    for event in events:
        if "intent" in event:
            book.intend(message_of(ApprovedOrder, event["intent"]))
        else:
            book.apply(parse_update(event["update"]))
    return book


@pytest.mark.clause("D4.141")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_position_persistence_synthetic(seed: int) -> None:
    events = session(seed)
    digests, states = [], set()
    book = fresh()
    digests.append(book.digest())
    for event in events:
        replay(book, [event])
        digests.append(book.digest())
        states |= {position.state.value for position in book.positions().values()}
    assert {"ENTERING", "OPEN", "CLOSING", "REDUCING"} <= states, "the session must be cut in every state"
    for cut in range(0, len(events) + 1, 3):
        recovered = replay(fresh(), events[:cut])
        assert recovered.digest() == digests[cut]
        # The venue tells again what happened around the cut: nothing doubles.
        for event in events[max(0, cut - 5) : cut]:
            if "update" in event:
                recovered.apply(parse_update(event["update"]))
        assert recovered.digest() == digests[cut]
    recovered = replay(replay(fresh(), events[: len(events) // 2]), events[len(events) // 2 :])
    assert recovered.digest() == digests[-1]


def test_decision_21_sessions_of_one_seed_are_equal_and_of_another_are_not() -> None:
    assert session(1) == session(1)
    assert session(1) != session(2)
