"""The main job on a folder that holds nothing but equities: real 5-minute bars of thirty names, on the grid of their sessions."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import Answer, call, shared_result
from tests.fakes.shared_data import shared_data

from tallystick.apps.assembly import journal_reader
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.engine.journal import decode_body
from tallystick.market.lake import Lake

pytestmark = pytest.mark.slow
VENUE, MINUTES, SYMBOLS, CYCLES = "us_equity", 5, 5, 42 + 4 * 78


def walk_equities(root: Path) -> Answer:
    data = shared_data() / "us_equities"
    return call("quickstart", "--workspace", root, "--seed", "7", "--now", "2026-01-15T00:00:00Z", "--data", data, "--json")


@pytest.fixture(scope="session")
def equities(shared_base: Path) -> tuple[Path, dict[str, Any]]:
    """The workspace of a finished quickstart on equities, never to be written to, and what the command answered."""
    shared_data()
    return shared_result(shared_base, "equities", walk_equities)


def commits(root: Path, session_id: str) -> list[dict[str, Any]]:
    return [decode_body(row) for row in journal_reader(Workspace(root), session_id).rows("commit")]


def test_equities_alone_walk_the_whole_chain(equities: tuple[Path, dict[str, Any]]) -> None:
    root, result = equities
    assert {step["status"] for step in result["steps"]} == {"ok"}
    assert result["replay_differences"] == 0
    answer = call("verify", root, "--json")
    assert (answer.code, answer.document["failures"], answer.document["unknown"]) == (0, [], [])
    said = {step["name"]: " ".join(step["lines"]) for step in result["steps"]}
    assert "252 sessions of 390 minutes" in said["market"]
    assert "refused 3,565 bars: outside_session" in said["market"]
    assert "static universe" in said["pool"]


def test_session_trades_whole_shares_in_cents_on_the_bars_of_the_last_sessions(equities: tuple[Path, dict[str, Any]]) -> None:
    root, result = equities
    bodies = commits(root, result["session_id"])
    panel = Lake(Workspace(root)).read(VENUE, MINUTES)
    assert [ns_from_iso(body["bar_open"]) for body in bodies] == panel.open_times_ns[-CYCLES:].tolist()
    assert {ns_from_iso(body["bar_open"]) % NS_PER_DAY // 3_600_000_000_000 for body in bodies} <= set(range(14, 21))
    orders = [order for body in bodies for order in body["orders"]]
    fills = [update for body in bodies for update in body["updates"] if update["kind"] == "fill"]
    assert len({order["symbol"] for order in orders}) >= 3
    assert {update["kind"] for body in bodies for update in body["updates"]} == {"fill"}
    assert all(Decimal(fill["quantity"]) == int(Decimal(fill["quantity"])) > 0 for fill in fills)
    assert all(Decimal(fill["price"]) * 100 == int(Decimal(fill["price"]) * 100) for fill in fills)


def test_bars_are_read_by_symbol_and_keep_their_numbers(equities: tuple[Path, dict[str, Any]]) -> None:
    lake = Lake(Workspace(equities[0]))
    whole, part = lake.read(VENUE, MINUTES), lake.read(VENUE, MINUTES, ["TSLA", "AMD"], start_ns=ns_from_iso("2025-11-28T00:00:00Z"))
    assert (len(whole.symbols), whole.bars, whole.first_bar_number) == (30, 12_528, 0)
    assert whole.present().all()
    # the Friday after Thanksgiving, a half day
    assert part.between(part.start_ns, part.start_ns + NS_PER_DAY).bars == 42
    assert whole.open_times_ns[part.first_bar_number] == part.start_ns


def test_same_command_again_keeps_every_step(equities: tuple[Path, dict[str, Any]]) -> None:
    root, result = equities
    before = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    again = walk_equities(root).document
    assert again["session_id"] == result["session_id"]
    assert {step["name"] for step in again["steps"] if step["kept"]} == {"market", "pool", "run", "train", "gate", "session"}
    assert {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()} == before
