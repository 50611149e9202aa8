"""Loading trained models: the manifest says which, every byte is verified before a library sees it, and the promotion gate says which may trade."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import parse_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.legacy import feature_names
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import parse_artifact, read_bytes
from tallystick.contracts import path_patterns
from tallystick.contracts.checking import check, parse
from tallystick.contracts.errors import ArtifactError, SafetyRefusal
from tallystick.contracts.model_runs import PromotionAssessment
from tallystick.contracts.registry import contract
from tallystick.contracts.training import Manifest, ModelMeta, TargetEntry
from tallystick.decision.ports import Predictor, PredictorLoader

SIDE_FILES = ("scaler.joblib", "imputer.joblib")
_MINUTES = re.compile(r"_(\d+)m(?:_|$)")


class UnverifiedModelWarning(UserWarning):
    """A model was loaded although its bytes could not be verified; every decision made with it is degraded."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that may forecast. prior_ic: mean_RankIC of its meta, used until live pairs are there. degraded: why it is not fully trusted, or empty."""

    target: str
    kind: str
    horizon_minutes: int
    view: str
    family: str
    symbol: str | None
    feature_list: tuple[str, ...]
    predictor: Predictor
    prior_ic: float
    ranks: bool
    meta_path: str
    meta_sha256: str
    model_sha256: str
    degraded: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Family, and the symbol of a model that knows only one: unique within a target."""
        return self.family if self.symbol is None else f"{self.family}:{self.symbol}"


@dataclass(frozen=True, slots=True)
class SkippedModel:
    """A target, or one of its models, that was left out, and why."""

    target: str
    family: str | None
    symbol: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """What may forecast in a session, in order of target, view, symbol and family; and what was left out. `targets`: name → status."""

    models: tuple[LoadedModel, ...]
    skipped: tuple[SkippedModel, ...]
    targets: Mapping[str, str]
    manifest_sha256: str
    notes: tuple[str, ...] = ()

    @property
    def degraded(self) -> bool:
        """True when any model is not fully trusted: every decision is then marked (decisions 10, 12, 48)."""
        return any(model.degraded for model in self.models)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Every feature that any model reads, sorted."""
        return tuple(sorted({name for model in self.models for name in model.feature_list}))

    def __iter__(self) -> Iterator[LoadedModel]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a model lies, as the manifest tells it."""

    target: str
    view: str
    family: str
    symbol: str | None
    meta_sha256: str | None


@dataclass(frozen=True, slots=True)
class _Request:
    workspace: Workspace
    run: Mapping[str, str]
    loaders: Mapping[str, PredictorLoader]
    interval_minutes: float
    verdicts: Mapping[str, PromotionAssessment]
    allow_unverified: bool
    allow_interval_mismatch: bool
    ungated: bool
    compare: bool

    def meta_path(self, place: _Place) -> Path:
        parts = {**self.run, "target": place.target, "view": place.view, "family": place.family}
        if place.symbol is None:
            return self.workspace.path("training.model_meta", 0, **parts)
        return self.workspace.path("training.model_meta", 1, **{key: value for key, value in parts.items() if key != "view"}, symbol=place.symbol)


def list_targets(manifest: Manifest) -> dict[str, str]:
    """Target → status, from the keys of `target_index`, sorted; never from folder names (D1.48)."""
    return {target: manifest.target_index[target].status for target in sorted(manifest.target_index)}


def load_models(
    run_root: Path,
    loaders: Sequence[PredictorLoader],
    interval_minutes: float,
    *,
    verdicts: Mapping[str, PromotionAssessment] | None = None,
    ungated: bool = False,
    allow_unverified: bool = False,
    allow_interval_mismatch: bool = False,
    manifest_sha256: str | None = None,
    compare: bool = True,
) -> LoadedModels:
    """Every model of a training run that may trade at this bar interval.

    run_root: `RESULTS/runs/<run_id>/<run_instance_id>` of a workspace. verdicts: SHA-256 of a model's meta → the promotion gate's assessment.
    ungated: also load what the gate did not pass (paper only, decision 48); allow_unverified: also load what has no checksum (decision 10);
    allow_interval_mismatch: also load what was trained on another interval (decision 12). Each marks the model degraded. A hash that differs is
    refused always, except by a replay (`compare=False`), which must run on what was altered to show where it matters, and is degraded by it.
    Raises ArtifactError for files that are missing, damaged or unverified, and SafetyRefusal when nothing is left to trade with.
    """
    workspace = Workspace(run_root.parents[3])
    run = {"run_id": run_root.parent.name, "run_instance_id": run_root.name}
    path = workspace.path("training.manifest", 0, **run)
    data = read_bytes(path, manifest_sha256)
    manifest: Manifest = parse_artifact(contract("training.manifest"), data, str(path))
    request = _Request(
        workspace=workspace,
        run=run,
        loaders={loader.family: loader for loader in loaders},
        interval_minutes=interval_minutes,
        verdicts=verdicts or {},
        allow_unverified=allow_unverified,
        allow_interval_mismatch=allow_interval_mismatch,
        ungated=ungated,
        compare=compare,
    )
    models: list[LoadedModel] = []
    skipped: list[SkippedModel] = []
    notes: list[str] = []
    for target in sorted(manifest.target_index):
        entry = manifest.target_index[target]
        if entry.status == "failed":
            skipped.append(SkippedModel(target, None, None, "status failed: no model was trained"))
            continue
        for place in _places(request, target, entry):
            found = _load_one(request, place, entry, notes)
            (models if isinstance(found, LoadedModel) else skipped).append(found)  # type: ignore[arg-type]
    if not models:
        reasons = "; ".join(f"{item.target} {item.family or ''}: {item.reason}" for item in skipped[:4])
        raise SafetyRefusal(
            f"expected at least one model that may trade, found none of {len(skipped)}: {reasons}",
            where=str(run_root),
            hint="Train on more data, or on paper take the gate's verdict as it is with --ungated",
        )
    return LoadedModels(tuple(models), tuple(skipped), list_targets(manifest), sha256_bytes(data), tuple(notes))


def _places(request: _Request, target: str, entry: TargetEntry) -> list[_Place]:
    if entry.model_meta_checksums is None:
        views = entry.views or (entry.view,)
        symbols = {"SYMBOL_SPECIFIC": entry.symbols or (), "CROSS_SECTIONAL": (None,)}
        return [_Place(target, view, family, symbol, None) for view in sorted(views) for symbol in symbols[view] for family in entry.families_trained]
    found = []
    prefix = f"RESULTS/runs/{request.run['run_id']}/{request.run['run_instance_id']}/"
    for relative, digest in entry.model_meta_checksums.items():
        parts = next((parts for pattern in contract("training.model_meta").paths if (parts := path_patterns.match(pattern, prefix + relative))), None)
        if parts is None or parts["target"] != target:
            raise ArtifactError(f"expected the path of a model_meta.json of {target}, found {relative!r}", where="manifest.json")
        symbol = parts.get("symbol")
        found.append(_Place(target, "SYMBOL_SPECIFIC" if symbol else parts["view"], parts["family"], symbol, digest))
    return sorted(found, key=lambda place: (place.view, place.symbol or "", place.family))


def _load_one(request: _Request, place: _Place, entry: TargetEntry, notes: list[str]) -> LoadedModel | SkippedModel:
    def skip(reason: str) -> SkippedModel:
        return SkippedModel(place.target, place.family, place.symbol, reason)

    loader = request.loaders.get(place.family)
    if loader is None:
        return skip(f"no loader for the family {place.family}")
    path = request.meta_path(place)
    data = read_bytes(path, place.meta_sha256 if request.compare else None)
    digest = sha256_bytes(data)
    # The verdict was given on the recorded meta; only a replay can see another one.
    doubts = _gate_doubts(request.verdicts.get(place.meta_sha256 or digest), entry)
    if doubts and not request.ungated:
        return skip("; ".join(doubts))
    meta = _read_meta(path, data, notes)
    if meta.family != place.family or meta.target != place.target or meta.symbol != place.symbol:
        raise ArtifactError(
            f"expected the meta of {place.target} {place.family}, found that of {meta.target} {meta.family} {meta.symbol or ''}", where=str(path)
        )
    if meta.input_mode == "raw_sequence":
        return skip("input_mode raw_sequence: no family that reads sequences is installed")
    horizon = entry.horizon_minutes or _horizon(place.target)
    if horizon is None:
        return skip("no horizon in target_index, and none in the target's name")
    if meta.interval_minutes != request.interval_minutes:
        finding = f"trained on {meta.interval_minutes:g}-minute bars, live bars are {request.interval_minutes:g} minutes"
        if not request.allow_interval_mismatch:
            raise SafetyRefusal(f"expected models of {request.interval_minutes:g}-minute bars, found {place.target} {place.family} {finding}", where=str(path))
        doubts.append(finding)
    files, model_sha256 = _verified_files(request, path, meta, loader, doubts)
    return LoadedModel(
        target=place.target,
        kind=_MINUTES.split(place.target)[0],
        horizon_minutes=int(horizon),
        view=place.view,
        family=place.family,
        symbol=place.symbol,
        feature_list=meta.feature_list,
        predictor=loader.load(files, len(meta.feature_list)),
        prior_ic=meta.metrics.mean_RankIC,
        ranks=meta.cross_sectional_ranking is not None,
        meta_path=request.workspace.relative(path),
        meta_sha256=digest,
        model_sha256=model_sha256,
        degraded=tuple(doubts),
    )


def _gate_doubts(verdict: PromotionAssessment | None, entry: TargetEntry) -> list[str]:
    """Why the gate holds a model back; empty when it passed. A target trained against its routing is never promoted (decision 49)."""
    if verdict is None:
        return ["the promotion gate has given no verdict"]
    if entry.blocked_override:
        return ["routing blocked the target; it was trained by override"]
    return [] if verdict.eligible_for_paper else [f"the promotion gate refused: {reason}" for reason in verdict.blocking_reasons]


def _read_meta(path: Path, data: bytes, notes: list[str]) -> ModelMeta:
    document: dict[str, Any] = parse_json(data, str(path))
    names, warned = feature_names(document, str(path))
    notes.extend(warned)
    item = contract("training.model_meta")
    if not warned:
        meta: ModelMeta = parse_artifact(item, data, str(path))
        return meta
    # The old field's order is the fit order; the shape asks for sorted names, which old writers did not promise, so only the shape is checked.
    meta = parse(item, {**document, "feature_list": names}, str(path))
    if sorted(names) == names:
        check(item, meta, str(path))
    return meta


def _horizon(target: str) -> int | None:
    found = _MINUTES.search(target)
    return int(found.group(1)) if found else None


def _verified_files(request: _Request, path: Path, meta: ModelMeta, loader: PredictorLoader, doubts: list[str]) -> tuple[dict[str, bytes], str]:
    """Bytes of the model file and its side files, each with the hash that the meta records; every other listed file is compared too."""
    present = {item.name: item for item in sorted(path.parent.iterdir()) if item.is_file()}
    name = next((f"model.{extension}" for extension in loader.extensions if f"model.{extension}" in present), None)
    if name is None:
        folders = sorted(item.name for item in path.parent.iterdir() if item.is_dir())
        hint = "A SavedModel folder cannot be verified as one file: export the model as .keras" if folders else "Train the model again"
        raise ArtifactError(f"expected model.{' or model.'.join(loader.extensions)}, found {sorted(present)}", where=str(path.parent), hint=hint)
    recorded: dict[str, str] = dict(meta.file_checksums or {})
    if meta.model_checksum is not None:
        recorded.setdefault(name, meta.model_checksum)
    # Each file is read once: the bytes that were compared are the bytes that are loaded.
    compared = {listed: read_bytes(present.get(listed, path.with_name(listed)), recorded[listed] if request.compare else None) for listed in sorted(recorded)}
    altered = [listed for listed in sorted(compared) if sha256_bytes(compared[listed]) != recorded[listed]]
    doubts.extend(f"{listed} of {meta.target} {meta.family} is not the file that was recorded" for listed in altered)
    files: dict[str, bytes] = {}
    for wanted in (name, *(side for side in SIDE_FILES if side in present)):
        if wanted not in recorded:
            finding = f"{wanted} of {meta.target} {meta.family} has no recorded checksum"
            if not request.allow_unverified:
                raise ArtifactError(
                    f"expected a checksum for every file of a model, found none for {wanted}",
                    where=str(path),
                    hint="Train the model again; on paper --allow-unverified loads it and marks every decision degraded",
                )
            warnings.warn(finding, UnverifiedModelWarning, stacklevel=2)
            doubts.append(finding)
        files[wanted] = compared[wanted] if wanted in compared else read_bytes(present[wanted])
    return files, sha256_bytes(files[name])
