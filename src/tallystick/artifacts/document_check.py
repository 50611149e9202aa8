"""Checking the bytes of one artifact against its contract: encoding, canonical form, shape and rules."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from tallystick.artifacts.canonical import canonical_json, parse_json
from tallystick.contracts.checking import adapter, parse, parse_bytes
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ArtifactError, ContractViolation, TallystickError
from tallystick.contracts.tables import table_document

UNREADABLE = (TallystickError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
_OPAQUE = ("text", "bytes", "parquet", "sqlite", "memory")


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which a file is not what its contract, its seal or its neighbours say."""

    path: str
    rule: str
    expected: str
    found: str

    def as_document(self) -> dict[str, str]:
        """The row that `verify --json` prints."""
        return {"path": self.path, "rule": self.rule, "expected": self.expected, "found": self.found}


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """What was found in a file's bytes: the parsed instances (one, or one for each row), and the failures."""

    instances: tuple[Any, ...]
    failures: tuple[Failure, ...]

    @property
    def instance(self) -> Any | None:
        """The parsed document, or None where there is none or it could not be parsed."""
        return self.instances[0] if self.instances else None


def check_document(contract: Contract, data: bytes, path: str) -> CheckedDocument:
    """Parse and judge the bytes of an artifact. Bytes that belong to a library are judged by their hashes alone, elsewhere."""
    if contract.shape is None or contract.encoding in _OPAQUE:
        return CheckedDocument((), ())
    try:
        instances = tuple(_instances(contract, data, path))
    except ContractViolation as error:
        return CheckedDocument((), (Failure(path, "shape", f"a document of {contract.name} {contract.version}", error.message),))
    except ArtifactError as error:
        return CheckedDocument((), (Failure(path, "encoding", f"{contract.encoding} bytes", error.message),))
    failures = [failure for instance in instances for failure in _broken_rules(contract, instance, path)]
    if contract.encoding == "rfc8785" and not _is_canonical(contract, data, path):
        failures.append(Failure(path, "canonical_bytes", "canonical JSON (RFC 8785) with a final newline", "the same document in other bytes"))
    return CheckedDocument(instances, tuple(failures))


def _broken_rules(contract: Contract, instance: Any, path: str) -> Iterator[Failure]:
    for rule in contract.rules:
        try:
            answer = rule.holds(instance)
        except UNREADABLE as error:
            # A damaged value (a date in month 17) may be more than a rule expects: that is a finding too, never a crash of the check.
            answer = f"a value that the rule cannot read: {error}"
        if answer is not None:
            yield Failure(path, rule.name, rule.says, answer)


def _is_canonical(contract: Contract, data: bytes, path: str) -> bool:
    try:
        return data == canonical_json(parse_json(data, path), contract.unsorted)
    except ArtifactError:
        return False


def _instances(contract: Contract, data: bytes, path: str) -> Iterator[Any]:
    if contract.encoding == "yaml":
        try:
            document = json.loads(json.dumps(yaml.safe_load(data)))
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise ArtifactError(f"expected a YAML document of plain values, found text that is not one: {error}", where=path) from error
        yield parse(contract, document, path)
    elif contract.encoding == "jsonl":
        if data and not data.endswith(b"\n"):
            raise ArtifactError("expected whole lines, found a last line that is cut", where=path)
        for line in data.splitlines():
            parse_json(line, path)
            yield parse_bytes(contract, line, path)
    elif contract.encoding == "csv":
        yield from csv_instances(contract, data, path)
    else:
        parse_json(data, path)
        yield parse_bytes(contract, data, path)


def csv_instances(contract: Contract, data: bytes, path: str = "") -> Iterator[Any]:
    """What a CSV file holds: one table where the contract's shape has `columns` and `rows`, else one instance for each row.

    In the second form an empty cell is an absent value. Raises ContractViolation for a row that is not of the shape, ArtifactError for text that is no table.
    """
    if contract.shape is not None and "rows" in getattr(contract.shape, "model_fields", {}):
        yield parse(contract, table_document(contract.shape, data, path), path)
        return
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArtifactError(f"expected a table of comma-separated values, found text that is none: {error}", where=path) from error
    if contract.shape is None or not reader.fieldnames:
        raise ArtifactError("expected a line with the names of the columns, found none", where=path)
    for number, row in enumerate(rows, 2):
        if None in row or any(value is None for value in row.values()):
            raise ArtifactError(f"expected {len(reader.fieldnames)} cells in line {number}, found another count", where=path)
        try:
            yield adapter(contract.shape).validate_strings({name: cell for name, cell in row.items() if cell != ""}, strict=False)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ContractViolation(
                f"{contract.name}: line {number}, column {field}: {first['msg'].lower()}, found {first.get('input')!r}", where=path
            ) from error
