"""Verifiers of artifacts whose bytes need a reader from an adapter, by contract name. `tallystick verify` calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from tallystick.adapters.event_store.records import read_tail
from tallystick.adapters.journals.sqlite import SqliteJournalReader
from tallystick.artifacts.document_check import Failure
from tallystick.contracts.checking import parse_bytes
from tallystick.contracts.errors import ArtifactError, DataError
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


def verify_event_tail(path: Path) -> list[Failure]:
    """Every whole record of the open end of an event store; a last one that is cut was never acknowledged. Gone meanwhile: its records are in a segment."""
    try:
        records = read_tail(path)
    except ArtifactError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        return [Failure(str(path), "tail_records", "whole records, the last one perhaps cut", error.message)]
    broken = next((after.number for before, after in pairwise(records) if after.number != before.number + 1), None)
    return [] if broken is None else [Failure(str(path), "tail_records", "records without a hole in their numbers", f"a hole before {broken}")]


def verify_fact_tables(path: Path) -> list[Failure]:
    """The tables of a workspace's facts: at our revision, and every row still under its digest."""
    from tallystick.adapters.fact_tables.database import sqlite_url
    from tallystick.adapters.fact_tables.reader import FactTablesReader

    try:
        reader = FactTablesReader(sqlite_url(path))
        try:
            altered = list(reader.altered())
        finally:
            reader.close()
    except DataError as error:
        return [Failure(str(path), "fact_tables", "tables of facts at the present revision", error.message)]
    return [Failure(str(path), "row_key", f"content of {table} that gives its key", f"another under {key}") for table, key in altered]


VERIFIERS: Mapping[str, Callable[[Path], list[Failure]]] = {
    "engine.journal": verify_journal,
    "observation.event_tail": verify_event_tail,
    "observation.fact_tables": verify_fact_tables,
}
