"""The list of contracts: every subject's `CONTRACTS`, joined."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache

from tallystick.contracts import path_patterns
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ConfigurationError

CONTRACT_SET_VERSION = "2.0"

SUBJECTS = (
    "cascades",
    "collection",
    "dashboard",
    "decision",
    "fetched_bars",
    "leaks",
    "market",
    "market_events",
    "model_runs",
    "monitoring",
    "observation",
    "observation_events",
    "orders",
    "paper_oversight",
    "paper_sessions",
    "pool",
    "pool_publication",
    "pool_tracks",
    "positions",
    "pretrade",
    "quickstart",
    "risk",
    "runs",
    "seal",
    "searches",
    "session",
    "traded_instruments",
    "training",
    "venue_updates",
)


@cache
def contracts() -> tuple[Contract, ...]:
    """Every contract, sorted by name. Raises ConfigurationError when two share a name, and so an artifact two producers."""
    found: dict[str, Contract] = {}
    for subject in SUBJECTS:
        name = f"tallystick.contracts.{subject}"
        if importlib.util.find_spec(name) is None:
            continue
        for item in importlib.import_module(name).CONTRACTS:
            if item.name in found:
                raise ConfigurationError(f"expected one producer for {item.name}, found {found[item.name].producer} and {item.producer}", where=name)
            found[item.name] = item
    return tuple(found[name] for name in sorted(found))


@cache
def _by_name() -> dict[str, Contract]:
    return {item.name: item for item in contracts()}


def contract(name: str) -> Contract:
    """The contract of that name. Raises ConfigurationError for a name that is not registered."""
    try:
        return _by_name()[name]
    except KeyError:
        raise ConfigurationError(f"expected the name of a contract, found {name!r}", hint="See: tallystick contracts list") from None


def match(path: str) -> tuple[Contract, dict[str, str]] | None:
    """The contract whose path pattern fits a path below the workspace (with `/`), and the named parts; None when none fits."""
    for item in contracts():
        for pattern in item.paths:
            parts = path_patterns.match(pattern, path)
            if parts is not None:
                return item, parts
    return None
