"""Verifiers of artifacts whose bytes need a reader from an adapter, by contract name. `tallystick verify` calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tallystick.adapters.journals.sqlite import SqliteJournalReader
from tallystick.artifacts.document_check import Failure
from tallystick.contracts.checking import parse_bytes
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.engine.journal import check_chain

_MARK = "engine.session_mark"
_BODY_OF = {"commit": "engine.cycle_commit", "intent": "engine.cycle_intent", "session": _MARK, "recovery": _MARK, "end": _MARK}


def verify_journal(path: Path) -> list[Failure]:
    """The hash chain of a journal, and the shape of every body."""
    name = str(path)
    try:
        rows = list(SqliteJournalReader(path).rows())
        _, fault = check_chain(rows)
        if fault is not None:
            return [Failure(name, "hash_chain", f"row {fault.sequence}: {fault.expected}", fault.found)]
        for row in rows:
            parse_bytes(contract(_BODY_OF[row.kind]), row.body, f"{name} row {row.sequence}")
    except ArtifactError as error:
        return [Failure(name, "journal", "rows of an engine journal", error.message)]
    return []


VERIFIERS: Mapping[str, Callable[[Path], list[Failure]]] = {"engine.journal": verify_journal}
