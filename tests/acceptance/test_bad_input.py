"""Bad input, as a new user would try it: one clear sentence, the right exit code, nothing half-written, and the next try works."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.quickstart_workspace import NOW, Answer, call, files_of, walk

from tallystick.adapters.models.lightgbm import LightGBMLoader
from tallystick.adapters.models.ridge import RidgeLoader
from tallystick.apps.verifiers import VERIFIERS
from tallystick.artifacts.store import read_artifact
from tallystick.artifacts.verification import locate, verify
from tallystick.contracts.errors import ArtifactError

pytestmark = pytest.mark.slow
BARS = "symbol,ts,open,high,low,close,volume"


def csv_bars(symbol: str, days: int = 30) -> list[str]:
    return [f"{symbol},2024-01-{day + 1:02d}T00:00:00Z,10,11,9,{10 + day % 2},100" for day in range(days)]


def refused(answer: Answer, code: int, name: str) -> str:
    """The sentence of an error that is as it should be."""
    assert (answer.code, answer.err) == (code, "")
    assert answer.error["code"] == name
    assert "\n" not in answer.error["message"]
    assert answer.error["message"].startswith("expected ")
    assert ", found" in answer.error["message"]
    return answer.error["message"]


def test_missing_data_folder_is_said_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "new"
    answer = walk(root, "--data", tmp_path / "absent")
    assert "a folder with bars" in refused(answer, 3, "DATA_ERROR")
    assert answer.error["where"].endswith("absent")
    assert not root.exists()


def test_empty_data_folder_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    root, data = tmp_path / "new", tmp_path / "empty"
    data.mkdir()
    assert "an empty folder" in refused(walk(root, "--data", data), 3, "DATA_ERROR")
    assert not root.exists()


def test_csv_without_a_column_is_named_with_the_column(tmp_path: Path) -> None:
    root, data = tmp_path / "new", tmp_path / "bars"
    data.mkdir()
    rows = [line.rsplit(",", 1)[0] for line in (BARS, *csv_bars("BTCUSDT"))]
    (data / "btc.csv").write_text("\n".join(rows) + "\n")
    for answer in (
        walk(root, "--data", data),
        call("market", "import", data, "-w", root, "--json"),
        call("market", "import", data / "btc.csv", "-w", root, "--json"),
    ):
        message = refused(answer, 3, "DATA_ERROR")
        assert "btc.csv" in message
        assert "has no column volume" in message
    assert not root.exists()
    # The same file with its column is imported by the same command.
    (data / "btc.csv").write_text("\n".join((BARS, *csv_bars("BTCUSDT"))) + "\n")
    assert call("market", "import", data, "-w", root, "--now", NOW, "--json").document["rows"] == 30


def test_too_few_symbols_are_said_with_what_was_found(tmp_path: Path) -> None:
    root, data = tmp_path / "new", tmp_path / "bars"
    data.mkdir()
    (data / "btc.csv").write_text("\n".join((BARS, *csv_bars("BTCUSDT"))) + "\n")
    message = refused(walk(root, "--data", data), 3, "DATA_ERROR")
    assert "5 symbols with 180 days" in message
    assert "1 symbols" in message
    assert not root.exists()


def test_nan_close_is_refused_and_counted(reference: Path, tmp_path: Path) -> None:
    frame = pl.read_parquet(reference / "data" / "market" / "generated" / "1d" / "BTCUSDT.parquet")
    holes = [7, 8, 100]
    marked = frame.with_row_index().with_columns(pl.when(pl.col("index").is_in(holes)).then(float("nan")).otherwise(pl.col("close")).alias("close"))
    data = tmp_path / "bars.parquet"
    marked.drop("index").write_parquet(data)
    answer = call("market", "import", data, "-w", tmp_path / "new", "--now", NOW, "--json")
    assert answer.code == 0
    assert answer.document["rows"] == frame.height - len(holes)
    assert answer.document["refused_rows"] == [{"reason": "non_finite", "count": len(holes)}]
    (row,) = call("market", "coverage", "-w", tmp_path / "new", "--json").document["symbols"]
    assert (row["rows"], row["gaps"], row["refused"]) == (frame.height - len(holes), 2, len(holes))
    assert call("verify", tmp_path / "new", "--json").code == 0


def small_artifacts(root: Path) -> list[Path]:
    """One file of every contract that the workspace has, the small ones."""
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        known = locate(path) if path.is_file() and path.stat().st_size < 400_000 else None
        if known is not None:
            found.setdefault(known[0].name, path)
    return list(found.values())


@pytest.mark.clause("D4.02", "D4.136", "D4.138")
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
def test_artifact_cut_at_any_byte_is_refused_by_its_reader_and_by_verify(data: st.DataObject, reference: Path, tmp_path: Path) -> None:
    path = data.draw(st.sampled_from(small_artifacts(reference)))
    whole = path.read_bytes()
    kept = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.sampled_from([0, 1, len(whole) // 2, len(whole) - 2, len(whole) - 1])))
    copy = tmp_path / "cut" / path.relative_to(reference)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(whole[:kept])
    known = locate(path)
    assert known is not None
    # Without its last byte, the newline, a document is whole, only not canonical: a reader takes it, verify does not.
    if known[0].encoding == "rfc8785" and kept < len(whole) - 1:
        with pytest.raises(ArtifactError, match="expected"):
            read_artifact(known[0], copy)
    # Within its folder the seal vouches for every byte, whatever the format.
    sealed = next(folder for folder in path.parents if (folder / "SHA256SUMS").is_file())
    place = tmp_path / "sealed" / sealed.relative_to(reference)
    for file, content in files_of(sealed).items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(content if sealed / file != path else whole[:kept])
    report = verify(place, verifiers=VERIFIERS)
    assert path.relative_to(sealed).as_posix() in {failure.path for failure in report.failures}


MODEL_FILES = [("LightGBM", "model.txt"), ("Ridge", "model.joblib"), ("Ridge", "scaler.joblib"), ("Ridge", "imputer.joblib")]


@pytest.mark.clause("D4.02")
@pytest.mark.parametrize(("family", "name"), MODEL_FILES)
def test_flipped_byte_in_a_model_is_refused_before_any_library_sees_it(family: str, name: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    for loader in (LightGBMLoader, RidgeLoader):
        load = loader.load

        def spy(self: Any, files: Mapping[str, bytes], n_features: int, load: Any = load) -> Any:
            seen.extend(files.values())
            return load(self, files, n_features)

        monkeypatch.setattr(loader, "load", spy)
    path = sorted(workspace.rglob(f"family={family}/{name}"))[-1]
    data = path.read_bytes()
    flipped = data[:-40] + bytes([data[-40] ^ 1]) + data[-39:]
    path.write_bytes(flipped)
    before = files_of(workspace)
    answer = call("trade", "--ungated", "--session-id", "second", "-w", workspace, "--now", NOW, "--json")
    assert "SHA-256" in refused(answer, 3, "ARTIFACT_ERROR")
    assert answer.error["where"].endswith(f"family={family}/{name}")
    assert seen
    assert flipped not in seen
    assert files_of(workspace) == before
    path.write_bytes(data)
    assert call("trade", "--ungated", "--session-id", "second", "-w", workspace, "--now", NOW, "--json").code == 0


def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way to write answers as a read-only file system does; permissions would not stop root."""

    def fail(path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    opened = Path.open

    def open_to_read(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        return opened(self, mode, *more, **named) if set(mode) <= set("rbt") else fail(self)

    monkeypatch.setattr(Path, "open", open_to_read)
    for name in ("mkdir", "unlink", "rename", "replace", "rmdir", "touch"):
        monkeypatch.setattr(Path, name, lambda self, *_, **__: fail(self))


def test_read_only_workspace_is_said_in_a_sentence(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "btc.csv"
    data.write_text("\n".join((BARS, *csv_bars("BTCUSDT"))) + "\n")
    before = files_of(workspace)
    with monkeypatch.context() as patch:
        read_only(patch)
        tries: list[tuple[str | Path, ...]] = [
            ("quickstart", "-w", tmp_path / "new"),
            ("quickstart", "-w", workspace),
            ("market", "generate", "-w", tmp_path / "new"),
            ("market", "import", data, "-w", workspace),
            ("pool", "build", "--as-of", "2025-06-01", "-w", workspace),
            ("run", "-w", workspace, "--ticker", "BTCUSDT"),
            ("trade", "--ungated", "--session-id", "second", "-w", workspace),
        ]
        for arguments in tries:
            answer = call(*arguments, "--json")
            assert answer.code == 3, (arguments, answer)
            assert "Read-only file system" in answer.error["message"], (arguments, answer)
        # What only reads, works.
        for reading in (["status"], ["trace"], ["journal", "verify"], ["replay"]):
            assert call(*reading, "-w", workspace, "--json").code == 0, reading
        assert call("verify", workspace, "--json").code == 0
    assert files_of(workspace) == before
    assert not (tmp_path / "new").exists()
    assert walk(workspace).code == 0
