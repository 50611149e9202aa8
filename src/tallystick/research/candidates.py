"""Which parameters go forward: read from a finished run's folder, after its seal was checked."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.artifacts.canonical import parse_json
from tallystick.artifacts.paths import Workspace, get_research_run_dir
from tallystick.artifacts.seal import check_seal, is_sealed, seal_sha256
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.registry import contract
from tallystick.contracts.runs import ResolvedConfig, RunMetadata

LEADERBOARD_METRICS = ("sharpe_simple", "total_return", "max_drawdown", "trades", "win_rate")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run's frozen configuration, the seal of the folder it came from, and its rank there by `metric`."""

    run_id: str
    seal_sha256: str
    mode: str
    config: ResolvedConfig
    metric: str
    rank: int


def sealed_run(workspace: Workspace, run_id: str) -> str:
    """The seal of a finished run. Raises ArtifactError for a run that is not there, not finished, or not what was sealed."""
    folder = get_research_run_dir(workspace, run_id)
    if not is_sealed(folder):
        raise ArtifactError(f"expected a finished run named {run_id}, found none", where=str(folder), hint="See: tallystick runs list")
    changed = check_seal(folder)
    if changed:
        raise ArtifactError(f"expected the run as it was sealed, found a change in {changed[0].path.name}", where=str(folder), hint="Run it again")
    return seal_sha256(folder)


def choose_candidate(workspace: Workspace, run_id: str, metric: str, rank: int = 1) -> Candidate:
    """The configuration of rank `rank` by `metric` in a sweep's leaderboard or a walk-forward's out-of-sample leaderboard; of a plain run, its own.

    Drawdowns rank with the smallest loss first, everything else with the highest value first.
    Raises ConfigurationError for an unknown metric or a run that chose nothing, DataError for a rank that the leaderboard does not have.
    """
    if metric not in LEADERBOARD_METRICS:
        raise ConfigurationError(f"expected a metric among {', '.join(LEADERBOARD_METRICS)}, found {metric!r}", where="metric")
    seal = sealed_run(workspace, run_id)
    metadata: RunMetadata = read_artifact(contract("runs.metadata"), workspace.path("runs.metadata", run_id=run_id))
    config: ResolvedConfig = read_artifact(contract("runs.config"), workspace.path("runs.config", run_id=run_id))
    if metadata.mode == "run":
        return Candidate(run_id, seal, metadata.mode, config, metric, 1)
    if metadata.mode not in ("sweep", "walkforward"):
        raise ConfigurationError(f"expected a sweep, walk-forward or run to go forward from, found a {metadata.mode}", where=run_id)
    name = "leaderboard" if metadata.mode == "sweep" else "oos_leaderboard"
    columns = {"sharpe_simple": "mean_test_sharpe_simple", "total_return": "mean_test_total_return", "max_drawdown": "worst_test_max_drawdown"}
    column = metric if name == "leaderboard" else columns.get(metric)
    if column is None:
        raise ConfigurationError(f"expected a metric among {', '.join(columns)} for a walk-forward, found {metric}", where="metric")
    rows = read_artifact(contract(f"runs.{name}"), workspace.path(f"runs.{name}", run_id=run_id)).rows
    able = sorted((row for row in rows if getattr(row, column) is not None), key=lambda row: (-getattr(row, column), row.rank))
    if not 1 <= rank <= len(able):
        raise DataError(f"expected rank {rank} by {metric}, found {len(able)} ranked configurations", where=run_id)
    parameters = parse_json(able[rank - 1].params.encode(), run_id)
    return Candidate(run_id, seal, metadata.mode, with_proposal(config, parameters), metric, rank)


def with_proposal(config: ResolvedConfig, parameters: dict[str, float]) -> ResolvedConfig:
    """A plain run's configuration with these parameters in it."""
    fields = {name: getattr(config, name) for name in ResolvedConfig.model_fields if name not in ("search", "walkforward", "forward", "portfolio")}
    return ResolvedConfig.model_validate({**fields, "strategy_params": {**fields["strategy_params"], **parameters}})
