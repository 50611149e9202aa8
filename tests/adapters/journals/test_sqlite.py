from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3

import pytest

from tallystick.adapters.journals.sqlite import SqliteJournal, SqliteJournalReader
from tallystick.contracts.errors import ArtifactError, SafetyRefusal
from tallystick.engine.journal import Chain, check_chain, decode_body


@pytest.fixture
def paths(tmp_path):
    lock = tmp_path / "config.json"
    lock.write_text("{}")
    return tmp_path / "journal.db", lock


def test_what_was_appended_is_read_back_by_writer_and_reader(paths):
    with SqliteJournal(*paths) as journal:
        Chain(journal).append([("commit", 1, {"a": 1.5}), ("end", 1, {})])
        reader = SqliteJournalReader(paths[0])
        assert list(reader.rows()) == list(journal.rows())
        assert decode_body(reader.last("commit")) == {"a": 1.5}
    assert check_chain(SqliteJournalReader(paths[0]).rows()) == (2, None)


def test_a_closed_journal_is_one_file_and_reading_it_leaves_no_other(paths):
    with SqliteJournal(*paths) as journal:
        Chain(journal).append([("commit", 1, {})])
    before = paths[0].read_bytes()
    assert len(list(SqliteJournalReader(paths[0]).rows())) == 1
    assert sorted(item.name for item in paths[0].parent.iterdir()) == ["config.json", "journal.db"]
    assert paths[0].read_bytes() == before


def test_the_same_rows_give_the_same_bytes(tmp_path):
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        with SqliteJournal(folder / "journal.db", folder / "config.json") as journal:
            chain = Chain(journal)
            for cycle in range(300):
                chain.append([("commit", cycle, {"cycle": cycle, "text": "x" * (cycle * 37 % 900)})])
        made.append((folder / "journal.db").read_bytes())
    assert made[0] == made[1]


def test_a_second_writer_is_refused(paths):
    with SqliteJournal(*paths), pytest.raises(SafetyRefusal, match="another process"):
        SqliteJournal(*paths)
    SqliteJournal(*paths).close()


def test_a_file_that_is_no_journal_is_one_sentence(paths):
    paths[0].write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(ArtifactError, match="SQLite cannot read"):
        list(SqliteJournalReader(paths[0]).rows())
    with pytest.raises(ArtifactError, match="expected to open the journal"):
        SqliteJournal(*paths)


def test_a_missing_journal_is_one_sentence(tmp_path):
    with pytest.raises(ArtifactError, match="expected a journal, found none"):
        SqliteJournalReader(tmp_path / "journal.db")


def test_a_commit_that_fails_keeps_nothing(paths):
    with SqliteJournal(*paths) as journal:
        chain = Chain(journal)
        chain.append([("commit", 1, {})])
        row = journal.last()
        with pytest.raises(ArtifactError, match="expected a durable journal commit"):
            journal.append([row])
        chain.append([("commit", 2, {})])
        assert check_chain(journal.rows()) == (2, None)


def _append_for_ever(path, lock, pipe):
    journal = SqliteJournal(path, lock)
    chain = Chain(journal)
    cycle = 0
    while True:
        chain.append([("intent", cycle, {"cycle": cycle}), ("commit", cycle, {"cycle": cycle})])
        pipe.send(cycle)
        cycle += 1


def test_kill_loses_no_commit_that_was_reported(paths):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_append_for_ever, args=(*paths, theirs))
    process.start()
    reported = -1
    while reported < 40:
        reported = ours.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while ours.poll():
        try:
            reported = ours.recv()
        except EOFError:
            break
    with SqliteJournal(*paths) as journal:
        count, fault = check_chain(journal.rows())
        assert fault is None
        assert count % 2 == 0, "a commit is whole or absent"
        assert count // 2 in (reported + 1, reported + 2)
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with sqlite3.connect(paths[0]) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
