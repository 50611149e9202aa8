"""Following the live pool for the front doors: resolve it, and keep what is fresh for the day when upstream is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.apps.assembly import document_store, object_store
from tallystick.apps.pool_publication import default_document
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.pool import Mode, ResolvedPool
from tallystick.contracts.pool_rules import QUOTE
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.research.pool_history import ActiveRelease, PoolHistory
from tallystick.universe.config import MODES
from tallystick.universe.last_known_good import keep_release, pulled_manifest
from tallystick.universe.publication import published_release, published_versions
from tallystick.universe.resolution import STATIC_UNIVERSE, ReaderSettings, resolve_pool


@dataclass(frozen=True, slots=True)
class FollowedPool:
    """A resolved pool; `manifest_path`: of the release in this workspace that stands behind it, None below tier two."""

    pool: ResolvedPool
    manifest_path: Path | None


def follow_pool(
    workspace: Workspace, *, now_ns: int, objects: str | None = None, document: str | None = None, settings: ReaderSettings | None = None
) -> FollowedPool:
    """What a reader gets at `now_ns`. A fresh release is pulled into the workspace, where it is the last known good one from then on.

    objects: the one store that the document may point into; document: the workspace's own by default. Raises ConfigurationError for an address that is none;
    a store that fails is no error, but a lower tier.
    """
    url = None if objects is None else object_store(objects).url
    found = resolve_pool(
        workspace, document_store(document or default_document(workspace)), object_store, settings or ReaderSettings(), now_ns=now_ns, objects_url=url
    )
    if found.release is None:
        return FollowedPool(found.pool, None)
    if found.pool.is_fresh:
        return FollowedPool(found.pool, keep_release(workspace, found.release, found.storage_prefix or "", now_ns))
    return FollowedPool(found.pool, pulled_manifest(workspace, found.release.version, found.release.manifest_sha256))


def reader_settings(
    *, max_age_days: int = 45, modes: Sequence[str] | None = None, pool_size: int | None = 5, local_file: Path | None = None, static: str | None = None
) -> ReaderSettings:
    """What a reader accepts, from flags. Raises ConfigurationError for a mode that is none, or an emergency list without names of pairs."""
    known: dict[str, Mode] = {mode: mode for mode in MODES}
    strangers = [mode for mode in modes or () if mode not in known]
    if strangers:
        raise ConfigurationError(f"expected a mode among {', '.join(known)}, found {strangers[0]!r}", where="--mode")
    names = STATIC_UNIVERSE if static is None else tuple(name.strip() for name in static.split(",") if name.strip())
    if not names or len(set(names)) != len(names) or not all(name.endswith(QUOTE) and name != QUOTE for name in names):
        raise ConfigurationError(f"expected different symbols that end in {QUOTE}, found {static!r}", where="--static")
    accepted = tuple(known[mode] for mode in modes) if modes else ReaderSettings().modes
    return ReaderSettings(max_age_days=max_age_days, modes=accepted, pool_size=pool_size, local_file=local_file, static=names)


def published_history(address: str) -> PoolHistory:
    """Every release that lies whole in an object store, active from the day after its snapshot. Raises DataError when there is none.

    What could not be known in the past cannot be read here either: a release is used from its activation on, whenever it was published.
    """
    objects = object_store(address)
    releases = [published_release(objects, version) for version in published_versions(objects)]
    if not releases:
        raise DataError("expected published releases, found none", where=objects.url, hint="See: tallystick pool publish --help")
    rows = tuple(ActiveRelease(item.version, ns_from_iso(item.pool.as_of_date) + NS_PER_DAY, item.pool.symbols) for item in releases)
    digest = sha256_bytes("".join(f"{item.manifest_sha256}\n" for item in releases).encode())
    return PoolHistory(rows, address, f"{objects.url}, {len(rows)} manifests, sha256 of their hashes {digest}")
