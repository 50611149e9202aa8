from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.paper_workspace import CYCLES, NOW_NS, lake_at, paper_config, use_fake_engine

from tallystick.apps.assembly import journal_reader, session_journal
from tallystick.apps.session_report import session_report, why
from tallystick.apps.sessions import find_session, load_config, replay_session, session_ids, start_session, trace
from tallystick.artifacts.paths import Workspace, get_session_dir
from tallystick.artifacts.seal import break_seal, check_seal, is_sealed
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.errors import DataError, SafetyRefusal
from tallystick.contracts.registry import contract


def quiet(_done: int, _total: int) -> None:
    """No progress."""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    use_fake_engine(monkeypatch)
    return lake_at(tmp_path)


def start(workspace: Workspace, config=None, now_ns: int = NOW_NS):
    return start_session(workspace, config or paper_config(workspace), now_ns=now_ns, progress=quiet)


def test_a_session_runs_to_its_end_and_its_folder_is_sealed(workspace):
    done = start(workspace)
    assert (done.session_id, done.status, done.folder) == ("paper-1", "completed", get_session_dir(workspace, "paper-1"))
    assert sorted(path.name for path in done.folder.iterdir()) == ["SHA256SUMS", "config.json", "journal.db"]
    assert check_seal(done.folder) == []
    report = session_report(workspace, "paper-1")
    assert (report.status, report.cycles) == ("completed", CYCLES)
    assert report.order_ids
    assert report.fills


def test_the_same_session_again_is_already_completed_and_changes_no_byte(workspace):
    first = start(workspace)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = start(workspace, now_ns=NOW_NS + 10**12)
    assert (again.status, again.seal_sha256) == ("already completed", first.seal_sha256)
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


def test_an_id_that_stands_for_another_configuration_is_refused(workspace):
    start(workspace)
    other = paper_config(workspace).model_copy(update={"starting_cash": 5.0, "end": "2025-01-24T20:00:00Z"})
    with pytest.raises(SafetyRefusal, match="found other end, starting_cash"):
        start(workspace, other)
    later = paper_config(workspace).model_copy(update={"created_at": "2025-03-01T00:00:00Z"})
    assert start(workspace, later).status == "already completed"


def test_the_first_run_obeys_the_very_numbers_that_a_recovery_reads(workspace, monkeypatch):
    obeyed = []
    use_fake_engine(monkeypatch, on_config=lambda config: obeyed.append(repr(config.settings)))
    start(workspace)
    break_seal(get_session_dir(workspace, "paper-1"))
    start(workspace)
    assert len(obeyed) == 2
    assert obeyed[0] == obeyed[1], "2.0 and 2 are other bytes in a journal"


def test_an_input_that_was_altered_is_refused_before_anything_runs(workspace):
    config = paper_config(workspace)
    path = workspace.at(next(item.path for item in config.inputs if item.contract == "market.bars"))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SafetyRefusal, match="expected the input data/market/"):
        start(workspace, config)
    assert journal_reader(workspace, "paper-1").last() is None
    assert not is_sealed(get_session_dir(workspace, "paper-1"))


def test_a_session_that_was_cut_goes_on_to_the_same_commits(workspace, tmp_path, monkeypatch):
    start(workspace)
    whole = [row.body for row in journal_reader(workspace, "paper-1").rows("commit")]

    def stop(cycle: int) -> None:
        if cycle == 8:
            raise KeyboardInterrupt

    second = lake_at(tmp_path / "second")
    use_fake_engine(monkeypatch, stop)
    with pytest.raises(KeyboardInterrupt):
        start(second)
    assert session_report(second, "paper-1").status == "running"
    use_fake_engine(monkeypatch)
    assert start(second).status == "completed"
    assert [row.body for row in journal_reader(second, "paper-1").rows("commit")] == whole


def test_a_second_process_is_refused_and_hears_nothing(workspace):
    config = paper_config(workspace)
    write_artifact(contract("engine.session_config"), workspace.path("engine.session_config", session_id="paper-1"), config)
    begun = []
    with session_journal(workspace, "paper-1"), pytest.raises(SafetyRefusal, match="another process"):
        start_session(workspace, config, now_ns=NOW_NS, progress=quiet, begun=lambda: begun.append(True))
    assert not begun
    assert start(workspace).status == "completed"


@pytest.mark.clause("D4.124")
def test_replay_finds_no_difference_and_trace_finds_the_session_of_an_order(workspace):
    start(workspace)
    write_artifact(contract("engine.session_config"), workspace.path("engine.session_config", session_id="planned"), paper_config(workspace, "planned"))
    report = replay_session(workspace, "paper-1", quiet)
    assert (report.cycles, report.differences) == (CYCLES, ())
    order = session_report(workspace, "paper-1").order_ids[0]
    name, links = trace(workspace, order)
    assert name == "paper-1"
    assert [link.kind for link in links if not link.verified] == ["code"], "the fixture names other code than this"
    for unknown in ("f" * 32, order[:10]):
        with pytest.raises(DataError, match="expected an order of a session here"):
            trace(workspace, unknown)


def test_a_session_that_never_began_is_listed_with_nothing_done(workspace):
    write_artifact(contract("engine.session_config"), workspace.path("engine.session_config", session_id="planned"), paper_config(workspace, "planned"))
    report = session_report(workspace, "planned")
    assert (report.status, report.cycles, report.order_ids, report.equity) == ("running", 0, (), report.starting_cash)
    assert session_ids(workspace) == ["planned"]
    assert find_session(workspace, None) == "planned"
    assert load_config(workspace, "planned").symbols == paper_config(workspace).symbols
    with pytest.raises(DataError, match="expected a session named other, found planned"):
        find_session(workspace, "other")


def test_why_names_the_stage_and_the_number_of_the_last_cycle_at_or_before_a_time(workspace):
    start(workspace)
    found = why(workspace, "paper-1", "BRIMUSDT", None)
    assert found["cycle"] == CYCLES
    early = why(workspace, "paper-1", "BRIMUSDT", "2025-01-24T11:30:00Z")
    assert early["now"] == "2025-01-24T11:00:00Z"
    assert early["stopped_by"] == (None if early["decision"] == "TRADE" else early["stage"])
    with pytest.raises(DataError, match="expected a symbol of the session paper-1"):
        why(workspace, "paper-1", "NONEUSDT", None)


def test_counts_of_a_report_are_those_of_the_journal(workspace):
    start(workspace)
    report = session_report(workspace, "paper-1")
    document = report.as_document()
    assert document["orders"] == len(set(report.order_ids)) == len(report.order_ids)
    assert document["return_pct"] == pytest.approx(float(report.equity / report.starting_cash - 1) * 100)
    assert report.lines()[1] == "universe: static"
    assert len(report.lines()) == 3 + len(report.refusals)
