"""Who may read what of the live pool: evidence stays evidence."""

from __future__ import annotations

import pytest
from tests.fakes.source_tree import python_files

from tallystick.contracts.errors import ContractViolation
from tallystick.contracts.pool import PoolSource, ResolvedPool
from tallystick.contracts.registry import contract

TRADING_PATH = ("decision", "risk", "execution", "engine")
EVIDENCE = ("universe.latest_ranking", "universe.build_report", "universe.track_summary")


@pytest.mark.clause("D5.07", "D5.25")
def test_no_execution_path_reads_the_ranking_or_research_extras() -> None:
    for name in EVIDENCE:
        readers = [item.module for item in contract(name).consumers]
        assert not [module for module in readers if module.split(".", maxsplit=1)[0] in TRADING_PATH], name
    words = ("latest_ranking", "selection_meta", "build_report", "track_summary", "universe.scoring", "universe.features")
    found = [f"{item.path}: {word}" for item in python_files("src") if item.room in TRADING_PATH for word in words if word in item.text]
    assert not found


@pytest.mark.clause("D5.06")
def test_no_execution_path_imports_the_room_that_orders_the_pool() -> None:
    found = [item.path for item in python_files("src") if item.room in TRADING_PATH if "tallystick.universe" in item.text]
    assert not found


@pytest.mark.clause("D5.40", "D5.44")
def test_no_execution_path_reads_shadow_releases_or_tracks() -> None:
    words = ("shadow_releases", "shadow_candidate_tracks", "challenger_topk_60", "universe.release_index")
    found = [f"{item.path}: {word}" for item in python_files("src") if item.room in TRADING_PATH for word in words if word in item.text]
    assert not found


@pytest.mark.clause("D5.52")
@pytest.mark.parametrize("source", ["fresh_upstream", "last_known_good", "local_file", "static"])
def test_only_a_fresh_upstream_pool_is_not_degraded(source: PoolSource) -> None:
    fresh = source == "fresh_upstream"
    assert ResolvedPool({"ETHUSDT": "ETH"}, source, not fresh).degraded is not fresh
    with pytest.raises(ContractViolation, match="degraded"):
        ResolvedPool({"ETHUSDT": "ETH"}, source, fresh)
    with pytest.raises(ContractViolation, match="found none"):
        ResolvedPool({}, source, not fresh)
