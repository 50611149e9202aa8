"""Reading and writing artifacts by contract: strict on writing, tolerant on reading, verified before use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tallystick.artifacts.atomic import write_atomic_bytes, yaml_bytes
from tallystick.artifacts.canonical import canonical_json, parse_json, plain
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.contracts.checking import check, parse, parse_bytes, shape_of, unknown_fields
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ArtifactError, ContractViolation
from tallystick.contracts.tables import table_document


def encode_artifact(contract: Contract, document: Any, where: str = "") -> bytes:
    """The bytes of a document, after its shape, its rules and the absence of unknown fields were checked.

    Raises ContractViolation when the document is not what the contract says.
    """
    if isinstance(document, bytes):
        return document
    value = plain(document)
    instance = parse(contract, value, where)
    unknown = unknown_fields(contract, instance)
    if unknown:
        raise ContractViolation(f"{contract.name}: expected only fields of the contract, found {', '.join(unknown)}", where=where or contract.name)
    check(contract, instance, where)
    return yaml_bytes(value) if contract.encoding == "yaml" else canonical_json(value, contract.unsorted)


def write_artifact(contract: Contract, path: Path, document: Any) -> str:
    """Check, encode and write atomically; answer the SHA-256. Bytes (csv, text, parquet, models) are written as they are."""
    return write_atomic_bytes(path, encode_artifact(contract, document, str(path)))


def read_bytes(path: Path, expected_sha256: str | None = None) -> bytes:
    """A file's bytes, after its hash was compared. Raises ArtifactError when it is missing or not the file that was recorded."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"expected the file {path.name}, found: {error.strerror}", where=str(path)) from error
    if expected_sha256 is not None and sha256_bytes(data) != expected_sha256:
        raise ArtifactError(
            f"expected SHA-256 {expected_sha256}, found {sha256_bytes(data)}",
            where=str(path),
            hint="The file was changed or damaged: restore it or make it again",
        )
    return data


def parse_artifact(contract: Contract, data: bytes, where: str = "") -> Any:
    """Bytes as the contract's shape, rules checked. Raises ContractViolation or ArtifactError, naming file and field."""
    if contract.encoding == "yaml":
        try:
            instance = parse(contract, yaml.safe_load(data), where)
        except yaml.YAMLError as error:
            raise ArtifactError(f"expected a YAML document, found text that is not one: {error}", where=where) from error
    elif contract.encoding == "csv":
        instance = parse(contract, table_document(shape_of(contract), data, where), where)
    else:
        parse_json(data, where)
        instance = parse_bytes(contract, data, where)
    check(contract, instance, where)
    return instance


def read_artifact(contract: Contract, path: Path, expected_sha256: str | None = None) -> Any:
    """Read, compare the hash before anything parses a byte, parse, check the rules."""
    return parse_artifact(contract, read_bytes(path, expected_sha256), str(path))
