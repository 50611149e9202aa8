"""Reading what older versions wrote (decisions 6 and 52): each legacy name or field that is used gives one warning, and nothing writes it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import parse_json
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ArtifactError

# Successor → predecessor, both file names.
PREDECESSORS = {"metadata.json": "meta.json", "report.json": "run_report.json", "live_pool.json": "live_pool_legacy.json"}
FEATURE_FIELDS = ("feature_list", "features", "feature_names")


class LegacyArtifactWarning(UserWarning):
    """A legacy file or a deprecated field was used."""


@dataclass(frozen=True, slots=True)
class LegacyReading:
    """A document, the file it came from, and the warnings that were given."""

    document: dict[str, Any]
    path: Path
    notes: tuple[str, ...] = ()


def warn(note: str) -> str:
    """Give one warning and answer its text, so that callers can keep it in their own record too."""
    warnings.warn(note, LegacyArtifactWarning, stacklevel=3)
    return note


def read_with_predecessor(path: Path) -> LegacyReading:
    """The document at `path`, or else at its predecessor's name beside it, with a warning.

    Raises ArtifactError when neither is there, when the file has no known predecessor and is absent, or when it is no JSON object.
    """
    if path.is_file() or path.name not in PREDECESSORS:
        return LegacyReading(_object(path), path)
    older = path.with_name(PREDECESSORS[path.name])
    if not older.is_file():
        raise ArtifactError(f"expected {path.name} or its predecessor {older.name}, found neither", where=str(path.parent))
    document = _object(older)
    note = warn(f"{older}: read in place of {path.name}; write {path.name} from now on")
    return LegacyReading(as_live_pool(document, str(older)) if path.name == "live_pool.json" else document, older, (note,))


def _object(path: Path) -> dict[str, Any]:
    value = parse_json(read_bytes(path), str(path))
    if not isinstance(value, dict):
        raise ArtifactError(f"expected a JSON object, found {type(value).__name__}", where=str(path))
    return value


def as_live_pool(document: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """`live_pool_legacy.json` in the form of `live_pool.json`: `symbols` becomes the list of the mapping's keys, in their stored order.

    Raises ArtifactError when `symbols` is no mapping.
    """
    symbols = document.get("symbols")
    if not isinstance(symbols, Mapping):
        raise ArtifactError(f"expected symbols as a mapping, found {type(symbols).__name__}", where=where)
    return {**document, "symbols": list(symbols), "symbol_map": dict(document.get("symbol_map") or symbols)}


def feature_names(meta: Mapping[str, Any], where: str = "") -> tuple[list[str], tuple[str, ...]]:
    """The ordered feature names of a model's meta and the warnings given: `feature_list`, else `features`, else `feature_names`.

    Raises ArtifactError when none of the three is a list of names.
    """
    for field in FEATURE_FIELDS:
        value = meta.get(field)
        if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(name, str) for name in value):
            notes = () if field == "feature_list" else (warn(f"{where or 'model_meta.json'}: {field} read in place of feature_list"),)
            return list(value), notes
    raise ArtifactError("expected feature_list (or features, feature_names) as a list of names, found none", where=where)


def routing_decisions(document: Mapping[str, Any], where: str = "") -> tuple[dict[str, Any], tuple[str, ...]]:
    """The routing rows by target, and the warnings given: the bare map, or one in a `routing_decisions` wrapper (decision 52)."""
    inner = document.get("routing_decisions")
    if isinstance(inner, Mapping) and "route" not in inner:
        return dict(inner), (warn(f"{where or 'routing decisions'}: a routing_decisions wrapper was read; the file is the bare map"),)
    return dict(document), ()


def deprecated_fields_used(contract: Contract, document: Mapping[str, Any], used: Sequence[str], where: str = "") -> tuple[str, ...]:
    """One warning for each deprecated field of the contract that a consumer reads (`used`) and the document holds."""
    held = [field for field in used if field in contract.deprecated_fields and field in document]
    return tuple(warn(f"{where or contract.name}: {field} is deprecated: {contract.deprecated_fields[field]}") for field in held)
