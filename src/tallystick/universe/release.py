"""Building a release: select, then write five files, the manifest last, and seal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.seal import break_seal, check_seal, is_sealed, seal_folder, seal_sha256
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.pool import Mode
from tallystick.contracts.registry import contract
from tallystick.contracts.time import ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import past
from tallystick.universe.ports import ScoreFamily
from tallystick.universe.release_documents import encode, release_files, report_document
from tallystick.universe.selection import Selection, select_pool


@dataclass(frozen=True, slots=True)
class Release:
    """A release on disk: its identity, the pool in official order, the SHA-256 of each file by name, and the build report.

    `kept` when the files were there already and nothing was written.
    """

    version: str
    as_of_date: str
    mode: Mode
    symbols: tuple[str, ...]
    symbol_map: Mapping[str, str]
    manifest_path: Path
    manifest_sha256: str
    seal_sha256: str
    checksums: Mapping[str, str]
    report: Mapping[str, object]
    kept: bool = False


def build_release(
    workspace: Workspace,
    panel_daily: BarPanel,
    instruments: InstrumentBook,
    config: UniverseConfig,
    as_of: str,
    mode: Mode | None,
    now_ns: int,
    pool_size: int = 5,
    coverage_sha256: str | None = None,
    selection_meta: bool = False,
    quote_volume_estimated: Sequence[str] = (),
    families: Mapping[str, ScoreFamily] | None = None,
    extra_scores: Mapping[str, Mapping[str, float]] | None = None,
) -> Release:
    """Select the pool of a day and write it; see `select_pool` and `write_release`."""
    selection = select_pool(panel_daily, instruments, config, as_of, mode, pool_size, families, extra_scores)
    report = report_document(selection, config, past(panel_daily, as_of), coverage_sha256, quote_volume_estimated)
    return write_release(workspace, selection, report, now_ns, selection_meta=selection_meta)


def write_release(
    workspace: Workspace, selection: Selection, report: Mapping[str, object], now_ns: int, *, selection_meta: bool = False, keep_equal: bool = False
) -> Release:
    """Write a release to `data/output`: four files and the build report, then the manifest, then the seal.

    With `keep_equal` a whole release on disk that differs in its clock field at most stays as it is.

    Every document is made and checked before the first byte is written, so a refusal leaves the last release as it was. Raises ContractViolation for
    a document that breaks its contract, ArtifactError when the disk refuses.
    """
    folder = get_output_dir(workspace)
    standing_ns = _generated_ns(workspace) if keep_equal else None
    if standing_ns is not None and _lies_there(workspace, files := release_bytes(selection, report, standing_ns, selection_meta=selection_meta)):
        return _release(workspace, selection, report, files, seal_sha256(folder), kept=True)
    files = release_bytes(selection, report, now_ns, selection_meta=selection_meta)
    # Nothing above has touched the disk. From here on a crash leaves a folder without a seal, whose manifest disowns what was replaced.
    break_seal(folder)
    # The publish plan of the release before must not lie beside this one.
    workspace.path("universe.release_manifest").unlink(missing_ok=True)
    for name, data in files.items():
        write_atomic_bytes(workspace.path(f"universe.{name}"), data)
    return _release(workspace, selection, report, files, seal_folder(folder), kept=False)


def release_bytes(selection: Selection, report: Mapping[str, object], now_ns: int, *, selection_meta: bool) -> dict[str, bytes]:
    """The checked bytes of each document, in the order of writing: four files, the build report, the manifest last."""
    report_bytes, coverage = encode("build_report", report), report.get("coverage_sha256")
    release = release_files(
        selection,
        now_ns,
        selection_meta=selection_meta,
        coverage_sha256=None if coverage is None else str(coverage),
        build_report_sha256=sha256_bytes(report_bytes),
    )
    files = dict(release.files)
    manifest = files.pop("artifact_manifest")
    return {**files, "build_report": report_bytes, "artifact_manifest": manifest}


def _release(workspace: Workspace, selection: Selection, report: Mapping[str, object], files: Mapping[str, bytes], seal: str, *, kept: bool) -> Release:
    judged = selection.eligibility
    return Release(
        version=selection.version,
        as_of_date=judged.as_of_date,
        mode=judged.mode,
        symbols=selection.pool,
        symbol_map={symbol: judged.bases[symbol] for symbol in selection.pool},
        manifest_path=workspace.path("universe.artifact_manifest"),
        manifest_sha256=sha256_bytes(files["artifact_manifest"]),
        seal_sha256=seal,
        checksums={name: sha256_bytes(data) for name, data in sorted(files.items()) if name not in ("artifact_manifest", "build_report")},
        report=report,
        kept=kept,
    )


def _generated_ns(workspace: Workspace) -> int | None:
    """When the release on disk was generated; None where there is none that can be read."""
    try:
        manifest = read_artifact(contract("universe.artifact_manifest"), workspace.path("universe.artifact_manifest"))
    except ArtifactError:
        return None
    return ns_from_iso(manifest.generated_at)


def _lies_there(workspace: Workspace, files: Mapping[str, bytes]) -> bool:
    folder = get_output_dir(workspace)
    if not is_sealed(folder) or check_seal(folder):
        return False
    paths = {name: workspace.path(f"universe.{name}") for name in files}
    return all(path.is_file() and path.read_bytes() == files[name] for name, path in paths.items())
