"""Decision 9, change by change, on one small contract."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from tallystick.contracts.compatibility import Change, RegistryExport, compare, compare_contract, readers
from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.export import contract_row, contract_schema


class Metrics(Shape):
    """Numbers."""

    mean_IC: float
    note: str | None = None


class Parcel(Shape):
    """A parcel."""

    family: str
    count: int
    kind: Literal["small", "large"]
    loss: Annotated[str, Field(json_schema_extra={"x-open-enum": ["pairwise", "listwise"]})] = "pairwise"
    metrics: Metrics
    rows: tuple[Metrics, ...] = ()
    index: dict[str, Metrics] = Field(default_factory=dict)
    weight: Annotated[float | None, Field(json_schema_extra={"x-unit": "kg"})] = None


PARCEL = Contract(
    name="training.parcel",
    version="1.2",
    purpose="a parcel",
    producer="training.packing",
    consumers=(
        Consumer("decision.loader", ("family", "metrics.mean_IC"), "load"),
        Consumer("decision.inference", ("index.*.note", "loss"), "infer"),
        Consumer("apps.page", ("rows",), "show"),
    ),
    shape=Parcel,
    paths=("parcels/{id}.json",),
    rules=(Rule("count_is_positive", "count > 0", lambda parcel: None if parcel.count > 0 else "none"),),
    deprecated_fields={"weight": "since 1.0: use metrics"},
)
EVERYONE = ("apps.page", "decision.inference", "decision.loader")


def row(**changes: Any) -> dict[str, Any]:
    return {**contract_row(PARCEL), **changes}


def schema() -> dict[str, Any]:
    return copy.deepcopy(contract_schema(PARCEL))


def changes(new_schema: dict[str, Any], version: str = "1.2", **row_changes: Any) -> dict[str, Change]:
    found = compare_contract(row(), schema(), row(version=version, **row_changes), new_schema)
    return {change.kind: change for change in found}


def test_finds_nothing_between_equal_contracts() -> None:
    assert compare_contract(row(), schema(), row(), schema()) == []


@pytest.mark.clause("D1.75", "D4.131")
def test_removed_required_field_is_breaking_and_names_all_consumers_readers_apart() -> None:
    new = schema()
    del new["properties"]["family"]
    new["required"].remove("family")
    change = changes(new)["field_removed"]
    assert (change.path, change.breaking, change.consumers, change.readers) == ("training.parcel.family", True, EVERYONE, ("decision.loader",))


@pytest.mark.clause("D1.74")
def test_removed_optional_field_is_minor_and_names_its_readers() -> None:
    new = schema()
    del new["properties"]["rows"]
    change = changes(new, "1.3")["field_removed"]
    assert (change.breaking, change.consumers) == (False, ("apps.page",))


@pytest.mark.clause("D1.72", "D4.134")
def test_added_optional_field_is_not_breaking() -> None:
    new = schema()
    new["properties"]["colour"] = {"type": "string", "default": "red"}
    found = changes(new, "1.3")
    assert set(found) == {"field_added_optional"}
    assert not found["field_added_optional"].breaking


def test_added_optional_field_without_a_minor_bump_is_reported_but_not_breaking() -> None:
    new = schema()
    new["properties"]["colour"] = {"type": "string"}
    found = changes(new)
    assert set(found) == {"field_added_optional", "version_not_raised"}
    assert not found["version_not_raised"].breaking


@pytest.mark.clause("D1.73", "D4.133")
def test_added_required_field_is_breaking_for_everyone() -> None:
    new = schema()
    new["properties"]["colour"] = {"type": "string"}
    new["required"].append("colour")
    change = changes(new, "2.0")["field_added_required"]
    assert (change.breaking, change.consumers) == (True, EVERYONE)


@pytest.mark.clause("D4.130")
def test_renamed_field_is_one_breaking_change() -> None:
    new = schema()
    new["properties"]["family_name"] = new["properties"].pop("family")
    new["required"][new["required"].index("family")] = "family_name"
    found = changes(new, "2.0")
    assert set(found) == {"field_renamed"}
    assert found["field_renamed"].detail == "now family_name"
    assert found["field_renamed"].readers == ("decision.loader",)


@pytest.mark.clause("D1.76", "D4.132")
@pytest.mark.parametrize("node", [{"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": 3}, {"type": ["integer", "null"]}])
def test_retyped_field_is_breaking(node: dict[str, Any]) -> None:
    new = schema()
    new["properties"]["count"] = node
    assert changes(new, "2.0")["field_retyped"].breaking


@pytest.mark.clause("D1.77")
def test_changed_unit_meaning_or_default_is_breaking() -> None:
    for mark, value in (("x-unit", "g"), ("x-meaning", 2), ("default", 1.0)):
        new = schema()
        new["properties"]["weight"][mark] = value
        assert changes(new, "2.0")["meaning_changed"].breaking


def test_required_and_optional_do_not_swap_quietly() -> None:
    new = schema()
    new["required"].remove("family")
    assert changes(new, "2.0")["required_to_optional"].breaking
    new = schema()
    new["required"].append("rows")
    assert changes(new, "2.0")["optional_to_required"].breaking


def test_new_enum_value_is_minor_only_where_the_enum_is_open() -> None:
    new = schema()
    new["properties"]["kind"]["enum"].append("huge")
    assert changes(new, "2.0")["enum_value_added"].breaking
    new = schema()
    new["properties"]["loss"]["x-open-enum"] = ["pairwise", "listwise", "softmax"]
    found = changes(new, "1.3")
    assert {kind: change.breaking for kind, change in found.items()} == {"enum_value_added": False}
    assert found["enum_value_added"].consumers == ("decision.inference",)


def test_fields_inside_maps_and_lists_are_seen_with_their_readers() -> None:
    new = schema()
    del new["$defs"]["Metrics"]["properties"]["note"]
    found = compare_contract(row(), schema(), row(version="1.3"), new)
    assert {change.path: change.readers for change in found} == {
        "training.parcel.index.*.note": ("decision.inference",),
        "training.parcel.metrics.note": (),
        "training.parcel.rows[].note": ("apps.page",),
    }


def test_breaking_change_without_major_bump_is_a_finding() -> None:
    new = schema()
    new["properties"]["count"] = {"type": "string"}
    assert changes(new, "1.3")["version_not_raised"].breaking
    assert "version_not_raised" not in changes(new, "2.0")
    assert changes(schema(), "1.1")["version_lowered"].breaking


@pytest.mark.clause("D1.80", "D1.81")
def test_deprecated_field_stays_two_majors() -> None:
    new = schema()
    del new["properties"]["weight"]
    assert changes(new, "1.3")["deprecation_cut_short"].breaking
    assert "deprecation_cut_short" in changes(new, "2.0")
    assert "deprecation_cut_short" not in changes(new, "3.0")


def test_rows_are_compared_too() -> None:
    found = changes(schema(), "2.0", paths=["elsewhere/{id}.json"], encoding="yaml", producer="training.other", rules=[], unsorted=["index"])
    assert {kind: change.breaking for kind, change in found.items()} == {
        "encoding_changed": True, "meaning_changed": True, "path_added": False, "path_changed": True, "producer_changed": False, "rule_removed": True,
    }  # fmt: skip
    found = changes(schema(), "1.3", consumers=row()["consumers"][1:])
    assert (found["consumer_lost"].breaking, found["consumer_lost"].consumers) == (False, ("decision.loader",))


@pytest.mark.clause("D4.135")
def test_added_contract_is_not_breaking_and_removed_one_is() -> None:
    export = RegistryExport({"training.parcel": row()}, {"training.parcel": schema()})
    nothing = RegistryExport({}, {})
    assert [(change.kind, change.breaking) for change in compare(nothing, export).changes] == [("contract_added", False)]
    comparison = compare(export, nothing)
    assert comparison.breaking
    assert comparison.changes[0].consumers == EVERYONE
    assert comparison.changes[0].as_document()["path"] == "training.parcel"


def test_decision_procedure_catches_what_the_field_walk_cannot_see() -> None:
    new = schema()
    new["dependentRequired"] = {"family": ["rows"]}
    # The walk sees a constraint on the document itself; an equal walk with unequal schemas is caught by containment.
    assert any(change.breaking for change in compare_contract(row(), schema(), row(version="1.3"), new))
    new = schema()
    new["allOf"] = [{"properties": {"count": {"maximum": 3}}}]
    assert any(change.breaking for change in compare_contract(row(), schema(), row(version="1.3"), new))


def test_refuses_a_version_that_is_not_two_numbers() -> None:
    with pytest.raises(ContractViolation, match=r"major\.minor"):
        compare_contract(row(), schema(), row(version="one"), schema())


def test_star_reads_the_whole_document() -> None:
    everything = {"consumers": [{"module": "x", "reads": ["*"]}, {"module": "y", "reads": ["index.keys()"]}]}
    assert readers(everything, "metrics.mean_IC") == ("x",)
    assert readers(everything, "index.*.note") == ("x", "y")


def test_rename_prefers_the_most_alike_name() -> None:
    new = schema()
    for name in ("family_one", "zebra"):
        new["properties"][name] = {"type": "string"}
        new["required"].append(name)
    del new["properties"]["family"]
    new["required"].remove("family")
    found = {change.kind: change for change in compare_contract(row(), schema(), row(version="2.0"), new)}
    assert found["field_renamed"].detail == "now family_one"
    assert found["field_added_required"].path == "training.parcel.zebra"


@dataclass(frozen=True, slots=True)
class Message:
    """A message in memory."""

    price: int
    label: str = "x"


def test_dataclasses_are_exported_with_required_and_optional_fields() -> None:
    message = Contract("decision.message", "1.0", "m", "decision.a", (Consumer("risk.b", ("price",), "p"),), Message, encoding="memory")
    exported = contract_schema(message)
    assert exported["required"] == ["price"]
    assert exported["properties"]["label"]["default"] == "x"
    assert exported["description"] == "A message in memory."
    assert exported["$id"] == "urn:tallystick:contract:decision.message:1"
