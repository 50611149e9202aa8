"""What a reader of the live pool gets: fresh upstream, else the last known good, else a local file, else the static list (document 5's read priority).

Nothing is taken on trust: tier one needs a valid and fresh document, and every checksum of the release that it names (decision 64).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import parse_json, plain
from tallystick.artifacts.legacy import as_live_pool
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import parse_artifact, read_bytes
from tallystick.contracts.checking import check, parse
from tallystick.contracts.errors import ArtifactError, ContractViolation, TallystickError
from tallystick.contracts.pool import LivePool, Mode, PoolSource, ResolvedPool, SummaryDocument
from tallystick.contracts.pool_publication import PublicationRecord
from tallystick.contracts.pool_rules import FILES
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_DAY, iso_from_ns, ns_from_iso
from tallystick.universe.last_known_good import last_known_good
from tallystick.universe.ports import DocumentStore, ObjectStore
from tallystick.universe.publication import RECORD, core_differences, published_release
from tallystick.universe.release_files import CURRENT, FILES_IN_ORDER, ReleaseFiles, object_name, open_release

STATIC_UNIVERSE = ("BCHUSDT", "ETHUSDT", "LTCUSDT", "TRXUSDT", "XRPUSDT")
"""The emergency list: old, liquid names, in alphabetical order because nobody ranked them."""


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """What a reader accepts. `max_age_days`: an older snapshot is stale; `local_file`: the third tier, only where it is named; `static`: the fourth."""

    max_age_days: int = 45
    modes: tuple[Mode, ...] = ("core_major",)
    pool_size: int | None = 5
    local_file: Path | None = None
    static: tuple[str, ...] = STATIC_UNIVERSE


@dataclass(frozen=True, slots=True)
class Resolution:
    """A pool, and for tiers one and two the verified release behind it with the address that it came from."""

    pool: ResolvedPool
    release: ReleaseFiles | None = None
    storage_prefix: str | None = None


@dataclass(slots=True)
class _Findings:
    """What is said on the way down the tiers."""

    errors: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, tier: str) -> Iterator[None]:
        """Whatever fails in a tier is an error of that tier, and the next one is tried."""
        try:
            yield
        except TallystickError as error:
            self.errors.append(f"{tier}: {error}")


def resolve_pool(
    workspace: Workspace,
    document: DocumentStore,
    open_objects: Callable[[str], ObjectStore],
    settings: ReaderSettings,
    *,
    now_ns: int,
    objects_url: str | None = None,
) -> Resolution:
    """The pool that a reader gets at `now_ns`. Always answers; `errors` and `messages` say why not from a better tier.

    objects_url: the one store that the document may point into; None where the reader follows it anywhere.
    """
    said = _Findings()
    with said.noting("fresh_upstream"):
        summary, release = _fresh(document, open_objects, settings, now_ns, objects_url, said)
        pool = _resolved("fresh_upstream", release.symbol_map, said, now_ns, release.pool.as_of_date, release.version, release.manifest_sha256)
        return Resolution(pool, release, summary.storage_prefix)
    with said.noting("last_known_good"):
        release, note = last_known_good(workspace)
        said.messages.append(f"degraded: the last known good release {release.version}, taken on {note.loaded_at}, stands in for upstream")
        _report_age(release.pool.as_of_date, settings, now_ns, said)
        pool = _resolved("last_known_good", release.symbol_map, said, now_ns, release.pool.as_of_date, release.version, release.manifest_sha256)
        return Resolution(pool, release, note.storage_prefix)
    with said.noting("local_file"):
        if settings.local_file is None:
            raise ArtifactError("expected a local pool file, found none configured", hint="Name one with --local-file")
        local, manifest_sha256 = _local(settings.local_file)
        said.messages.append(f"degraded: the local file {settings.local_file.name} of {local.version} stands in for upstream")
        _report_age(local.as_of_date, settings, now_ns, said)
        symbols = {symbol: local.symbol_map[symbol].base_asset for symbol in local.symbols}
        return Resolution(_resolved("local_file", symbols, said, now_ns, local.as_of_date, local.version, manifest_sha256))
    said.messages.append("degraded: the static list stands in for upstream; nobody ranked it, and it is for emergencies only")
    return Resolution(_resolved("static", {symbol: symbol.removesuffix("USDT") for symbol in settings.static}, said, now_ns))


def _resolved(
    source: PoolSource,
    symbol_map: dict[str, str],
    said: _Findings,
    now_ns: int,
    as_of_date: str | None = None,
    version: str | None = None,
    manifest_sha256: str | None = None,
) -> ResolvedPool:
    return ResolvedPool(
        symbol_map=symbol_map,
        source=source,
        degraded=source != "fresh_upstream",
        as_of_date=as_of_date,
        version=version,
        messages=tuple(said.messages),
        errors=tuple(said.errors),
        age_days=None if as_of_date is None else _age_days(as_of_date, now_ns),
        manifest_sha256=manifest_sha256,
        loaded_at=iso_from_ns(now_ns),
    )


def _age_days(as_of_date: str, now_ns: int) -> int:
    return (now_ns - ns_from_iso(as_of_date)) // NS_PER_DAY


def _report_age(as_of_date: str, settings: ReaderSettings, now_ns: int, said: _Findings) -> None:
    """Below tier one an age is reported, never a reason to go further down (decision 43)."""
    age = _age_days(as_of_date, now_ns)
    if age > settings.max_age_days:
        said.messages.append(f"stale: the snapshot of {as_of_date} is {age} days old, limit {settings.max_age_days}")
    elif age < 0:
        said.messages.append(f"the snapshot of {as_of_date} is {-age} days ahead of the clock")


def _fresh(
    document: DocumentStore, open_objects: Callable[[str], ObjectStore], settings: ReaderSettings, now_ns: int, objects_url: str | None, said: _Findings
) -> tuple[SummaryDocument, ReleaseFiles]:
    found = document.get()
    if found is None:
        raise ArtifactError("expected the summary document, found none", where=document.url, hint="See: tallystick pool publish --help")
    item = contract("universe.summary_document")
    summary: SummaryDocument = parse(item, plain(found.fields), document.url)
    check(item, summary, document.url)
    _acceptable(summary, settings, now_ns, document.url)
    root = summary.current_prefix.removesuffix(f"/{CURRENT}")
    if objects_url is not None and root != objects_url:
        raise ArtifactError(f"expected a document that points into {objects_url}, found one that points into {root}", where=document.url)
    objects = open_objects(root)
    release = published_release(objects, summary.version)
    different = core_differences(summary, release)
    if different:
        raise ContractViolation(f"expected the document to say what {summary.version} says, found another {', '.join(different)}", where=document.url)
    _check_current(objects, summary, release, said)
    return summary, release


def _acceptable(summary: SummaryDocument, settings: ReaderSettings, now_ns: int, where: str) -> None:
    age = _age_days(summary.as_of_date, now_ns)
    if age < 0:
        raise ArtifactError(f"expected a snapshot that is not in the future, found {summary.as_of_date}, {-age} days ahead", where=where)
    if age > settings.max_age_days:
        raise ArtifactError(f"stale: expected a snapshot at most {settings.max_age_days} days old, found {summary.as_of_date}, {age} days old", where=where)
    if summary.mode not in settings.modes:
        raise ArtifactError(f"expected the mode {' or '.join(settings.modes)}, found {summary.mode}", where=where, hint="Accept it with --mode")
    if settings.pool_size is not None and summary.pool_size != settings.pool_size:
        raise ArtifactError(f"expected a pool of {settings.pool_size}, found {summary.pool_size}", where=where, hint="Accept it with --size")


def _check_current(objects: ObjectStore, summary: SummaryDocument, release: ReleaseFiles, said: _Findings) -> None:
    """The objects that the document points at are those of its release; or, while a publish is under way or was cut, of a release that its record names.

    Anything else is damage. Raises ArtifactError naming the first object that is missing or has bytes of no such release.
    """
    strangers = {}
    for name in FILES_IN_ORDER:
        found = objects.get(object_name(CURRENT, name))
        if found is None or found.data != release.files[name]:
            strangers[name] = None if found is None else found.data
    if not strangers:
        return
    others = [published_release(objects, version) for version in _under_way(objects) if version != release.version]
    for name, data in strangers.items():
        if not any(other.files[name] == data for other in others):
            state = "none" if data is None else "other bytes"
            raise ArtifactError(f"expected {FILES[name]} of {release.version}, found {state}", where=f"{summary.current_prefix}/{FILES[name]}")
    said.messages.append(f"{summary.current_prefix} is on its way to or from another release; the objects of {release.version} were read under its version")


def _under_way(objects: ObjectStore) -> tuple[str, ...]:
    found = objects.get(RECORD)
    if found is None:
        return ()
    record: PublicationRecord = parse_artifact(contract("universe.publication_record"), found.data, f"{objects.url}/{RECORD}")
    return record.in_current


def _local(path: Path) -> tuple[LivePool, str | None]:
    """A local pool file in either form. With a manifest beside it every checksum is compared."""
    data = read_bytes(path)
    if path.with_name(FILES["artifact_manifest"]).is_file():
        beside = {file: path.with_name(file) for file in FILES.values()}
        release = open_release(lambda name: read_bytes(beside[FILES[name]]) if beside[FILES[name]].is_file() else None, str(path.parent))
        return release.pool, release.manifest_sha256
    document: Any = parse_json(data, str(path))
    if not isinstance(document, dict):
        raise ArtifactError(f"expected a JSON object, found {type(document).__name__}", where=str(path))
    item = contract("universe.live_pool")
    pool: LivePool = parse(item, as_live_pool(document, str(path)) if isinstance(document.get("symbols"), dict) else document, str(path))
    check(item, pool, str(path))
    return pool, None
