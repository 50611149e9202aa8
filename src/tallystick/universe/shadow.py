"""Release histories on disk: the local shadow releases and the two candidate tracks, for replay without any store and for people to compare.

A history never touches the live pool: its folder carries a seal of its own from the first moment, so that the seal of `data/output` does not cover it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.artifacts.atomic import replace_files, write_atomic_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import is_sealed, seal_folder
from tallystick.artifacts.store import parse_artifact
from tallystick.contracts.contract import Contract
from tallystick.contracts.pool import INDEX_COLUMNS, SOURCE_PROJECT, TRACK_COLUMNS
from tallystick.contracts.pool_rules import BASELINE_STATUS, BASELINE_TRACK, SHADOW_STATUS
from tallystick.contracts.pool_tracks import RETURN_COLUMNS
from tallystick.contracts.registry import contract
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import ns_from_iso
from tallystick.universe.membership_picture import membership_picture
from tallystick.universe.monthly_pools import MonthlyPools, activation_date, churn
from tallystick.universe.release_documents import encode, release_files
from tallystick.universe.release_files import release_manifest
from tallystick.universe.selection import Selection

Document = dict[str, object]
NO_STORE = "gs://not-published"
"""The address in the plan of a release that is published nowhere."""
RELEASE_FILES = ("live_pool", "live_pool_legacy", "release_manifest")


@dataclass(frozen=True, slots=True)
class Track:
    """A sequence of releases that is watched: its name, the label that its fitted scores learn, and whether it is the official reference."""

    name: str
    profile: str
    status: str


BASELINE = Track(BASELINE_TRACK, "blended_rank_pct", BASELINE_STATUS)
CHALLENGER = Track("challenger_topk_60", "future_topk_label_60", SHADOW_STATUS)
TRACKS = (BASELINE, CHALLENGER)


def write_history(workspace: Workspace, pools: MonthlyPools, pool_size: int) -> Path:
    """Write the shadow releases of a period, their index and their picture; answer the index. What another period left behind is removed."""
    index = workspace.path("universe.release_index")
    _write_releases(workspace, BASELINE, pools.selections, pool_size, None)
    shown = {BASELINE.name: _by_activation(pools.selections)}
    _put(workspace.path("universe.membership_picture"), membership_picture("Live pool by month", shown))
    seal_folder(index.parent)
    return index


def write_tracks(workspace: Workspace, tracks: Mapping[str, MonthlyPools], returns: Sequence[Document], pool_size: int) -> Path:
    """Write both tracks with their indexes, the summary, the table of returns and the picture that compares them; answer the summary."""
    summary = workspace.path("universe.track_summary")
    rows: list[Document] = []
    for track in sorted(TRACKS, key=lambda item: item.name):
        index = _write_releases(workspace, track, tracks[track.name].selections, pool_size, summary.parent)
        rows += [{name: row[name] for name in TRACK_COLUMNS} for row in index]
    _put(summary, _table(contract("universe.track_summary"), TRACK_COLUMNS, rows))
    _put(workspace.path("universe.track_returns"), _table(contract("universe.track_returns"), RETURN_COLUMNS, returns))
    shown = {track.name: _by_activation(tracks[track.name].selections) for track in TRACKS}
    _put(workspace.path("universe.membership_picture", 1), membership_picture("Shadow tracks by month", shown))
    seal_folder(summary.parent)
    return summary


def _by_activation(selections: Sequence[Selection]) -> dict[str, tuple[str, ...]]:
    return {activation_date(item.eligibility.as_of_date): item.pool for item in selections}


def _write_releases(workspace: Workspace, track: Track, selections: Sequence[Selection], pool_size: int, tracks_folder: Path | None) -> list[Document]:
    parts = {} if tracks_folder is None else {"track": track.name}
    which = 0 if tracks_folder is None else 1
    index = workspace.path("universe.release_index", which, **parts)
    _shield(tracks_folder or index.parent)
    rows: list[Document] = []
    files: dict[Path, bytes] = {}
    before: tuple[str, ...] | None = None
    for selection in selections:
        for name, data in _release_bytes(selection).items():
            item = contract(f"universe.{name}")
            # The last two places of each of these contracts are the shadow releases and the tracks.
            files[workspace.path(item, len(item.paths) - 2 + which, version=selection.version, **parts)] = data
        rows.append(_index_row(track, selection, before, pool_size))
        before = selection.pool
    replace_files({path: data for path, data in files.items() if not _holds(path, data)})
    kept = {selection.version for selection in selections}
    for folder in sorted(index.parent.iterdir()):
        if folder.is_dir() and folder.name not in kept:
            shutil.rmtree(folder)
    _put(index, _table(contract("universe.release_index"), INDEX_COLUMNS, rows))
    return rows


def _shield(folder: Path) -> None:
    """Give a new folder its own seal before its first file."""
    folder.mkdir(parents=True, exist_ok=True)
    if not is_sealed(folder):
        seal_folder(folder)


def _put(path: Path, data: bytes) -> None:
    """Write a file unless it holds these bytes already."""
    if not _holds(path, data):
        write_atomic_bytes(path, data)


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _release_bytes(selection: Selection) -> dict[str, bytes]:
    # The moment of activation stands for the clock: a history made again, on any later day, is equal to the byte.
    moment_ns = ns_from_iso(activation_date(selection.eligibility.as_of_date))
    release = release_files(selection, moment_ns, selection_meta=True)
    plan = release_manifest(release, NO_STORE, enabled=False)
    return {**{name: release.files[name] for name in RELEASE_FILES[:2]}, "release_manifest": encode("release_manifest", plan)}


def _index_row(track: Track, selection: Selection, before: tuple[str, ...] | None, pool_size: int) -> Document:
    judged = selection.eligibility
    moved = None if before is None else churn(before, selection.pool)
    return {
        "version": selection.version,
        "as_of_date": judged.as_of_date,
        "activation_date": activation_date(judged.as_of_date),
        "mode": judged.mode,
        "source_project": SOURCE_PROJECT,
        "pool_size": len(selection.pool),
        "expected_pool_size": pool_size,
        "symbols": "|".join(selection.pool),
        "profile": track.profile,
        "source_track": track.name,
        "candidate_status": track.status,
        "regime": selection.regime.label,
        "regime_confidence": selection.regime.confidence,
        "pool_stability": None if moved is None else 1.0 - moved,
        "pool_churn": moved,
        "has_selection_meta": True,
        **{f"{name}_path": f"{selection.version}/{name}.json" for name in RELEASE_FILES},
    }


def _table(item: Contract, columns: Sequence[str], rows: Sequence[Document]) -> bytes:
    """The bytes of a table, checked as a reader would check them."""
    data = table_bytes(columns, rows)
    parse_artifact(item, data, item.name)
    return data
