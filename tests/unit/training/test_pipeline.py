"""Training end to end on small panels: what it writes, that it repeats, that it finds a planted signal and blocks noise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.fakes.in_process_compute import InProcessCompute
from tests.fakes.training_panels import HOUR_NS, reversal_panel

from tallystick.adapters.models.lightgbm import LightGBMFamily
from tallystick.adapters.models.ridge import RidgeFamily
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import check_seal
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.registry import contract, match
from tallystick.contracts.training import CodeVersion
from tallystick.training.config import EvidenceThresholds, TrainingConfig
from tallystick.training.pipeline import TrainedRun, train

NOW_NS = 1_735_689_600_000_000_000
CODE = CodeVersion(version="0.1.0", source_sha256="0" * 64, git_sha="unknown")
FEATURES = ("vol_20", "ret_1", "ret_5", "ma_ratio_10", "zscore_10")
CONFIG = TrainingConfig(
    features=FEATURES,
    targets=("fwd_ret_60m", "fwd_ret_120m"),
    families=("LightGBM", "Ridge"),
    folds=3,
    top_m_features=4,
    permutations=199,
    max_symbols_for_ss=4,
    name="small",
)


def run(folder: Path, config: TrainingConfig = CONFIG, *, strength: float = 0.15, seed: int = 1, panel=None, sink=None) -> TrainedRun:
    return train(
        Workspace(folder),
        panel if panel is not None else reversal_panel(seed, strength=strength),
        config,
        now_ns=NOW_NS,
        families=[LightGBMFamily(trees=15), RidgeFamily()],
        compute=InProcessCompute(),
        code_version=CODE,
        coverage_sha256="a" * 64,
        progress=sink or (lambda event: None),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainedRun, list]:
    folder = tmp_path_factory.mktemp("training")
    events: list = []
    return folder, run(folder, sink=events.append), events


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.clause("D1.08", "D1.40", "D1.50", "D1.65", "D1.66", "D1.70", "D3.34")
def test_writes_the_tree_of_document_1_and_the_four_files_of_document_3(made: tuple) -> None:
    folder, trained, _ = made
    root = f"RESULTS/runs/{trained.run_id}/{trained.run_instance_id}"
    expected = {f"{root}/manifest.json", f"{root}/globals/routing_decisions.json", f"{root}/SHA256SUMS"}
    for target in CONFIG.targets:
        view = f"{root}/targets/{target}/models/view=CROSS_SECTIONAL"
        expected |= {f"{root}/targets/{target}/decision/routing_decision.json", f"{view}/routing_decision.json"}
        for family, names in (("LightGBM", ("model.txt",)), ("Ridge", ("model.joblib", "scaler.joblib", "imputer.joblib"))):
            expected |= {f"{view}/family={family}/{name}" for name in (*names, "model_meta.json", "fingerprints.json", "reproducibility.json")}
            run_id = f"{trained.run_instance_id}-{target}-cross_sectional-{family}"
            four = ("dataset_manifest.json", "feature_manifest.json", "model_config.json", "training_summary.json")
            expected |= {f"outputs/model_runs/{run_id}/{name}" for name in (*four, "SHA256SUMS")}
    assert set(files(folder)) == expected
    assert check_seal(trained.folder) == []


@pytest.mark.clause("D1.62", "D4.138")
def test_every_file_belongs_to_a_contract_and_keeps_it(made: tuple) -> None:
    folder, _, _ = made
    for name in files(folder):
        found = match(name)
        assert found is not None, name
        if found[0].shape is not None:
            read_artifact(found[0], folder.joinpath(name))


@pytest.mark.clause("D1.17", "D1.18", "D1.20", "D1.23", "D1.25", "D1.63")
def test_every_family_writes_sorted_features_the_real_interval_and_true_hashes(made: tuple) -> None:
    _, trained, _ = made
    assert len(trained.models) == 4
    for model in trained.models:
        meta = model.package.meta
        assert list(meta.feature_list) == sorted(meta.feature_list)
        assert meta.n_features == 4
        assert (meta.interval_minutes, meta.interval_source) == (60.0, "bar panel")
        family = trained.folder.joinpath("targets", meta.target, "models", "view=CROSS_SECTIONAL", f"family={meta.family}")
        present = {path.name for path in family.iterdir()}
        assert set(meta.file_checksums) == present - {"model_meta.json"}
        for name, checksum in meta.file_checksums.items():
            assert sha256_file(family.joinpath(name)) == checksum
        assert meta.file_checksums["model.txt" if meta.family == "LightGBM" else "model.joblib"] == meta.model_checksum


@pytest.mark.clause("D1.15")
def test_deprecated_features_keep_the_order_of_the_config(made: tuple) -> None:
    _, trained, _ = made
    meta = trained.models[0].package.meta
    assert list(meta.features) == [name for name in FEATURES if name in meta.feature_list]
    assert list(meta.features) != list(meta.feature_list)


@pytest.mark.clause("D1.44", "D1.46", "D1.41")
def test_manifest_names_every_model_with_the_hash_of_its_meta(made: tuple) -> None:
    _, trained, _ = made
    manifest = trained.manifest
    assert manifest.run_instance_id == trained.folder.name
    assert set(manifest.target_index) == set(CONFIG.targets)
    for entry in manifest.target_index.values():
        assert entry.status == "complete"
        assert entry.families_trained == ("LightGBM", "Ridge")
        for name, checksum in entry.model_meta_checksums.items():
            assert sha256_file(trained.folder.joinpath(name)) == checksum


def test_manifest_vouches_for_the_folder_of_every_verdict(made: tuple) -> None:
    folder, trained, _ = made
    seals = trained.manifest.run_metadata["model_run_seals"]
    assert sorted(seals) == sorted(trained.manifest.run_metadata["model_runs"])
    for model in trained.models:
        assert seals[model.run.model_run_id] == model.run.seal_sha256 == sha256_file(folder.joinpath(model.run.path, "SHA256SUMS"))
        assert check_seal(folder.joinpath(model.run.path)) == []


@pytest.mark.clause("D1.56", "D1.55")
def test_the_three_copies_of_a_routing_decision_agree(made: tuple) -> None:
    _, trained, _ = made
    item = contract("training.routing_decisions")
    whole = read_artifact(item, trained.folder.joinpath("globals", "routing_decisions.json")).root
    for target in CONFIG.targets:
        for place in (("decision", "routing_decision.json"), ("models", "view=CROSS_SECTIONAL", "routing_decision.json")):
            assert read_artifact(item, trained.folder.joinpath("targets", target, *place)).root == {target: whole[target]}


@pytest.mark.clause("D1.92", "D2.44", "D2.50", "D2.52")
def test_progress_names_the_run_of_the_manifest_and_every_stage(made: tuple) -> None:
    _, trained, events = made
    assert {event.run_id for event in events} == {trained.manifest.run_id}
    assert [event.new_stage for event in events if event.event_type == "stage_change"] == ["ranking", "feature_selection", "training"]
    assert [event.event_type for event in events][-1] == "run_complete"
    done = {event.target: (event.status, event.models_trained) for event in events if event.event_type == "target_complete"}
    assert done == dict.fromkeys(CONFIG.targets, ("success", 2))


@pytest.mark.clause("D3.35", "D3.37")
def test_summary_carries_skill_market_metrics_both_baselines_and_a_verdict(made: tuple) -> None:
    folder, trained, _ = made
    for model in trained.models:
        summary = read_artifact(contract("model_runs.training_summary"), folder.joinpath(model.run.path, "training_summary.json"))
        assert summary.metrics.downstream_market["rebalances"] > 100
        assert summary.metrics.test["n_timestamps"] > 100
        assert summary.baseline_comparison.rule_based_baseline is not None
        assert summary.baseline_comparison.classical_ml_baseline is not None
        assert summary.model_meta_sha256 == model.package.meta_sha256
        assert summary.promotion_assessment.eligible_for_paper == model.run.eligible_for_paper


def test_two_fresh_workspaces_are_equal_byte_by_byte(made: tuple, tmp_path: Path) -> None:
    folder, _, _ = made
    run(tmp_path)
    assert files(tmp_path) == files(folder)


def test_running_again_in_the_same_workspace_changes_nothing(made: tuple) -> None:
    folder, _, _ = made
    before = files(folder)
    run(folder)
    assert files(folder) == before


def test_test_window_never_reaches_the_models(made: tuple, tmp_path: Path) -> None:
    _, trained, _ = made
    panel = reversal_panel(1, strength=0.15)
    close = panel.close.copy()
    first = int(panel.bars * 0.8)
    close[:, first:] *= 1.5
    changed = run(tmp_path, panel=dataclasses.replace(panel, close=close))
    hashes = lambda made: [(model.package.target, model.package.family, model.package.meta.model_checksum) for model in made.models]  # noqa: E731
    assert hashes(changed) == hashes(trained)


@pytest.mark.parametrize("seed", range(3))
def test_planted_signal_is_found_and_routed(seed: int, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, targets=("fwd_ret_60m",), families=("Ridge",))
    found = run(tmp_path, config, strength=0.12, seed=seed)
    assert found.routing["fwd_ret_60m"].route == "CROSS_SECTIONAL"
    assert found.routing["fwd_ret_60m"].evidence.t_stat > 3.0
    assert "ret_1" in found.models[0].package.meta.feature_list


@pytest.mark.parametrize("seed", range(8))
def test_decision_33_pure_noise_is_blocked_and_not_trained(seed: int, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, families=("Ridge",), max_symbols_for_ss=100)
    events: list = []
    found = run(tmp_path, config, strength=0.0, seed=100 + seed, sink=events.append)
    assert {decision.route for decision in found.routing.values()} == {"BLOCKED"}
    assert found.models == ()
    assert found.manifest.target_index == {}
    assert [event.status for event in events if event.event_type == "target_complete"] == ["skipped", "skipped"]


def test_decision_49_blocked_target_is_trained_only_by_override_and_never_promoted(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, targets=("fwd_ret_60m",), families=("Ridge",), train_blocked=True)
    found = run(tmp_path, config, strength=0.0, seed=100)
    assert found.routing["fwd_ret_60m"].route == "BLOCKED"
    assert found.manifest.target_index["fwd_ret_60m"].blocked_override is True
    assert not found.models[0].run.eligible_for_paper
    assert any("override" in reason for reason in found.models[0].run.blocking_reasons)


@pytest.mark.clause("D1.27", "D1.47")
def test_decision_50_symbol_models_lie_below_their_symbol(tmp_path: Path) -> None:
    thresholds = EvidenceThresholds(min_frac_symbols=1.0, min_frac_both=0.01, symbol_max_p_value=0.3)
    config = dataclasses.replace(CONFIG, targets=("fwd_ret_60m",), families=("Ridge",), max_symbols_for_ss=100, evidence={"fwd_ret": thresholds})
    panel = reversal_panel(3, strength=0.12)
    other = reversal_panel(4, strength=0.0)
    weak = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close", "volume", "quote_volume")}
    for name, values in weak.items():
        values[4:] = getattr(other, name)[4:]
    found = run(tmp_path, config, panel=dataclasses.replace(panel, **weak))
    decision = found.routing["fwd_ret_60m"]
    assert decision.route == "BOTH"
    entry = found.manifest.target_index["fwd_ret_60m"]
    assert (entry.view, entry.views, entry.symbols) == ("CROSS_SECTIONAL", ("CROSS_SECTIONAL", "SYMBOL_SPECIFIC"), decision.winner_symbols)
    alone = [model.package for model in found.models if model.package.symbol is not None]
    assert {package.symbol for package in alone} == set(decision.winner_symbols)
    for package in alone:
        assert f"/view=SYMBOL_SPECIFIC/symbol={package.symbol}/family=Ridge/" in package.meta_path
        assert (package.meta.symbol, package.meta.view, package.meta.route) == (package.symbol, "SYMBOL_SPECIFIC", "SYMBOL_SPECIFIC")


def test_missing_bars_and_a_late_listing_do_not_stop_training(tmp_path: Path) -> None:
    panel = reversal_panel(1, strength=0.15)
    holes = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close", "volume", "quote_volume")}
    for values in holes.values():
        values[0, :700] = float("nan")
        values[3, 500:503] = float("nan")
    config = dataclasses.replace(CONFIG, targets=("fwd_ret_60m",))
    found = run(tmp_path, config, panel=dataclasses.replace(panel, **holes))
    assert len(found.models) == 2


def test_refuses_a_family_that_was_not_given_and_a_history_that_is_too_short(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="XGBoost"):
        run(tmp_path, dataclasses.replace(CONFIG, families=("Ridge", "XGBoost")))
    events: list = []
    with pytest.raises(DataError, match="training times before fold 1"):
        run(tmp_path, panel=reversal_panel(0, strength=0.0, bars=130), sink=events.append)
    assert events[-1].event_type == "error"
    assert files(tmp_path) == {}


def test_clock_stamps_progress_and_the_end(tmp_path: Path) -> None:
    ticks = iter(range(NOW_NS, NOW_NS + 10_000 * HOUR_NS, HOUR_NS))
    config = dataclasses.replace(CONFIG, targets=("fwd_ret_60m",), families=("Ridge",))
    events: list = []
    trained = train(
        Workspace(tmp_path),
        reversal_panel(1, strength=0.15),
        config,
        now_ns=NOW_NS,
        families=[RidgeFamily()],
        compute=InProcessCompute(),
        code_version=CODE,
        coverage_sha256=None,
        progress=events.append,
        clock=lambda: next(ticks),
    )
    summary = read_artifact(contract("model_runs.training_summary"), tmp_path.joinpath(trained.models[0].run.path, "training_summary.json"))
    assert summary.duration_seconds > 0
    assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)
