"""An exported registry is read back as it was, and a damaged one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.apps.registry_folder import installed_registry, read_registry, registry_files, write_registry
from tallystick.contracts.compatibility import compare
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contracts


def test_exported_registry_does_not_differ_from_the_installed_one(tmp_path: Path) -> None:
    write_registry(tmp_path)
    assert compare(read_registry(tmp_path), installed_registry()).changes == ()
    assert len(list(tmp_path.iterdir())) == len(contracts()) + 1


def test_rows_are_taken_from_the_schemas_without_a_registry_file(tmp_path: Path) -> None:
    write_registry(tmp_path)
    (tmp_path / "registry.json").unlink()
    assert compare(read_registry(tmp_path), installed_registry()).changes == ()


def test_same_registry_gives_the_same_bytes() -> None:
    assert registry_files() == registry_files()


def test_refuses_a_folder_without_a_registry_or_with_a_part_missing(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="exported registry"):
        read_registry(tmp_path)
    write_registry(tmp_path)
    (tmp_path / "training-manifest.v1.json").unlink()
    with pytest.raises(ArtifactError, match=r"training-manifest\.v1\.json"):
        read_registry(tmp_path)
    (tmp_path / "training-manifest.v1.json").write_text("[]")
    with pytest.raises(ArtifactError, match="object"):
        read_registry(tmp_path)
    (tmp_path / "registry.json").write_text("{}")
    with pytest.raises(ArtifactError, match="list of contracts"):
        read_registry(tmp_path)


def test_refuses_a_row_without_its_consumers(tmp_path: Path) -> None:
    write_registry(tmp_path)
    document = json.loads((tmp_path / "registry.json").read_text())
    del document["contracts"][0]["consumers"]
    (tmp_path / "registry.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="expected consumers"):
        read_registry(tmp_path)
