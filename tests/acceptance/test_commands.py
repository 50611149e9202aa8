"""Every command as a person and as a machine meets it: help, one JSON document, exit codes, errors in one sentence."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.quickstart_workspace import NOW, call, files_of, finish, start
from tests.fakes.source_tree import ROOT

from tallystick.apps.cli import main as command_line
from tallystick.apps.cli.main import COMMANDS, LazyGroup, run_command
from tallystick.contracts.errors import StrategyError

HEAVY = frozenset({"numpy", "polars", "numba", "lightgbm", "sklearn", "scipy", "fastapi", "uvicorn", "cryptography", "yaml", "sqlite3", "rich.progress"})
# Examples that need more than a finished workspace, or do not end, and what shows them instead.
SHOWN_ELSEWHERE = {
    "quickstart": "every test here stands on it",
    "train": "a step of the quickstart; minutes of fitting add nothing",
    "bridge": "does not end; tests/unit/apps/bridge",
    "contracts diff": "needs two exported registries; tests/unit/apps/cli",
    "runs show": "needs the id of a run; tests/unit/apps",
    "runs leaks": "needs the id of a run; tests/unit/apps",
    "market fetch": "needs a venue; test_market_fetch",
    "label validate": "needs labelled cascades first; test_label_cascades",
    "observe": "needs recordings; test_observe_replay",
    "observe replay": "needs recordings; test_observe_replay",
    "observe collect": "needs a venue; test_observe_collect",
    "forward": "needs the id of a sweep; test_research_surface",
    "portfolio": "needs forward runs; test_research_surface",
    "paper start": "the function of trade, under another name",
    "paper show": "needs the id of a session; tests/unit/research/test_paper_oversight",
    "pretrade validate": "needs a planner's file; tests/unit/research/test_pretrade",
    "runs compare": "needs the ids of two runs; tests/unit/apps",
    "pool rollback": "needs two published releases; test_pool_publishing",
}


def subcommands(name: str) -> Iterator[tuple[str, ...]]:
    group = LazyGroup()
    group.called = name
    command: Any = group.get_command(None, name)
    yield (name,)
    yield from ((name, inner) for inner in sorted(getattr(command, "commands", {})))


EVERY = [parts for name in COMMANDS for parts in subcommands(name)]
NAMES = [" ".join(parts) for parts in EVERY]


def example_of(*parts: str) -> list[str]:
    answer = call(*parts, "--help")
    assert answer.code == 0
    last = answer.out.rstrip().splitlines()[-1]
    assert last.startswith("  Example: tallystick "), answer.out
    return shlex.split(last.removeprefix("  Example: tallystick "))


@pytest.mark.parametrize("parts", EVERY, ids=NAMES)
def test_help_says_what_it_does_and_ends_with_an_example(parts: tuple[str, ...]) -> None:
    example = example_of(*parts)
    assert tuple(example[: len(parts)]) == parts
    text = call(*parts, "--help").out
    assert text.startswith(f"Usage: tallystick {' '.join(parts)} ")
    assert len(text.splitlines()[2].strip()) > 10


def test_root_help_lists_every_command_with_its_line() -> None:
    answer = call("--help")
    assert answer.code == 0
    assert answer.out.rstrip().endswith("Example: tallystick quickstart")
    assert all(f"\n  {name} " in answer.out for name in COMMANDS)


def test_help_imports_no_heavy_library() -> None:
    script = "import sys; from tallystick.apps.cli.main import run_command; run_command(['--help']); sys.stderr.write(' '.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True)
    assert not HEAVY & set(answer.stderr.split())


def test_help_answers_at_once() -> None:
    def fastest(code: str) -> float:
        found = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, check=True)
            found.append(time.perf_counter() - began)
        return min(found)

    # A ratio, since the machine's speed is not ours: importing NumPy, Polars and Numba alone costs more than this.
    assert fastest("from tallystick.apps.cli.main import run_command; run_command(['--help'])") < 25 * fastest("pass")


@pytest.mark.parametrize("arguments", [[], ["market"], ["journal"]])
def test_group_without_a_command_shows_its_help(arguments: list[str]) -> None:
    answer = call(*arguments)
    assert (answer.code, answer.err) == (2, "")
    assert "Commands:" in answer.out


@pytest.mark.slow
@pytest.mark.parametrize("parts", [parts for parts in EVERY if " ".join(parts) not in SHOWN_ELSEWHERE], ids=" ".join)
def test_example_works_on_a_finished_workspace(parts: tuple[str, ...], workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = workspace.with_name("bars")
    bars.mkdir()
    for path in (workspace / "data" / "market" / "generated" / "1h").glob("*.parquet"):
        (bars / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(workspace)
    answer = call(*example_of(*parts))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.strip()


READING = [
    *(["status"], ["replay"], ["trace"], ["journal", "verify"], ["models", "list"], ["models", "show"], ["instruments", "list"], ["runs", "list"]),
    *(["features", "list"], ["strategies", "list"], ["market", "coverage"], ["pool", "validate", "--allow-stale"], ["doctor"], ["contracts", "list"]),
    *(["paper", "list"], ["paper", "health"], ["paper", "alerts"], ["paper", "promotion"]),
]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_json_is_one_document_alone_on_stdout(arguments: list[str], reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(reference)
    answer = call(*arguments, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert isinstance(json.loads(answer.out), dict)


@pytest.mark.slow
def test_reading_commands_write_nothing(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(reference)
    before = files_of(reference)
    for arguments in (*READING, ["why", "AVOUSDT"], ["verify", "."]):
        assert call(*arguments).code == 0, arguments
    assert files_of(reference) == before


WRONG: list[tuple[list[str], int, str]] = [
    (["no-such-command"], 2, "CONFIGURATION_ERROR"),
    (["status", "--no-such-option"], 2, "CONFIGURATION_ERROR"),
    (["quickstart", "--seed", "seven"], 2, "CONFIGURATION_ERROR"),
    (["instruments", "show"], 2, "CONFIGURATION_ERROR"),
    (["trade", "--venue", "moon"], 2, "CONFIGURATION_ERROR"),
    (["status", "--now"], 2, "CONFIGURATION_ERROR"),
    (["market", "generate", "--interval", "7x"], 3, "DATA_ERROR"),
    (["market", "coverage"], 3, "DATA_ERROR"),
    (["models", "show"], 3, "DATA_ERROR"),
    (["replay", "absent"], 3, "DATA_ERROR"),
    (["trace", "absent"], 3, "DATA_ERROR"),
    (["verify", "absent"], 3, "ARTIFACT_ERROR"),
]


@pytest.mark.parametrize(("arguments", "code", "name"), WRONG, ids=[" ".join(item[0]) for item in WRONG])
def test_error_is_one_sentence_with_its_exit_code(arguments: list[str], code: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    as_json = call(*arguments, "--json")
    assert (as_json.code, as_json.err) == (code, "")
    assert list(as_json.document) == ["error"]
    assert list(as_json.error) == ["code", "message", "where", "hint"]
    assert as_json.error["code"] == name
    spoken = call(*arguments)
    assert (spoken.code, spoken.out) == (code, "")
    assert spoken.err.startswith("error: ")
    assert spoken.err.count("\n") == 1
    assert "Traceback" not in spoken.err
    assert not list(tmp_path.iterdir())


class Unforeseen(BaseException):
    """As a panic of a compiled library is: no Exception."""


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (KeyError("colour"), 1, "UNEXPECTED_ERROR"),
        (Unforeseen("a panic\nof two lines"), 1, "UNEXPECTED_ERROR"),
        (KeyboardInterrupt(), 1, "INTERRUPTED"),
        (StrategyError("expected a policy that speaks, found silence"), 4, "STRATEGY_ERROR"),
        (PermissionError(13, "Permission denied", "some/file"), 3, "ARTIFACT_ERROR"),
    ],
)
def test_even_the_unforeseen_is_a_sentence_unless_debug_asks(error: BaseException, code: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: LazyGroup, ctx: Any) -> None:
        raise error

    monkeypatch.setattr(command_line.LazyGroup, "invoke", fail)
    answer = call("doctor", "--json")
    assert (answer.code, answer.error["code"]) == (code, name)
    spoken = call("doctor").err
    assert (spoken.count("\n"), "Traceback" in spoken) == (1, False)
    if name not in ("INTERRUPTED",):
        with pytest.raises(type(error)):
            run_command(["doctor", "--debug"])


def test_output_that_is_cut_by_its_reader_ends_quietly() -> None:
    process = start("contracts", "list")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(60) in (0, 1)
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


def test_terminal_of_ascii_still_gets_its_answer() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", "from tallystick.apps.cli.main import main; main(['features', 'list'])"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ("ret_{n}" in answer.stdout, "?" in answer.stdout, answer.stderr) == (True, True, "")


@pytest.mark.slow
def test_screen_of_a_quickstart_fits_and_its_commands_work(workspace: Path, result: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(workspace)
    answer = call("quickstart", "--now", NOW)
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    commands = [line.partition("#")[0] for line in lines if line.startswith("  tallystick ")]
    assert max(len(line) for line in lines[1:]) <= 100
    assert [line.split()[0] for line in lines if line[:1].isalpha()][1 : len(result["steps"]) + 1] == [step["name"] for step in result["steps"]]
    shown = [shlex.split(line)[1:] for line in commands if "YOUR_BARS" not in line and " bridge" not in line]
    assert len(shown) == 4
    for arguments in shown:
        assert call(*arguments).code == 0, arguments


@pytest.mark.slow
def test_bridge_says_when_it_is_ready_and_where_its_port_is_taken(reference: Path, result: dict[str, Any]) -> None:
    process = start("bridge", "--port", "0", "-w", reference)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["session_id"] == result["session_id"]
    with urllib.request.urlopen(f"{ready['ready']}/api/state", timeout=30) as answer:
        assert json.load(answer)
    taken = call("bridge", "--port", ready["ready"].rsplit(":", 1)[1], "-w", reference)
    assert (taken.code, taken.out) == (2, "")
    assert taken.err.startswith("error: expected a free port, found ")
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert call("bridge", "--session", "absent", "-w", reference).code == 3
