"""A folder with an exported registry: written by `contracts export`, read by `contracts diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tallystick.artifacts.atomic import make_folder, write_atomic_bytes
from tallystick.artifacts.canonical import parse_json
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.compatibility import RegistryExport
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.export import REGISTRY_NAME, export_documents, row_of_schema
from tallystick.contracts.registry import CONTRACT_SET_VERSION, contracts

_ROW_KEYS = ("name", "version", "producer", "consumers", "encoding", "paths", "rules", "unsorted", "deprecated_fields")


def registry_files() -> dict[str, bytes]:
    """File name → bytes of the installed registry: sorted keys, indented, so that a reviewer can read a difference."""
    documents = export_documents(contracts(), CONTRACT_SET_VERSION)
    return {name: (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode() for name, document in documents.items()}


def write_registry(folder: Path) -> dict[str, str]:
    """Write the installed registry into a folder; answer the SHA-256 of each file by path."""
    make_folder(folder)
    return {str(path): write_atomic_bytes(path, data) for name, data in sorted(registry_files().items()) if (path := folder.joinpath(name))}


def installed_registry() -> RegistryExport:
    """The registry of the installed package, as if exported."""
    documents = {name: json.loads(data) for name, data in registry_files().items()}
    rows = {row["name"]: row for row in documents[REGISTRY_NAME]["contracts"]}
    return RegistryExport(rows, {name: documents[row["schema"]] for name, row in rows.items()})


def read_registry(folder: Path) -> RegistryExport:
    """An exported registry. Without `registry.json` the rows are taken from the schemas, which carry them too.

    Raises ArtifactError for a folder that holds no registry, a schema that is named and absent, or a row without a needed key.
    """
    registry = folder.joinpath(REGISTRY_NAME)
    if registry.is_file():
        listed = _object(registry).get("contracts")
        if not isinstance(listed, list):
            raise ArtifactError("expected a list of contracts, found none", where=str(registry))
        found = [(row, _object(folder.joinpath(str(row.get("schema"))))) for row in listed]
    else:
        found = [(row_of_schema(schema, path.name), schema) for path in sorted(folder.glob("*.json")) if "x-name" in (schema := _object(path))]
    if not found:
        raise ArtifactError("expected a folder with an exported registry, found none", where=str(folder), hint="Make one: tallystick contracts export DIR")
    for row, _ in found:
        missing = [key for key in _ROW_KEYS if key not in row]
        if missing:
            raise ArtifactError(f"expected {', '.join(missing)} for contract {row.get('name', '?')}, found none", where=str(folder))
    return RegistryExport({row["name"]: row for row, _ in found}, {row["name"]: schema for row, schema in found})


def _object(path: Path) -> dict[str, Any]:
    value = parse_json(read_bytes(path), str(path))
    if not isinstance(value, dict):
        raise ArtifactError(f"expected a JSON object, found {type(value).__name__}", where=str(path))
    return value
