"""One message of a recording."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.contracts.time import NS_PER_SECOND

LAST_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """message: the bytes as they came. received_ns: UTC nanoseconds, 0 where the recording does not tell. source: `<file>:<line>`.

    asked: for the answer of a REST call the request target or posted body; empty for a stream.
    """

    message: bytes
    received_ns: int
    source: str
    asked: str = ""


def nanoseconds_of(seconds: str) -> int | None:
    """Nanoseconds of `1626992741.06217`, exactly; None for a text that is no such number, or beyond 64 bits."""
    whole, _, fraction = seconds.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 10) or (fraction and not (fraction.isascii() and fraction.isdigit())):
        return None
    return in_64_bits(int(whole) * NS_PER_SECOND + int(fraction[:9].ljust(9, "0")))


def in_64_bits(instant_ns: int) -> int | None:
    """The instant, or None for one after the year 2262: no column and no kernel holds it."""
    return instant_ns if instant_ns <= LAST_NS else None
