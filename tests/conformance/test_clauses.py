"""The conformance page cannot go stale: it is what the marks in the tests and the recorded results say."""

from __future__ import annotations

import csv
import json

from scripts.generate_documents import CLAUSES, RESULTS
from tests.fakes.clause_marks import clause_marks

CURE = "Run `make docs` on a machine with the shared data"


def clauses() -> list[dict[str, str]]:
    with CLAUSES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_clauses_of_the_five_documents_are_listed() -> None:
    counts: dict[str, int] = {}
    for row in clauses():
        counts[row["document"]] = counts.get(row["document"], 0) + 1
    assert counts == {"1": 92, "2": 57, "3": 47, "4": 145, "5": 59}
    assert len({row["id"] for row in clauses()}) == 400


def test_every_mark_names_a_clause_that_exists() -> None:
    known = {row["id"] for row in clauses()}
    wrong = {clause: sorted(tests) for clause, tests in clause_marks().items() if clause not in known}
    assert not wrong, f"No such clause in tests/conformance/clauses.csv: {wrong}"


def test_recorded_results_cover_exactly_the_marked_tests() -> None:
    recorded = {clause: set(tests) for clause, tests in json.loads(RESULTS.read_text(encoding="utf-8")).items()}
    marked = clause_marks()
    different = sorted(clause for clause in recorded.keys() | marked.keys() if recorded.get(clause, set()) != marked.get(clause, set()))
    assert not different, f"{CURE}; the results differ from the marks for {different[:20]}"


def test_no_recorded_result_is_a_failure() -> None:
    bad = {clause: tests for clause, tests in json.loads(RESULTS.read_text(encoding="utf-8")).items() if "failed" in tests.values()}
    assert not bad, f"Mend the tests, then: {CURE}. Failing: {bad}"
