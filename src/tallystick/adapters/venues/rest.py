"""Questions to a venue over HTTP, in its budget and with patience. The one module that imports the HTTP client."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx2
import stamina

from tallystick.adapters.venues.rate_limit import TokenBucket
from tallystick.contracts.errors import ConfigurationError, DataError

# The library's own lines name no question and no venue; what failed is told by the error of the last try.
logging.getLogger("stamina").addHandler(logging.NullHandler())
TIMEOUT_S = 15.0
ATTEMPTS = 6
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 8.0
# A venue that asks for more than this is not waited for: its sentence is told instead.
PATIENCE_S = 120.0
TOO_MANY = frozenset({418, 429})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. target: path and query; body: posted where there is one; weight: in the venue's own units."""

    target: str
    weight: float
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status and the bytes."""

    status: int
    body: bytes


class NotAnswered(DataError):
    """One attempt without a usable answer. wait_s: how long the venue asked to wait, None where it did not say."""

    code = "VENUE_NOT_ANSWERED"

    def __init__(self, message: str, *, where: str, wait_s: float | None = None) -> None:
        super().__init__(message, where=where, hint="Run it again: it goes on where it stopped")
        self.wait_s = wait_s


class RestClient:
    """Asks one venue. Raises ConfigurationError for a base URL that is none."""

    def __init__(self, base_url: str, bucket: TokenBucket) -> None:
        try:
            url = httpx2.URL(base_url)
        except httpx2.InvalidURL as error:
            raise ConfigurationError(f"expected a URL, found {base_url!r}: {error}", where="--base-url") from error
        if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) < 65_536:
            raise ConfigurationError(f"expected an http or https URL with a host, found {base_url!r}", where="--base-url")
        self._where = f"{url.scheme}://{url.netloc.decode()}"
        self._bucket = bucket
        self._client = httpx2.Client(base_url=url, timeout=TIMEOUT_S, headers={"User-Agent": "tallystick", "Content-Type": "application/json"})

    @property
    def where(self) -> str:
        """Scheme and host, for sentences."""
        return self._where

    def ask(self, question: Question) -> Answer:
        """The answer, asked again after a pause where the venue is busy or away; a question that the venue refuses is answered too, by its status.

        Raises NotAnswered when patience ends.
        """
        for attempt in stamina.retry_context(
            on=_pause, attempts=ATTEMPTS, timeout=None, wait_initial=FIRST_WAIT_S, wait_max=LONGEST_WAIT_S, wait_jitter=FIRST_WAIT_S
        ):
            with attempt:
                return self._once(question)
        raise NotAnswered("expected an answer, found none", where=self._where)

    def _once(self, question: Question) -> Answer:
        self._bucket.spend(question.weight)
        try:
            method = "GET" if question.body is None else "POST"
            response = self._client.request(method, question.target, content=None if question.body is None else question.body.encode())
        except httpx2.TransportError as error:
            found = " ".join(str(error).split()) or type(error).__name__
            raise NotAnswered(f"expected an answer of the venue, found none: {found}", where=self._where) from error
        except httpx2.InvalidURL as error:
            raise ConfigurationError(f"expected a question that can be sent, found: {error}", where=self._where) from error
        if response.status_code in TOO_MANY:
            wait_s = _retry_after(response.headers)
            asked = "" if wait_s is None else f" and the wish to wait {wait_s:,.0f} s"
            raise NotAnswered(f"expected an answer of the venue, found status {response.status_code}{asked}", where=self._where, wait_s=wait_s)
        if response.status_code >= 500:
            text = response.content[:120].decode("utf-8", "replace")
            raise NotAnswered(f"expected an answer of the venue, found status {response.status_code}: {text!r}", where=self._where)
        return Answer(response.status_code, response.content)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()


def _pause(error: Exception) -> bool | float:
    """Whether to ask again, or after how many seconds the venue wants it."""
    if not isinstance(error, NotAnswered):
        return False
    if error.wait_s is None:
        return True
    return error.wait_s if error.wait_s <= PATIENCE_S else False


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After; None where it is absent or a date, which venues do not send."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None
