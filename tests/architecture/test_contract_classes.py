"""Every public class of a contract subject is reachable from the registry: a shape that nobody registered is no contract."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import importlib.util
import inspect
import typing
from typing import Any

from pydantic import BaseModel
from tests.fakes.source_tree import PACKAGE

from tallystick.contracts.registry import SUBJECTS, contracts

# Modules of the room that hold no shapes: what a contract is, and what is done with one.
MACHINERY = frozenset(
    {"checking", "compatibility", "contract", "errors", "export", "path_patterns", "registry", "schema_fields", "set_history", "tables", "time"}
)
# Public classes that are no shapes, by module and name, each with its reason.
UNREGISTERED: dict[str, str] = {"market_events.Quarantined": "it carries bytes; its written form is QuarantineLine"}


def parts_of(annotation: Any) -> list[type]:
    """Every class named in an annotation."""
    arguments = typing.get_args(annotation)
    if not arguments:
        return [annotation] if isinstance(annotation, type) else []
    return [found for argument in arguments for found in parts_of(argument)]


def reachable() -> set[type]:
    waiting: list[type] = [kind for item in contracts() for kind in parts_of(item.shape)]
    seen: set[type] = set()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        if issubclass(kind, BaseModel):
            annotations = [info.annotation for info in kind.model_fields.values()]
            waiting += [base for base in kind.__mro__ if issubclass(base, BaseModel)]
        elif dataclasses.is_dataclass(kind):
            annotations = list(typing.get_type_hints(kind).values())
        else:
            continue
        waiting += [part for annotation in annotations for part in parts_of(annotation)]
    return seen


def test_every_public_class_is_reachable_from_the_registry() -> None:
    known, found = reachable(), []
    for subject in sorted(path.stem for path in (PACKAGE / "contracts").glob("[a-z]*.py") if path.stem not in MACHINERY):
        module = importlib.import_module(f"tallystick.contracts.{subject}")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            is_shape = issubclass(kind, BaseModel | enum.Enum) or dataclasses.is_dataclass(kind)
            if kind.__module__ == module.__name__ and not name.startswith("_") and is_shape and kind not in known:
                found.append(f"{subject}.{name}")
    found = [name for name in found if name not in UNREGISTERED]
    assert not found, "Register a contract with this shape in the subject's CONTRACTS, or make it private:\n  " + "\n  ".join(found)


def test_every_subject_is_in_the_registry() -> None:
    missing = [subject for subject in SUBJECTS if importlib.util.find_spec(f"tallystick.contracts.{subject}") is None]
    assert not missing, f"Write contracts/{missing[0]}.py, or take it out of SUBJECTS: {missing}"
