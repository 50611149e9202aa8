"""Legacy names and fields are read, with one warning each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.artifacts.legacy import (
    LegacyArtifactWarning,
    as_live_pool,
    deprecated_fields_used,
    feature_names,
    read_with_predecessor,
    routing_decisions,
)
from tallystick.contracts.contract import Consumer, Contract
from tallystick.contracts.errors import ArtifactError


def put(folder: Path, name: str, document: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(document))
    return path


@pytest.mark.clause("D3.38", "D3.39")
@pytest.mark.parametrize(("name", "older"), [("metadata.json", "meta.json"), ("report.json", "run_report.json")])
def test_predecessor_is_read_with_one_warning_when_the_file_is_absent(tmp_path: Path, name: str, older: str) -> None:
    put(tmp_path, older, {"run_id": "r"})
    with pytest.warns(LegacyArtifactWarning, match=older) as caught:
        reading = read_with_predecessor(tmp_path / name)
    assert (reading.document, reading.path.name, len(reading.notes), len(caught)) == ({"run_id": "r"}, older, 1, 1)


def test_successor_wins_and_gives_no_warning(tmp_path: Path) -> None:
    put(tmp_path, "meta.json", {"run_id": "old"})
    put(tmp_path, "metadata.json", {"run_id": "new"})
    reading = read_with_predecessor(tmp_path / "metadata.json")
    assert (reading.document["run_id"], reading.notes) == ("new", ())


def test_legacy_pool_is_read_in_its_stored_rank_order(tmp_path: Path) -> None:
    put(tmp_path, "live_pool_legacy.json", {"symbols": {"ZUSDT": {"base_asset": "Z"}, "AUSDT": {"base_asset": "A"}}, "version": "v"})
    with pytest.warns(LegacyArtifactWarning):
        document = read_with_predecessor(tmp_path / "live_pool.json").document
    assert document["symbols"] == ["ZUSDT", "AUSDT"]
    assert list(document["symbol_map"]) == ["ZUSDT", "AUSDT"]
    with pytest.raises(ArtifactError, match="mapping"):
        as_live_pool({"symbols": ["A"]})


def test_refuses_when_neither_is_there_or_the_file_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="neither"):
        read_with_predecessor(tmp_path / "report.json")
    put(tmp_path, "report.json", [1])
    with pytest.raises(ArtifactError, match="object"):
        read_with_predecessor(tmp_path / "report.json")
    with pytest.raises(ArtifactError):
        read_with_predecessor(tmp_path / "other.json")


@pytest.mark.clause("D1.26")
def test_feature_names_fall_back_in_order_with_a_warning() -> None:
    assert feature_names({"feature_list": ["a"], "features": ["b"]}) == (["a"], ())
    with pytest.warns(LegacyArtifactWarning, match="features read in place"):
        assert feature_names({"features": ["b"], "feature_names": ["c"]})[0] == ["b"]
    with pytest.warns(LegacyArtifactWarning, match="feature_names"):
        assert feature_names({"feature_names": ["c"]})[0] == ["c"]
    with pytest.raises(ArtifactError, match="feature_list"):
        feature_names({"features": "abc"})


def test_routing_wrapper_is_unwrapped_and_the_bare_map_is_left_alone() -> None:
    rows = {"ret_5m": {"route": "BLOCKED", "reason": "noise"}}
    assert routing_decisions(rows) == (rows, ())
    with pytest.warns(LegacyArtifactWarning, match="wrapper"):
        assert routing_decisions({"routing_decisions": rows})[0] == rows


@pytest.mark.clause("D1.79")
def test_each_deprecated_field_that_is_used_gives_one_warning() -> None:
    contract = Contract(
        "a.b", "1.0", "p", "a", (Consumer("c", ("*",), "p"),), None, deprecated_fields={"features": "use feature_list", "auc": "use skill01_cs"}
    )
    with pytest.warns(LegacyArtifactWarning) as caught:
        notes = deprecated_fields_used(contract, {"features": [], "auc": 1}, ["features", "other"])
    assert (len(caught), len(notes)) == (1, 1)
    assert "use feature_list" in notes[0]
