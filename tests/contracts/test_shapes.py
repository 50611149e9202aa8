"""A required field that is absent, and a field of another type, are refused by every contract, loudly and by name."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from tests.fakes.contract_examples import example_paths, is_document

from tallystick.contracts.checking import parse
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.export import contract_schema
from tallystick.contracts.registry import contracts
from tallystick.contracts.schema_fields import SchemaField, inline, schema_fields

DOCUMENTS = [pytest.param(item, id=item.name) for item in contracts() if is_document(item)]


def top_fields(contract: Contract) -> dict[str, SchemaField]:
    fields = schema_fields(inline(contract_schema(contract)))
    return {path: item for path, item in fields.items() if path and not set(path) & set(".[|*")}


def example(contract: Contract) -> dict[str, Any]:
    document = json.loads(example_paths(contract)[0].read_bytes())
    assert isinstance(document, dict)
    return document


@pytest.mark.clause("D1.02", "D4.02", "D4.136")
@pytest.mark.parametrize("contract", DOCUMENTS)
def test_missing_required_field_is_refused_by_name(contract: Contract) -> None:
    document = example(contract)
    for name, field in top_fields(contract).items():
        if field.required:
            assert name in document
            with pytest.raises(ContractViolation, match=name):
                parse(contract, {key: value for key, value in document.items() if key != name}, "x.json")


def complaint(contract: Contract, document: dict[str, Any]) -> str:
    try:
        parse(contract, document, "x.json")
    except ContractViolation as error:
        return str(error)
    return ""


@pytest.mark.clause("D1.03")
@pytest.mark.parametrize("contract", DOCUMENTS)
def test_missing_optional_field_is_accepted(contract: Contract) -> None:
    document = example(contract)
    for name, field in top_fields(contract).items():
        if not field.required and name in document:
            smaller = {key: value for key, value in document.items() if key != name}
            # An invariant between fields may ask for it (a terminal session has an end); the shape itself must not.
            assert "field required" not in complaint(contract, smaller)


@pytest.mark.clause("D4.02", "D4.136")
@pytest.mark.parametrize("contract", DOCUMENTS)
def test_field_of_another_type_is_refused(contract: Contract) -> None:
    document = example(contract)
    for name, field in top_fields(contract).items():
        wrong = stranger(field)
        if wrong is not None and name in document:
            broken = copy.deepcopy(document)
            broken[name] = wrong
            with pytest.raises(ContractViolation):
                parse(contract, broken, "x.json")


def stranger(field: SchemaField) -> Any:
    """A value of a JSON type that the field does not admit, or None where it admits all."""
    if "any" in field.types:
        return None
    candidates: tuple[tuple[str, Any], ...] = (("object", {"a": 1}), ("array", [[[1]]]), ("boolean", True), ("number", 1.5))
    return next((value for name, value in candidates if name not in field.types), None)


@pytest.mark.clause("D1.03", "D2.57")
@pytest.mark.parametrize("contract", DOCUMENTS)
def test_reader_keeps_a_field_it_does_not_know(contract: Contract) -> None:
    document = example(contract)
    if not hasattr(contract.shape, "model_fields") or "root" in contract.shape.model_fields:
        return
    assert parse(contract, {**document, "from_the_future": 1}).model_extra["from_the_future"] == 1
