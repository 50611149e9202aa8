"""Asking a venue: again where it is busy or away, as long as it wishes, and never for ever."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import stamina
from tests.fakes.candle_answers import CandleVenue, Misdeed, candle_server, walk

from tallystick.adapters.venues.rate_limit import TokenBucket
from tallystick.adapters.venues.rest import ATTEMPTS, NotAnswered, Question, RestClient
from tallystick.contracts.errors import ConfigurationError

META = Question("/info", 1.0, '{"type":"meta"}')


@pytest.fixture
def venue() -> CandleVenue:
    return CandleVenue({"BTC": walk("BTC", 0, 3)})


@pytest.fixture
def client(venue: CandleVenue) -> Iterator[RestClient]:
    with candle_server(venue) as url, RestClient(url, TokenBucket(1e6, 1e6)) as found:
        yield found


@pytest.mark.parametrize("status", [429, 418])
def test_a_wish_to_wait_is_obeyed(venue: CandleVenue, client: RestClient, status: int) -> None:
    venue.misdeeds[1] = Misdeed(status, headers={"Retry-After": "1"})
    started = time.monotonic()
    assert client.ask(META).status == 200
    assert 1.0 <= time.monotonic() - started < 5.0
    assert len(venue.asked) == 2


@pytest.mark.parametrize("misdeed", [Misdeed(0), Misdeed(500, b"null"), Misdeed(503), Misdeed(429), Misdeed(429, headers={"Retry-After": "soon"})])
def test_a_venue_that_stumbles_is_asked_again(venue: CandleVenue, client: RestClient, misdeed: Misdeed) -> None:
    venue.misdeeds |= {1: misdeed, 2: misdeed}
    with stamina.set_testing(True, attempts=ATTEMPTS):
        assert client.ask(META).status == 200
    assert len(venue.asked) == 3


def test_patience_ends_with_a_sentence(venue: CandleVenue, client: RestClient) -> None:
    venue.after = (1, Misdeed(503, b"maintenance"))
    with stamina.set_testing(True, attempts=ATTEMPTS), pytest.raises(NotAnswered, match=r"status 503: 'maintenance' \(http://127.0.0.1:\d+\). Run it again"):
        client.ask(META)
    assert len(venue.asked) == ATTEMPTS


def test_a_ban_of_hours_is_told_and_not_waited_for(venue: CandleVenue, client: RestClient) -> None:
    venue.after = (1, Misdeed(418, headers={"Retry-After": "7200"}))
    with pytest.raises(NotAnswered, match="status 418 and the wish to wait 7,200 s"):
        client.ask(META)
    assert len(venue.asked) == 1


def test_nobody_there_is_told_by_its_address() -> None:
    with stamina.set_testing(True, attempts=2), RestClient("http://127.0.0.1:9", TokenBucket(10, 10)) as client:
        with pytest.raises(NotAnswered, match=r"http://127\.0\.0\.1:9"):
            client.ask(META)


def test_a_question_that_the_venue_refuses_is_an_answer(venue: CandleVenue, client: RestClient) -> None:
    venue.misdeeds[1] = Misdeed(400, b'{"code":-1,"msg":"no"}')
    answer = client.ask(META)
    assert (answer.status, answer.body) == (400, b'{"code":-1,"msg":"no"}')
    assert len(venue.asked) == 1


@pytest.mark.parametrize("url", ["", "api.example", "ftp://x/y", "http://", "http://[::1", "http://x:99999999"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="URL"):
        RestClient(url, TokenBucket(1, 1))


def test_a_question_that_is_asked_again_leaves_no_lines_of_the_library_on_stderr() -> None:
    code = "import logging, tallystick.adapters.venues.rest; logging.getLogger('stamina').warning('stamina.retry_scheduled')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr == ""
