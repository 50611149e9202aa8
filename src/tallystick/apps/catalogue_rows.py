"""Rows of the catalogues for people and machines."""

from __future__ import annotations

from typing import Any

from tallystick.analysis.catalogue import CATALOGUE, RANK_PREFIX, find_feature
from tallystick.research.strategies import STRATEGIES


def feature_rows() -> list[dict[str, Any]]:
    """One row a family: its pattern, what it reads, the memory of its example, what it says."""
    rows = []
    for family in CATALOGUE.values():
        example = find_feature(family.example)
        rows.append(
            {
                "name": family.pattern,
                "example": family.example,
                "kind": family.kind,
                "inputs": ", ".join(family.inputs),
                "memory": f"{example.memory_bars} bars for {family.example}",
                "says": family.says,
            }
        )
    rows.append(
        {
            "name": f"{RANK_PREFIX}{{feature}}",
            "example": f"{RANK_PREFIX}ret_5",
            "kind": "rank",
            "inputs": "those of the feature",
            "memory": "that of the feature",
            "says": "rank of the feature among the symbols of the same bar, (rank − 0.5) / n",
        }
    )
    return rows


def strategy_rows() -> list[dict[str, Any]]:
    """One row a strategy: what it does, its parameters with their defaults and bounds, for people and one by one."""
    return [
        {
            "name": item.name,
            "says": item.says,
            "parameters": ", ".join(f"{name} {value:g} ({item.says_of(name)})" for name, value in item.defaults.items()),
            "bounds": [
                {"name": name, "type": item.kinds[name].__name__, "default": value, "low": item.bounds[name][0], "high": item.bounds[name][1]}
                for name, value in item.defaults.items()
            ],
        }
        for _, item in sorted(STRATEGIES.items())
    ]
