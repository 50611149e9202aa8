"""Contracts as JSON Schema and as the rows of `registry.json`: what other languages, reviewers and `contracts diff` read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit, core_schema

from tallystick.contracts.contract import Contract
from tallystick.contracts.set_history import SET_HISTORY

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REGISTRY_NAME = "registry.json"


class _Generator(GenerateJsonSchema):
    """Leaves callables out: they are outside schemas (decision 62)."""

    def callable_schema(self, schema: core_schema.CallableSchema) -> JsonSchemaValue:
        raise PydanticOmit

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        # A default that JSON cannot carry is left out; pydantic would only warn. The field stays optional either way.
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        default = default.value if isinstance(default, Enum) else default
        is_plain = default is None or isinstance(default, bool | int | float | str)
        return {**inner, "default": default} if "default" in schema and is_plain else inner


def major(version: str) -> int:
    """The first number of a version `major.minor`."""
    return int(version.split(".", maxsplit=1)[0])


def schema_file_name(contract: Contract) -> str:
    """`training-model-meta.v1.json`: one file for each major version."""
    return f"{contract.file_stem}.v{major(contract.version)}.json"


def contract_row(contract: Contract) -> dict[str, Any]:
    """What the registry says about a contract, apart from its shape."""
    return {
        "name": contract.name,
        "version": contract.version,
        "status": contract.status,
        "purpose": contract.purpose,
        "seed_name": contract.seed_name,
        "producer": contract.producer,
        "consumers": [{"module": item.module, "reads": list(item.reads), "purpose": item.purpose} for item in contract.consumers],
        "encoding": contract.encoding,
        "paths": list(contract.paths),
        "rules": [{"name": rule.name, "says": rule.says, "clauses": list(rule.clauses)} for rule in contract.rules],
        "clauses": list(contract.clauses),
        "open_maps": list(contract.open_maps),
        "wall_clock": list(contract.wall_clock),
        "unsorted": list(contract.unsorted),
        "deprecated_fields": dict(sorted(contract.deprecated_fields.items())),
        "history": list(contract.history),
        "schema": schema_file_name(contract),
    }


def contract_schema(contract: Contract) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a contract, with its registry row under `x-` keys.

    A contract whose bytes belong to a library has a schema that says nothing about them.
    """
    body: dict[str, Any] = {}
    if contract.shape is not None:
        body = TypeAdapter(contract.shape).json_schema(schema_generator=_Generator, ref_template="#/$defs/{model}")
        if is_dataclass(contract.shape):
            body.setdefault("description", (contract.shape.__doc__ or "").strip())
    row = contract_row(contract)
    return {
        "$schema": DIALECT,
        "$id": f"urn:tallystick:contract:{contract.name}:{major(contract.version)}",
        **body,
        **{f"x-{key.replace('_', '-')}": value for key, value in row.items() if key != "schema"},
    }


def row_of_schema(schema: dict[str, Any], file_name: str) -> dict[str, Any]:
    """The registry row that a schema carries with it, for folders without `registry.json`."""
    row = {key[2:].replace("-", "_"): value for key, value in schema.items() if key.startswith("x-")}
    return {**row, "schema": file_name}


def registry_document(contracts: Iterable[Contract], set_version: str) -> dict[str, Any]:
    """`registry.json`: every contract's row, and the dated history of the contract set."""
    return {
        "contract_set_version": set_version,
        "history": [{"version": version, "date": date, "changes": changes} for version, date, changes in SET_HISTORY],
        "contracts": [contract_row(item) for item in sorted(contracts, key=lambda item: item.name)],
    }


def export_documents(contracts: Iterable[Contract], set_version: str) -> dict[str, dict[str, Any]]:
    """File name → document: `registry.json` and one schema for each contract."""
    items = tuple(contracts)
    return {REGISTRY_NAME: registry_document(items, set_version), **{schema_file_name(item): contract_schema(item) for item in items}}
