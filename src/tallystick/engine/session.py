"""A session: start, recover, run to the end. Start-up is recovery, and recovery is replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from tallystick.contracts.errors import SafetyRefusal
from tallystick.contracts.session import JournalRow
from tallystick.engine.journal import Chain, MemoryJournal, check_chain, decode_body
from tallystick.engine.ports import Journal
from tallystick.engine.replay import compare_commits

Progress = Callable[[int, int], None]


class Recorder(Protocol):
    """Where a cycle leaves its intent and its commit."""

    def intend(self, cycle: int, body: dict[str, Any]) -> None:
        """Orders, durable before any of them leaves."""
        ...

    def commit(self, cycle: int, body: dict[str, Any]) -> None:
        """The whole turn."""
        ...


class Turns(Protocol):
    """An engine that walks its cycles from the first; `run_session` decides which of them are new."""

    @property
    def cycles(self) -> int:
        """How many cycles the session has."""
        ...

    def run_cycle(self, cycle: int, recorder: Recorder) -> None:
        """One turn."""
        ...


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """What a journal must belong to, and the wall-clock text of its marks."""

    session_id: str
    config_sha256: str
    recorded_at: str

    def mark(self, cycles: int, status: str) -> dict[str, Any]:
        """The body of a session, recovery or end row."""
        return {"session_id": self.session_id, "config_sha256": self.config_sha256, "cycles": cycles, "recorded_at": self.recorded_at, "status": status}


class _JournalRecorder:
    """Writes to the chain; an intent that a crash left behind must be made again, the same, and is not written twice."""

    def __init__(self, chain: Chain, left_behind: dict[int, dict[str, Any]]) -> None:
        self._chain = chain
        self._left_behind = left_behind

    def intend(self, cycle: int, body: dict[str, Any]) -> None:
        before = self._left_behind.pop(cycle, None)
        if before is None:
            self._chain.append([("intent", cycle, body)])
        elif before != body:
            raise _diverged(cycle, "order intents")

    def commit(self, cycle: int, body: dict[str, Any]) -> None:
        if cycle in self._left_behind:
            raise _diverged(cycle, "order intents")
        self._chain.append([("commit", cycle, body)])


class _ComparingRecorder:
    """Writes nothing: the cycle was committed before, and must come out the same."""

    def __init__(self, recorded: dict[int, dict[str, Any]]) -> None:
        self._recorded = recorded

    def intend(self, cycle: int, body: dict[str, Any]) -> None:
        """The intent is part of the commit that is compared."""

    def commit(self, cycle: int, body: dict[str, Any]) -> None:
        difference = next(compare_commits(self._recorded[cycle], _as_stored(body)), None)
        if difference is not None:
            raise _diverged(cycle, difference.stage)


def _as_stored(body: dict[str, Any]) -> dict[str, Any]:
    journal = MemoryJournal()
    Chain(journal).append([("commit", 0, body)])
    row = journal.last()
    return decode_body(row) if row else {}


def _diverged(cycle: int, what: str) -> SafetyRefusal:
    return SafetyRefusal(
        f"expected cycle {cycle} to come out as it was recorded, found other {what}",
        hint="An input or the code changed since. See: tallystick replay",
    )


def run_session(engine: Turns, journal: Journal, identity: SessionIdentity, progress: Progress) -> str:
    """Run every cycle that the journal does not have yet; answer "completed" or "already completed".

    Raises SafetyRefusal when the journal is damaged, belongs to another configuration, or a recorded cycle comes out differently.
    """
    _, fault = check_chain(journal.rows())
    if fault is not None:
        raise SafetyRefusal(f"expected a whole journal, found row {fault.sequence} with {fault.found} instead of {fault.expected}", where=identity.session_id)
    first, end = next(journal.rows("session"), None), journal.last("end")
    if first is not None and decode_body(first)["config_sha256"] != identity.config_sha256:
        raise SafetyRefusal("expected the configuration that this journal was written under, found another", where=identity.session_id)
    if end is not None:
        return "already completed"
    chain = Chain(journal)
    recorded = {row.cycle: decode_body(row) for row in journal.rows("commit")}
    left_behind = {row.cycle: decode_body(row) for row in journal.rows("intent") if row.cycle not in recorded}
    last = max((*recorded, *left_behind), default=0)
    if last > engine.cycles:
        raise SafetyRefusal(f"expected a journal of at most {engine.cycles} cycles, found cycle {last}", where=identity.session_id)
    if first is None:
        chain.append([("session", 0, identity.mark(0, "running"))])
    else:
        chain.append([("recovery", len(recorded), identity.mark(len(recorded), "running"))])
    live = _JournalRecorder(chain, left_behind)
    past = _ComparingRecorder(recorded)
    for cycle in range(1, engine.cycles + 1):
        engine.run_cycle(cycle, past if cycle in recorded else live)
        progress(cycle, engine.cycles)
    chain.append([("end", engine.cycles, identity.mark(engine.cycles, "completed"))])
    return "completed"


def rerun(engine: Turns, cycles: int, progress: Progress) -> Iterator[JournalRow]:
    """Run the first cycles again into a journal that forgets; answer its rows, for a comparison."""
    journal = MemoryJournal()
    recorder = _JournalRecorder(Chain(journal), {})
    for cycle in range(1, min(cycles, engine.cycles) + 1):
        engine.run_cycle(cycle, recorder)
        progress(cycle, cycles)
    return journal.rows()
