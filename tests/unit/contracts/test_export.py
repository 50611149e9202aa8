"""Contracts as JSON Schema and registry rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import jsonschema_rs
import pytest

from tallystick.contracts.contract import Consumer, Contract
from tallystick.contracts.export import contract_row, contract_schema, export_documents, registry_document, row_of_schema, schema_file_name
from tallystick.contracts.registry import CONTRACT_SET_VERSION, contracts


class Health(Enum):
    """A state."""

    GOOD = "GOOD"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Assumption:
    """An assumption with a test."""

    name: str
    health: Health = Health.GOOD
    test_fn: Callable[[], bool] | None = None


def make(shape: type | None) -> Contract:
    return Contract("monitoring.assumption", "2.3", "p", "monitoring.a", (Consumer("apps.b", ("name",), "p"),), shape)


def test_callables_are_outside_schemas() -> None:
    schema = contract_schema(make(Assumption))
    assert "test_fn" not in schema["properties"] or schema["properties"]["test_fn"].get("anyOf") == [{"type": "null"}]
    assert schema["properties"]["health"]["default"] == "GOOD"
    assert schema["required"] == ["name"]


def test_contract_without_a_shape_has_a_schema_that_says_nothing_of_its_bytes() -> None:
    schema = contract_schema(make(None))
    assert not {"type", "properties"} & schema.keys()
    assert schema["x-producer"] == "monitoring.a"


def test_schema_file_carries_the_major_version() -> None:
    assert schema_file_name(make(None)) == "monitoring-assumption.v2.json"


def test_row_comes_back_from_its_schema() -> None:
    for item in contracts():
        assert row_of_schema(contract_schema(item), schema_file_name(item)) == contract_row(item)


@pytest.mark.parametrize("contract", [pytest.param(item, id=item.name) for item in contracts()])
def test_schema_is_valid_by_its_own_dialect(contract: Contract) -> None:
    jsonschema_rs.meta.validate(contract_schema(contract))


def test_registry_document_lists_contracts_sorted_with_the_set_history() -> None:
    document = registry_document(reversed(contracts()), CONTRACT_SET_VERSION)
    names = [row["name"] for row in document["contracts"]]
    assert names == sorted(names)
    assert document["history"][-1]["version"] == CONTRACT_SET_VERSION
    assert set(export_documents(contracts(), CONTRACT_SET_VERSION)) == {"registry.json", *(row["schema"] for row in document["contracts"])}
