"""A JSON Schema flattened into its fields, so that two versions can be compared field by field.

Paths: `metrics.mean_IC`; `positions[].symbol` for what is inside a list; `target_index.*.status` for the values of a map;
`step|Progress.stage` where a field has several object shapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "discriminator", "$schema", "$id", "$defs", "$comment"}
)
_STRUCTURE = frozenset(
    {"type", "properties", "patternProperties", "required", "additionalProperties", "items", "prefixItems", "anyOf", "oneOf", "allOf", "enum", "const"}
)
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One field: whether it must be there, what it may hold, and the marks that state its meaning (`x-meaning`, `x-unit`, default)."""

    path: str
    required: bool
    types: tuple[str, ...]
    constraints: str
    values: tuple[str, ...] | None
    is_open: bool
    meaning: str

    @property
    def signature(self) -> tuple[object, ...]:
        """What two fields share when one is the other under a new name."""
        return (self.required, self.types, self.constraints, self.values)

    @property
    def parent(self) -> str:
        """Path of the object that holds it."""
        return self.path.rpartition(".")[0]


def inline(schema: Any, definitions: Mapping[str, Any] | None = None, open_references: tuple[str, ...] = ()) -> Any:
    """The schema with each `$ref` into `$defs` replaced by what it names; a recursive one ends in an unconstrained node."""
    if isinstance(schema, list):
        return [inline(item, definitions, open_references) for item in schema]
    if not isinstance(schema, dict):
        return schema
    known = schema.get("$defs", definitions) or {}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        if name in open_references:
            return {}
        siblings = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
        return {**inline(known.get(name, {}), known, (*open_references, name)), **inline(siblings, known, open_references)}
    return {key: inline(value, known, open_references) for key, value in schema.items() if key != "$defs"}


def closed(schema: Any) -> Any:
    """A closed-world copy: objects with named properties admit no others; annotations and `x-` marks are dropped.

    Without it, adding an optional field would look breaking, since open objects already admit any value under that name.
    """
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties"):
            copy[key] = {name: closed(item) for name, item in value.items()}
        elif key in ("enum", "const", "required"):
            copy[key] = value
        elif key not in _ANNOTATIONS and not key.startswith("x-"):
            copy[key] = closed(value)
    if {"properties", "patternProperties"} & copy.keys() and not isinstance(copy.get("additionalProperties"), dict):
        copy["additionalProperties"] = False
    return copy


def schema_fields(schema: Mapping[str, Any]) -> dict[str, SchemaField]:
    """Every field of an inlined schema by path; the document itself has the path ``""``."""
    return {item.path: item for item in _walk(schema, "", required=True)}


def map_values(member: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The schemas of the values of a map, whether its keys are free or follow a pattern."""
    free = member.get("additionalProperties")
    return [*member.get("patternProperties", {}).values(), *([free] if isinstance(free, dict) else [])]


def _members(node: Any) -> list[dict[str, Any]]:
    """The alternatives of a node, nested unions flattened."""
    if not isinstance(node, dict):
        return [{}]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in node:
            return [member for part in node[keyword] for member in _members(part)]
    return [node]


def _types(member: Mapping[str, Any]) -> set[str]:
    declared = member.get("type")
    if isinstance(declared, str):
        return {declared}
    if isinstance(declared, list):
        return set(declared)
    values = member.get("enum", [member["const"]] if "const" in member else [])
    return {_JSON_TYPES[type(value)] for value in values} or {"any"}


def _constraints(member: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in member.items() if key not in _ANNOTATIONS | _STRUCTURE and not key.startswith("x-")}
    if isinstance(member.get("additionalProperties"), dict):
        kept["additionalProperties"] = "a map"
    if "patternProperties" in member:
        kept["patternProperties"] = sorted(member["patternProperties"])
    return json.dumps(kept, sort_keys=True, default=str)


def _walk(node: Any, path: str, *, required: bool) -> Iterator[SchemaField]:
    members = _members(node)
    listed = [member for member in members if "enum" in member or "const" in member]
    values = tuple(sorted({json.dumps(value) for member in listed for value in member.get("enum", [member.get("const")])})) if listed else None
    notes: Mapping[str, Any] = node if isinstance(node, Mapping) else {}
    marks = {key: notes[key] for key in ("x-meaning", "x-unit", "default") if key in notes}
    yield SchemaField(
        path=path,
        required=required,
        types=tuple(sorted({name for member in members for name in _types(member)})),
        constraints=json.dumps(sorted({_constraints(member) for member in members})),
        values=tuple(notes["x-open-enum"]) if "x-open-enum" in notes else values,
        is_open="x-open-enum" in notes,
        meaning=json.dumps(marks, sort_keys=True),
    )
    several = sum("properties" in member for member in members) > 1
    for index, member in enumerate(members):
        base = f"{path}|{member.get('title', index)}" if several and "properties" in member else path
        yield from _children(member, base)


def _children(member: Mapping[str, Any], base: str) -> Iterator[SchemaField]:
    needed = member.get("required", ())
    for name, child in member.get("properties", {}).items():
        yield from _walk(child, f"{base}.{name}" if base else name, required=name in needed)
    for child in map_values(member):
        yield from _walk(child, f"{base}.*" if base else "*", required=True)
    if isinstance(member.get("items"), dict):
        yield from _walk(member["items"], f"{base}[]", required=True)
    for index, child in enumerate(member.get("prefixItems", ())):
        yield from _walk(child, f"{base}[{index}]", required=True)
