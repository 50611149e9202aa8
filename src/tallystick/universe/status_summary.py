"""The status of a monthly job, for machines and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.canonical import plain
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import is_sealed, seal_folder
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns

Document = dict[str, Any]


def write_status(workspace: Workspace, document: Mapping[str, Any], now_ns: int) -> tuple[Path, Path, bool]:
    """Write a summary without its clock field as JSON and as Markdown; answer both paths, and whether they said this already and were kept."""
    item, version = contract("universe.release_status_summary"), str(document["version"])
    path, page = workspace.path(item, version=version), workspace.path("universe.release_status_page", version=version)
    if _without_clock(item, path) == plain(document) and page.is_file() and is_sealed(path.parent):
        return path, page, True
    path.parent.mkdir(parents=True, exist_ok=True)
    # A seal of its own before the first file keeps the seal of the live pool's folder whole, whatever happens here.
    if not is_sealed(path.parent):
        seal_folder(path.parent)
    whole = {**document, "generated_at": f"{iso_from_ns(now_ns).removesuffix('Z')}+00:00"}
    write_artifact(item, path, whole)
    write_atomic_bytes(page, "".join(f"{line}\n" for line in status_lines(whole)).encode())
    seal_folder(path.parent)
    return path, page, False


def _without_clock(item: Contract, path: Path) -> Any:
    try:
        found = plain(read_artifact(item, path))
    except ArtifactError:
        return None
    return {name: value for name, value in found.items() if name != "generated_at"}


def status_lines(document: Mapping[str, Any]) -> list[str]:
    """The page of a summary, line by line."""
    baseline, publication = document["baseline"], document["publication"]
    return [
        f"# Release status {document['version']}",
        "",
        f"As of {document['as_of_date']}, active from {baseline['activation_date']}, made {document['generated_at']} from bars of {document['venue']}",
        f"(coverage {document['coverage_sha256']}).",
        "",
        "## Official baseline",
        "",
        *_table(("rank", "symbol"), list(enumerate(baseline["symbols"], start=1))),
        "",
        f"Manifest {baseline['manifest_sha256']}.",
        "",
        "## Publish, dry run",
        "",
        f"State: {publication['state'].replace('_', ' ')}. Nothing was published.",
        *[f"- error: {text}" for text in publication["errors"]],
        *[f"- warning: {text}" for text in publication["warnings"]],
        *[f"- {name}" for name in publication["objects"]],
        "",
        "## Tracks",
        "",
        *_table(
            ("track", "learns", "status", "releases", "refused months", "mean churn", "growth", "last pool"),
            [
                (
                    name,
                    row["profile"],
                    row["candidate_status"],
                    row["releases"],
                    row["refused_months"],
                    _short(row["mean_churn"]),
                    _short(row["growth"]),
                    ", ".join(row["last_symbols"]),
                )
                for name, row in sorted(document["tracks"].items())
            ],
        ),
        "",
        f"The last pools of the tracks share {document['overlap']} names. Growth is what equal parts of each pool would have made of 1, after costs: "
        "a record of the past on bars of names that may be survivors, not a promise.",
    ]


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return head + [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
