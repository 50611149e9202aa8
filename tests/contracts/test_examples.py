"""Every contract's example parses strictly, keeps its rules, and comes back as the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fakes.contract_examples import FOLDER, encode, example_paths, is_document, parse_example

from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.document_check import check_document
from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.checking import findings, unknown_fields
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.messages import document_of
from tallystick.contracts.registry import contracts


def marked(contract: Contract) -> object:
    clauses = sorted({*contract.clauses, *(clause for rule in contract.rules for clause in rule.clauses)})
    return pytest.param(contract, id=contract.name, marks=[pytest.mark.clause(*clauses)] if clauses else [])


@pytest.mark.clause("D1.78", "D4.129")
@pytest.mark.parametrize("contract", [marked(item) for item in contracts() if item.shape is not None])
def test_example_parses_strictly_and_keeps_every_rule(contract: Contract) -> None:
    paths = example_paths(contract)
    assert paths, f"Write a realistic example of {contract.name} into tests/contracts/examples/{contract.name}/"
    for path in paths:
        instances = parse_example(contract, path.read_bytes(), path.name)
        assert instances
        for instance in instances:
            assert findings(contract, instance) == []
            assert unknown_fields(contract, instance) == []


@pytest.mark.clause("D1.06")
@pytest.mark.parametrize("contract", [pytest.param(item, id=item.name) for item in contracts() if item.shape is not None])
def test_example_round_trips_to_the_same_bytes(contract: Contract) -> None:
    for path in example_paths(contract):
        data = path.read_bytes()
        instances = parse_example(contract, data, path.name)
        if contract.encoding == "jsonl":
            assert b"".join(canonical_json(document_of(instance)) for instance in instances) == data
        elif contract.encoding != "csv":
            assert encode(contract, instances[0]) == data, f"{path}: not in the canonical form of its contract"


@pytest.mark.parametrize("contract", [pytest.param(item, id=item.name) for item in contracts() if item.encoding == "csv" and item.shape is not None])
def test_a_table_that_is_cut_is_refused(contract: Contract) -> None:
    for path in example_paths(contract):
        data = path.read_bytes()
        for end in range(len(data) - len(data.splitlines()[-1]), len(data) - 1):
            checked = check_document(contract, data[:end], path.name)
            lost_rows = len(data[:end].splitlines()) < len(data.splitlines())
            assert checked.failures or lost_rows or data[:end].splitlines() != data.splitlines()


@pytest.mark.clause("D4.02", "D4.136")
@pytest.mark.parametrize("contract", [pytest.param(item, id=item.name) for item in contracts() if item.encoding == "rfc8785" and is_document(item)])
def test_example_truncated_anywhere_is_refused(contract: Contract) -> None:
    for path in example_paths(contract):
        data = path.read_bytes()
        for end in range(0, len(data) - 1, max(1, len(data) // 60)):
            assert check_document(contract, data[:end], path.name).failures, f"{path} cut at {end}"


def test_examples_of_older_majors_lie_beside_the_new_ones() -> None:
    known = {item.name for item in contracts()}
    strangers = sorted(path.name for path in (FOLDER / "examples").iterdir() if path.is_dir() and path.name not in known)
    assert not strangers, f"Examples of contracts that are not registered: {strangers}"


@pytest.mark.parametrize("contract", [pytest.param(item, id=item.name) for item in contracts() if is_document(item) and item.encoding == "rfc8785"])
def test_writer_refuses_an_unknown_field(contract: Contract) -> None:
    path: Path = example_paths(contract)[0]
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict) or not hasattr(contract.shape, "model_fields") or "root" in contract.shape.model_fields:
        return
    with pytest.raises(ContractViolation, match=r"field_nobody_knows"):
        encode_artifact(contract, {**document, "field_nobody_knows": 1})
