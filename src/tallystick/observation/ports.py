"""What observation asks of the outside: a decoder for the messages of one venue."""

from __future__ import annotations

from typing import Protocol

from tallystick.contracts.market_events import Control, MessageCounts, Quarantined, VenueEvent

Decoded = VenueEvent | Quarantined | Control


class Decoder(Protocol):
    """Messages of one venue in, facts out; pure, and never an exception: what cannot be taken comes back kept aside with its bytes.

    The answer to one message is never empty, and is one of: events, with entries that were kept aside beside them; one Control; one whole Quarantined.
    """

    @property
    def venue(self) -> str:
        """The venue's short name."""

    @property
    def awaiting_snapshot(self) -> tuple[str, ...]:
        """Symbols whose depth stream has a hole: their changes are kept aside until a snapshot of the book is decoded."""

    def decode(self, message: bytes, received_ns: int, source: str = "", asked: str = "") -> tuple[Decoded, ...]:
        """One message, received at an instant (UTC nanoseconds; 0 where a recording does not tell).

        source: the reference that its events carry, by default `<venue>:<number of the message>`. asked: for the answer of a REST call what was asked, the
        request target (`/fapi/v1/depth?symbol=BTCUSDT`) or the posted body; the decoder knows many answers without it.
        """

    def connected(self) -> None:
        """A new connection: what a venue first sends on one may be history, and depth streams must be joined to a snapshot again."""

    def counts(self) -> MessageCounts:
        """What became of every message so far."""
