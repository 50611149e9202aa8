"""Laws of the comparison, on generated schemas."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.contracts.compatibility import compare_contract
from tallystick.contracts.schema_fields import closed, inline, schema_fields

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon"])
LEAVES = st.sampled_from(
    [{"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "boolean"}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"enum": ["a", "b"]}]
)


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], chosen: list[bool]) -> dict[str, Any]:
        required = [name for name, keep in zip(sorted(properties), chosen, strict=False) if keep]
        return {"type": "object", "properties": properties, "required": required}

    return st.builds(build, st.dictionaries(NAMES, inner, min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))


NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        objects(inner), inner.map(lambda node: {"type": "array", "items": node}), inner.map(lambda node: {"type": "object", "additionalProperties": node})
    ),
    max_leaves=8,
)
SCHEMAS = objects(NODES)
ROW: dict[str, Any] = {
    "name": "a.b", "version": "1.0", "producer": "x.y", "encoding": "rfc8785", "paths": [], "rules": [], "unsorted": [], "deprecated_fields": {},
    "consumers": [{"module": "m.all", "reads": ["*"]}, {"module": "m.alpha", "reads": ["alpha"]}],
}  # fmt: skip


@given(SCHEMAS)
@settings(max_examples=60, deadline=None)
def test_nothing_differs_from_itself(schema: dict[str, Any]) -> None:
    assert compare_contract(ROW, schema, ROW, copy.deepcopy(schema)) == []


@given(SCHEMAS, SCHEMAS)
@settings(max_examples=120, deadline=None)
def test_no_breaking_change_means_that_old_documents_satisfy_the_new_schema(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = compare_contract(ROW, old, {**ROW, "version": "2.0"}, new)
    if any(change.breaking for change in found):
        return
    # Readers keep unknown fields, so what a minor version removed may still be there: compare against the open new schema.
    left, right = jsonschema_rs.canonicalize(closed(old)), jsonschema_rs.canonicalize(new)
    assert right.covers(left) != jsonschema_rs.canonical.Containment.NO


@given(SCHEMAS, SCHEMAS)
@settings(max_examples=120, deadline=None)
def test_schemas_that_admit_different_documents_are_never_called_equal(old: dict[str, Any], new: dict[str, Any]) -> None:
    if compare_contract(ROW, old, ROW, new) == []:
        left, right = jsonschema_rs.canonicalize(closed(old)), jsonschema_rs.canonicalize(closed(new))
        no = jsonschema_rs.canonical.Containment.NO
        assert left.covers(right) != no
        assert right.covers(left) != no


@given(SCHEMAS)
@settings(max_examples=60, deadline=None)
def test_every_field_is_walked_once_with_its_presence(schema: dict[str, Any]) -> None:
    fields = schema_fields(inline(schema))
    for name in schema["properties"]:
        assert fields[name].required == (name in schema["required"])
