from __future__ import annotations

from decimal import Decimal

from tests.fakes.trading import START_NS, approved, fill, instrument

from tallystick.contracts.orders import OrderSide
from tallystick.contracts.venue_updates import VenueFunding, VenueLiquidation
from tallystick.engine.round_trips import Opener, RoundTrips
from tallystick.execution.ledger import Ledger

BTC = "BTCUSDT"


class Account:
    """A ledger and its trades, taking updates together."""

    def __init__(self) -> None:
        self.ledger, self.trips = Ledger({BTC: instrument()}, Decimal(1000)), RoundTrips()

    def take(self, update):
        self.ledger.apply(update)
        trade = self.trips.observe(self.ledger, update)
        return None if trade is None else trade.net


def test_a_trade_is_one_from_flat_to_flat_net_of_fees_and_funding():
    account = Account()
    buy, sell = approved(quantity="4"), approved("EXIT", side=OrderSide.SELL, quantity="4")
    assert account.take(fill(buy, "3", "100", "1", 1, "0.5")) is None
    assert account.trips.opened_ns == {BTC: START_NS}
    assert account.take(fill(buy, "1", "104", "0", 2, "0.25")) is None
    assert account.take(VenueFunding("f-1", BTC, Decimal("0.0001"), Decimal("0.04"), START_NS)) is None
    assert account.take(fill(sell, "1", "110", "3", 1, "0.1")) is None
    assert account.take(fill(sell, "3", "110", "0", 2, "0.3")) == Decimal("440") - Decimal("404") - Decimal("1.15") - Decimal("0.04")
    assert account.trips.opened_ns == {}


def test_the_next_trade_begins_at_nothing():
    account = Account()
    for number, (price, result) in enumerate((("90", "-10"), ("105", "5"))):
        buy, sell = approved(quantity="1"), approved("EXIT", side=OrderSide.SELL, quantity="1")
        account.take(fill(buy, price="100", number=number))
        assert account.take(fill(sell, price=price, number=number)) == Decimal(result)


def test_a_liquidation_ends_a_trade_too():
    account = Account()
    account.take(fill(approved(side=OrderSide.SELL, quantity="1"), price="100"))
    taken = VenueLiquidation("l-1", BTC, OrderSide.BUY, Decimal(1), Decimal(150), Decimal(2), "LIQUIDATION", START_NS)
    assert account.take(taken) == Decimal(-52)
    assert account.trips.state() == {"opened_ns": {}, "settled_micro": {BTC: -52_000_000}, "openers": {}, "lots": {}, "entered": {}}


def test_a_trade_knows_who_asked_for_it_first_and_what_was_put_into_it():
    account, first, later = Account(), Opener("model_alpha", "60m"), Opener("other", None)
    buy, sell = approved(quantity="4"), approved("EXIT", side=OrderSide.SELL, quantity="4")
    account.trips.entering(BTC, later)
    account.trips.entering(BTC, first)  # nothing is held yet: the entry that fills is the last one sent
    for quantity, price, remaining, number in (("3", "100", "1", 1), ("1", "104", "0", 2)):
        account.ledger.apply(update := fill(buy, quantity, price, remaining, number))
        assert account.trips.observe(account.ledger, update) is None
        account.trips.entering(BTC, later)
    account.ledger.apply(update := fill(sell, "4", "110", "0", 1))
    trade = account.trips.observe(account.ledger, update)
    assert (trade.opener, trade.entered, trade.opened_ns) == (first, Decimal(404), START_NS)
