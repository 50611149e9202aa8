"""Pages of a venue's history as it told them: what a fetch keeps, so that it goes on where it stopped and asks nothing twice."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.instruments import Count, Name, PositiveInt, Sha256Text, UtcText
from tallystick.contracts.time import NS_PER_MINUTE, ns_from_iso

VenueNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,60}(\.[0-9]{1,60})?$")]
MsText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}$")]


class FetchedBar(Shape):
    """One bar in the venue's own digits. `t`: open time, UTC milliseconds as digits; `q`: quote volume, null where the venue tells none."""

    t: MsText
    o: VenueNumber
    h: VenueNumber
    l: VenueNumber  # noqa: E741 - the venues' name
    c: VenueNumber
    v: VenueNumber
    q: VenueNumber | None


class FetchedPage(Shape):
    """What a venue told of the open times in [from_at, to_at), all of them closed when it was asked.

    `answer_sha256`: of the answer's bytes. `repeated`: bars that the answer held twice, word for word; `outside`: bars of other times in it.
    """

    venue: Name
    symbol: Name
    interval_minutes: PositiveInt
    from_at: UtcText
    to_at: UtcText
    answer_sha256: Sha256Text
    repeated: Count
    outside: Count
    bars: tuple[FetchedBar, ...]


def _whole_window(page: FetchedPage) -> str | None:
    step, start, end = page.interval_minutes * NS_PER_MINUTE, ns_from_iso(page.from_at), ns_from_iso(page.to_at)
    return None if start < end and start % (end - start) == 0 and (end - start) % step == 0 else f"from {page.from_at} to {page.to_at}"


def _inside(page: FetchedPage) -> str | None:
    start, end = ns_from_iso(page.from_at), ns_from_iso(page.to_at)
    strange = next((bar.t for bar in page.bars if not start <= int(bar.t) * 1_000_000 < end), None)
    return None if strange is None else f"a bar at {strange}"


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="market.fetched_page",
        version="1.0",
        purpose="One page of a venue's history, word for word, kept so that a fetch goes on where it stopped",
        producer="market.fetch",
        consumers=(Consumer("market.fetch", ("bars", "repeated"), "the bars of the lake, without asking again"),),
        shape=FetchedPage,
        paths=("data/fetched/{venue}/{interval}/{symbol}/{page}.json",),
        rules=(
            Rule("page_is_a_whole_window", "a window of whole intervals that starts at a multiple of its length", _whole_window),
            Rule("bars_lie_in_their_page", "open times from from_at to before to_at", _inside),
        ),
    ),
)
