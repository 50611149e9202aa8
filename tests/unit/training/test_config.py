from __future__ import annotations

import pytest

from tallystick.contracts.errors import ConfigurationError
from tallystick.training.config import TrainingConfig


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"targets": ()}, "targets"),
        ({"targets": ("fwd_ret_60m", "fwd_ret_60m")}, "targets"),
        ({"features": ("ret_1", "ret_1")}, "features"),
        ({"families": ("LightGBM",)}, "ranking_family"),
        ({"folds": 1}, "folds"),
        ({"test_share_pct": 90.0}, "test_share_pct"),
        ({"min_names": 2}, "min_names"),
        ({"evidence": {}}, "evidence"),
        ({"targets": ("ret_5m",)}, "ret_5m"),
        ({"seed": -1}, "seed"),
    ],
)
def test_refuses_a_setting_that_makes_no_sense(change: dict, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainingConfig(**change)
    assert where in str(caught.value)


def test_document_holds_every_setting() -> None:
    document = TrainingConfig().document()
    assert document["evidence"]["fwd_ret"]["min_t_stat"] == 2.5
    assert document["promotion"]["taker_fee_bps"] == 4.5
    assert set(document) == set(TrainingConfig.__dataclass_fields__)
