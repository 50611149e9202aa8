"""A journal is verified row by row: hash chain first, then each body against its contract."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tallystick.adapters.journals.sqlite import SqliteJournal
from tallystick.apps.verifiers import VERIFIERS, verify_journal
from tallystick.artifacts.verification import verify
from tallystick.contracts.registry import contract
from tallystick.engine.journal import Chain

MARK: dict[str, Any] = {"session_id": "s1", "config_sha256": "a" * 64, "cycles": 0, "recorded_at": "2025-01-01T00:00:00Z", "status": "started"}
INTENT: dict[str, Any] = {"cycle": 1, "now": "2025-01-01T00:00:00Z", "inputs_sha256": "b" * 64, "orders": []}


def write(folder: Path, bodies: list[tuple[Any, int, dict[str, Any]]]) -> Path:
    path = folder / "journal.db"
    lock = folder / "lock"
    lock.touch()
    with SqliteJournal(path, lock) as journal:
        Chain(journal).append(bodies)
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write(tmp_path, [("session", 0, MARK), ("intent", 1, INTENT), ("end", 1, {**MARK, "status": "ended"})])


def edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_sound_journal_has_no_failure(journal: Path) -> None:
    assert verify_journal(journal) == []
    assert set(VERIFIERS) == {"engine.journal", "observation.event_tail", "observation.fact_tables"}
    assert contract("engine.journal").encoding == "sqlite"


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE journal SET body = CAST(replace(body, '2025', '2026') AS BLOB) WHERE sequence = 2", "row 2"),
        ("DELETE FROM journal WHERE sequence = 2", "row 2"),
        ("UPDATE journal SET kind = 'commit' WHERE sequence = 3", "row 3"),
    ],
)
def test_edited_dropped_or_relabelled_row_is_located(journal: Path, statement: str, row: str) -> None:
    edit(journal, statement)
    (failure,) = verify_journal(journal)
    assert failure.rule == "hash_chain"
    assert row in failure.expected


def test_body_that_is_not_of_its_contract_is_found(tmp_path: Path) -> None:
    (failure,) = verify_journal(write(tmp_path, [("session", 0, {**MARK, "cycles": "none"})]))
    assert "cycles" in failure.found


def test_column_of_another_type_is_a_failure_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "sessions" / "s1"
    folder.mkdir(parents=True)
    path = write(folder, [("session", 0, MARK)])
    edit(path, "UPDATE journal SET body = 'text' WHERE sequence = 1")
    assert [item.path for item in verify(path, verifiers=dict(VERIFIERS)).failures] == ["journal.db"]


def test_file_that_is_no_journal_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database, however long one looks at it" * 40)
    assert len(verify_journal(path)) == 1
