"""Why a message cannot be decoded: the checks on its numbers and times, and a parser's complaint as one of the closed reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from tallystick.contracts.errors import DataError
from tallystick.contracts.market_events import MessageReason

_NUMBER = re.compile(r"-?[0-9]{1,60}(?:\.[0-9]{1,60})?").fullmatch
_NOT_NEGATIVE = re.compile(r"[0-9]{1,60}(?:\.[0-9]{1,60})?").fullmatch
ABOVE_ZERO = re.compile(r"(?=[0.]*[1-9])[0-9]{1,60}(?:\.[0-9]{1,60})?").fullmatch
NS_PER_MS = 1_000_000
# Later instants do not fit 64-bit nanoseconds.
LAST_MS = (2**63 - 1) // NS_PER_MS

PARSE_ERRORS = (msgspec.DecodeError, UnicodeError, RecursionError, OverflowError, ValueError)


class MessageRefused(DataError):
    """One message breaks what its venue documents. Never leaves the decoders: it becomes a Quarantined."""

    code = "MESSAGE_REFUSED"

    def __init__(self, reason: MessageReason, finding: str, channel: str = "") -> None:
        super().__init__(finding)
        self.reason: MessageReason = reason
        self.channel = channel


def refuse_number(name: str, text: object) -> MessageRefused:
    """The refusal of a text that is no plain decimal number."""
    return MessageRefused("not_a_number", f"expected {name} as decimal digits, found {text!r:.60}")


def number(name: str, text: str) -> str:
    """The text itself when it is a plain decimal number. Raises MessageRefused."""
    if _NUMBER(text) is None:
        raise refuse_number(name, text)
    return text


def optional_number(name: str, text: str | None) -> str | None:
    """As `number`; None stays None."""
    return None if text is None else number(name, text)


def amount(name: str, text: str) -> str:
    """A decimal number that is not negative. Raises MessageRefused."""
    if _NOT_NEGATIVE(text) is None:
        if _NUMBER(text) is None:
            raise refuse_number(name, text)
        raise MessageRefused("impossible_value", f"expected {name} not below 0, found {text}")
    return text


def positive(name: str, text: str) -> str:
    """A decimal number above 0. Raises MessageRefused."""
    if ABOVE_ZERO(text) is None:
        if _NUMBER(text) is None:
            raise refuse_number(name, text)
        raise MessageRefused("impossible_value", f"expected {name} above 0, found {text}")
    return text


def nanoseconds(milliseconds: int) -> int:
    """UTC nanoseconds of a venue's milliseconds. Raises MessageRefused for a time that no clock of a venue shows."""
    if not 0 < milliseconds <= LAST_MS:
        raise MessageRefused("impossible_value", f"expected milliseconds since 1970, found {milliseconds}")
    return milliseconds * NS_PER_MS


def levels(name: str, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Levels of a book as they came: prices above 0, quantities not below 0. Raises MessageRefused."""
    found = tuple(pairs)
    for price, quantity in found:
        if ABOVE_ZERO(price) is None or _NOT_NEGATIVE(quantity) is None:
            positive(f"{name} price", price)
            amount(f"{name} quantity", quantity)
    return found


def refusal_of(error: Exception, channel: str = "") -> MessageRefused:
    """A parser's complaint as one of the closed reasons."""
    if isinstance(error, MessageRefused):
        error.channel = error.channel or channel
        return error
    text = " ".join(str(error).split())[:200]
    if isinstance(error, msgspec.ValidationError):
        if "missing required field" in text or "of length" in text:
            return MessageRefused("missing_field", text, channel)
        if "Invalid value" in text or "Invalid enum" in text or "out of range" in text:
            return MessageRefused("impossible_value", text, channel)
        return MessageRefused("wrong_type", text, channel)
    if "truncated" in text:
        return MessageRefused("truncated", text, channel)
    return MessageRefused("malformed_json", text or type(error).__name__, channel)
