"""Documents of every stage of document 1's history are readable: 1.0 to 1.4."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.contracts.checking import parse
from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.registry import contract

STAGE_1_0: dict[str, Any] = {
    "family": "LightGBM",
    "target": "fwd_ret_60m",
    "feature_list": ["mom_20", "ret_5"],
    "n_features": 2,
    "metrics": {"mean_IC": 0.03, "mean_RankIC": 0.028, "IC_IR": 0.4},
    "model_checksum": None,
    "interval_minutes": 1440,
}
STAGE_1_1 = {**STAGE_1_0, "model_checksum": "a" * 64, "features": ["ret_5", "mom_20"], "route": "CROSS_SECTIONAL", "view": "CROSS_SECTIONAL"}
STAGE_1_3 = {
    **STAGE_1_1,
    "feature_list": [],
    "features": [],
    "n_features": 0,
    "input_mode": "raw_sequence",
    "sequence_length": 64,
    "sequence_channels": ["open", "high", "low", "close", "volume"],
    "sequence_normalization": "returns",
}
STAGE_1_4 = {
    **STAGE_1_3,
    "cross_sectional_ranking": {
        "enabled": True,
        "target_type": "cs_percentile",
        "loss_type": "pairwise_logistic",
        "training_metrics": {"best_ic": 0.05, "best_spread": 0.01, "epochs_trained": 12},
    },
}


@pytest.mark.clause("D1.71", "D1.03")
@pytest.mark.parametrize("document", [STAGE_1_0, STAGE_1_1, STAGE_1_3, STAGE_1_4], ids=["1.0", "1.1", "1.3", "1.4"])
def test_model_meta_of_every_stage_is_readable(document: dict[str, Any]) -> None:
    meta = parse(contract("training.model_meta"), document)
    assert meta.interval_minutes == 1440.0


@pytest.mark.clause("D1.71")
def test_dashboard_bodies_of_stage_1_2_are_readable() -> None:
    state = {"status": "running", "current_stage": "idle", "last_cycle": "2026-01-21T00:00:00Z", "uptime_seconds": 12.5}
    assert parse(contract("dashboard.engine_state"), state).status == "running"


@pytest.mark.clause("D1.35")
def test_target_type_is_a_closed_list_and_loss_type_an_open_one() -> None:
    block = STAGE_1_4["cross_sectional_ranking"]
    for loss in ("pairwise_logistic", "listwise_softmax", "a_loss_of_next_year"):
        meta = parse(contract("training.model_meta"), {**STAGE_1_4, "cross_sectional_ranking": {**block, "loss_type": loss}})
        assert meta.cross_sectional_ranking.loss_type == loss
    with pytest.raises(ContractViolation, match="target_type"):
        parse(contract("training.model_meta"), {**STAGE_1_4, "cross_sectional_ranking": {**block, "target_type": "cs_mood"}})
