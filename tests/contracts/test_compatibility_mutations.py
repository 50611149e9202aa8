"""Mutation proof of `contracts diff`: every field of every contract removed, renamed, retyped; a required or an optional field added."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.contracts.compatibility import Change, compare_contract
from tallystick.contracts.contract import Contract
from tallystick.contracts.export import contract_row, contract_schema
from tallystick.contracts.registry import contract, contracts

SHAPED = [pytest.param(item, id=item.name) for item in contracts() if item.shape is not None]
Node = dict[str, Any]


def objects(node: Any) -> Iterator[Node]:
    """Every object schema with named properties, in place."""
    if isinstance(node, list):
        for item in node:
            yield from objects(item)
    elif isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield node
        for key, value in node.items():
            if not key.startswith("x-"):
                yield from objects(list(value.values()) if key in ("properties", "$defs") else value)


@functools.cache
def schema_text(name: str) -> str:
    return json.dumps(contract_schema(contract(name)))


def schema_of(item: Contract) -> Node:
    """A fresh schema, to be changed at will."""
    schema: Node = json.loads(schema_text(item.name))
    return schema


def count_objects(contract: Contract) -> int:
    return sum(1 for _ in objects(schema_of(contract)))


def mutants(contract: Contract) -> Iterator[tuple[Node, Node, str]]:
    """A fresh schema, one of its objects, and the name of one of its fields; all of them in turn."""
    for index, node in enumerate(list(objects(schema_of(contract)))):
        for name in list(node["properties"]):
            schema = schema_of(contract)
            yield schema, list(objects(schema))[index], name


def judge(contract: Contract, schema: Node, minor: bool = False) -> list[Change]:
    row = contract_row(contract)
    major, small = (int(part) for part in contract.version.split("."))
    raised = f"{major}.{small + 1}" if minor else f"{major + 1}.0"
    return compare_contract(row, schema_of(contract), {**row, "version": raised}, schema)


def everyone(contract: Contract) -> tuple[str, ...]:
    return tuple(sorted({item.module for item in contract.consumers}))


def reading(contract: Contract, path: str) -> set[str]:
    """Written apart from the code under test: consumers whose declared reads are the field, hold it, or lie inside it."""
    plain = [part.split("|")[0].split("[")[0] for part in path.split(".")]
    found = set()
    for consumer in contract.consumers:
        for read in consumer.reads:
            parts = read.removesuffix("()").removesuffix(".keys").split(".")
            if read == "*" or all(left in ("*", right) or right == "*" for left, right in zip(parts, plain, strict=False)):
                found.add(consumer.module)
    return found


def drop(node: Node, name: str) -> bool:
    required = name in node.get("required", ())
    del node["properties"][name]
    node["required"] = [item for item in node.get("required", ()) if item != name]
    return required


@pytest.mark.clause("D1.74", "D1.75", "D4.128", "D4.131")
@pytest.mark.parametrize("contract", SHAPED)
def test_every_removed_field_is_judged_right(contract: Contract) -> None:
    for schema, node, name in mutants(contract):
        required = drop(node, name)
        found = [change for change in judge(contract, schema) if change.kind == "field_removed"]
        assert found, name
        for change in found:
            assert change.path.endswith(name)
            assert change.breaking == required, change
            assert set(change.readers) == reading(contract, change.field)
            assert change.consumers == (everyone(contract) if required else change.readers)


@pytest.mark.clause("D4.130")
@pytest.mark.parametrize("contract", SHAPED)
def test_every_renamed_field_is_breaking_and_named(contract: Contract) -> None:
    for schema, node, name in mutants(contract):
        node["properties"][f"{name}_renamed"] = node["properties"].pop(name)
        node["required"] = [f"{name}_renamed" if item == name else item for item in node.get("required", ())]
        found = [change for change in judge(contract, schema) if change.kind == "field_renamed"]
        assert found, name
        for change in found:
            assert change.path.endswith(name)
            assert change.detail.endswith(f"{name}_renamed")
            assert change.breaking
            assert change.consumers == everyone(contract)
            assert set(change.readers) == reading(contract, change.field)


@pytest.mark.clause("D1.76", "D4.132")
@pytest.mark.parametrize("contract", SHAPED)
def test_every_retyped_field_is_breaking_and_named(contract: Contract) -> None:
    for schema, node, name in mutants(contract):
        is_flag = node["properties"][name].get("type") == "boolean"
        node["properties"][name] = {"type": "string" if is_flag else "boolean"}
        found = [change for change in judge(contract, schema) if change.kind == "field_retyped"]
        assert found, name
        for change in found:
            assert change.path.endswith(name)
            assert change.breaking
            assert change.consumers == everyone(contract)
            assert set(change.readers) == reading(contract, change.field)


@pytest.mark.clause("D1.73", "D4.133")
@pytest.mark.parametrize("contract", SHAPED)
def test_every_added_required_field_is_breaking_for_all(contract: Contract) -> None:
    for index in range(count_objects(contract)):
        schema = schema_of(contract)
        node = list(objects(schema))[index]
        node["properties"]["brand_new"] = {"type": "string"}
        node["required"] = [*node.get("required", ()), "brand_new"]
        found = judge(contract, schema)
        assert {change.kind for change in found} == {"field_added_required"}
        assert all(change.breaking and change.consumers == everyone(contract) for change in found)


@pytest.mark.clause("D1.72", "D4.134", "D2.57")
@pytest.mark.parametrize("contract", SHAPED)
def test_every_added_optional_field_is_minor_and_proven_so(contract: Contract) -> None:
    for index in range(count_objects(contract)):
        schema = schema_of(contract)
        list(objects(schema))[index]["properties"]["brand_new"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
        found = judge(contract, schema, minor=True)
        assert {change.kind for change in found} == {"field_added_optional"}
        assert not any(change.breaking for change in found)


@pytest.mark.clause("D4.128")
@pytest.mark.parametrize("contract", SHAPED)
def test_no_contract_differs_from_itself(contract: Contract) -> None:
    row, schema = contract_row(contract), contract_schema(contract)
    assert compare_contract(row, schema, copy.deepcopy(row), copy.deepcopy(schema)) == []
