"""The five files of a release as bytes: opened only when every checksum and every contract holds; and the documents that a publish derives from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import plain
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.store import parse_artifact, read_bytes
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.pool import COLLECTION, DOCUMENT, ArtifactManifest, LivePool
from tallystick.contracts.pool_rules import FILES, NAMESPACE
from tallystick.contracts.registry import contract

# The manifest comes last wherever the files are written: it is what makes them a release.
FILES_IN_ORDER = ("latest_universe", "latest_ranking", "live_pool", "live_pool_legacy", "artifact_manifest")
CURRENT = f"{NAMESPACE}/current"
RELEASES = f"{NAMESPACE}/releases"


@dataclass(frozen=True, slots=True)
class ReleaseFiles:
    """A verified release: the bytes of its five files by name (`live_pool`, …), its pool and its manifest."""

    files: Mapping[str, bytes]
    pool: LivePool
    manifest: ArtifactManifest

    @property
    def version(self) -> str:
        """`<as-of date>-<mode>`."""
        return self.manifest.version

    @property
    def manifest_sha256(self) -> str:
        """Stands for the whole release, since the manifest holds the other files' checksums."""
        return sha256_bytes(self.files["artifact_manifest"])

    @property
    def symbol_map(self) -> dict[str, str]:
        """Symbol → base asset, in official order."""
        return {symbol: self.pool.symbol_map[symbol].base_asset for symbol in self.pool.symbols}


def object_name(folder: str, name: str) -> str:
    """The object of a release file below a folder of the layout."""
    return f"{folder}/{FILES[name]}"


def release_folder(version: str) -> str:
    """Where the objects of a version lie in a store."""
    return f"{RELEASES}/{version}"


def open_release(read: Callable[[str], bytes | None], where: str) -> ReleaseFiles:
    """A release whose files `read(name)` gives (None where there is none).

    Hashes are compared before anything but the manifest is parsed. Raises ArtifactError naming the first file that is missing or is not what the manifest
    vouches for, and ContractViolation for one that breaks its contract.
    """
    data: dict[str, bytes] = {}
    manifest: Any = None
    for name in reversed(FILES_IN_ORDER):
        place = f"{where}/{FILES[name]}"
        found = read(name)
        if found is None:
            raise ArtifactError(f"expected the file {FILES[name]} of a release, found none", where=place)
        if manifest is not None and sha256_bytes(found) != (expected := getattr(manifest.artifacts, name).sha256):
            raise ArtifactError(f"expected SHA-256 {expected}, found {sha256_bytes(found)}", where=place)
        parsed = parse_artifact(contract(f"universe.{name}"), found, place)
        data[name] = found
        if name == "artifact_manifest":
            manifest = parsed
        elif name == "live_pool":
            pool = parsed
    for field in ("as_of_date", "version", "mode", "symbols", "source_project"):
        if getattr(pool, field) != getattr(manifest, field):
            raise ArtifactError(
                f"expected {field} {getattr(manifest, field)} as in the manifest, found {getattr(pool, field)}", where=f"{where}/live_pool.json"
            )
    return ReleaseFiles({name: data[name] for name in FILES_IN_ORDER}, pool, manifest)


def read_release(folder: Path) -> ReleaseFiles:
    """The release in a folder. Raises as `open_release`."""
    there = {path.name: path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}
    return open_release(lambda name: read_bytes(there[FILES[name]]) if FILES[name] in there else None, str(folder))


def summary_document(release: ReleaseFiles, store_url: str) -> dict[str, Any]:
    """The document that downstream reads first, for a release in a store. A function of both alone, so a rollback gives back the document of that version."""
    current, versioned = f"{store_url}/{CURRENT}", f"{store_url}/{release_folder(release.version)}"
    pool = plain(release.pool)
    return {
        **{name: pool[name] for name in ("as_of_date", "mode", "version", "pool_size", "symbols", "source_project")},
        "symbol_map": {symbol: dict(pool["symbol_map"][symbol]) for symbol in pool["symbols"]},
        "storage_prefix": versioned,
        "current_prefix": current,
        **{f"{name}_uri": f"{current}/{FILES[name]}" for name in FILES_IN_ORDER},
        **{f"versioned_{name}_uri": f"{versioned}/{FILES[name]}" for name in ("live_pool_legacy", "artifact_manifest")},
        "artifact_contract_version": release.manifest.contract_version,
        "generated_at": release.manifest.generated_at,
    }


def release_manifest(release: ReleaseFiles, store_url: str, *, enabled: bool, collection: str = COLLECTION, document: str = DOCUMENT) -> dict[str, Any]:
    """What a publish of a release does, or would do unless enabled: every object and URI, and the document's payload."""
    payload, versioned = summary_document(release, store_url), release_folder(release.version)
    return {
        "version": release.version,
        "mode": release.manifest.mode,
        "dry_run": not enabled,
        "publish_enabled": enabled,
        "as_of_date": release.manifest.as_of_date,
        "release_prefix": payload["storage_prefix"],
        "current_prefix": payload["current_prefix"],
        "artifacts": {
            name: {
                "release_object": object_name(versioned, name),
                "current_object": object_name(CURRENT, name),
                "release_uri": f"{store_url}/{object_name(versioned, name)}",
                "current_uri": f"{store_url}/{object_name(CURRENT, name)}",
            }
            for name in FILES_IN_ORDER
        },
        "firestore": {"collection": collection, "document": document, "payload": payload},
    }
