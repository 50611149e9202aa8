"""`observe collect --accounts`: what a venue's public accounts hold, asked beside the streams, stored with its question, in the tables and in the room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.fakes.databases import KINDS, fresh_database
from tests.fakes.venue_answers import AnswerFaults, serve
from tests.fakes.venue_stream import VenueStream, generated_stream

from tallystick.adapters.event_store.reading import StoreReader
from tallystick.adapters.event_store.records import Record
from tallystick.adapters.event_store.store import SegmentLimits
from tallystick.adapters.fact_tables.database import open_engine, transaction
from tallystick.adapters.fact_tables.writer import FactTablesWriter
from tallystick.adapters.venues.live_feed import FeedSettings
from tallystick.apps.cli.observe import app
from tallystick.apps.observe_collect import CollectionPlan, collect
from tallystick.apps.observe_replay import replay
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.paths import Workspace, get_event_store_dir
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError
from tallystick.observation.log_decoding import mark_of
from tallystick.observation.ports import FactTables

A, B = f"0x{'a1' * 20}", f"0x{'b2' * 20}"
COINS = ("BTC", "ETH")
Script = Callable[[VenueStream], Awaitable[None]]


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request.param, tmp_path) as found:
        yield found


def stream() -> VenueStream:
    """A venue that trades on for as long as anybody listens."""
    played = VenueStream("hyperliquid", generated_stream("hyperliquid", 3, COINS, 10**6), pause_s=0.005)
    played.answers.accounts = {A: {"BTC": "0.5", "ETH": "-2.0"}, B: {"BTC": "-1.5", "DOGE": "100"}}
    return played


async def rounds(played: VenueStream, count: int = 3) -> None:
    """Until the venue was asked so many times more about each account: the answers before the last were taken then."""

    def asked(account: str) -> int:
        return sum(account in question for question in played.answers.asked)

    wanted = {account: asked(account) + count for account in played.answers.accounts}
    async with asyncio.timeout(60):
        while any(asked(account) < number for account, number in wanted.items()):
            await asyncio.sleep(0.02)


def collected(root: Path, script: Script, played: VenueStream | None = None, tables: FactTables | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One session: it ends when the script has."""
    lines: list[dict[str, Any]] = []
    venue = played or stream()

    async def main(base: str, ws: str) -> dict[str, Any]:
        stop = asyncio.Event()

        async def act() -> None:
            try:
                await script(venue)
            finally:
                stop.set()

        feed = FeedSettings(base, ws, wait_s=0.02, longest_wait_s=0.1, pace_s=0.0)
        segments = SegmentLimits(records=200)
        plan = CollectionPlan("hyperliquid", COINS, feed=feed, report_s=0.1, segments=segments, accounts=(A.upper(), B), account_every_s=0.4)
        acting = asyncio.create_task(act())
        found = await collect(root, plan, lines.append, stop, tables)
        await acting
        return found

    with serve(venue.answers) as base, venue.serve() as ws:
        return asyncio.run(main(base, ws)), lines


def records(root: Path) -> list[Record]:
    return list(StoreReader(get_event_store_dir(Workspace(root), "hyperliquid")).records())


def replayed(root: Path, tables: FactTables | None = None) -> dict[str, Any]:
    document = replay(root, get_event_store_dir(Workspace(root), "hyperliquid"), "hyperliquid", tables=tables).as_document()
    assert document["store"]["differences"] == 0
    report = verify(root, verifiers=VERIFIERS)
    assert (report.failures, report.unknown) == ((), ())
    return document


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with transaction(open_engine(url)) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.mark.clause("D4.22", "D4.26", "D4.27")
def test_accounts_are_stored_with_their_question_and_fill_the_tables_and_the_room(tmp_path: Path, url: str) -> None:
    root = tmp_path / "w"
    with FactTablesWriter(url) as tables:
        summary, lines = collected(root, rounds, tables=tables)
        told = tables.counts()
    assert lines[0]["ready"]["accounts"] == [A, B]
    answers = [record for record in records(root) if "clearinghouseState" in record.asked]
    assert {record.asked for record in answers} == {f'{{"type":"clearinghouseState","user":"{account}"}}' for account in (A, B)}
    assert all(record.role == "answer" and record.outcome == "decoded" for record in answers)
    assert summary["events"]["ACCOUNT"] == len(answers) >= 4
    # A coin that is not collected is kept aside and counted.
    assert summary["set_aside"] == [{"reason": "foreign_symbol", "count": sum(B in record.asked for record in answers)}]
    assert told.rows_written["hl_wallet_snapshots"] == len(answers)
    assert told.rows_written["hl_position_snapshots"] == summary["events"]["POSITION"]
    held = set(rows(url, "select wallet_address, coin, szi, liquidation_px, leverage_type, leverage_value from hl_position_snapshots"))
    assert held == {(A, "BTC", "0.5", "59400.0", "cross", "20"), (A, "ETH", "-2.0", "60600.0", "cross", "20"), (B, "BTC", "-1.5", "60600.0", "cross", "20")}
    assert set(rows(url, "select wallet_address, account_value, withdrawable from hl_wallet_snapshots")) == {(A, "1000.50", "998.00"), (B, "1000.50", "998.00")}
    with FactTablesWriter(url) as tables:
        document = replayed(root, tables)
        again = tables.counts()
    assert again.rows_written == {}
    for name in ("counters", "events", "set_aside", "snapshot"):
        assert document[name] == summary[name], name


@pytest.mark.clause("D4.22")
def test_primitives_20_to_23_get_their_values_from_collected_accounts(tmp_path: Path) -> None:
    summary, _ = collected(tmp_path, rounds)
    found = summary["snapshot"]["primitives"]
    near = found["BTC"]["liquidation_cascade_proximity"]
    assert (near["positions_at_risk_count"], near["aggregate_position_value"]) == (2, 120_000.0)
    assert (near["long_positions_count"], near["long_closest_price"], near["short_positions_count"], near["short_closest_price"]) == (1, 59_400.0, 1, 60_600.0)
    assert found["BTC"]["cascade_state"]["phase"] == "PROXIMITY"
    assert found["BTC"]["cascade_state"]["positions_remaining_at_risk"] == 2
    leverage = found["BTC"]["leverage_concentration_ratio"]
    assert (leverage["median_leverage"], leverage["total_positions"], leverage["total_position_value"]) == (20.0, 2, 120_000.0)
    bias = found["BTC"]["open_interest_directional_bias"]
    assert (bias["net_long_value"], bias["net_short_value"], bias["net_imbalance"], bias["long_short_ratio"]) == (30_000.0, 90_000.0, -60_000.0, 1 / 3)
    assert found["ETH"]["open_interest_directional_bias"]["net_short_value"] == 120_000.0
    # The venue's price has to be near for the liquidation prices to be.
    assert abs(near["price_level"] / 60_000.0 - 1) < 0.02
    assert replayed(tmp_path)["snapshot"] == summary["snapshot"]


def sides(summary: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """How many accounts are long and short in each coin that anybody holds."""
    found = {coin: bundle["open_interest_directional_bias"] for coin, bundle in summary["snapshot"]["primitives"].items()}
    return {coin: (bias["long_participant_count"], bias["short_participant_count"]) for coin, bias in found.items() if bias}


async def closing(played: VenueStream) -> None:
    await rounds(played)
    played.answers.accounts = {A: {"BTC": "0.7"}, B: {}}
    await rounds(played)


@pytest.mark.clause("D4.26")
def test_a_position_that_vanishes_is_closed_in_the_room_and_never_invented_in_the_tables(tmp_path: Path, url: str) -> None:
    root = tmp_path / "w"
    with FactTablesWriter(url) as tables:
        summary, _ = collected(root, closing, tables=tables)
    assert sides(summary) == {"BTC": (1, 0)}
    assert summary["snapshot"]["counters"]["quarantined"] == {}
    assert {size for (size,) in rows(url, "select szi from hl_position_snapshots")} == {"0.5", "-2.0", "-1.5", "0.7"}
    last = rows(url, f"select max(snapshot_ts) from hl_wallet_snapshots where wallet_address = '{B}'")[0][0]
    assert rows(url, f"select count(*) from hl_position_snapshots where wallet_address = '{B}' and snapshot_ts = {last}") == [(0,)]
    document = replayed(root)
    assert document["snapshot"] == summary["snapshot"]
    assert document["events"] == summary["events"]


@pytest.mark.clause("D4.26")
def test_a_restart_asks_anew_and_the_store_of_both_sessions_replays(tmp_path: Path, url: str) -> None:
    root = tmp_path / "w"
    with FactTablesWriter(url) as tables:
        first, _ = collected(root, rounds, tables=tables)
        assert sides(first) == {"BTC": (1, 1), "ETH": (0, 1)}
        # While nobody listened one account closed a coin: the new session never saw it open.
        played = stream()
        played.answers.accounts = {A: {"BTC": "0.5"}, B: {"BTC": "-1.5"}}
        second, _ = collected(root, rounds, played, tables)
    assert sides(second) == {"BTC": (1, 1)}
    document = replayed(root)
    assert document["snapshot"] == second["snapshot"]
    assert document["events"]["ACCOUNT"] == first["events"]["ACCOUNT"] + second["events"]["ACCOUNT"]
    assert rows(url, "select count(*) from hl_wallet_snapshots") == [(document["events"]["ACCOUNT"],)]
    with FactTablesWriter(f"sqlite:///{tmp_path / 'again.db'}") as tables:
        replayed(root, tables)
    query = "select * from hl_position_snapshots order by row_key"
    assert rows(f"sqlite:///{tmp_path / 'again.db'}", query) == rows(url, query)


@pytest.mark.clause("D4.21", "D4.26")
def test_polls_that_fail_are_marked_stop_nothing_and_the_next_round_asks_again(tmp_path: Path) -> None:
    played = stream()
    played.answers.faults = AnswerFaults(5, server_error=0.3, drop=0.2, cut=0.1, too_many=0.1, in_a_row=5)

    async def script(venue: VenueStream) -> None:
        await rounds(venue, 12)
        venue.answers.faults = None
        await rounds(venue)

    summary, lines = collected(tmp_path, script, played)
    marks = [mark_of(record.message) for record in records(tmp_path) if record.role == "mark"]
    unanswered = [mark for mark in marks if mark.kind == "UNANSWERED"]
    assert len(unanswered) == summary["marks"]["UNANSWERED"] >= 3
    assert {mark.detail.partition(":")[0] for mark in unanswered} == {A, B}
    told = [line["mark"] for line in lines if line.get("mark", {}).get("kind") == "UNANSWERED"]
    assert len(told) == len(unanswered)
    assert summary["events"]["TRADE"] > 20
    assert sides(summary) == {"BTC": (1, 1), "ETH": (0, 1)}
    assert replayed(tmp_path)["store"]["marks"] == summary["marks"]


async def nonsense(played: VenueStream) -> None:
    await rounds(played)
    held = played.answers.accounts
    # An answer that is no account is kept aside with its bytes; what was known of the account stays.
    played.answers.accounts, played.answers.recorded = {}, {"clearinghouseState": b'{"marginSummary":null}'}
    before = len(played.answers.asked)
    async with asyncio.timeout(60):
        while len(played.answers.asked) < before + 6:
            await asyncio.sleep(0.02)
    played.answers.accounts = {A: held[A]}
    await rounds(played)


def test_an_answer_that_is_no_account_closes_nothing(tmp_path: Path) -> None:
    summary, _ = collected(tmp_path, nonsense)
    assert sides(summary) == {"BTC": (1, 1), "ETH": (0, 1)}
    assert [row["reason"] for row in summary["quarantined"]] == ["wrong_type"]
    replayed(tmp_path)


def test_the_command_asks_about_accounts_and_replays_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played = stream()
    place = ["--venue", "hyperliquid", "-w", str(tmp_path), "--database", "workspace", "--json"]
    with serve(played.answers) as base, played.serve() as ws:
        wanted = ["--symbols", "BTC,ETH", "--accounts", f"{A}, {B},{A}", "--account-every", "0.4", "--duration", "2"]
        assert app(["collect", *place, *wanted, "--base-url", base, "--ws-url", ws], standalone_mode=False) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["ready"] == {
        "venue": "hyperliquid",
        "symbols": ["BTC", "ETH"],
        "streams": ["trades", "l2Book", "activeAssetCtx"],
        "accounts": [A, B],
        "account_every_s": 0.4,
    }
    summary = lines[-1]["summary"]
    assert summary["database"]["rows_written"]["hl_wallet_snapshots"] == summary["events"]["ACCOUNT"] >= 4
    assert app(["replay", str(tmp_path / "data" / "events" / "hyperliquid"), *place], standalone_mode=False) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["store"]["differences"] == 0
    assert document["database"]["rows_written"] == {}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"accounts": ("0x12",)}, r"expected addresses of 0x and 40 hexadecimal digits, found '0x12' \(--accounts\)"),
        ({"accounts": (f"{A}z",)}, "40 hexadecimal digits"),
        ({"accounts": (f"0x{'g' * 40}",)}, "40 hexadecimal digits"),
        ({"accounts": (A, "")}, "40 hexadecimal digits, found ''"),
        ({"accounts": (A, A.upper().replace("X", "x"))}, "expected accounts, each once"),
        ({"venue": "binance", "accounts": (A,)}, r"expected a venue whose accounts are public \(hyperliquid\), found binance \(--accounts\)"),
        ({"account_every_s": 5.0}, r"expected accounts to ask about, found none \(--account-every\)"),
        ({"accounts": (A, B), "account_every_s": 0.39}, r"expected 0.4 to 86400 s, found 0.39 \(--account-every\)"),
        ({"accounts": (A,), "account_every_s": float("nan")}, "expected 0.2 to 86400 s, found nan"),
        ({"accounts": (A,), "account_every_s": float("inf")}, "found inf"),
    ],
)
def test_refuses_accounts_that_cannot_be_asked_about(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CollectionPlan(**{"venue": "hyperliquid", "symbols": ("BTC",), **changed})


def test_the_command_refuses_accounts_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expected addresses with commas between, found ' ,' \(--accounts\)"):
        app(["collect", "--venue", "hyperliquid", "--symbols", "BTC", "--accounts", " ,", "-w", str(tmp_path)], standalone_mode=False)
    assert not list(tmp_path.iterdir())


def test_many_accounts_are_asked_about_more_slowly() -> None:
    def every(count: int) -> float:
        return CollectionPlan("hyperliquid", ("BTC",), accounts=tuple(f"0x{number:040x}" for number in range(count))).account_round_s()

    # 2 of 1,200 a minute each, and half of the budget at most.
    assert [every(count) for count in (1, 50, 51, 300)] == [10.0, 10.0, 10.2, 60.0]
