"""The committed schemas and pages are what the registry generates now: a golden surface."""

from __future__ import annotations

import pytest
from scripts.generate_documents import FOLDERS, ROOT, conformance_page, contract_page, documents, overview

from tallystick.contracts.registry import contracts
from tallystick.contracts.set_history import SET_HISTORY

CURE = "Run `make docs` and look at the difference before you commit it"


def test_committed_files_equal_the_generated_ones() -> None:
    generated = documents()
    stale = [name for name, data in generated.items() if not (ROOT / name).is_file() or (ROOT / name).read_bytes() != data]
    assert not stale, f"{CURE}: {stale}"


def test_nothing_else_lies_in_the_generated_folders() -> None:
    generated = documents().keys()
    files = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert not sorted(set(files) - generated), CURE


@pytest.mark.clause("D1.82", "D1.78", "D4.01")
def test_page_of_a_contract_has_every_part_that_a_new_contract_needs() -> None:
    for item in contracts():
        page = contract_page(item)
        assert page.startswith(f"# {item.name} {item.version}\n")
        for part in (item.purpose, item.producer, "## Schema", "## Readers", "## Rules", *item.paths, *(consumer.module for consumer in item.consumers)):
            assert part in page, (item.name, part)
        for number, rule in enumerate(item.rules, 1):
            assert f"{number}. `{rule.name}`" in page
        for field in item.deprecated_fields:
            assert f"| `{field}` | deprecated" in page, (item.name, field)


@pytest.mark.clause("D1.82", "D1.71", "D2.53")
def test_overview_lists_every_contract_the_flow_and_the_history() -> None:
    page = overview()
    assert all(f"[{item.name}]({item.name}.md)" in page for item in contracts())
    assert "```mermaid\ngraph LR\n" in page
    assert all(f"| {version} | {date} |" in page for version, date, _ in SET_HISTORY)


def test_conformance_page_tells_shown_open_failed_and_skipped_apart() -> None:
    clauses = [{"id": f"D1.0{number}", "document": "1", "clause": f"clause {number}", "kind": "rule", "room": "contracts"} for number in range(1, 5)]
    page = conformance_page(clauses, {"D1.01": {"a": "passed", "b": "skipped"}, "D1.02": {"a": "passed", "c": "failed"}, "D1.03": {"d": "skipped"}})
    assert "| 1 · Integration contracts | 4 | 1 | 3 |" in page
    assert "| D1.01 | clause 1 | `a`<br>`b` |" in page
    assert "| D1.02 | clause 2 | contracts | fails: `c` |" in page
    assert "| D1.03 | clause 3 | contracts | skipped here |" in page
    assert "| D1.04 | clause 4 | contracts | no test yet |" in page
