"""A reader's last known good release: five files pulled into its workspace, sealed, and the note that says which they are."""

from __future__ import annotations

from pathlib import Path

from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import is_sealed, seal_folder
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.pool_publication import LastKnownGood
from tallystick.contracts.pool_rules import FILES
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns
from tallystick.universe.release_files import FILES_IN_ORDER, ReleaseFiles, read_release

# The place of a pulled release among the paths of the release files.
PULLED = -1


def pulled_manifest(workspace: Workspace, version: str, manifest_sha256: str) -> Path:
    """Where the manifest of a pulled release lies; a version pulled from two stores with other bytes has two places."""
    item = contract("universe.artifact_manifest")
    return workspace.path(item, len(item.paths) + PULLED, version=version, manifest=manifest_sha256[:12])


def keep_release(workspace: Workspace, release: ReleaseFiles, storage_prefix: str, now_ns: int) -> Path:
    """Pull a verified release into the workspace and note it as the last known good; answers the path of its manifest.

    The note is written last, and only when it changes. Raises ArtifactError when the disk refuses.
    """
    manifest = pulled_manifest(workspace, release.version, release.manifest_sha256)
    if not _is_whole(manifest, release):
        for name in FILES_IN_ORDER:
            place = manifest.with_name(FILES[name])
            write_atomic_bytes(place, release.files[name])
        seal_folder(manifest.parent)
    note = workspace.path("universe.last_known_good")
    if not note.is_file() or _noted(workspace) != release.manifest_sha256:
        document = {
            "version": release.version,
            "as_of_date": release.manifest.as_of_date,
            "mode": release.manifest.mode,
            "manifest_sha256": release.manifest_sha256,
            "storage_prefix": storage_prefix,
            "loaded_at": iso_from_ns(now_ns),
        }
        write_artifact(contract("universe.last_known_good"), note, document)
    return manifest


def last_known_good(workspace: Workspace) -> tuple[ReleaseFiles, LastKnownGood]:
    """The release to fall back on, every checksum compared with what was noted. Raises ArtifactError when there is none or it is damaged."""
    note: LastKnownGood = read_artifact(contract("universe.last_known_good"), workspace.path("universe.last_known_good"))
    folder = pulled_manifest(workspace, note.version, note.manifest_sha256).parent
    release = read_release(folder)
    if release.manifest_sha256 != note.manifest_sha256:
        raise ArtifactError(f"expected the manifest with SHA-256 {note.manifest_sha256}, found {release.manifest_sha256}", where=str(folder))
    return release, note


def _is_whole(manifest: Path, release: ReleaseFiles) -> bool:
    try:
        return is_sealed(manifest.parent) and read_release(manifest.parent).manifest_sha256 == release.manifest_sha256
    except ArtifactError:
        return False


def _noted(workspace: Workspace) -> str:
    try:
        return last_known_good(workspace)[0].manifest_sha256
    except ArtifactError:
        return ""
