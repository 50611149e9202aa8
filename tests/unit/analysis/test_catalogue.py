"""The catalogue: names, rows, memory, refusals."""

from __future__ import annotations

import pytest

from tallystick.analysis.catalogue import CATALOGUE, STANDARD_FEATURES, find_feature, needs_benchmark, warm_up_bars
from tallystick.contracts.errors import DataError
from tallystick.kernels.kind_table import KINDS


def test_every_example_is_a_member_of_its_own_family() -> None:
    for family in CATALOGUE.values():
        row = find_feature(family.example)
        assert (row.kind, row.says, row.inputs) == (family.kind, family.says, family.inputs)


def test_every_kernel_kind_has_a_name_in_the_catalogue() -> None:
    assert {kind.name for kind in KINDS} == {family.kind for family in CATALOGUE.values()}
    assert [kind.number for kind in KINDS] == list(range(len(KINDS)))


@pytest.mark.parametrize(
    ("name", "kind", "memory"),
    [
        ("ret_2000", "change", 2001), ("vol_20", "volatility", 21), ("sma_200", "mean", 200), ("share_above_sma_90_200", "share_above", 289),
        ("sma_slope_200_20", "mean_slope", 220), ("ulcer_50", "ulcer", 99),
        ("rsi_14", "rsi", 281), ("macd_12_26_9", "macd", 370), ("drawdown_180", "drawdown", 180),
        ("beta_60", "beta", 61), ("quote_volume", "level", 1), ("cs_rank_ret_20", "rank", 21),
    ],
)  # fmt: skip
def test_memory_is_the_bars_a_value_depends_on(name: str, kind: str, memory: int) -> None:
    assert (find_feature(name).kind, find_feature(name).memory_bars) == (kind, memory)


@pytest.mark.parametrize(
    "name",
    ["ret_0", "ret_2001", "ret_05", "ret_", "ret", "Ret_5", "vol_1", "macd_26_12_9", "rsi_14d", "cs_rank_", "cs_rank_nothing_3",
    "cs_rank_cs_rank_ret_5", ""]
)  # fmt: skip
def test_an_unknown_name_is_refused_by_name_with_the_command_that_lists(name: str) -> None:
    with pytest.raises(DataError) as refused:
        find_feature(name)
    assert repr(name.removeprefix("cs_rank_") if "nothing" in name or name == "cs_rank_" else name) in str(refused.value)
    assert "tallystick features list" in refused.value.hint


def test_warm_up_is_the_longest_memory() -> None:
    assert warm_up_bars(["ret_5", "cs_rank_vol_60", "sma_20"]) == 61
    assert warm_up_bars([]) == 0


def test_only_relative_features_need_a_benchmark() -> None:
    assert needs_benchmark(["ret_5", "cs_rank_rs_20"])
    assert not needs_benchmark(STANDARD_FEATURES)


def test_the_builder_of_the_live_document_has_its_29_features() -> None:
    assert len({find_feature(name).name for name in STANDARD_FEATURES}) == 29


def test_catalogue_sentences_are_unique_or_aliases() -> None:
    says = [family.says for family in CATALOGUE.values()]
    assert len(set(says)) == len(says)
