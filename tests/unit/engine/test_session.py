from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tallystick.contracts.errors import SafetyRefusal
from tallystick.engine.journal import Chain, MemoryJournal, decode_body
from tallystick.engine.session import Recorder, SessionIdentity, rerun, run_session

IDENTITY = SessionIdentity("one", "ab" * 32, "2025-01-01T00:00:00Z")


@dataclass
class Walk:
    """An engine of three cycles whose second sends something; `changes` replaces fields of what a cycle commits."""

    changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    intents: dict[int, dict[str, Any]] = field(default_factory=dict)
    cycles: int = 3
    walked: list[int] = field(default_factory=list)

    def run_cycle(self, cycle: int, recorder: Recorder) -> None:
        self.walked.append(cycle)
        if cycle == 2:
            recorder.intend(cycle, {"cycle": cycle, "orders": ["a"], **self.intents.get(cycle, {})})
        recorder.commit(cycle, {"cycle": cycle, "now": f"t{cycle}", "decisions": [], **self.changes.get(cycle, {})})


def quiet(_done: int, _total: int) -> None:
    """No progress."""


def kinds(journal: MemoryJournal) -> list[tuple[str, int]]:
    return [(row.kind, row.cycle) for row in journal.rows()]


def cut(journal: MemoryJournal, rows: int) -> MemoryJournal:
    """The journal as a crash after so many rows left it."""
    left = MemoryJournal()
    left.append(list(journal.rows())[:rows])
    return left


def whole() -> MemoryJournal:
    journal = MemoryJournal()
    assert run_session(Walk(), journal, IDENTITY, quiet) == "completed"
    return journal


def test_a_session_is_its_start_its_cycles_and_its_end():
    journal = whole()
    assert kinds(journal) == [("session", 0), ("commit", 1), ("intent", 2), ("commit", 2), ("commit", 3), ("end", 3)]
    start, end = decode_body(next(journal.rows("session"))), decode_body(next(journal.rows("end")))
    assert start == {"session_id": "one", "config_sha256": "ab" * 32, "cycles": 0, "recorded_at": "2025-01-01T00:00:00Z", "status": "running"}
    assert end == start | {"cycles": 3, "status": "completed"}


def test_progress_is_told_after_every_cycle():
    told = []
    run_session(Walk(), MemoryJournal(), IDENTITY, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_completed_session_is_not_walked_again():
    journal, engine = whole(), Walk()
    assert run_session(engine, journal, IDENTITY, quiet) == "already completed"
    assert engine.walked == []
    assert kinds(journal)[-1] == ("end", 3)


@pytest.mark.clause("D4.141")
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_recovery_walks_every_cycle_and_writes_only_what_is_missing(rows):
    journal, engine = cut(whole(), rows), Walk()
    assert run_session(engine, journal, replace(IDENTITY, recorded_at="2025-01-02T00:00:00Z"), quiet) == "completed"
    assert engine.walked == [1, 2, 3]
    found = kinds(journal)
    assert [row for row in found if row[0] in ("intent", "commit")] == [("commit", 1), ("intent", 2), ("commit", 2), ("commit", 3)]
    assert found[rows][0] == "recovery"
    assert decode_body(next(journal.rows("recovery")))["cycles"] == sum(kind == "commit" for kind, _ in kinds(whole())[:rows])


def test_another_configuration_is_refused():
    with pytest.raises(SafetyRefusal, match="expected the configuration that this journal was written under"):
        run_session(Walk(), cut(whole(), 3), replace(IDENTITY, config_sha256="cd" * 32), quiet)


@pytest.mark.parametrize("damage", ["edit", "drop"])
def test_a_damaged_journal_is_refused_before_anything_runs(damage):
    rows = list(whole().rows())
    if damage == "edit":
        rows[1] = replace(rows[1], body=rows[1].body.replace(b"t1", b"t9"))
    else:
        del rows[1]
    journal, engine = MemoryJournal(), Walk()
    journal.append(rows[:4])
    with pytest.raises(SafetyRefusal, match="expected a whole journal, found row"):
        run_session(engine, journal, IDENTITY, quiet)
    assert engine.walked == []


def test_a_recorded_cycle_that_comes_out_differently_is_refused_with_its_stage():
    journal = cut(whole(), 4)
    with pytest.raises(SafetyRefusal, match="expected cycle 1 to come out as it was recorded, found other clock"):
        run_session(Walk(changes={1: {"now": "t7"}}), journal, IDENTITY, quiet)
    assert kinds(journal)[-1] == ("recovery", 2), "nothing was written after the difference"


@pytest.mark.clause("D4.106")
def test_an_intent_that_a_crash_left_behind_must_be_the_same_again():
    journal = cut(whole(), 3)
    with pytest.raises(SafetyRefusal, match="expected cycle 2 to come out as it was recorded, found other order intents"):
        run_session(Walk(intents={2: {"orders": ["b"]}}), journal, IDENTITY, quiet)


def test_an_intent_that_a_crash_left_behind_must_be_made_again():
    """Its orders may have reached the venue: a cycle that no longer wants them must not pass over them in silence."""

    class Silent(Walk):
        def run_cycle(self, cycle: int, recorder: Recorder) -> None:
            recorder.commit(cycle, {"cycle": cycle, "now": f"t{cycle}", "decisions": []})

    journal = cut(whole(), 3)
    with pytest.raises(SafetyRefusal, match="cycle 2 to come out as it was recorded, found other order intents"):
        run_session(Silent(), journal, IDENTITY, quiet)
    assert ("commit", 2) not in kinds(journal)


def test_a_journal_with_more_cycles_than_the_session_has_is_refused():
    with pytest.raises(SafetyRefusal, match="at most 2 cycles, found cycle 3"):
        run_session(Walk(cycles=2), cut(whole(), 5), IDENTITY, quiet)


def test_a_body_is_compared_as_it_is_stored():
    journal = MemoryJournal()
    run_session(Walk(changes={1: {"account": {"pair": (1, 2)}}}), journal, IDENTITY, quiet)
    again = cut(journal, 3)
    assert run_session(Walk(changes={1: {"account": {"pair": (1, 2)}}}), again, IDENTITY, quiet) == "completed"


def test_a_rerun_leaves_rows_that_were_never_durable():
    rows = list(rerun(Walk(), 2, quiet))
    assert [(row.kind, row.cycle) for row in rows] == [("commit", 1), ("intent", 2), ("commit", 2)]


def test_an_append_that_fails_leaves_the_chain_where_it_was():
    class Full(MemoryJournal):
        full = False

        def append(self, rows):
            if self.full:
                raise OSError("no space")
            super().append(rows)

    journal = Full()
    chain = Chain(journal)
    chain.append([("session", 0, {})])
    journal.full = True
    with pytest.raises(OSError, match="no space"):
        chain.append([("commit", 1, {})])
    journal.full = False
    chain.append([("commit", 1, {"again": True})])
    assert [row.sequence for row in journal.rows()] == [1, 2]
    assert json.loads(list(journal.rows())[1].body) == {"again": True}
