"""Finished runs under `outputs/runs`: a folder appears whole and sealed or not at all, and the shared index follows it.

The run folders are the truth; `runs_index.{json,csv,md}` can be rebuilt from them at any time. One writer at a time holds the folder's lock.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.artifacts.atomic import make_folder, sync_folder, write_atomic_bytes, write_error
from tallystick.artifacts.folder_lock import locked
from tallystick.artifacts.paths import Workspace, get_research_run_dir, get_research_runs_dir
from tallystick.artifacts.seal import break_seal, check_seal, is_sealed, seal_folder, seal_sha256, sealed_files
from tallystick.artifacts.store import encode_artifact, read_artifact, read_bytes
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import RunReport
from tallystick.contracts.runs import INDEX_COLUMNS, RUNS_ROOT, IndexRow, ResolvedConfig, RunMetadata, RunsIndex
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import iso_from_ns

_MOST_RUNS_OF_ONE_SECOND = 1000
RunFiles = Mapping[Path, bytes]
BuildRun = Callable[[Workspace, str], RunFiles]


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A run's folder and the SHA-256 of its seal, which stands for every byte in it. `is_new` is false when the same bytes were there before."""

    run_id: str
    folder: Path
    seal_sha256: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class IndexReading:
    """The index, and the folders under `outputs/runs` that are no finished run, each with the reason."""

    index: RunsIndex
    left_out: Mapping[str, str]


def run_ids(stem: str) -> Iterator[str]:
    """The names that a run may take: the stem, then `_2`, `_3` … where another run of the same second has it."""
    yield stem
    yield from (f"{stem}_{number}" for number in range(2, _MOST_RUNS_OF_ONE_SECOND))


def publish_run(workspace: Workspace, stem: str, build: BuildRun, *, now_ns: int) -> PublishedRun:
    """Make a run's folder and refresh the index.

    build(place, run_id) answers the run's files, path → bytes, below `place`, the workspace in which the folder is prepared; it must be a pure function.
    The folder is written and sealed outside `outputs/runs`, then renamed into it: no reader, index or crash ever meets half a run. A run of the same
    second and configuration with the same bytes is that run, so a repeated command is answered by the first one's folder; with other bytes it takes
    the next free name. Raises ArtifactError when the disk refuses.
    """
    runs = get_research_runs_dir(workspace)
    staging = Workspace(runs.with_name(".staging"))
    with locked(runs):
        _clear(staging.root)
        for run_id in run_ids(stem):
            folder = get_research_run_dir(workspace, run_id)
            files = build(staging, run_id)
            if folder.exists():
                if not _same_run(get_research_run_dir(staging, run_id), files, folder):
                    continue
                published = PublishedRun(run_id, folder, seal_sha256(folder), is_new=False)
            else:
                published = PublishedRun(run_id, folder, _move_in(get_research_run_dir(staging, run_id), files, folder), is_new=True)
            _clear(staging.root)
            _refresh(workspace, now_ns)
            return published
    raise ArtifactError(f"expected a free name for the run {stem}, found a thousand runs of that second", where=str(runs))


def _clear(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise write_error(folder, error) from error


def _same_run(prepared: Path, files: RunFiles, folder: Path) -> bool:
    """Whether a folder holds exactly these files, sealed."""
    if not is_sealed(folder) or check_seal(folder):
        return False
    wanted = {path.relative_to(prepared).as_posix(): data for path, data in files.items()}
    held = {path.relative_to(folder).as_posix(): path for path in sealed_files(folder)}
    return held.keys() == wanted.keys() and all(read_bytes(held[name]) == data for name, data in wanted.items())


def _move_in(prepared: Path, files: RunFiles, folder: Path) -> str:
    for path, data in sorted(files.items()):
        write_atomic_bytes(path, data)
    sealed = seal_folder(prepared)
    try:
        prepared.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise write_error(folder, error) from error
    return sealed


def refresh_index(workspace: Workspace, *, now_ns: int, rebuild: bool = False) -> IndexReading:
    """Bring the index in line with the run folders. Rows of an undamaged index are kept; `rebuild` reads every folder anew."""
    with locked(get_research_runs_dir(workspace)):
        return _refresh(workspace, now_ns, rebuild=rebuild)


def _refresh(workspace: Workspace, now_ns: int, *, rebuild: bool = False) -> IndexReading:
    runs = get_research_runs_dir(workspace)
    make_folder(runs)
    stored = None if rebuild else _undamaged_index(workspace)
    known = {row.run_id: row for row in stored.runs} if stored is not None else {}
    rows: list[IndexRow] = []
    left_out: dict[str, str] = {}
    for folder in sorted(item for item in runs.iterdir() if item.is_dir()):
        if not is_sealed(folder):
            left_out[folder.name] = "not sealed: no finished run"
        elif folder.name in known:
            rows.append(known[folder.name])
        else:
            try:
                rows.append(_row(workspace, folder.name))
            except ArtifactError as error:
                left_out[folder.name] = str(error)
    rows.sort(key=lambda row: (row.created_at, row.run_id))
    if stored is not None and stored.runs == tuple(rows):
        return IndexReading(stored, left_out)
    index = RunsIndex(generated_at=iso_from_ns(now_ns), root_dir=RUNS_ROOT, n_runs=len(rows), runs=tuple(rows))
    _write(workspace, index)
    return IndexReading(index, left_out)


def _row(workspace: Workspace, run_id: str) -> IndexRow:
    metadata: RunMetadata = read_artifact(contract("runs.metadata"), workspace.path("runs.metadata", run_id=run_id))
    config: ResolvedConfig = read_artifact(contract("runs.config"), workspace.path("runs.config", run_id=run_id))
    report: RunReport = read_artifact(contract("runs.report"), workspace.path("runs.report", run_id=run_id))
    summary = report.machine_contract.summary
    if metadata.run_id != run_id or report.machine_contract.run_id != run_id:
        raise ArtifactError(f"expected the run {run_id} in its folder, found {metadata.run_id}", where=run_id)
    return IndexRow(
        run_id=run_id,
        mode=metadata.mode,
        created_at=metadata.created_at,
        git_commit=report.header.git_commit,
        ticker=config.ticker,
        start=config.start,
        end=config.end,
        sharpe_simple=summary.sharpe_simple,
        total_return=summary.total_return,
        max_drawdown=summary.max_drawdown,
        trades=summary.trades,
        path=f"{RUNS_ROOT}/{run_id}",
    )


def _undamaged_index(workspace: Workspace) -> RunsIndex | None:
    """The stored index, or None where it is absent, damaged, or not what was sealed: then the run folders are read."""
    try:
        runs = get_research_runs_dir(workspace)
        if not is_sealed(runs) or any(item.path.parent == runs for item in check_seal(runs)):
            return None
        return read_index(workspace)
    except ArtifactError:
        return None


def _write(workspace: Workspace, index: RunsIndex) -> None:
    rows = [{name: getattr(row, name) for name in INDEX_COLUMNS} for row in index.runs]
    forms = {
        "runs.index_csv": table_bytes(INDEX_COLUMNS, rows),
        "runs.index_md": _page(index, rows),
        "runs.index_json": encode_artifact(contract("runs.index_json"), index),
    }
    runs = get_research_runs_dir(workspace)
    break_seal(runs)
    for name, data in forms.items():
        write_atomic_bytes(workspace.path(name), data)
    seal_folder(runs)


def _page(index: RunsIndex, rows: list[dict[str, object]]) -> bytes:
    lines = [
        "# Runs",
        "",
        f"{index.n_runs} finished runs below `{index.root_dir}`, oldest first. Made by Tallystick; read it, do not edit it.",
        "",
        f"| {' | '.join(INDEX_COLUMNS)} |",
        f"|{'---|' * len(INDEX_COLUMNS)}",
        *(f"| {' | '.join(_cell(row[name]) for name in INDEX_COLUMNS)} |" for row in rows),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return repr(value) if isinstance(value, float) else str(value).replace("|", r"\|")


def read_index(workspace: Workspace) -> RunsIndex:
    """The stored index. Raises ArtifactError when there is none or it is damaged; `refresh_index` makes it anew."""
    index: RunsIndex = read_artifact(contract("runs.index_json"), workspace.path("runs.index_json"))
    return index
