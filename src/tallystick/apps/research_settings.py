"""Settings of research runs, by name: from a YAML or JSON file, checked for unknown and contradictory keys, and from what was asked beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tallystick.artifacts.store import read_bytes
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.time import ns_from_iso
from tallystick.research.run_config import RATES
from tallystick.research.strategies import DEFAULT_STRATEGY, STRATEGIES, Strategy, find_strategy

NUMBERS = (*RATES, "initial_cash")
TEXTS = ("pool_from", "pool_version", "ticker", "venue", "interval", "start", "end", "strategy", "slippage_mode")
MODEL_KEYS = ("models", "model", "in_sample")
"""Which trained model `model_forecast` reads, and whether bars that it has seen may be tested."""
RESOLVED_ONLY = ("universe_source", "universe_version")
"""Keys that a resolved configuration has and that nobody sets: they are read over."""
RUN_KEYS = (*TEXTS, *NUMBERS, *MODEL_KEYS, *RESOLVED_ONLY, "strategy_params")
SEARCH_KEYS = ("method", "param_grid", "param_ranges", "trials", "seed", "sort_by", "ascending", "min_trades")
SWEEP_KEYS = (*RUN_KEYS, *SEARCH_KEYS, "mode", "search", "constraints")
CUT_KEYS = ("train_days", "test_days", "step_days")
WALKFORWARD_KEYS = (*SWEEP_KEYS, *CUT_KEYS, "splits", "scheme", "selection", "top_k", "walkforward")


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error and no silent choice of the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse duplicate keys."""
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} twice", key.start_mark)
            seen.add(name)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


def read_settings(config_path: str | None, known: Iterable[str]) -> dict[str, Any]:
    """The settings of a file, YAML or JSON, with the strategy's parameters gathered under `strategy_params`; empty without a path.

    Raises ConfigurationError for a file that is none, a key that stands twice, an unknown key, or a parameter with two values.
    """
    if config_path is None:
        return {}
    path = Path(config_path)
    try:
        found = yaml.load(read_bytes(path), _StrictLoader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigurationError(f"expected a YAML or JSON file of settings, found {' '.join(str(error).split())}", where=str(path)) from error
    except ArtifactError as error:
        raise ConfigurationError(error.message, where=str(path), hint="Check --config") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"expected settings by name, found {type(found).__name__}", where=str(path))
    given = {str(name): value for name, value in found.items() if value is not None}
    parameters = find_strategy(str(given.get("strategy", DEFAULT_STRATEGY))).defaults
    strangers = sorted(given.keys() - set(known) - parameters.keys())
    if strangers:
        raise ConfigurationError(
            f"expected settings among {', '.join(sorted({*known, *parameters} - set(RESOLVED_ONLY)))}, found {strangers[0]}",
            where=str(path),
            hint="Check the spelling; strategy parameters stand under strategy_params",
        )
    nested = block(given, "strategy_params")
    for name in parameters.keys() & given.keys():
        if name in nested and nested[name] != given[name]:
            raise ConfigurationError(f"expected one value of {name}, found {given[name]} and {nested[name]}", where=str(path))
        nested[name] = given.pop(name)
    return {**given, "strategy_params": nested}


def block(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A nested block of settings; empty where there is none. Raises ConfigurationError for a value that is no block."""
    value = given.get(name) or {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"expected {name} as settings by name, found {value!r}", where=name)
    return {str(key): item for key, item in value.items()}


def joined_settings(file: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """A file's settings with what was asked beside it on top; parameters of the strategy under `strategy_params`, other unknown names left out.

    Raises ConfigurationError for a parameter of another strategy, or one with two values.
    """
    asked = {name: value for name, value in params.items() if value is not None}
    strategy = find_strategy(str(asked.get("strategy", file.get("strategy", DEFAULT_STRATEGY))))
    named, nested = {name: asked[name] for name in strategy.defaults if name in asked}, block(asked, "strategy_params")
    for name in named.keys() & nested.keys():
        if parameter(strategy, named, name) != parameter(strategy, nested, name):
            raise ConfigurationError(f"expected one value of {name}, found {named[name]} and {nested[name]}", where="strategy_params")
    foreign = sorted({name for other in STRATEGIES.values() for name in other.defaults} & asked.keys() - strategy.defaults.keys())
    if foreign:
        raise ConfigurationError(f"expected {strategy.allowed}, found {foreign[0]}", where="strategy_params")
    # A list of symbols in the file gives way to a pool that is asked for beside it.
    kept = {name: value for name, value in file.items() if name != "ticker" or not {"pool_from", "pool_version"} & asked.keys()}
    return {**kept, **asked, "strategy_params": {**block(file, "strategy_params"), **named, **nested}}


def parameter(strategy: Strategy, given: Mapping[str, Any], name: str) -> float:
    """A strategy's parameter as a number; true and false are 1 and 0 where it is one of the two. Raises ConfigurationError for anything else."""
    truths = {"true": 1.0, "false": 0.0}
    word = str(given[name]).lower()
    return truths[word] if strategy.kinds.get(name) is bool and word in truths else number(given, name)


def number(given: Mapping[str, Any], name: str) -> float:
    """A setting as a number. Raises ConfigurationError for anything else."""
    value = given[name]
    try:
        return float("true" if isinstance(value, bool) else value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"expected {name} as a number, found {value!r}", where=name) from error


def whole(given: Mapping[str, Any], name: str) -> int:
    """A setting as a whole number. Raises ConfigurationError for anything else."""
    value = number(given, name)
    if not value.is_integer():
        raise ConfigurationError(f"expected {name} as a whole number, found {given[name]!r}", where=name)
    return int(value)


def flag(given: Mapping[str, Any], name: str) -> bool:
    """A setting as true or false; false where there is none. Raises ConfigurationError for anything else."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"expected {name} as true or false, found {value!r}", where=name)
    return value


def text(given: Mapping[str, Any], name: str) -> str:
    """A setting as text; a list of tickers joined by commas. Raises ConfigurationError for anything else."""
    value = given[name]
    if name == "ticker" and isinstance(value, list | tuple):
        value = ",".join(str(item) for item in value)
    if not isinstance(value, str):
        # YAML reads 2024-01-01 as a date.
        value = value.isoformat() if hasattr(value, "isoformat") else value
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"expected {name} as text, found {value!r}", where=name)
    return value


def names_of(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A setting as names: a list, or text with commas; none where it is absent."""
    value = given.get(name)
    if value is None:
        return ()
    items = value if isinstance(value, list | tuple) else str(value).split(",")
    return tuple(str(item).strip() for item in items if str(item).strip())


def moment(given: Mapping[str, Any], name: str) -> int | None:
    """A setting as nanoseconds; None where it is absent. Raises ConfigurationError for text that is no time."""
    if given.get(name) is None:
        return None
    try:
        return ns_from_iso(text(given, name))
    except DataError as error:
        raise ConfigurationError(error.message, where=name) from error
