"""What a contract is: a shape with one producer, named consumers, a version, a path and rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Encoding = Literal["rfc8785", "yaml", "csv", "jsonl", "text", "parquet", "bytes", "sqlite", "memory"]
Status = Literal["stable", "deprecated", "legacy"]


class Shape(BaseModel):
    """Base of every artifact shape: frozen; unknown fields are kept on reading and refused on writing (decision 5)."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False, protected_namespaces=())


@dataclass(frozen=True, slots=True)
class Consumer:
    """A module that reads an artifact, and the fields it reads. `*` stands for the whole document."""

    module: str
    reads: tuple[str, ...]
    purpose: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over a whole document that its shape cannot say.

    `holds` gets the parsed shape and answers None, or the finding in words: what was expected, what was found.
    """

    name: str
    says: str
    holds: Callable[[Any], str | None]
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """One artifact or message that crosses a wall.

    name: dotted, unique, for instance `training.model_meta`; seed_name: what its seed document calls it.
    producer: the one module that makes it, for instance `training.packaging`.
    paths: patterns below the workspace with named parts, `RESULTS/runs/{run_id}/…`; empty for messages in memory.
    encoding: how the bytes are made; `memory` never reaches a disk by itself.
    shape: a `Shape` or a frozen dataclass; None where the bytes are not ours to parse (a model file).
    open_maps: fields below which unknown keys may be written (decision 5), dotted, `*` for any key.
    wall_clock: fields taken from the clock, and so from `--now` when it is given (decision 69).
    unsorted: fields whose keys keep their order in canonical JSON (decision 56).
    """

    name: str
    version: str
    purpose: str
    producer: str
    consumers: tuple[Consumer, ...]
    shape: type[Any] | None
    paths: tuple[str, ...] = ()
    encoding: Encoding = "rfc8785"
    rules: tuple[Rule, ...] = ()
    status: Status = "stable"
    seed_name: str = ""
    clauses: tuple[str, ...] = ()
    open_maps: tuple[str, ...] = ()
    wall_clock: tuple[str, ...] = ()
    unsorted: tuple[str, ...] = ()
    deprecated_fields: Mapping[str, str] = field(default_factory=dict)
    history: tuple[str, ...] = ()

    @property
    def file_stem(self) -> str:
        """Name of its JSON Schema without the version."""
        return self.name.replace(".", "-").replace("_", "-")


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a document breaks its contract."""

    rule: str
    expected: str
    found: str
    field: str = ""

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}expected {self.expected}, found {self.found} (rule {self.rule})"
