"""Checks between files: what one artifact says about its neighbours, by contract name. Each answers what failed and which files it vouches for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import parse_json, plain
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.document_check import Failure, csv_instances
from tallystick.artifacts.paths import Workspace, get_event_segment_paths, get_model_run_dir, get_target_dir
from tallystick.artifacts.seal import SEAL_NAME, SIGNATURE_NAME
from tallystick.artifacts.store import read_bytes
from tallystick.contracts.errors import ArtifactError, ConfigurationError, TallystickError
from tallystick.contracts.pool_rules import NAMESPACE
from tallystick.contracts.registry import contract
from tallystick.contracts.training import MODEL_EXTENSIONS


@dataclass(slots=True)
class CrossCheck:
    """The running result of one check."""

    failures: list[Failure] = field(default_factory=list)
    vouched: set[Path] = field(default_factory=set)

    def fail(self, path: Path, rule: str, expected: str, found: str) -> None:
        """Record a failure."""
        self.failures.append(Failure(str(path), rule, expected, found))

    def hash(self, path: Path, expected: str, rule: str) -> None:
        """Compare a file's hash with a recorded one."""
        if not path.is_file():
            self.fail(path, rule, f"a file with SHA-256 {expected}", "no file")
        elif (found := sha256_file(path)) != expected:
            self.fail(path, rule, f"SHA-256 {expected}", found)
        else:
            self.vouched.add(path)

    def hash_below(self, owner: Path, name: str, expected: str, rule: str) -> None:
        """As `hash`, for a recorded name below the owner's folder; a name that leads out of the folder fails."""
        try:
            self.hash(Workspace(owner.parent).at(name), expected, rule)
        except ConfigurationError as error:
            self.fail(owner, rule, "a name below its folder", error.message)


Check = Callable[[Path, Any, Mapping[str, str], CrossCheck], None]


def model_meta(path: Path, meta: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """The model file is there and is the one recorded, so is every file beside it, and the folder's names agree (D1.22, D1.62, D1.70)."""
    models = [file for extension in MODEL_EXTENSIONS if (file := path.with_name(f"model.{extension}")).is_file()]
    if len(models) != 1:
        out.fail(path, "model_file_beside_meta", "one model file beside its meta", f"{len(models)}")
    elif meta.model_checksum is not None:
        out.hash(models[0], meta.model_checksum, "model_checksum")
    recorded = meta.file_checksums or {}
    for name, digest in sorted(recorded.items()):
        out.hash_below(path, name, digest, "file_checksums")
    if meta.file_checksums is not None:
        known = {path.name, SEAL_NAME, SIGNATURE_NAME, *recorded}
        for file in sorted(path.parent.iterdir()):
            if file.is_file() and file.name not in known:
                out.fail(file, "file_checksums", "only files that the meta records", "an unrecorded file")
    for name, value in (("family", meta.family), ("target", meta.target), ("view", meta.view), ("symbol", meta.symbol)):
        if name in parts and value is not None and parts[name] != value:
            out.fail(path, "folder_names_the_model", f"{name} {parts[name]} as in the folder's name", str(value))


def manifest(path: Path, document: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """`target_index` and the folders tell the same story, each model's meta has its recorded hash (D1.44, D1.46), and so has each verdict's seal."""
    if parts.get("run_instance_id", document.run_instance_id) != document.run_instance_id:
        out.fail(path, "folder_names_the_instance", f"run_instance_id {parts['run_instance_id']}", document.run_instance_id)
    if parts.get("run_id", document.run_id) != document.run_id:
        out.fail(path, "folder_names_the_run", f"run_id {parts['run_id']}", document.run_id)
    for target, entry in sorted(document.target_index.items()):
        folder = get_target_dir(path.parent, target)
        trained = {meta.parent.name.removeprefix("family=") for meta in folder.glob("models/view=*/**/model_meta.json")}
        if trained != set(entry.families_trained):
            out.fail(path, "families_trained_match_folders", f"families {sorted(trained)} of target {target}", f"{sorted(entry.families_trained)}")
        for name, digest in sorted((entry.model_meta_checksums or {}).items()):
            out.hash_below(path, name, digest, "model_meta_checksums")
    indexed = set(document.target_index)
    for meta in sorted(path.parent.glob("targets/*/models/**/model_meta.json")):
        target = meta.relative_to(path.parent).parts[1]
        if target not in indexed:
            out.fail(meta, "target_index_lists_every_target", f"an entry for {target} in {path.name}", "none")
            indexed.add(target)
    seals = (document.run_metadata or {}).get("model_run_seals")
    if isinstance(seals, dict) and len(path.parents) > 4:
        _verdicts(Workspace(path.parents[4]), seals, out)


def _verdicts(workspace: Workspace, seals: Mapping[str, str], out: CrossCheck) -> None:
    """The folders with the gate's verdicts are those that the run recorded; they need not have been copied with it."""
    for name, digest in sorted(seals.items()):
        folder = get_model_run_dir(workspace, name)
        if folder.is_dir():
            out.hash(Workspace(folder).at(SEAL_NAME), digest, "model_run_seals")


def routing(path: Path, document: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """The copies of a routing decision agree with the global file (D1.56). Checked from the global file."""
    if "target" in parts:
        return
    rows = plain(document)
    root = path.parent.parent
    copies = sorted([*root.glob("targets/*/decision/routing_decision.json"), *root.glob("targets/*/models/view=*/routing_decision.json")])
    for copy in copies:
        target = copy.relative_to(root).parts[1]
        found = _loaded(copy)
        if found != {target: rows.get(target)}:
            out.fail(copy, "routing_copies_agree", f"the row of {target} in {path.name}", f"{str(found)[:120]}")


def _loaded(path: Path) -> Any:
    try:
        return parse_json(read_bytes(path), str(path))
    except ArtifactError as error:
        return error.message


def artifact_manifest(path: Path, document: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """Every release file has its recorded hash, and the pool is the manifest's pool in the same order (D5.10, D5.11)."""
    body = plain(document)
    for name, row in sorted(body["artifacts"].items()):
        out.hash_below(path, Path(row["path"]).name, row["sha256"], f"artifacts.{name}")
    pool = path.with_name("live_pool.json")
    if pool.is_file() and (found := _field(pool, "symbols")) != body["symbols"]:
        out.fail(path, "symbols_equal_live_pool", f"the symbols of {pool.name}, in order: {found}", f"{body['symbols']}")
    if NAMESPACE in path.parts:
        _published(path, body["version"], out)


def _published(path: Path, version: str, out: CrossCheck) -> None:
    """In an object store the manifest under current/ is the very one of its version, and a version's folder bears its name (D5.34, D5.35)."""
    if path.parent.name != "current":
        if path.parent.name != version:
            out.fail(path, "folder_names_the_release", f"the release {path.parent.name}", version)
        return
    original = Workspace(path.parents[1]).at(f"releases/{version}/{path.name}")
    if original.is_file():
        out.hash(path, sha256_file(original), "current_is_a_release")
    else:
        out.fail(path, "current_is_a_release", f"the release {version} beside it", "none")


def is_published(path: Path) -> bool:
    """Whether a file is an object of a store, where a manifest, not a seal, stands for a finished release."""
    return NAMESPACE in path.parts


def _field(path: Path, name: str) -> Any:
    document = _loaded(path)
    return document.get(name) if isinstance(document, dict) else document


def live_pool(path: Path, document: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """The legacy payload beside a pool says the same: version, order and mapping (D5.14, D5.17)."""
    legacy = path.with_name("live_pool_legacy.json")
    if not legacy.is_file():
        return
    body, older = plain(document), _loaded(legacy)
    if not isinstance(older, dict) or not isinstance(older.get("symbols"), dict):
        out.fail(legacy, "legacy_equals_live_pool", "a legacy pool", f"{str(older)[:120]}")
        return
    for name, expected, found in (
        ("version", body["version"], older.get("version")),
        ("symbols in order", body["symbols"], list(older["symbols"])),
        ("symbol_map", body["symbol_map"], older["symbols"]),
    ):
        if expected != found:
            out.fail(legacy, "legacy_equals_live_pool", f"{name} {expected}", f"{found}")


def coverage(path: Path, document: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """Every bar file has the hash that the coverage records, and there is no bar file beside it that the coverage does not know."""
    for symbol, row in sorted(document.symbols.items()):
        out.hash(path.with_name(f"{symbol}.parquet"), row.sha256, "coverage_sha256")
    for file in sorted(path.parent.glob("*.parquet")):
        if file.name.removesuffix(".parquet") not in document.symbols:
            out.fail(file, "coverage_lists_every_file", f"a row in {path.name}", "none")


def event_day(path: Path, document: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """Both files of every segment have the hashes that the index records, and the folders' names agree."""
    for item in document.segments:
        messages, events = get_event_segment_paths(path, item.segment)
        out.hash(messages, item.messages_sha256, "messages_sha256")
        out.hash(events, item.events_sha256, "events_sha256")
    for name, value in (("venue", document.venue), ("day", document.day)):
        if parts.get(name, value) != value:
            out.fail(path, "folder_names_the_day", f"{name} {parts[name]} as in the folder's name", value)


def run_index(path: Path, document: Any, parts: Mapping[str, str], out: CrossCheck) -> None:
    """Index rows and run folders match, and the three forms of the index hold the same runs (D3.31)."""
    listed = list(_run_ids(plain(document)))
    folders = {file.parent.name for file in path.parent.glob("*/report.json")}
    for name in sorted(set(listed) - folders):
        out.fail(path, "index_rows_have_folders", f"a folder for run {name}", "none")
    for name in sorted(folders - set(listed)):
        out.fail(path, "index_lists_every_run", f"a row for run {name}", "none")
    table, page = path.with_suffix(".csv"), path.with_suffix(".md")
    if not table.is_file() or not page.is_file():
        out.fail(path, "index_has_three_forms", f"{table.name} and {page.name} beside it", "one of them missing")
        return
    text = read_bytes(page).decode("utf-8", "replace")
    out.failures.extend(Failure(str(page), "index_forms_agree", f"a row for run {name}", "none") for name in listed if name not in text)
    try:
        rows = [plain(row)["run_id"] for row in csv_instances(contract("runs.index_csv"), read_bytes(table), str(table))]
    except ArtifactError as error:
        out.fail(table, "index_forms_agree", "rows of the index", error.message)
        return
    if rows != listed:
        out.fail(table, "index_forms_agree", f"runs {listed}", f"{rows}")


def _run_ids(document: Any) -> Iterator[str]:
    rows = document if isinstance(document, list) else document.get("runs", document.get("rows", ()))
    yield from (row["run_id"] for row in rows)


CROSS_CHECKS: Mapping[str, Check] = {
    "market.coverage": coverage,
    "observation.event_day": event_day,
    "universe.artifact_manifest": artifact_manifest,
    "universe.live_pool": live_pool,
    "runs.index_json": run_index,
    "training.manifest": manifest,
    "training.model_meta": model_meta,
    "training.routing_decisions": routing,
}


def cross_check(name: str, path: Path, document: Any, parts: Mapping[str, str]) -> CrossCheck:
    """Run the check of a contract, when it has one."""
    out = CrossCheck()
    if name in CROSS_CHECKS and document is not None:
        try:
            CROSS_CHECKS[name](path, document, parts, out)
        except TallystickError as error:
            out.fail(path, "neighbours", "names that lead to the artifact's neighbours", error.message)
    return out
