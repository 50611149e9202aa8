"""The writer of the tables, on both databases: each fact once, exact, accounted for, and whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from tests.fakes.databases import KINDS, fresh_database
from tests.fakes.venue_facts import DIGITS, fact, facts_of_all_kinds
from tests.fakes.venue_messages import NOON_MS, NOON_NS, account_state, encoded

from tallystick.adapters.fact_tables.database import open_engine, transaction
from tallystick.adapters.fact_tables.rows import FactRows
from tallystick.adapters.fact_tables.schema import METADATA, ROW_KEY
from tallystick.adapters.fact_tables.writer import FactTablesWriter
from tallystick.adapters.venues.hyperliquid.decoder import hyperliquid_decoder
from tallystick.contracts.errors import ArtifactError, ConfigurationError
from tallystick.contracts.market_events import VenueEvent

HL_TABLES = {"TRADE": {"trade_events"}, "LIQUIDATION": {"hl_liquidations"}, "QUOTE": {"orderbook_events"}, "BOOK": {"orderbook_depth"}, "BAR": {"ohlc_candles"}}
WITHOUT = {"ACCOUNT": 1, "BOOK_DELTA": 2, "DAY_SUMMARY": 2, "FILL": 2, "INSTRUMENT": 2, "MID": 2, "POSITION": 1}
TABLES_OF = {
    "hyperliquid": {
        **HL_TABLES,
        "MARK": {"hl_mark_prices", "hl_funding_snapshots"},
        "OPEN_INTEREST": {"hl_oi_snapshots"},
        "FUNDING": {"hl_funding_snapshots"},
        "POSITION": {"hl_position_snapshots"},
        "ACCOUNT": {"hl_wallet_snapshots"},
    },
    "binance": {
        **HL_TABLES,
        "LIQUIDATION": {"liquidation_events"},
        "MARK": {"mark_prices", "binance_funding_snapshots"},
        "OPEN_INTEREST": {"binance_oi_snapshots"},
        "FUNDING": {"binance_funding_snapshots"},
    },
}


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request.param, tmp_path) as found:
        yield found


def content(url: str) -> dict[str, list[Any]]:
    engine = open_engine(url)
    with transaction(engine) as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table).order_by(table.c[ROW_KEY])))) for table in METADATA.sorted_tables}


def write(url: str, events: list[VenueEvent]) -> Any:
    with FactTablesWriter(url) as writer:
        writer.write(events)
        return writer.counts()


@pytest.mark.clause("D4.27")
def test_same_facts_told_twice_change_nothing(url: str) -> None:
    first = write(url, facts_of_all_kinds())
    before = content(url)
    again = write(url, list(reversed(facts_of_all_kinds())))
    assert content(url) == before
    assert sum(first.rows_written.values()) == sum(len(rows) for rows in before.values()) > 12
    assert again.rows_written == {}
    assert sum(again.rows_known.values()) == sum(first.rows_written.values()) + sum(first.rows_known.values())


def test_every_kind_goes_to_its_tables_or_is_counted_without_one(url: str) -> None:
    for event in facts_of_all_kinds():
        tables = {table.name for table, _ in FactRows().rows_of(event)}
        assert tables == TABLES_OF[event.venue].get(event.kind, set())
    counts = write(url, facts_of_all_kinds())
    assert counts.without_table == WITHOUT
    assert {name for name, rows in content(url).items() if rows} == {name for tables in TABLES_OF.values() for own in tables.values() for name in own}


def test_digits_are_kept_as_the_venue_sent_them(url: str) -> None:
    write(url, facts_of_all_kinds())
    engine = open_engine(url)
    with transaction(engine) as connection:
        trade = connection.execute(text("select price, volume, trade_id, is_buyer_maker from trade_events where venue = 'binance'")).one()
        rate = connection.execute(text("select funding_rate, open_interest, snapshot_ts from hl_oi_snapshots")).one()
        bids = connection.execute(text("select bids from orderbook_depth where venue = 'binance'")).scalar_one()
    assert (trade.price, trade.volume, trade.trade_id, bool(trade.is_buyer_maker)) == (DIGITS, DIGITS, "12345678901234567890", True)
    assert rate.open_interest == DIGITS
    assert rate.snapshot_ts == NOON_NS
    assert bids == '[["60000.10","1.50"]]'


def test_positions_and_totals_are_kept_by_wallet_as_the_venue_told_them(url: str) -> None:
    message = encoded(account_state(NOON_MS, BTC="-0.50", ETH="2.0"))
    told = hyperliquid_decoder().decode(message, NOON_NS, "test:1", '{"type":"clearinghouseState","user":"0xAb"}')
    nobodys = hyperliquid_decoder().decode(encoded(account_state(NOON_MS + 1, BTC="1")), NOON_NS, "test:2")
    elsewhere = hyperliquid_decoder().decode(message, NOON_NS, "test:3", '{"type":"clearinghouseState","user":"0xAb","dex":"xyz"}')
    counts = write(url, [item for item in (*told, *told, *nobodys, *elsewhere) if isinstance(item, VenueEvent)])
    assert counts.rows_written == {"hl_position_snapshots": 3, "hl_wallet_snapshots": 2}
    # The totals on another of the venue's exchanges are not the wallet's.
    assert counts.without_table == {"ACCOUNT": 1}
    found = content(url)
    sizes = [("0xAb", "BTC", "-0.50", "100.0", "101.0"), ("0xAb", "ETH", "2.0", "100.0", "99.0")]
    assert {row[1:] for row in found["hl_position_snapshots"] if row[2] == "0xAb"} == {
        (NOON_NS, *whose, "cross", "20", "1.50", value, "-0.10") for whose, value in zip(sizes, ("50.0", "200.0"), strict=True)
    }
    assert {row[1:] for row in found["hl_wallet_snapshots"]} == {
        (NOON_NS, "0xAb", "1000.50", "1.50", "998.00"),
        (NOON_NS + 1_000_000, None, "1000.50", "1.50", "998.00"),
    }


def test_open_interest_carries_the_funding_of_its_own_message_only(url: str) -> None:
    mark = fact("MARK", number=1, funding_rate="0.0000125", premium="-0.0002")
    same = VenueEvent(2, "OPEN_INTEREST", "hyperliquid", "BTC", NOON_NS, NOON_NS, "test:1#1", "receiver", fact("OPEN_INTEREST").values)
    other = fact("OPEN_INTEREST", number=3, time_ns=NOON_NS + 10**9, open_interest="5")
    with FactTablesWriter(url) as writer:
        writer.write([mark])
        writer.write([same, other])
    engine = open_engine(url)
    with transaction(engine) as connection:
        rows = connection.execute(text("select funding_rate, premium from hl_oi_snapshots order by snapshot_ts")).all()
    assert [tuple(row) for row in rows] == [("0.0000125", "-0.0002"), (None, None)]


def test_two_fills_of_one_liquidation_that_are_alike_are_two_rows(url: str) -> None:
    alike = [fact("LIQUIDATION", number=number, trade_id=number) for number in (1, 2)]
    assert write(url, [*alike, alike[0]]).rows_written == {"hl_liquidations": 2}


def test_quotes_that_differ_in_their_update_only_are_two_rows(url: str) -> None:
    alike = [fact("QUOTE", "binance", number=number, update_id=number) for number in (1, 2)]
    assert write(url, [*alike, alike[1]]).rows_written == {"orderbook_events": 2}


def test_spot_marks_go_to_the_spot_prices(url: str) -> None:
    assert write(url, [fact("MARK", symbol="@107", funding_rate=None), fact("MARK", symbol="PURR/USDC")]).rows_written == {"spot_price_snapshots": 2}


def test_what_cannot_be_dated_or_stored_is_counted_and_stops_nothing(url: str) -> None:
    undated = fact("MARK", number=1, time_ns=0)
    nul = fact("TRADE", number=2, symbol="BT\x00C")
    half = fact("TRADE", number=3, symbol="BT\ud800C")
    huge = fact("BAR", number=4, trade_count=2**63)
    counts = write(url, [undated, nul, half, huge, fact("TRADE", number=5)])
    assert (counts.facts, counts.rows_written) == (5, {"trade_events": 1})
    assert (counts.without_time, counts.unstorable) == ({"MARK": 1}, {"BAR": 1, "TRADE": 2})


def test_a_write_that_fails_leaves_nothing_of_itself(url: str) -> None:
    with FactTablesWriter(url) as writer:
        engine = open_engine(url)
        with transaction(engine, writes=True) as connection:
            connection.execute(text("drop table trade_events"))
        with pytest.raises(ArtifactError, match="trade_events"):
            writer.write(facts_of_all_kinds())
        assert writer.counts().rows_written == {}
    with transaction(engine) as connection:
        assert connection.execute(text("select count(*) from hl_oi_snapshots")).scalar_one() == 0


def test_many_first_uses_at_once_make_the_tables_once(url: str) -> None:
    events = [fact("TRADE", number=number, trade_id=number) for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: write(url, events), range(4)))
    assert sum(item.rows_written.get("trade_events", 0) for item in counts) == 200
    assert len(content(url)["trade_events"]) == 200


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("mysql://u:secret@127.0.0.1/x", ConfigurationError, "sqlite or postgresql"),
        ("no url", ConfigurationError, "database URL"),
        ("sqlite://", ConfigurationError, "a file"),
        ("sqlite:////nowhere/at/all/facts.db", ArtifactError, "unable to open"),
        ("postgresql://u:secret@127.0.0.1:9/x", ArtifactError, "database that answers"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_in_one_sentence_without_its_password(url: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as refused:
        FactTablesWriter(url)
    assert "secret" not in str(refused.value)
