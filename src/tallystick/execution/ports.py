"""What execution asks of a venue: four ports of at most five methods. Transports never resend a submit (decision 66)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from tallystick.contracts.errors import TallystickError
from tallystick.contracts.orders import ApprovedOrder, OrderResponse
from tallystick.contracts.positions import Position
from tallystick.contracts.risk import AccountState
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.contracts.venue_updates import VenueUpdate


class VenueTimeout(TallystickError):
    """The venue did not answer in time: whether it has the order is unknown."""

    code = "VENUE_TIMEOUT"


class MarketFeed(Protocol):
    """Prices of the venue."""

    def subscribe(self, symbols: Sequence[str]) -> None:
        """Ask for these symbols from now on."""

    def marks(self) -> Mapping[str, Decimal]:
        """The last mark price of each subscribed symbol that has one."""


class OrderGateway(Protocol):
    """Orders of the venue. Raises VenueTimeout where no answer came."""

    def submit(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
        """Send one order once. The same client id again gets the first answer, never a second order."""

    def cancel(self, client_id: str, now_ns: int) -> OrderResponse:
        """Ask for the end of a working order."""

    def lookup(self, client_id: str) -> OrderResponse | None:
        """What the venue knows of an order; None when it never saw it."""

    def working(self) -> tuple[str, ...]:
        """Client ids of the orders that still work."""

    def drain(self) -> tuple[VenueUpdate, ...]:
        """What happened since the last drain, in order."""


class AccountReader(Protocol):
    """The venue's own books."""

    def account(self) -> AccountState:
        """Equity and free margin."""

    def positions(self) -> Mapping[str, Position]:
        """Held positions by symbol."""


class InstrumentReader(Protocol):
    """What the venue trades."""

    def instruments(self) -> Mapping[str, TradedInstrument]:
        """Instruments by symbol."""
