"""What the market room asks of the outside: the history of a venue, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# Open time in UTC milliseconds, then open, high, low, close, volume and quote volume as the venue's own text; no quote volume where it tells none.
CandleText = tuple[int, str, str, str, str, str, str | None]


@dataclass(frozen=True, slots=True)
class CandleAnswer:
    """The bars of one answer in its order; the SHA-256 of its bytes; how many of its bars were there twice, word for word."""

    bars: tuple[CandleText, ...]
    sha256: str
    repeated: int


class CandleHistory(Protocol):
    """The candles of one venue."""

    @property
    def venue(self) -> str:
        """Short name, as in the lake."""

    @property
    def quote(self) -> str:
        """The quote asset of symbols that do not name theirs."""

    @property
    def intervals(self) -> tuple[str, ...]:
        """The intervals that the venue has, shortest first."""

    @property
    def bars_a_page(self) -> int:
        """How many intervals one question may span."""

    def require(self, symbols: Sequence[str]) -> None:
        """Raises DataError naming the symbols that the venue does not list, or when it does not answer."""

    def ask(self, symbol: str, interval: str, first_open_ms: int, last_open_ms: int) -> CandleAnswer:
        """The bars whose open times lie between two, both included. Raises DataError when the venue does not answer, or not with candles."""
