"""Publishing the live pool for the front doors: the check that writes nothing, publish and rollback."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.apps.assembly import document_store, object_store
from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.artifacts.seal import SIGNATURE_NAME, break_seal, is_sealed, seal_folder
from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.pool import COLLECTION, DOCUMENT
from tallystick.contracts.registry import contract
from tallystick.contracts.time import iso_from_ns
from tallystick.universe.publication import OnStep, Publication, Publisher, publish, quiet, rollback
from tallystick.universe.release_files import read_release, release_manifest
from tallystick.universe.validation import validate_release

NO_STORE = "gs://not-published"
"""The address in a plan that nobody means to carry out."""


@dataclass(frozen=True, slots=True)
class PublicationCheck:
    """What a publish of a release would do, and what stands against it. `manifest`: the release manifest of the dry run, None where there are errors."""

    version: str | None
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    manifest: Mapping[str, Any] | None

    @property
    def publishable(self) -> bool:
        """Whether nothing stands against it."""
        return not self.errors

    def as_document(self) -> dict[str, Any]:
        """For `--json` and for status summaries."""
        return {"version": self.version, "dry_run": True, "publishable": self.publishable, "errors": list(self.errors), "warnings": list(self.warnings)}


def check_publication(
    release_folder: Path,
    *,
    now_ns: int,
    to: str = NO_STORE,
    collection: str = COLLECTION,
    document: str = DOCUMENT,
    expected_pool_size: int | None = 5,
    max_age_days: int = 45,
    require_fresh: bool = True,
) -> PublicationCheck:
    """The dry run of a publish: every release rule, every checksum, and the plan checked against its contract. Touches no store and writes nothing.

    to: the address of the object store, with which the plan's URIs begin.
    """
    report = validate_release(release_folder, now_ns=now_ns, expected_pool_size=expected_pool_size, max_age_days=max_age_days, require_fresh=require_fresh)
    errors, manifest, version = list(report.errors), None, None
    try:
        release = read_release(release_folder)
        version = release.version
        plan = release_manifest(release, to, enabled=False, collection=collection, document=document)
        encode_artifact(contract("universe.release_manifest"), plan, f"{release_folder}")
        manifest = plan
    except ArtifactError as error:
        # The rules say the same in most cases, and better: this is for what only the plan shows.
        if not errors:
            errors.append(str(error))
    return PublicationCheck(version, tuple(errors), tuple(report.warnings), None if errors else manifest)


@dataclass(frozen=True, slots=True)
class Published:
    """A publish that was carried out, or its dry run (`done` None)."""

    check: PublicationCheck
    manifest_path: Path | None
    manifest_sha256: str | None
    done: Publication | None


def default_document(workspace: Workspace) -> str:
    """Where the summary document lies unless another address is given: in the workspace."""
    return f"{workspace.path('universe.summary_document', collection=COLLECTION, document=DOCUMENT)}"


def publish_pool(
    workspace: Workspace,
    folder: Path | None,
    *,
    to: str,
    document: str | None,
    enable: bool,
    now_ns: int,
    expected_pool_size: int | None = 5,
    max_age_days: int = 45,
    require_fresh: bool = True,
    on_step: OnStep = quiet,
) -> Published:
    """Check a release (the workspace's own by default), and publish it where `enable` says so. A dry run opens no store.

    The release manifest of the workspace's own release is written to `data/output`, sealed with it: a dry run's, or after the publish the real one.
    Raises ArtifactError, with every error, for a release that must not be published; else as `universe.publication.publish`.
    """
    place = folder or get_output_dir(workspace)
    objects, where = object_store(to), document_store(document or default_document(workspace))
    check = check_publication(
        place, now_ns=now_ns, to=objects.url, expected_pool_size=expected_pool_size, max_age_days=max_age_days, require_fresh=require_fresh
    )
    if not check.publishable:
        raise ArtifactError(
            f"expected a release that keeps every rule, found {'; '.join(check.errors)}", where=str(place), hint="See: tallystick pool validate"
        )
    release = read_release(place)
    done = publish(objects, where, release, _publisher(now_ns), on_step) if enable else None
    path, digest = _write_manifest(workspace, place, release_manifest(release, objects.url, enabled=enable))
    return Published(check, path, digest, done)


def rollback_pool(workspace: Workspace, version: str, *, to: str, document: str | None, now_ns: int, on_step: OnStep = quiet) -> Publication:
    """Point a store's `current/` and the summary document at an earlier version. Raises as `universe.publication.rollback`."""
    return rollback(object_store(to), document_store(document or default_document(workspace)), version, _publisher(now_ns), on_step)


def _publisher(now_ns: int) -> Publisher:
    return Publisher(uuid.uuid4().hex, iso_from_ns(now_ns))


def _write_manifest(workspace: Workspace, place: Path, document: Mapping[str, Any]) -> tuple[Path | None, str | None]:
    """Beside the workspace's own release only, and not beside a signed one: a folder that the user names is read, and a signature stands for its seal."""
    path = workspace.path("universe.release_manifest")
    if place.absolute() != path.parent.absolute() or path.with_name(SIGNATURE_NAME).exists():
        return None, None
    data = encode_artifact(contract("universe.release_manifest"), document, str(path))
    if not (path.is_file() and is_sealed(place) and path.read_bytes() == data):
        break_seal(place)
        write_atomic_bytes(path, data)
        seal_folder(place)
    return path, sha256_bytes(data)
