"""Documents that break one rule of `contracts/session.py` each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Mutation = Callable[[dict[str, Any]], dict[str, Any]]


def _listed_twice(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "symbols": [*document["symbols"], document["symbols"][0]]}


def _ends_as_it_starts(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "end": document["start"]}


def _ungated(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "gate": {**document["gate"], "passed": False, "overridden": False}}


VIOLATIONS: dict[tuple[str, str], Mutation] = {
    ("engine.session_config", "symbols_are_listed_once"): _listed_twice,
    ("engine.session_config", "session_starts_before_it_ends"): _ends_as_it_starts,
    ("engine.session_config", "models_passed_the_gate"): _ungated,
}
