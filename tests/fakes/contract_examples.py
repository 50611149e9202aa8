"""The committed examples of the contracts, and the violations of their rules."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tallystick.artifacts.document_check import check_document
from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.checking import parse_bytes
from tallystick.contracts.contract import Contract

FOLDER = Path(__file__).resolve().parents[1] / "contracts"
EXTENSIONS = {
    "rfc8785": "json",
    "memory": "json",
    "yaml": "yaml",
    "csv": "csv",
    "jsonl": "jsonl",
    "text": "*",
    "bytes": "*",
    "parquet": "json",
    "sqlite": "json",
}
DOCUMENTS = ("rfc8785", "memory", "parquet", "sqlite")
Mutation = Callable[[dict[str, Any]], dict[str, Any]]


def example_folder(contract: Contract) -> Path:
    """Where the examples of a contract's major version lie."""
    return FOLDER / "examples" / contract.name / f"v{contract.version.split('.', maxsplit=1)[0]}"


def example_paths(contract: Contract) -> list[Path]:
    """The example files of a contract, `example.<ext>` and any further `example_<word>.<ext>`."""
    return sorted(example_folder(contract).glob(f"example*.{EXTENSIONS[contract.encoding]}"))


def is_document(contract: Contract) -> bool:
    """Whether an example is one JSON document (rows of a parquet file or a journal are shown as one row in JSON)."""
    return contract.shape is not None and contract.encoding in DOCUMENTS


def parse_example(contract: Contract, data: bytes, where: str) -> tuple[Any, ...]:
    """The instances in an example, strictly parsed; raises or answers none when it is not what the contract says."""
    if is_document(contract):
        return (parse_bytes(contract, data, where),)
    checked = check_document(contract, data, where)
    assert not checked.failures, checked.failures
    return checked.instances


def encode(contract: Contract, instance: Any) -> bytes:
    """The bytes of an instance in the contract's own encoding."""
    return encode_artifact(contract, instance)


@cache
def violations() -> dict[tuple[str, str], Mutation]:
    """Contract and rule → a function that turns the valid example into a document refused by that rule alone."""
    found: dict[tuple[str, str], Mutation] = {}
    for path in sorted((FOLDER / "violations").glob("*.py")):
        module = importlib.import_module(f"tests.contracts.violations.{path.stem}")
        twice = found.keys() & module.VIOLATIONS.keys()
        assert not twice, f"{path.name} repeats {sorted(twice)}"
        found.update(module.VIOLATIONS)
    return found
