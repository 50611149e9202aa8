"""The same inputs give the same bytes: two sessions, two processes, two hash seeds."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.engine_session import DECISION, IDENTITY, Restless, Setting, engine, exported, model_policy, rsi_policy, run

from tallystick.adapters.journals.sqlite import SqliteJournal
from tallystick.engine.session import run_session

ROOT = Path(__file__).resolve().parents[2]
SETTING = Setting(policies=lambda panel: (model_policy(panel, DECISION), rsi_policy(panel), Restless(6)), cycles=40)
_PROGRAM = """
import hashlib, sys
from tests.parity.test_session_determinism import SETTING
from tests.fakes.engine_session import exported, run
print(hashlib.sha256(exported(run(SETTING)[1])).hexdigest())
"""


def journal_bytes(folder: Path) -> bytes:
    """A whole session into a journal on disk; the file after it was closed."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with SqliteJournal(folder / "journal.db", folder / "config.json") as journal:
        run_session(engine(SETTING), journal, IDENTITY, lambda _done, _total: None)
    return (folder / "journal.db").read_bytes()


@pytest.mark.clause("D4.103")
def test_two_sessions_give_equal_journal_files(tmp_path: Path) -> None:
    one, two = journal_bytes(tmp_path / "one"), journal_bytes(tmp_path / "two")
    assert one == two
    assert len(one) > 100_000


def test_memory_and_disk_hold_the_same_rows(tmp_path: Path) -> None:
    journal_bytes(tmp_path / "one")
    with SqliteJournal(tmp_path / "one" / "journal.db", tmp_path / "one" / "config.json") as journal:
        assert list(journal.rows()) == run(SETTING)[1]


def test_a_walk_without_a_journal_trades_as_a_recorded_one() -> None:
    unrecorded = engine(SETTING)
    for cycle in range(1, SETTING.cycles + 1):
        unrecorded.run_cycle(cycle, None)
    recorded, rows = run(SETTING)
    assert unrecorded.state() == recorded.state()
    assert unrecorded.book.digest() == recorded.book.digest()
    assert any(row.kind == "intent" for row in rows)


def test_neither_the_process_nor_its_hash_seed_changes_a_byte() -> None:
    found = {hashlib.sha256(exported(run(SETTING)[1])).hexdigest()}
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        done = subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
        found.add(done.stdout.strip())
    assert len(found) == 1
