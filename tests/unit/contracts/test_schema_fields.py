"""Schemas flattened into fields, and closed-world copies."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.contracts.schema_fields import closed, inline, schema_fields

SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "T",
    "properties": {
        "a": {"type": "integer", "minimum": 1, "description": "d"},
        "title": {"type": "string"},
        "b": {"anyOf": [{"$ref": "#/$defs/Leaf"}, {"type": "null"}], "default": None},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/Leaf"}},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        "map": {"type": "object", "additionalProperties": {"type": "number"}},
        "keyed": {"type": "object", "patternProperties": {"^[A-Z]+$": {"type": "number"}}},
        "fixed": {"const": "x"},
        "open": {"type": "string", "x-open-enum": ["p", "q"]},
    },
    "required": ["a", "fixed"],
    "$defs": {"Leaf": {"type": "object", "properties": {"q": {"enum": ["x", "y", None]}}, "required": ["q"]}},
}


def test_every_level_has_its_path() -> None:
    fields = schema_fields(inline(SCHEMA))
    expected = {"", "a", "title", "b", "b.q", "rows", "rows[]", "rows[].q", "pair", "pair[0]", "pair[1]", "map", "map.*", "keyed", "keyed.*", "fixed", "open"}
    assert set(fields) == expected


def test_fields_carry_presence_types_constraints_and_values() -> None:
    fields = schema_fields(inline(SCHEMA))
    assert (fields["a"].required, fields["a"].types, "minimum" in fields["a"].constraints) == (True, ("integer",), True)
    assert fields["b"].types == ("null", "object")
    assert (fields["b.q"].values, fields["b.q"].types) == (('"x"', '"y"', "null"), ("null", "string"))
    assert fields["fixed"].values == ('"x"',)
    assert (fields["open"].values, fields["open"].is_open) == (("p", "q"), True)
    assert fields["rows[].q"].parent == "rows[]"


def test_object_alternatives_are_told_apart_by_title() -> None:
    union = {
        "anyOf": [
            {"title": "One", "type": "object", "properties": {"x": {"type": "string"}}},
            {"title": "Two", "type": "object", "properties": {"x": {"type": "integer"}}},
        ]
    }
    fields = schema_fields({"type": "object", "properties": {"step": union}})
    assert {"step|One.x", "step|Two.x"} <= set(fields)


def test_recursive_reference_ends() -> None:
    tree = {"$ref": "#/$defs/Node", "$defs": {"Node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}}}}}
    assert inline(tree) == {"type": "object", "properties": {"child": {}}}


def test_closed_copy_admits_named_properties_only_and_keeps_property_names_that_look_like_annotations() -> None:
    copy = closed(inline(SCHEMA))
    assert copy["additionalProperties"] is False
    assert "title" in copy["properties"]
    assert "title" not in copy
    assert copy["properties"]["map"]["additionalProperties"] == {"type": "number"}
    assert copy["properties"]["keyed"]["additionalProperties"] is False
    assert copy["properties"]["a"] == {"type": "integer", "minimum": 1}


@pytest.mark.parametrize("node", [True, {}, {"type": ["string", "null"]}])
def test_schemas_without_properties_are_one_field(node: Any) -> None:
    fields = schema_fields({"type": "object", "properties": {"x": node}})
    assert set(fields) == {"", "x"}
