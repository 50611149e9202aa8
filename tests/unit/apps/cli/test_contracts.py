"""`tallystick contracts`: what people and machines see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.apps.cli.main import main
from tallystick.contracts.registry import contract, contracts


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), capsys.readouterr().out


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out = run(capsys, *arguments, "--json")
    document = json.loads(out)
    assert isinstance(document, dict)
    return code, document


@pytest.fixture
def exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    code, document = run_json(capsys, "contracts", "export", str(tmp_path / "old"))
    assert code == 0
    assert all(len(item["sha256"]) == 64 and Path(item["path"]).is_file() for item in document["artifacts"])
    return tmp_path / "old"


def edit(folder: Path, name: str, change: Any) -> None:
    document = json.loads((folder / name).read_text())
    change(document)
    (folder / name).write_text(json.dumps(document))


def test_list_names_every_contract(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "contracts", "list")
    assert code == 0
    assert [row["name"] for row in document["contracts"]] == [item.name for item in contracts()]
    assert "training.model_meta" in run(capsys, "contracts", "list")[1].replace("\n", "")


def test_show_gives_fields_readers_and_rules(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "contracts", "show", "training.model_meta")
    assert (code, document["producer"]) == (0, "training.packaging")
    assert "feature_list" in document["json_schema"]["properties"]
    code, out = run(capsys, "contracts", "show", "training.model_meta")
    assert code == 0
    assert "n_features_counts" in out or "n_features" in out


def test_show_of_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "contracts", "show", "training.nothing")
    assert (code, document["error"]["code"]) == (2, "CONFIGURATION_ERROR")


def test_diff_of_the_same_registry_is_empty(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_json(capsys, "contracts", "diff", str(exported)) == (0, {"breaking": False, "changes": []})
    assert run_json(capsys, "contracts", "diff", str(exported), str(exported)) == (0, {"breaking": False, "changes": []})
    assert "0 changes" in run(capsys, "contracts", "diff", str(exported))[1]


@pytest.mark.clause("D1.75", "D4.131")
def test_diff_refuses_a_removed_required_field_and_names_the_consumers(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = exported.with_name("new")
    run(capsys, "contracts", "export", str(new))

    def remove(schema: dict[str, Any]) -> None:
        del schema["properties"]["feature_list"]
        schema["required"].remove("feature_list")

    edit(new, "training-model-meta.v1.json", remove)
    code, document = run_json(capsys, "contracts", "diff", str(exported), str(new))
    assert (code, document["breaking"]) == (5, True)
    change = next(item for item in document["changes"] if item["kind"] == "field_removed")
    assert (change["path"], change["breaking"]) == ("training.model_meta.feature_list", True)
    consumers = {item.module: item.reads for item in contract("training.model_meta").consumers}
    assert change["consumers"] == sorted(consumers)
    assert change["readers"] == sorted(module for module, reads in consumers.items() if "feature_list" in reads or "*" in reads)
    assert {item["kind"] for item in document["changes"]} == {"field_removed", "version_not_raised"}
    code, out = run(capsys, "contracts", "diff", str(exported), str(new))
    assert (code, "2 changes, 2 breaking" in out) == (5, True)


@pytest.mark.clause("D1.72", "D4.134")
def test_diff_accepts_an_added_optional_field(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = exported.with_name("new")
    run(capsys, "contracts", "export", str(new))
    edit(new, "training-manifest.v1.json", lambda schema: schema["properties"].update(colour={"type": "string"}))
    code, document = run_json(capsys, "contracts", "diff", str(exported), str(new))
    assert (code, document["breaking"]) == (0, False)
    assert document["changes"][0]["kind"] == "field_added_optional"


def test_diff_of_a_folder_that_is_no_registry_is_a_data_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(capsys, "contracts", "diff", str(tmp_path / "nothing"))
    assert (code, document["error"]["code"]) == (3, "ARTIFACT_ERROR")
