"""The record of a quickstart: what was asked, and what each finished step made, so that the same command goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape


class StepArtifact(Shape):
    """A file, or a folder by its seal, with the SHA-256 it had when its step ended."""

    path: str
    sha256: str


class StepRecord(Shape):
    """A finished step. `facts` is what later steps need of it; `lines` is what a person is told."""

    name: str
    artifacts: tuple[StepArtifact, ...]
    facts: Mapping[str, Any]
    lines: tuple[str, ...]


class QuickstartRecord(Shape):
    """One quickstart of a workspace. `data` is null for the generated market; `now` fixes every wall-clock field of the chain."""

    source: Literal["generated", "data"]
    seed: int
    data: str | None
    now: str
    steps: tuple[StepRecord, ...]


def _steps_once(record: QuickstartRecord) -> str | None:
    names = [step.name for step in record.steps]
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"{', '.join(twice)} twice" if twice else None


def _data_named(record: QuickstartRecord) -> str | None:
    return None if (record.source == "data") == (record.data is not None) else f"source {record.source}, data {record.data}"


CONTRACTS = (
    Contract(
        name="apps.quickstart_record",
        version="1.0",
        purpose="What a quickstart was asked, and what each finished step made",
        producer="apps.quickstart",
        consumers=(Consumer("apps.quickstart", ("*",), "go on where the last command stopped, with the same clock"),),
        shape=QuickstartRecord,
        paths=("state/quickstart/quickstart.json",),
        rules=(
            Rule("steps_are_listed_once", "each step once", _steps_once),
            Rule("data_folder_is_named", "a data folder exactly when the source is data", _data_named),
        ),
        open_maps=("steps.*.facts",),
        wall_clock=("now",),
    ),
)
