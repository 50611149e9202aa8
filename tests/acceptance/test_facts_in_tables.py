"""From recorded messages to tables to labelled cascades: `observe replay --database` fills, `label … --database` reads, `verify` vouches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.databases import KINDS, fresh_database
from tests.fakes.shared_data import shared_data
from tests.fakes.venue_messages import MS, NOON_MS, NOON_NS, encoded

from tallystick.apps.cli.label import commands as label_commands
from tallystick.apps.cli.observe import commands as observe_commands
from tallystick.apps.labels import Streams, generated_streams
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError, DataError

SECONDS = 6_000


def run(capsys: pytest.CaptureFixture[str], group: str, *arguments: object) -> Any:
    capsys.readouterr()
    commands = {**label_commands(), **observe_commands()}
    commands[group].main([*map(str, arguments), "--json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def digits(units: int, decimals: int) -> str:
    return format(Decimal(units).scaleb(-decimals), "f")


def recording(streams: Streams) -> bytes:
    """Generated streams of BTC as Hyperliquid would send them: a context each second, and a fill of the account for each liquidation."""
    times, interest, interest_decimals = streams.oi.columns["BTC"]
    _, marks, mark_decimals = streams.marks.columns["BTC"]
    lines: list[tuple[int, int, bytes]] = []
    for time, units, mark in zip(times.tolist(), interest.tolist(), marks.tolist(), strict=True):
        context = {"markPx": digits(mark, mark_decimals), "dayNtlVlm": "1.0", "funding": "0.0000125", "openInterest": digits(units, interest_decimals)}
        lines.append((time, 0, encoded({"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": context}})))
    for number, time in enumerate(streams.liquidations.columns["BTC"][0].tolist()):
        fill = {
            "coin": "BTC",
            "px": "1",
            "sz": "1",
            "side": "A",
            "time": time // MS,
            "startPosition": "1",
            "dir": "Close Long",
            "closedPnl": "0",
            "oid": number,
        }
        fill |= {"crossed": True, "fee": "0", "hash": "0x0", "tid": number, "liquidation": {"markPx": "1", "liquidatedUser": "0xa", "method": "market"}}
        lines.append((time, 1, encoded({"channel": "user", "data": {"fills": [fill]}})))
    return b"".join(b"%d %s\n" % (time, message) for time, _, message in sorted(lines))


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_database(request.param, tmp_path) as found:
        yield found


@pytest.mark.clause("D4.27", "D4.30")
def test_replayed_messages_label_as_the_streams_that_they_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    streams = generated_streams(7, ["BTC"], SECONDS, "2025-01-01")
    path = tmp_path / "messages.jsonl"
    path.write_bytes(recording(streams))
    workspace = ("--workspace", tmp_path / "w")
    filled = run(capsys, "observe", "replay", path, "--venue", "hyperliquid", "--database", url, *workspace)
    forced = streams.liquidations.columns["BTC"][0].size
    assert filled["database"]["rows_written"] == {
        "hl_funding_snapshots": SECONDS,
        "hl_liquidations": forced,
        "hl_mark_prices": SECONDS,
        "hl_oi_snapshots": SECONDS,
    }
    assert run(capsys, "observe", "replay", path, "--venue", "hyperliquid", "--database", url, *workspace)["database"]["rows_written"] == {}
    expected = run(capsys, "label", "cascades", "--seed", 7, "--seconds", SECONDS, "--workspace", tmp_path / "generated")
    labelled = run(capsys, "label", "cascades", "--database", url, *workspace)
    assert len(expected["cascades"]) >= 3
    for name in ("cascades", "waves", "withheld", "coins", "rule"):
        assert labelled[name] == expected[name]
    assert [source["name"] for source in labelled["sources"]] == ["hl_oi_snapshots", "hl_liquidations", "hl_mark_prices"]
    counted = run(capsys, "label", "validate", "--seed", 7, "--seconds", SECONDS, "--min-events", 1, "--workspace", tmp_path / "generated")
    assert run(capsys, "label", "validate", "--database", url, "--min-events", 1, *workspace)["results"] == counted["results"]


def test_every_recorded_payload_goes_into_the_workspaces_own_file_and_verify_vouches_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("observe", "replay", shared_data() / "payloads", "--venue", "hyperliquid", "--database", "workspace", "--workspace", tmp_path)
    arguments = (*arguments[:2], shared_data() / "payloads" / "hyperliquid", *arguments[3:])
    found = run(capsys, *arguments)
    assert found["database"]["name"] == "data/facts/facts.db"
    assert found["database"]["facts"] == found["counters"]["events_out"]
    report = verify(tmp_path, verifiers=VERIFIERS)
    # What the room kept aside is appended to, so it has no checksum.
    assert (report.failures, report.unknown, report.unprotected) == ((), (), (found["room_quarantine"],))
    run(capsys, "observe", "migrate", "--to", "base", "--workspace", tmp_path)
    assert [failure.rule for failure in verify(tmp_path, verifiers=VERIFIERS).failures] == ["fact_tables"]
    assert run(capsys, *arguments)["database"]["rows_written"] == found["database"]["rows_written"]
    database = tmp_path / "data" / "facts" / "facts.db"
    database.write_bytes(database.read_bytes().replace(b"0.0000125", b"0.0000126", 1))
    assert {failure.rule for failure in verify(tmp_path, verifiers=VERIFIERS).failures} == {"row_key", "seal"}


def test_binance_messages_label_from_its_own_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for second in range(0, 500, 5):
        time = NOON_MS + 1000 * second
        falls = second >= 60
        mark = {"e": "markPriceUpdate", "E": time, "s": "BTCUSDT", "p": "98" if falls else "100.0", "i": "100", "r": "0.0001", "T": NOON_MS + 3_600_000}
        interest = {"symbol": "BTCUSDT", "openInterest": "850.25" if falls else "1000.5", "time": time}
        lines += [(time, encoded({"stream": "m", "data": mark})), (time, encoded(interest))]
    for second in (55, 58):
        order = {"s": "BTCUSDT", "S": "SELL", "q": "1", "p": "99", "ap": "99", "X": "FILLED", "z": "1", "T": NOON_MS + 1000 * second}
        lines.append((NOON_MS + 1000 * second, encoded({"stream": "f", "data": {"e": "forceOrder", "E": NOON_MS + 1000 * second, "o": order}})))
    path = tmp_path / "messages.jsonl"
    path.write_bytes(b"".join(b"%d %s\n" % (time * MS, message) for time, message in sorted(lines)))
    run(capsys, "observe", "replay", path, "--venue", "binance", "--database", "workspace", "--workspace", tmp_path)
    (row,) = run(capsys, "label", "cascades", "--database", "workspace", "--venue", "binance", "--workspace", tmp_path)["cascades"]
    assert (row["coin"], row["price_start"], row["price_end"], row["oi_drop_pct"]) == ("BTCUSDT", "100", "98", "15.01749125")
    assert int(row["end_ts"]) == NOON_NS + 60 * 10**9


def test_two_sources_at_once_an_unknown_venue_and_tables_without_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = ("--workspace", tmp_path)
    with pytest.raises(ConfigurationError, match="two of them"):
        run(capsys, "label", "cascades", "--database", "workspace", "--seed", 1, *workspace)
    run(capsys, "observe", "migrate", *workspace)
    with pytest.raises(ConfigurationError, match="binance, hyperliquid"):
        run(capsys, "label", "cascades", "--database", "workspace", "--venue", "x", *workspace)
    with pytest.raises(DataError, match="hl_oi_snapshots"):
        run(capsys, "label", "cascades", "--database", "workspace", *workspace)
