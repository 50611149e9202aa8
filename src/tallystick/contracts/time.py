"""UTC time as integers of nanoseconds, and its one text form: ISO-8601 with `Z` (decision 3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tallystick.contracts.errors import DataError

NS_PER_SECOND = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_SECOND
NS_PER_HOUR = 60 * NS_PER_MINUTE
NS_PER_DAY = 24 * NS_PER_HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?)?$")


def iso_from_ns(ns: int) -> str:
    """`2025-01-01T00:00:00Z`; a fraction of a second appears only when there is one, without trailing zeros."""
    seconds, fraction = divmod(ns, NS_PER_SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    return f"{text}.{f'{fraction:09d}'.rstrip('0')}Z" if fraction else f"{text}Z"


def ns_from_iso(text: str) -> int:
    """Nanoseconds of an ISO-8601 time; a date alone is its midnight; a time without a zone is read as UTC.

    Raises DataError when the text is no such time, or one that 64 bits cannot hold.
    """
    match = _ISO.match(text)
    if match is None:
        raise DataError(f"expected an ISO-8601 time such as 2025-01-01T00:00:00Z, found {text!r}")
    date, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock or '00:00:00'}{'+00:00' if zone in (None, 'Z') else zone}")
    except ValueError as error:
        raise DataError(f"expected an ISO-8601 time such as 2025-01-01T00:00:00Z, found {text!r}: {error}") from error
    found = int((moment - _EPOCH) // timedelta(seconds=1)) * NS_PER_SECOND + int((fraction or "0").ljust(9, "0"))
    # Everything that computes with times holds them in 64 bits.
    if not -(2**63) <= found < 2**63:
        raise DataError(f"expected an ISO-8601 time between 1677-09-22 and 2262-04-11, found {text!r}")
    return found


def date_from_ns(ns: int) -> str:
    """The UTC date, `2025-01-01`."""
    return _date(ns // NS_PER_DAY)


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    # A session asks for the same day in every cycle.
    return iso_from_ns(day * NS_PER_DAY)[:10]
