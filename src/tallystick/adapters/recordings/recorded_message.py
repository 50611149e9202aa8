"""One message of a recording."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.contracts.time import NS_PER_SECOND


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
    """Nanoseconds of `1626992741.06217`, exactly; None for a text that is no such number."""
    whole, _, fraction = seconds.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 10) or (fraction and not (fraction.isascii() and fraction.isdigit())):
        return None
    return int(whole) * NS_PER_SECOND + int(fraction[:9].ljust(9, "0"))
