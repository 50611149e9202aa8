"""The candles of a venue over its REST interface, read by the venue's own decoder: the same checks as for a stream. A bad answer is kept with its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.adapters.recordings.quarantine_file import QuarantineFile
from tallystick.adapters.venues.message_decoder import MessageDecoder
from tallystick.adapters.venues.rest import Answer, Question, RestClient
from tallystick.contracts.errors import DataError
from tallystick.contracts.market_events import Control, MessageReason, Quarantined, VenueEvent
from tallystick.market.ports import CandleAnswer, CandleText

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class CandleQuestions:
    """How one venue is asked for candles.

    candles: symbol, interval, first and last open time in milliseconds → question. asked: what the decoder is told that was asked. listed: the question
    for what is listed and how its answer reads; None where the answer about an unknown symbol says so itself, by `is_unknown`.
    """

    venue: str
    quote: str
    intervals: tuple[str, ...]
    bars_a_page: int
    candles: Callable[[str, str, int, int], Question]
    decoder: Callable[[Sequence[str]], MessageDecoder]
    listed: tuple[Question, Callable[[bytes], frozenset[str]]] | None = None
    is_unknown: Callable[[Answer], bool] = lambda answer: False


class RestCandleHistory:
    """Implements market's `CandleHistory`. quarantine: the file that bad answers go to; now_ns: when they are received."""

    def __init__(self, questions: CandleQuestions, client: RestClient, quarantine: Path, now_ns: int) -> None:
        self._questions, self._client, self._quarantine, self._now_ns = questions, client, quarantine, now_ns

    @property
    def venue(self) -> str:
        """Short name, as in the lake."""
        return self._questions.venue

    @property
    def quote(self) -> str:
        """The quote asset of symbols that do not name theirs."""
        return self._questions.quote

    @property
    def intervals(self) -> tuple[str, ...]:
        """The intervals that the venue has, shortest first."""
        return self._questions.intervals

    @property
    def bars_a_page(self) -> int:
        """How many intervals one question may span."""
        return self._questions.bars_a_page

    def require(self, symbols: Sequence[str]) -> None:
        """Raises DataError naming the symbols that the venue does not list, or when it does not answer."""
        if self._questions.listed is None:
            return
        question, read = self._questions.listed
        answer = self._client.ask(question)
        try:
            listed = read(answer.body)
        except ValueError as error:
            raise self._bad(answer, question, "wrong_type", f"expected what is listed, found: {error}") from error
        unknown = sorted(set(symbols) - listed)
        if unknown:
            raise self._unknown(unknown, f"{len(listed):,} others")

    def ask(self, symbol: str, interval: str, first_open_ms: int, last_open_ms: int) -> CandleAnswer:
        """The bars whose open times lie between two, both included. Raises DataError when the venue does not answer, or not with candles."""
        question = self._questions.candles(symbol, interval, first_open_ms, last_open_ms)
        answer = self._client.ask(question)
        if self._questions.is_unknown(answer):
            raise self._unknown([symbol], "none of that name")
        if answer.status != 200:
            raise self._bad(answer, question, "unknown_channel", f"expected status 200, found {answer.status}")
        bars: list[CandleText] = []
        repeated = 0
        for item in self._questions.decoder((symbol,)).decode(answer.body, self._now_ns, asked=question.body or question.target):
            if isinstance(item, VenueEvent) and item.kind == "BAR" and item.values["interval"] == interval:
                bars.append(_candle(item))
            elif isinstance(item, Quarantined) and not item.whole and item.reason == "duplicate":
                repeated += item.entries
            elif isinstance(item, Control) and item.detail == "no entries":
                break
            else:
                reason, finding = _refusal(item, interval)
                raise self._bad(answer, question, reason, finding)
        return CandleAnswer(tuple(bars), hashlib.sha256(answer.body).hexdigest(), repeated)

    def _unknown(self, symbols: Sequence[str], found: str) -> DataError:
        return DataError(f"expected symbols that {self.venue} lists, found {', '.join(symbols)}, and it lists {found}", where=self._client.where)

    def _bad(self, answer: Answer, question: Question, reason: MessageReason, finding: str) -> DataError:
        """Keep an answer that cannot be used, and say where it lies."""
        kept = Quarantined(reason, finding, self.venue, "candles", self._now_ns, question.body or question.target, 1, True, answer.body)
        with QuarantineFile(self._quarantine) as file:
            file.append(kept)
        return DataError(
            f"expected candles of {self.venue}, found an answer that cannot be used: {finding}",
            where=self._client.where,
            hint=f"Its bytes are kept in {self._quarantine}; run it again, it goes on where it stopped",
        )


def _candle(event: VenueEvent) -> CandleText:
    values = event.values
    return (
        values["open_time_ns"] // MS,
        values["open"],
        values["high"],
        values["low"],
        values["close"],
        values["volume"],
        values["quote_volume"],
    )


def _refusal(item: VenueEvent | Quarantined | Control, interval: str) -> tuple[MessageReason, str]:
    if isinstance(item, Quarantined):
        return item.reason, item.finding
    if isinstance(item, Control):
        return "unknown_channel", f"expected candles, found {item.channel}: {item.detail}"
    return "impossible_value", f"expected bars of {interval}, found {item.kind} {item.values.get('interval', '')}"
