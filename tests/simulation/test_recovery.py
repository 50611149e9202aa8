"""Crash-only: an engine cut at any step, started again, ends where the uninterrupted one ends. Nothing is lost, nothing is doubled."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.engine_faults import CutJournal, Killed, Steps, cut_venue
from tests.fakes.engine_session import DECISION, IDENTITY, Restless, Setting, bodies, engine, exported, model_policy, rsi_policy, run

from tallystick.adapters.journals.sqlite import SqliteJournal, SqliteJournalReader
from tallystick.contracts.session import JournalRow
from tallystick.engine.cycle import TradingCycle
from tallystick.engine.journal import check_chain
from tallystick.engine.session import run_session

SHORT = Setting(cycles=12)
POLICIES = {
    "restless": lambda panel: (Restless(3),),
    "models": lambda panel: (model_policy(panel, DECISION),),
    "all": lambda panel: (model_policy(panel, DECISION), rsi_policy(panel), Restless(5)),
}


def quiet(_done: int, _total: int) -> None:
    """No progress."""


def cut_run(setting: Setting, journal: CutJournal, deadly: int | None) -> TradingCycle | None:
    """Run until the deadly step, or to the end. The journal survives; the engine, its venue and its memory do not."""
    journal.steps = Steps(deadly)
    made = engine(replace(setting, venue=cut_venue(journal.steps)))
    try:
        run_session(made, journal, IDENTITY, quiet)
    except Killed:
        return None
    return made


@cache
def uninterrupted(setting: Setting) -> tuple[TradingCycle, tuple[JournalRow, ...], int]:
    """The engine and the rows of a whole session, and how many steps it took."""
    journal = CutJournal()
    made = cut_run(setting, journal, None)
    assert made is not None
    return made, tuple(journal.rows()), journal.steps.taken


def assert_same(setting: Setting, made: TradingCycle | None, rows: list[JournalRow]) -> None:
    whole, expected, _ = uninterrupted(setting)
    assert check_chain(rows)[1] is None
    assert exported(rows) == exported(list(expected)), "commits must be equal byte for byte"
    assert bodies(rows, "intent") == bodies(list(expected), "intent"), "no intent may be lost, doubled or changed"
    orders = Counter(order["order_id"] for body in bodies(rows) for order in body["orders"])
    assert set(orders.values()) == {1}, "no order may be there twice"
    intended = {order["order_id"] for body in bodies(rows, "intent") for order in body["orders"]}
    assert intended == set(orders)
    if made is not None:
        assert made.book.digest() == whole.book.digest()
        assert made.venue.state() == whole.venue.state()
        assert made.book.ledger.state() == made.venue.ledger.state()
        assert made.state() == whole.state()


@pytest.mark.clause("D4.141", "D4.106")
def test_a_cut_before_or_after_every_append_and_every_submit_changes_nothing() -> None:
    _, _, steps = uninterrupted(SHORT)
    assert steps > 60
    for deadly in range(1, steps + 1):
        journal = CutJournal()
        assert cut_run(SHORT, journal, deadly) is None
        ended = journal.last("end") is not None
        made = cut_run(SHORT, journal, None)
        assert made is not None
        # A session that had ended is not walked again: its rows are all there is.
        assert_same(SHORT, None if ended else made, list(journal.rows()))


@pytest.mark.clause("D4.141")
@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(POLICIES)), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4))
def test_any_number_of_cuts_anywhere_changes_nothing(policy: str, cuts: list[float]) -> None:
    setting = SETTINGS[policy]
    _, _, steps = uninterrupted(setting)
    journal, died = CutJournal(), 0
    for cut in cuts:
        # A recovery takes fewer steps of its own on the journal, so later cuts may come after its end.
        if cut_run(setting, journal, 1 + int(cut * (steps - 1))) is not None:
            break
        died += 1
    else:
        assert cut_run(setting, journal, None) is not None
    made = engine(setting)
    assert run_session(made, journal, IDENTITY, quiet) == "already completed"
    assert len(bodies(list(journal.rows()), "recovery")) <= died
    rows = list(journal.rows())
    assert exported(rows) == exported(list(uninterrupted(setting)[1]))
    assert bodies(rows, "intent") == bodies(list(uninterrupted(setting)[1]), "intent")
    assert check_chain(rows)[1] is None


SETTINGS = {name: Setting(policies=policies, cycles=40) for name, policies in POLICIES.items()}


def test_recovery_marks_say_how_many_cycles_were_there() -> None:
    journal = CutJournal()
    cut_run(SHORT, journal, 20)
    committed = len(bodies(list(journal.rows())))
    cut_run(SHORT, journal, None)
    rows = list(journal.rows())
    assert [mark["cycles"] for mark in bodies(rows, "recovery")] == [committed]
    assert [(mark["cycles"], mark["status"]) for mark in bodies(rows, "end")] == [(SHORT.cycles, "completed")]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _child(folder: str, deadly: int) -> None:
    """A whole process with a journal on disk, killed at a step inside a submit."""
    steps = Steps(deadly, die=_die)
    made = engine(replace(SHORT, venue=cut_venue(steps)))
    with SqliteJournal(Path(folder, "journal.db"), Path(folder, "config.json")) as journal:
        run_session(made, journal, IDENTITY, quiet)


@pytest.mark.clause("D4.141", "D4.106")
def test_sigkill_of_the_process_between_intent_and_answer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    context = multiprocessing.get_context("spawn")
    for deadly in (9, 24):
        child = context.Process(target=_child, args=(str(tmp_path), deadly))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
    left = list(SqliteJournalReader(tmp_path / "journal.db").rows())
    assert left
    assert left[-1].kind == "intent", "the kill came after an intent was durable and before its commit"
    with SqliteJournal(tmp_path / "journal.db", tmp_path / "config.json") as journal:
        made, rows = run(SHORT, journal)
    assert_same(SHORT, made, rows)
    assert list(SqliteJournalReader(tmp_path / "journal.db").rows()) == rows
