"""What the seeds forbid to whole rooms, held as walls: who may not import whom, and which names the trading path may not know."""

from __future__ import annotations

import pytest
from tests.fakes.source_tree import imports, python_files

TRADING_PATH = ("decision", "engine", "execution", "risk")
OBSERVERS_TOUCH = ("tallystick.decision", "tallystick.execution", "tallystick.engine", "tallystick.risk", "tallystick.universe")
EVIDENCE = ("latest_ranking", "selection_meta", "validation_summary")
SHADOWS = ("shadow_releases", "shadow_candidate_tracks", "challenger_topk", "release_index")


def importers(rooms: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    return [f"{item.path}:{line} {name}" for item in python_files("src") if item.room in rooms for name, line in imports(item.tree) if name.startswith(wanted)]


def mentions(rooms: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    return [
        f"{item.path}:{number} {line.strip()[:80]}"
        for item in python_files("src")
        if item.room in rooms
        for number, line in enumerate(item.text.splitlines(), 1)
        if any(word in line for word in words)
    ]


@pytest.mark.clause("D5.02", "D5.05")
def test_downstream_never_computes_membership() -> None:
    found = importers((*TRADING_PATH, "training", "research", "monitoring"), ("tallystick.universe",))
    assert not found, f"Take the symbols, in order, from the published pool: {found}"


@pytest.mark.clause("D5.07", "D5.25")
def test_trading_path_never_reads_research_evidence() -> None:
    found = mentions(TRADING_PATH, EVIDENCE)
    assert not found, f"Ranking and selection metadata are evidence for people, never an input of a decision: {found}"


@pytest.mark.clause("D5.40", "D5.44")
def test_trading_path_never_reads_shadow_releases() -> None:
    found = mentions((*TRADING_PATH, "apps"), SHADOWS)
    assert not found, f"Shadow tracks are research; trade the live pool: {found}"


def test_monitoring_never_reaches_into_the_trading_path() -> None:
    found = importers(("monitoring",), OBSERVERS_TOUCH)
    assert not found, f"Monitoring is rebuilt from the event stream alone; take a contract: {found}"


@pytest.mark.clause("D1.07")
def test_training_and_trading_share_artifacts_only() -> None:
    found = importers(("training",), ("tallystick.decision", "tallystick.engine", "tallystick.execution", "tallystick.risk"))
    found += importers(TRADING_PATH, ("tallystick.training",))
    assert not found, f"Training reaches trading only as an artifact; take the contract: {found}"
