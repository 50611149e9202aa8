"""Paths of artifacts: the patterns of the contracts, filled. Nothing else joins artifact paths (document 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tallystick.contracts import path_patterns
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.registry import contract as find_contract

VIEWS = ("CROSS_SECTIONAL", "SYMBOL_SPECIFIC")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The root under which `RESULTS/`, `outputs/`, `data/` and `state/` lie."""

    root: Path

    def path(self, contract: Contract | str, which: int = 0, **parts: str) -> Path:
        """Where an artifact lies: the contract's path pattern number `which`, filled. Raises ConfigurationError for wrong parts."""
        item = find_contract(contract) if isinstance(contract, str) else contract
        if which >= len(item.paths):
            raise ConfigurationError(f"expected a contract with a path, found {item.name}", where=item.name)
        return self.root / path_patterns.fill(item.paths[which], parts)

    def relative(self, path: Path) -> str:
        """A path below the workspace, with `/`. Raises ConfigurationError for a path outside it."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            raise ConfigurationError(f"expected a path below the workspace {self.root}, found {path}") from None

    def at(self, relative: str) -> Path:
        """The path of a recorded relative name, kept inside the workspace."""
        path = self.root / relative
        self.relative(path)
        return path


def get_runs_dir(workspace: Workspace) -> Path:
    """`RESULTS/runs`, where training runs lie."""
    return workspace.root / "RESULTS" / "runs"


def get_run_dir(workspace: Workspace, run_id: str, run_instance_id: str) -> Path:
    """The root of one training run instance (decision 51: the timestamp folder equals `run_instance_id`)."""
    return workspace.path("training.manifest", run_id=run_id, run_instance_id=run_instance_id).parent


def get_target_dir(run_root: Path, target: str) -> Path:
    """`<run root>/targets/<target>`."""
    return run_root / path_patterns.fill("targets/{target}", {"target": target})


def get_scoped_artifact_dir(run_root: Path, target: str, view: str, family: str, symbol: str | None = None) -> Path:
    """The folder of one model: `targets/<target>/models/view=<view>/[symbol=<symbol>/]family=<family>` (decision 50).

    Raises ConfigurationError for an unknown view, or a symbol where the view has none.
    """
    if view not in VIEWS or (symbol is not None) != (view == "SYMBOL_SPECIFIC"):
        raise ConfigurationError(f"expected view CROSS_SECTIONAL, or SYMBOL_SPECIFIC with a symbol, found {view} with symbol {symbol}")
    folder = get_target_dir(run_root, target) / "models" / f"view={view}"
    if symbol is not None:
        folder /= path_patterns.fill("symbol={symbol}", {"symbol": symbol})
    return folder / path_patterns.fill("family={family}", {"family": family})


def get_session_dir(workspace: Workspace, session_id: str) -> Path:
    """`state/sessions/<session_id>`: the journal and configuration of an engine session."""
    return workspace.root / path_patterns.fill("state/sessions/{session_id}", {"session_id": session_id})


def get_sessions_dir(workspace: Workspace) -> Path:
    """`state/sessions`."""
    return workspace.root / "state" / "sessions"


def get_output_dir(workspace: Workspace) -> Path:
    """`data/output`: the release files of the live pool."""
    return workspace.root / "data" / "output"


def get_model_run_dir(workspace: Workspace, model_run_id: str) -> Path:
    """`outputs/model_runs/<model_run_id>`."""
    return workspace.root / path_patterns.fill("outputs/model_runs/{model_run_id}", {"model_run_id": model_run_id})


def get_research_runs_dir(workspace: Workspace) -> Path:
    """`outputs/runs`: research runs and their index."""
    return workspace.root / "outputs" / "runs"


def get_research_run_dir(workspace: Workspace, run_id: str) -> Path:
    """`outputs/runs/<run_id>`."""
    return get_research_runs_dir(workspace) / path_patterns.fill("{run_id}", {"run_id": run_id})


def get_paper_session_dir(workspace: Workspace, session_id: str) -> Path:
    """`outputs/paper_sessions/<session_id>`."""
    return workspace.root / path_patterns.fill("outputs/paper_sessions/{session_id}", {"session_id": session_id})


def get_paper_sessions_dir(workspace: Workspace) -> Path:
    """`outputs/paper_sessions`."""
    return workspace.root / "outputs" / "paper_sessions"


def get_lake_dir(workspace: Workspace, venue: str, interval: str) -> Path:
    """`data/market/<venue>/<interval>`: bar files and their coverage."""
    return workspace.root / path_patterns.fill("data/market/{venue}/{interval}", {"venue": venue, "interval": interval})


def get_market_dir(workspace: Workspace) -> Path:
    """`data/market`: one folder a venue, one below it an interval."""
    return workspace.root / "data" / "market"


def get_fetched_dir(workspace: Workspace, venue: str, interval: str) -> Path:
    """`data/fetched/<venue>/<interval>`: what a venue told, page by page."""
    return workspace.root / path_patterns.fill("data/fetched/{venue}/{interval}", {"venue": venue, "interval": interval})


def get_manifest_path(run_root: Path) -> Path:
    """`<run root>/manifest.json`."""
    return run_root / "manifest.json"


def get_recorded_path(run_root: Path, relative: str) -> Path:
    """The path of a name that a run's manifest records, kept inside the run. Raises ConfigurationError for one that leaves it."""
    return Workspace(run_root).at(relative)


def get_event_store_dir(workspace: Workspace, venue: str) -> Path:
    """`data/events/<venue>`: the store of a venue's messages and events, one folder a day."""
    return workspace.root / path_patterns.fill("data/events/{venue}", {"venue": venue})


def get_event_tail_path(store: Path) -> Path:
    """`<store>/tail.log`: what is durable and in no segment yet."""
    return store / "tail.log"


def get_event_day_path(store: Path, day: str) -> Path:
    """`<store>/<day>/day.json`: the index of a day."""
    return store / path_patterns.fill("{day}/day.json", {"day": day})


def get_event_segment_paths(day_index: Path, segment: str) -> tuple[Path, Path]:
    """The files with the messages and the events of one segment, beside the index of its day."""
    messages, events = (path_patterns.fill(f"{name}-{{segment}}.parquet", {"segment": segment}) for name in ("messages", "events"))
    return day_index.parent / messages, day_index.parent / events


def get_event_days(store: Path) -> tuple[Path, ...]:
    """The indexes of the days in a store, or of the one day whose folder is given, by date; none where it is no store."""
    own = store / "day.json"
    return (own,) if own.is_file() else tuple(sorted(store.glob("*/day.json")))
