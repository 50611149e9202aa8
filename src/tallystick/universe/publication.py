"""Publish and roll back: versioned objects, then `current/`, then the summary document; each step verified, each write under a precondition.

A crash after any step leaves readers on one whole release: the versioned objects of a release never change once its manifest is there, and the summary
document, a single write, is the last step (decision 42). The next run, of the same release or of another, goes on from what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.artifacts.canonical import parse_json, plain
from tallystick.artifacts.store import encode_artifact, parse_artifact
from tallystick.contracts.errors import ArtifactError, SafetyRefusal
from tallystick.contracts.pool import SummaryDocument
from tallystick.contracts.pool_publication import PublicationRecord
from tallystick.contracts.pool_rules import FILES, NAMESPACE
from tallystick.contracts.registry import contract
from tallystick.universe.ports import DocumentStore, ObjectStore, StoreConflict, StoredDocument
from tallystick.universe.release_files import CURRENT, FILES_IN_ORDER, RELEASES, ReleaseFiles, object_name, open_release, release_folder, summary_document

RECORD = f"{NAMESPACE}/publication.json"
OnStep = Callable[[str, str], None]
"""Told when a step begins ("running") and ends ("ok")."""


def quiet(step: str, status: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes, and when: `holder` must differ between any two runs, because it tells a publish that was cut from one that goes on."""

    holder: str
    opened_at: str


@dataclass(frozen=True, slots=True)
class Publication:
    """What was done. `uploaded`, `current`: names of the objects written, empty where they lay there already; `previous`: the version before, if any."""

    version: str
    previous: str | None
    uploaded: tuple[str, ...]
    current: tuple[str, ...]
    document_written: bool


@dataclass(slots=True)
class _Claim:
    """The right to change `current/`: held while the record in the store has this revision."""

    objects: ObjectStore
    revision: str

    def check(self) -> None:
        found = self.objects.get(RECORD)
        if found is None or found.revision != self.revision:
            raise StoreConflict(
                "expected this publish to be the only one, found that another one took over",
                where=f"{self.objects.url}/{RECORD}",
                hint="Look at what is published now, and run this one again if it is still wanted",
            )


def publish(objects: ObjectStore, document: DocumentStore, release: ReleaseFiles, publisher: Publisher, on_step: OnStep = quiet) -> Publication:
    """Put a release into the stores and point `current/` and the summary document at it. Again with the same release it writes nothing.

    Raises SafetyRefusal for a version that is published with other bytes, and for a release older than the one published; StoreConflict when another
    publisher is at work; StoreUnavailable when a store does not answer, after which the same call goes on where it stopped.
    """
    before = document.get()
    previous = _version_of(before)
    if previous is not None and previous[:10] > release.version[:10]:
        raise SafetyRefusal(
            f"expected a release newer than {previous}, which is published, found {release.version}",
            where=document.url,
            hint=f"An earlier release comes back by: tallystick pool rollback {release.version}",
        )
    on_step("releases", "running")
    uploaded = _upload(objects, release)
    on_step("releases", "ok")
    return _point(objects, document, release, publisher, before, uploaded, on_step)


def rollback(objects: ObjectStore, document: DocumentStore, version: str, publisher: Publisher, on_step: OnStep = quiet) -> Publication:
    """Point `current/` (all five files, decision 41) and the summary document at a version that lies under `releases/`; again, it writes nothing.

    Raises ArtifactError when that version is not there whole, naming what is; else as `publish`.
    """
    before = document.get()
    return _point(objects, document, published_release(objects, version), publisher, before, (), on_step)


def published_release(objects: ObjectStore, version: str) -> ReleaseFiles:
    """A version under `releases/`, every checksum compared. Raises ArtifactError when it is not there whole."""
    folder = release_folder(version)
    try:
        release = open_release(lambda name: _data(objects, object_name(folder, name)), f"{objects.url}/{folder}")
    except ArtifactError as error:
        known = [name for name in published_versions(objects) if name != version]
        raise ArtifactError(error.message, where=error.where, hint=f"Published here: {', '.join(known[-6:]) or 'nothing'}") from error
    if release.version != version:
        raise ArtifactError(f"expected the version {version}, found {release.version}", where=f"{objects.url}/{folder}")
    return release


def published_versions(objects: ObjectStore) -> tuple[str, ...]:
    """The versions under `releases/` whose manifest is there, oldest first."""
    end = f"/{FILES['artifact_manifest']}"
    names = objects.names(f"{RELEASES}/")
    return tuple(sorted(name.removeprefix(f"{RELEASES}/").removesuffix(end) for name in names if name.endswith(end)))


def _data(objects: ObjectStore, name: str) -> bytes | None:
    found = objects.get(name)
    return None if found is None else found.data


def _version_of(document: StoredDocument | None) -> str | None:
    return None if document is None else str(document.fields.get("version", "")) or None


def _upload(objects: ObjectStore, release: ReleaseFiles) -> tuple[str, ...]:
    """The versioned objects, manifest last, read back. Once the manifest is there the version is published and never changes (D5.36)."""
    folder = release_folder(release.version)
    finished = objects.get(object_name(folder, "artifact_manifest")) is not None
    written = []
    for name in FILES_IN_ORDER:
        place, data = object_name(folder, name), release.files[name]
        found = objects.get(place)
        if found is not None and found.data == data:
            continue
        if found is not None and finished:
            raise SafetyRefusal(
                f"expected the objects of {release.version} as they were published, found this release with another {FILES[name]}",
                where=f"{objects.url}/{place}",
                hint="A published version never changes: publish a release of another date, or restore the one that was published",
            )
        _put_once(objects, place, data, None if found is None else found.revision)
        written.append(place)
    published_release(objects, release.version)
    return tuple(written)


def _put_once(objects: ObjectStore, place: str, data: bytes, revision: str | None) -> str:
    """A write that finds its own bytes there already is done: by a publisher of the same release, or by itself when only the answer was lost."""
    try:
        return objects.put(place, data, revision)
    except StoreConflict:
        found = objects.get(place)
        if found is None or found.data != data:
            raise
        return found.revision


def _point(
    objects: ObjectStore,
    document: DocumentStore,
    release: ReleaseFiles,
    publisher: Publisher,
    before: StoredDocument | None,
    uploaded: tuple[str, ...],
    on_step: OnStep,
) -> Publication:
    wanted = summary_document(release, objects.url)
    written: tuple[str, ...] = ()
    on_step("current", "running")
    record = _read_record(objects)
    if record is None or record[0].in_current != (release.version,) or _stale(objects, release):
        claim = _claim(objects, release.version, publisher, record)
        _unchanged(document, before, wanted)
        written = _replace_current(objects, release, claim)
        _close(objects, release.version, claim)
    on_step("current", "ok")
    on_step("document", "running")
    is_new = not _says(before, wanted)
    if is_new:
        encode_artifact(contract("universe.summary_document"), wanted, document.url)
        _put_document(document, wanted, None if before is None else before.revision)
    on_step("document", "ok")
    return Publication(release.version, _version_of(before), uploaded, written, is_new)


def _put_document(document: DocumentStore, wanted: Mapping[str, Any], revision: str | None) -> None:
    """Write and read back; as `_put_once`, a document that says it already is as good as written."""
    try:
        document.put(wanted, revision)
    except StoreConflict:
        if _says(document.get(), wanted):
            return
        raise
    if not _says(document.get(), wanted):
        raise StoreConflict("expected the summary document as it was written, found another", where=document.url, hint="Another publisher is at work")


def _unchanged(document: DocumentStore, before: StoredDocument | None, wanted: Mapping[str, Any]) -> None:
    """Whoever published between our first look and our claim has finished: their release stands."""
    now = document.get()
    if not _says(now, wanted) and (None if now is None else now.revision) != (None if before is None else before.revision):
        raise StoreConflict(
            f"expected {_version_of(before) or 'nothing'} to be published, found {_version_of(now) or 'nothing'} in the meantime",
            where=document.url,
            hint="Run this again if it is still wanted",
        )


def _read_record(objects: ObjectStore) -> tuple[PublicationRecord, str] | None:
    found = objects.get(RECORD)
    if found is None:
        return None
    try:
        return parse_artifact(contract("universe.publication_record"), found.data, f"{objects.url}/{RECORD}"), found.revision
    except ArtifactError as error:
        raise ArtifactError(error.message, where=error.where, hint="Delete this object: the next publish writes it anew") from error


def _stale(objects: ObjectStore, release: ReleaseFiles) -> bool:
    return any(_data(objects, object_name(CURRENT, name)) != release.files[name] for name in FILES_IN_ORDER)


def _claim(objects: ObjectStore, version: str, publisher: Publisher, record: tuple[PublicationRecord, str] | None) -> _Claim:
    """Say, before anything under `current/` changes, which versions may lie there. Of two publishers that read the same record one fails here."""
    versions = [*(record[0].in_current if record else _named_by_current(objects)), version]
    opened = {"target": version, "in_current": list(dict.fromkeys(versions)), "holder": publisher.holder, "opened_at": publisher.opened_at}
    data = encode_artifact(contract("universe.publication_record"), opened, RECORD)
    return _Claim(objects, _put_once(objects, RECORD, data, record[1] if record else None))


def _named_by_current(objects: ObjectStore) -> tuple[str, ...]:
    """The version in `current/` where its publisher kept no record."""
    data = _data(objects, object_name(CURRENT, "artifact_manifest"))
    try:
        manifest = None if data is None else parse_json(data)
    except ArtifactError:
        # Damage is about to be replaced, and is no version.
        return ()
    return (str(manifest["version"]),) if isinstance(manifest, dict) and "version" in manifest else ()


def _replace_current(objects: ObjectStore, release: ReleaseFiles, claim: _Claim) -> tuple[str, ...]:
    """All five files, manifest last, read back. A writer that lost its claim stops at its next file, and its preconditions fail where we have written."""
    written = []
    for name in FILES_IN_ORDER:
        place, data = object_name(CURRENT, name), release.files[name]
        found = objects.get(place)
        # In this order: a publisher that takes over after the check has not yet written here, or its write makes ours fail.
        claim.check()
        if found is None or found.data != data:
            _put_once(objects, place, data, None if found is None else found.revision)
            written.append(place)
    if _stale(objects, release):
        raise StoreConflict(f"expected current/ to hold {release.version} whole, found other bytes", where=objects.url, hint="Run the same command again")
    return tuple(written)


def _close(objects: ObjectStore, version: str, claim: _Claim) -> None:
    data = encode_artifact(contract("universe.publication_record"), {"target": version, "in_current": [version]}, RECORD)
    claim.revision = _put_once(objects, RECORD, data, claim.revision)


def _says(found: StoredDocument | None, wanted: Mapping[str, Any]) -> bool:
    """Whether a stored document has all fields as wanted; fields of others do not count, nor does the order of keys, which not every store keeps."""
    return found is not None and all(plain(found.fields.get(name)) == plain(value) for name, value in wanted.items())


def core_differences(document: SummaryDocument, release: ReleaseFiles) -> tuple[str, ...]:
    """Which of the stable core fields of a summary document are not those of a release."""
    ours, theirs = plain(document), plain(release.pool)
    names = ("as_of_date", "version", "mode", "pool_size", "symbols", "symbol_map", "source_project")
    return tuple(name for name in names if ours.get(name) != theirs.get(name))
