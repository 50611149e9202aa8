"""A fetch page by page: any cut, any page length, any order of requests ends in the same bytes; every bar passes the checks of an import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.candle_answers import HOUR_MS, Bar, walk

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.time import iso_from_ns, ns_from_iso
from tallystick.market.fetch import FetchedBars, FetchRequest, fetch
from tallystick.market.lake import Lake
from tallystick.market.ports import CandleAnswer

START_NS = ns_from_iso("2025-01-01T00:00:00Z")
HOUR_NS = HOUR_MS * 1_000_000
START_MS = START_NS // 1_000_000
FAR_NS = START_NS + 10_000 * HOUR_NS


class Killed(Exception):
    """The process ends here."""


class Venue:
    """Candles in memory. dies_at: the question that is never answered; spoil: what is done to the rows of an answer."""

    venue = "fake"
    quote = "USDT"
    intervals = ("1h",)

    def __init__(self, bars: dict[str, list[Bar]], bars_a_page: int = 7) -> None:
        self.bars, self.bars_a_page = bars, bars_a_page
        self.asked = 0
        self.dies_at = 0
        self.spoil: Callable[[list[Bar]], list[Bar]] = lambda rows: rows
        self.repeated = 0

    def require(self, symbols: Sequence[str]) -> None:
        unknown = sorted(set(symbols) - self.bars.keys())
        if unknown:
            raise DataError(f"unknown {unknown}")

    def ask(self, symbol: str, interval: str, first_open_ms: int, last_open_ms: int) -> CandleAnswer:
        self.asked += 1
        if self.asked == self.dies_at:
            raise Killed
        rows = self.spoil([bar for bar in self.bars[symbol] if first_open_ms <= bar[0] <= last_open_ms])
        return CandleAnswer(tuple(bar[:7] for bar in rows), "0" * 64, self.repeated)


def venue_of(count: int = 40, *symbols: str, bars_a_page: int = 7) -> Venue:
    return Venue({symbol: walk(symbol, START_MS, count) for symbol in symbols or ("AAA", "BBB")}, bars_a_page)


def run(root: Path, venue: Venue, first: int = 0, end: int = 40, now_ns: int = FAR_NS, symbols: tuple[str, ...] = ("AAA", "BBB")) -> FetchedBars:
    request = FetchRequest(symbols, "1h", START_NS + first * HOUR_NS, START_NS + end * HOUR_NS, now_ns)
    return fetch(Lake(Workspace(root)), venue, request)


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def closes(root: Path, symbol: str = "AAA") -> list[float]:
    return Lake(Workspace(root)).read("fake", 60, (symbol,)).close[0].tolist()


def test_every_bar_of_the_range_is_stored_with_its_values(tmp_path: Path) -> None:
    venue = venue_of()
    found = run(tmp_path, venue, 3, 30)
    assert closes(tmp_path) == [float(bar[4]) for bar in venue.bars["AAA"][3:30]]
    coverage, sha256 = Lake(Workspace(tmp_path)).coverage("fake", 60)
    assert sha256 == found.imported.coverage_sha256
    assert [(row.first, row.rows, row.gaps, row.quote_volume) for row in coverage.symbols.values()] == [("2025-01-01T03:00:00Z", 27, (), "reported")] * 2
    assert found.notes == []


@settings(max_examples=8, deadline=None)
@given(dies_at=st.integers(1, 14), again=st.integers(0, 14), bars_a_page=st.sampled_from([5, 7, 40]))
def test_killed_anywhere_twice_the_rerun_ends_in_the_bytes_of_one_run(
    tmp_path_factory: pytest.TempPathFactory, dies_at: int, again: int, bars_a_page: int
) -> None:
    root = tmp_path_factory.mktemp("fetch")
    run(root / "whole", venue_of(bars_a_page=bars_a_page))
    venue = venue_of(bars_a_page=bars_a_page)
    for place in (dies_at, again):
        venue.asked, venue.dies_at = 0, place
        try:
            run(root / "cut", venue)
        except Killed:
            continue
    venue.asked, venue.dies_at = 0, 0
    run(root / "cut", venue)
    assert files(root / "cut") == files(root / "whole")


def test_a_rerun_asks_nothing_and_changes_nothing(tmp_path: Path) -> None:
    venue = venue_of()
    first = run(tmp_path, venue)
    before = files(tmp_path)
    again = run(tmp_path, venue)
    assert (first.asked, first.pages) == (venue.asked, venue.asked)
    assert (again.asked, again.pages) == (0, first.pages)
    assert files(tmp_path) == before


def test_two_ranges_in_either_order_are_one_history(tmp_path: Path) -> None:
    for name, ranges in (("up", ((0, 22), (18, 40))), ("down", ((18, 40), (0, 22)))):
        for first, end in ranges:
            run(tmp_path / name, venue_of(), first, end)
    run(tmp_path / "once", venue_of())
    assert closes(tmp_path / "up") == closes(tmp_path / "down") == closes(tmp_path / "once")
    assert files(tmp_path / "up") == files(tmp_path / "down")


def test_decision_36_an_open_bar_is_refused_and_its_page_asked_again_later(tmp_path: Path) -> None:
    venue = venue_of()
    early = START_NS + 10 * HOUR_NS + HOUR_NS // 2
    found = run(tmp_path, venue, now_ns=early)
    assert found.imported.refused_total() == {"open": 2}
    assert len(closes(tmp_path)) == 10
    ends = [int(path.stem.split("-")[1]) for path in (tmp_path / "data" / "fetched").rglob("*.json")]
    assert 0 < max(ends) * 1_000_000 <= early
    run(tmp_path, venue)
    run(tmp_path / "once", venue_of())
    assert files(tmp_path) | files(tmp_path / "once") == files(tmp_path)
    assert closes(tmp_path) == closes(tmp_path / "once")


def test_a_bar_that_the_venue_tells_moments_after_its_close_is_no_gap_for_ever(tmp_path: Path) -> None:
    venue, whole = venue_of(), venue_of()
    length = venue.bars_a_page * HOUR_NS
    end = (START_NS // length + 2) * length
    late = (end - HOUR_NS) // 1_000_000
    venue.spoil = lambda rows: [row for row in rows if row[0] != late]
    run(tmp_path, venue, now_ns=end + HOUR_NS // 3600)
    venue.spoil = lambda rows: rows
    run(tmp_path, venue, now_ns=end + HOUR_NS // 2)
    assert closes(tmp_path)[-1] == next(float(bar[4]) for bar in whole.bars["AAA"] if bar[0] == late)


def test_duplicates_gaps_and_impossible_bars_are_refused_and_counted(tmp_path: Path) -> None:
    def spoil(rows: list[Bar]) -> list[Bar]:
        found = [bar for bar in rows if bar[0] != START_MS + 4 * HOUR_MS]
        twice = [(*bar[:5], "1.23", *bar[6:]) for bar in found if bar[0] == START_MS + 2 * HOUR_MS]
        high_below_low = [(*bar[:2], "0.01", *bar[3:]) for bar in found if bar[0] == START_MS + 5 * HOUR_MS]
        return [*[bar for bar in found if bar[0] != START_MS + 5 * HOUR_MS], *twice, *high_below_low]  # type: ignore[list-item]

    venue = venue_of(8, "AAA", bars_a_page=8)
    venue.spoil, venue.repeated = spoil, 1
    found = run(tmp_path, venue, end=8, symbols=("AAA",))
    assert venue.asked == 1
    assert found.imported.refused_total() == {"duplicate": 2, "impossible": 1}
    coverage, _ = Lake(Workspace(tmp_path)).coverage("fake", 60)
    assert [(gap.from_at, gap.bars) for gap in coverage.symbols["AAA"].gaps] == [("2025-01-01T04:00:00Z", 2)]
    assert closes(tmp_path)[2] == float(venue.bars["AAA"][2][4])


def test_what_the_venue_did_not_give_is_said(tmp_path: Path) -> None:
    venue = Venue({"AAA": walk("AAA", START_MS + 10 * HOUR_MS, 5), "BBB": []})
    outside = walk("AAA", START_MS + 900 * HOUR_MS, 1)
    venue.spoil = lambda rows: [*rows, *outside] if rows and rows[0][0] < START_MS + 12 * HOUR_MS else rows
    found = run(tmp_path, venue)
    assert found.imported.without_bars == ("BBB",)
    whys = dict(found.notes)
    assert set(whys) == {"1 bars of AAA", "AAA before 2025-01-01T10:00:00Z", "BBB"}


def test_bars_that_were_there_stay_and_those_that_the_venue_tells_otherwise_are_named(tmp_path: Path) -> None:
    venue = venue_of(20, "AAA")
    run(tmp_path, venue, end=20, symbols=("AAA",))
    for page in (tmp_path / "data" / "fetched").rglob("*.json"):
        page.unlink()
    other = Venue({"AAA": [(*bar[:4], "99.99", *bar[5:]) for bar in walk("AAA", START_MS + 10 * HOUR_MS, 3)]})  # type: ignore[list-item]
    other.spoil = lambda rows: [(bar[0], bar[1], "200", "1", *bar[4:]) for bar in rows]  # type: ignore[misc]
    found = run(tmp_path, other, 10, 13, symbols=("AAA",))
    assert closes(tmp_path)[10:13] == [99.99] * 3
    assert len(closes(tmp_path)) == 20
    assert ("3 stored bars of AAA", "replaced: the venue tells other values") in found.notes


def test_other_symbols_of_the_lake_stay(tmp_path: Path) -> None:
    run(tmp_path, venue_of(), symbols=("AAA",))
    run(tmp_path, venue_of(), symbols=("BBB",))
    assert sorted(Lake(Workspace(tmp_path)).coverage("fake", 60)[0].symbols) == ["AAA", "BBB"]


def test_a_venue_without_quote_volume_is_marked_as_estimated(tmp_path: Path) -> None:
    venue = venue_of()
    venue.spoil = lambda rows: [(*bar[:6], None, bar[7]) for bar in rows]  # type: ignore[misc]
    run(tmp_path, venue)
    assert {row.quote_volume for row in Lake(Workspace(tmp_path)).coverage("fake", 60)[0].symbols.values()} == {"estimated"}


def test_a_damaged_page_is_named_and_never_used(tmp_path: Path) -> None:
    venue = venue_of()
    run(tmp_path, venue)
    page = sorted((tmp_path / "data" / "fetched").rglob("*.json"))[0]
    page.write_bytes(page.read_bytes()[:-20])
    with pytest.raises(ArtifactError, match=page.name):
        run(tmp_path, venue)
    for other in (page.parent.parent / "BBB" / page.name, sorted(page.parent.glob("*.json"))[1]):
        page.write_bytes(other.read_bytes())
        with pytest.raises(ArtifactError, match="expected the page of"):
            run(tmp_path, venue)
    page.unlink()
    assert run(tmp_path, venue).asked == 1


def test_an_unknown_symbol_an_empty_range_and_another_interval_are_refused_before_anything_is_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CCC"):
        run(tmp_path, venue_of(), symbols=("AAA", "CCC"))
    with pytest.raises(ConfigurationError, match="start in the past"):
        run(tmp_path, venue_of(), 5, 5)
    with pytest.raises(ConfigurationError, match=iso_from_ns(FAR_NS)[:4]):
        run(tmp_path, venue_of(), 20_000, 20_001)
    with pytest.raises(ConfigurationError, match="intervals 1h, found 5m"):
        fetch(Lake(Workspace(tmp_path)), venue_of(), FetchRequest(("AAA",), "5m", START_NS, FAR_NS, FAR_NS))
    with pytest.raises(DataError, match="expected bars of AAA"):
        run(tmp_path, Venue({"AAA": []}), symbols=("AAA",))
    assert [name for name in files(tmp_path) if not name.endswith("SHA256SUMS") and "/fetched/" not in name] == []
