"""Loading models: nothing reaches a deserialiser before its hash was compared, and the gate says what may trade."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import float64
from numpy.typing import NDArray

from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.legacy import LegacyArtifactWarning
from tallystick.artifacts.paths import Workspace, get_run_dir
from tallystick.contracts.errors import ArtifactError, ContractViolation, SafetyRefusal
from tallystick.contracts.model_runs import PromotionAssessment
from tallystick.decision.model_loading import UnverifiedModelWarning, load_models

PASSED = PromotionAssessment(eligible_for_paper=True, blocking_reasons=())
REFUSED = PromotionAssessment(eligible_for_paper=False, blocking_reasons=("t-statistic 0.4 below 2",))
RUN = {"run_id": "demo", "run_instance_id": "20260101T000000Z"}
EXAMPLE = Path(__file__).resolve().parents[2] / "contracts" / "examples" / "training.model_meta" / "v1" / "example.json"


@dataclass
class FakeLoader:
    """Remembers what it was given."""

    family: str = "LightGBM"
    extensions: tuple[str, ...] = ("txt", "pkl")
    seen: list[dict[str, bytes]] = field(default_factory=list)

    def load(self, files: Mapping[str, bytes], n_features: int) -> FakeLoader:
        self.seen.append(dict(files))
        return self

    def predict(self, features: NDArray[float64]) -> NDArray[float64]:
        return np.zeros(features.shape[0])


class Run:
    """A training run on disk, built file by file."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.root = get_run_dir(self.workspace, RUN["run_id"], RUN["run_instance_id"])
        self.index: dict[str, dict[str, Any]] = {}
        self.loader = FakeLoader()
        self.verdicts: dict[str, PromotionAssessment] = {}

    def add(self, target: str = "fwd_ret_60m", files: Mapping[str, bytes] | None = None, symbol: str | None = None, **meta: Any) -> Path:
        contents = {"model.txt": b"tree"} if files is None else files
        parts = {**RUN, "target": target, "family": "LightGBM"}
        path = (
            self.workspace.path("training.model_meta", 1, **parts, symbol=symbol)
            if symbol
            else self.workspace.path("training.model_meta", 0, **parts, view="CROSS_SECTIONAL")
        )
        path.parent.mkdir(parents=True)
        checksums = {name: sha256_bytes(data) for name, data in contents.items()}
        view = "SYMBOL_SPECIFIC" if symbol else "CROSS_SECTIONAL"
        document = {
            "family": "LightGBM", "target": target, "feature_list": ["a", "b"], "n_features": 2,
            "metrics": {"mean_IC": 0.03, "mean_RankIC": 0.04, "IC_IR": 0.5}, "model_checksum": checksums.get("model.txt"), "interval_minutes": 5,
            "route": view, "view": view, "file_checksums": checksums, **({"symbol": symbol} if symbol else {}), **meta,
        }  # fmt: skip
        document = {name: value for name, value in document.items() if value != "absent"}
        for name, data in contents.items():
            path.with_name(name).write_bytes(data)
        path.write_bytes(canonical_json(document))
        digest = sha256_bytes(path.read_bytes())
        self.verdicts[digest] = PASSED
        entry = self.index.setdefault(target, {"status": "complete", "families_trained": ["LightGBM"], "view": view, "auc": None, "model_meta_checksums": {}})
        entry["model_meta_checksums"][path.relative_to(self.root).as_posix()] = digest
        return path

    def load(self, **more: Any) -> Any:
        document = {**RUN, "timestamp": "2026-01-01T00:00:00Z", "git_sha": "unknown", "is_comparable": False, "target_index": self.index}
        path = self.workspace.path("training.manifest", 0, **RUN)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(canonical_json(document))
        return load_models(self.root, [self.loader], more.pop("interval", 5), **{"verdicts": self.verdicts, **more})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.mark.clause("D1.48")
def test_targets_come_from_the_index_with_their_status(run: Run) -> None:
    path = run.add()
    run.index["fwd_ret_240m"] = {"status": "failed", "families_trained": [], "view": "CROSS_SECTIONAL", "auc": None}
    path.parents[3].with_name("not_a_target").mkdir()
    loaded = run.load()
    assert dict(loaded.targets) == {"fwd_ret_240m": "failed", "fwd_ret_60m": "complete"}
    assert [(item.target, item.reason) for item in loaded.skipped] == [("fwd_ret_240m", "status failed: no model was trained")]


@pytest.mark.clause("D1.39")
def test_loads_what_the_meta_says(run: Run) -> None:
    run.add(files={"model.txt": b"tree", "scaler.joblib": b"scale", "fingerprints.json": b"{}"})
    run.add("fwd_ret_240m", symbol="BTCUSDT")
    first, second = sorted(run.load(), key=lambda item: item.horizon_minutes)
    assert (first.kind, first.horizon_minutes, first.symbol, first.prior_ic, first.feature_list) == ("fwd_ret", 60, None, 0.04, ("a", "b"))
    assert (second.horizon_minutes, second.symbol, second.view, second.label) == (240, "BTCUSDT", "SYMBOL_SPECIFIC", "LightGBM:BTCUSDT")
    assert {"model.txt": b"tree", "scaler.joblib": b"scale"} in run.loader.seen
    assert not run.load().degraded


@pytest.mark.clause("D1.22")
@pytest.mark.parametrize("name", ["model.txt", "scaler.joblib", "fingerprints.json", "model_meta.json"])
@pytest.mark.parametrize("lenient", [False, True])
def test_decision_10_a_mismatch_is_refused_before_any_deserialiser(run: Run, name: str, lenient: bool) -> None:
    path = run.add(files={"model.txt": b"tree", "scaler.joblib": b"scale", "fingerprints.json": b"{}"})
    broken = path.with_name(name)
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="SHA-256"):
        run.load(allow_unverified=lenient, ungated=lenient)
    assert run.loader.seen == []


def test_a_replay_runs_on_altered_files_and_says_so(run: Run) -> None:
    path = run.add()
    path.with_name("model.txt").write_bytes(b"Tree")
    loaded = run.load(compare=False)
    assert run.loader.seen == [{"model.txt": b"Tree"}]
    assert loaded.degraded
    assert "not the file that was recorded" in loaded.models[0].degraded[0]


@pytest.mark.clause("D1.21")
def test_decision_10_a_missing_checksum_is_refused_unless_allowed(run: Run) -> None:
    run.add(model_checksum=None, file_checksums="absent")
    with pytest.raises(ArtifactError, match="checksum"):
        run.load()
    assert run.loader.seen == []
    with pytest.warns(UnverifiedModelWarning, match=r"model\.txt"):
        loaded = run.load(allow_unverified=True)
    assert loaded.degraded


def test_decision_11_an_unlisted_side_file_is_refused(run: Run) -> None:
    path = run.add()
    path.with_name("imputer.joblib").write_bytes(b"surprise")
    with pytest.raises(ArtifactError, match=r"imputer\.joblib"):
        run.load()


@pytest.mark.clause("D1.24")
def test_decision_12_interval_mismatch_is_refused_unless_allowed(run: Run) -> None:
    run.add()
    with pytest.raises(SafetyRefusal, match="5-minute bars"):
        run.load(interval=60)
    assert run.load(interval=60, allow_interval_mismatch=True).degraded


def test_decision_48_a_model_without_a_passed_gate_does_not_trade(run: Run) -> None:
    run.add()
    run.verdicts = dict.fromkeys(run.verdicts, REFUSED)
    with pytest.raises(SafetyRefusal, match="t-statistic"):
        run.load()
    run.verdicts = {}
    with pytest.raises(SafetyRefusal, match="no verdict"):
        run.load()
    loaded = run.load(ungated=True)
    assert loaded.degraded
    assert "no verdict" in loaded.models[0].degraded[0]


def test_decision_49_a_blocked_target_needs_the_override(run: Run) -> None:
    run.add()
    run.index["fwd_ret_60m"]["blocked_override"] = True
    with pytest.raises(SafetyRefusal, match="override"):
        run.load()
    assert run.load(ungated=True).degraded


@pytest.mark.clause("D1.26")
@pytest.mark.parametrize("older", ["features", "feature_names"])
def test_old_names_of_the_feature_list_are_read_with_a_warning(run: Run, older: str) -> None:
    run.add(feature_list="absent", **{older: ["b", "a"]})
    with pytest.warns(LegacyArtifactWarning, match=older):
        loaded = run.load()
    assert loaded.models[0].feature_list == ("b", "a")
    assert len(loaded.notes) == 1


@pytest.mark.clause("D1.64")
def test_native_format_is_preferred_to_pickle(run: Run) -> None:
    run.add(files={"model.pkl": b"pickle", "model.txt": b"tree"}, file_checksums={"model.txt": sha256_bytes(b"tree")})
    run.load()
    assert list(run.loader.seen[0]) == ["model.txt"]


@pytest.mark.clause("D1.28")
def test_missing_input_mode_means_features_and_sequences_are_named_as_unread(run: Run) -> None:
    run.add()
    sequence = {"sequence_length": 64, "sequence_channels": ["close"], "sequence_normalization": "returns"}
    run.add("fwd_ret_240m", input_mode="raw_sequence", **sequence)
    loaded = run.load()
    assert len(loaded) == 1
    assert "raw_sequence" in loaded.skipped[0].reason


def test_decision_54_a_saved_model_folder_is_refused_with_a_hint(run: Run) -> None:
    path = run.add(files={})
    path.with_name("model").mkdir()
    with pytest.raises(ArtifactError, match="SavedModel"):
        run.load()


def test_meta_of_another_model_is_refused(run: Run) -> None:
    run.add(target="fwd_ret_60m")
    other = run.add("fwd_ret_240m")
    path = next(iter(run.index["fwd_ret_60m"]["model_meta_checksums"]))
    place = run.root / path
    place.write_bytes(other.read_bytes())
    run.index["fwd_ret_60m"]["model_meta_checksums"][path] = sha256_bytes(other.read_bytes())
    with pytest.raises(ArtifactError, match="fwd_ret_240m"):
        run.load()


def test_manifest_of_another_hash_and_a_broken_meta_are_refused(run: Run) -> None:
    run.add()
    with pytest.raises(ArtifactError, match="SHA-256"):
        run.load(manifest_sha256="0" * 64)
    run.add("fwd_ret_240m", n_features=3)
    with pytest.raises(ContractViolation, match="n_features"):
        run.load()


def test_a_family_without_loader_is_skipped_with_its_reason(run: Run) -> None:
    run.add()
    run.loader.family = "XGBoost"
    with pytest.raises(SafetyRefusal, match="no loader for the family LightGBM"):
        run.load()


def test_manifest_without_meta_hashes_is_read_by_family_and_view(run: Run) -> None:
    run.add()
    del run.index["fwd_ret_60m"]["model_meta_checksums"]
    assert len(run.load()) == 1


def test_the_committed_example_of_a_meta_has_what_the_loader_reads() -> None:
    document = json.loads(EXAMPLE.read_bytes())
    assert {"model_checksum", "feature_list", "interval_minutes", "metrics"} <= document.keys()
