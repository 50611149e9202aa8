"""Bytes of one artifact: encoding, canonical form, shape, rules."""

from __future__ import annotations

import pytest

from tallystick.artifacts.document_check import check_document, csv_instances
from tallystick.contracts.contract import Consumer, Contract, Encoding, Rule, Shape
from tallystick.contracts.errors import ArtifactError, ContractViolation
from tallystick.contracts.time import ns_from_iso


class Line(Shape):
    """A line."""

    name: str
    count: int
    note: str | None = None


class Table(Shape):
    """A table."""

    columns: tuple[str, ...]
    rows: tuple[Line, ...]


def contract(encoding: Encoding, shape: type | None = Line) -> Contract:
    rule = Rule("count_is_positive", "count > 0", lambda line: None if line.count > 0 else str(line.count))
    return Contract("a.b", "1.0", "p", "artifacts.a", (Consumer("apps.c", ("*",), "p"),), shape, encoding=encoding, rules=(rule,) if shape is Line else ())


def rules_broken(encoding: Encoding, data: bytes) -> list[str]:
    return [item.rule for item in check_document(contract(encoding), data, "x").failures]


@pytest.mark.parametrize(
    ("encoding", "data", "broken"),
    [
        ("rfc8785", b'{"count":1,"name":"a"}\n', []),
        ("rfc8785", b'{"name":"a","count":1}\n', ["canonical_bytes"]),
        ("rfc8785", b'{"count":1,"name":"a"}', ["canonical_bytes"]),
        ("rfc8785", b'{"count":0,"name":"a"}\n', ["count_is_positive"]),
        ("rfc8785", b'{"count":"1","name":"a"}\n', ["shape"]),
        ("rfc8785", b'{"count":1,"count":2,"name":"a"}\n', ["encoding"]),
        ("rfc8785", b'{"count":1', ["encoding"]),
        ("yaml", b"count: 1\nname: a\n", []),
        ("yaml", b"count: [\n", ["encoding"]),
        ("jsonl", b'{"count":1,"name":"a"}\n{"count":0,"name":"b"}\n', ["count_is_positive"]),
        ("jsonl", b'{"count":1,"name":"a"}', ["encoding"]),
        ("csv", b"name,count,note\na,1,\n", []),
        ("csv", b"name,count\na,0\n", ["count_is_positive"]),
        ("csv", b"name,count\na,one\n", ["shape"]),
        ("csv", b"name,count\na\n", ["encoding"]),
        ("csv", b"\xff\n", ["encoding"]),
        ("csv", b"", ["encoding"]),
        ("bytes", b"\x00", []),
    ],
)
def test_bytes_are_judged_by_their_encoding_shape_and_rules(encoding: Encoding, data: bytes, broken: list[str]) -> None:
    assert rules_broken(encoding, data) == broken


def test_failure_names_path_rule_expected_and_found() -> None:
    (failure,) = check_document(contract("rfc8785"), b'{"count":0,"name":"a"}\n', "place/x.json").failures
    assert failure.as_document() == {"path": "place/x.json", "rule": "count_is_positive", "expected": "count > 0", "found": "0"}


def test_value_that_a_rule_cannot_read_is_a_finding_not_a_crash() -> None:
    rules = (
        Rule("count_divides", "count divides 6", lambda line: None if 6 % line.count == 0 else "no"),
        Rule("name_is_a_date", "a date", lambda line: None if ns_from_iso(line.name) else "no"),
    )
    strict = Contract("a.b", "1.0", "p", "artifacts.a", (Consumer("apps.c", ("*",), "p"),), Line, rules=rules)
    failures = check_document(strict, b'{"count":0,"name":"2024-17-24"}\n', "x").failures
    assert [item.rule for item in failures] == ["count_divides", "name_is_a_date"]
    assert all("cannot read" in item.found for item in failures)


def test_number_that_canonical_json_cannot_carry_is_a_failure_not_a_crash() -> None:
    assert "canonical_bytes" in rules_broken("rfc8785", b'{"count":9007199254740993,"name":"a"}\n')
    assert rules_broken("yaml", b"count: 2024-01-01\nname: a\n") == ["encoding"]


def test_table_shape_gives_one_instance_with_rows() -> None:
    (table,) = csv_instances(contract("csv", Table), b"name,count,note\na,1,\n")
    assert (table.columns, table.rows[0].name, table.rows[0].note) == (("name", "count", "note"), "a", None)
    with pytest.raises(ArtifactError, match="cut"):
        list(csv_instances(contract("csv", Table), b"name,count,note\na,1,"))


def test_csv_row_error_names_line_and_column() -> None:
    with pytest.raises(ContractViolation, match="line 3, column count"):
        list(csv_instances(contract("csv"), b"name,count\na,1\nb,x\n"))
