"""Research runs for the front doors: from flags, a file or a machine request to a run; and reading runs back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.apps.research_market import RunSetting, research_market
from tallystick.apps.research_settings import RUN_KEYS, joined_settings, read_settings
from tallystick.artifacts.legacy import read_with_predecessor
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.run_index import IndexReading, read_index, refresh_index
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.runs import IndexRow
from tallystick.research.run import run
from tallystick.research.run_folder import RunResult

RANKED = ("sharpe_simple", "total_return", "max_drawdown", "trades")


def research_run(workspace: Workspace, params: Mapping[str, Any], *, now_ns: int, request_id: str | None = None, config_path: str | None = None) -> RunResult:
    """A run from named settings: those of the file at `config_path`, overridden by `params`.

    Unknown names in `params` are ignored, as machines may send more; in a file they are refused. Raises ConfigurationError for a value of the wrong kind,
    DataError where the lake has no such bars.
    """
    market = run_setting(workspace, params, config_path)
    provenance = market.provenance(now_ns=now_ns, request_id=request_id, config_path=config_path)
    return run(
        workspace,
        market.panel,
        market.book,
        market.config,
        now_ns=now_ns,
        code_version=provenance.code,
        request_id=request_id,
        config_path=config_path,
        universe_source=market.universe.source,
        universe_version=market.universe.version,
        universe_note=market.universe.note,
        coverage_sha256=market.coverage_sha256,
        pool_history=market.universe.history,
    )


def run_setting(workspace: Workspace, params: Mapping[str, Any], config_path: str | None = None) -> RunSetting:
    """What a run of these settings is made from. Raises what `research_run` raises."""
    return research_market(workspace, joined_settings(read_settings(config_path, RUN_KEYS), params))


def listed_runs(workspace: Workspace, *, now_ns: int, rebuild: bool = False) -> IndexReading:
    """The run index, brought in line with the folders first; a damaged one is rebuilt."""
    return refresh_index(workspace, now_ns=now_ns, rebuild=rebuild)


def best_run(workspace: Workspace, metric: str, mode: str | None = None) -> IndexRow:
    """The run with the highest value of a metric. Raises ConfigurationError for an unknown metric, DataError when no run has it."""
    if metric not in RANKED:
        raise ConfigurationError(f"expected a metric among {', '.join(RANKED)}, found {metric!r}", where="--metric")
    rows = [row for row in read_index(workspace).runs if getattr(row, metric) is not None and mode in (None, row.mode)]
    if not rows:
        raise DataError(f"expected a finished run with {metric}, found none", where=str(workspace.root), hint="See: tallystick run --help")
    return max(rows, key=lambda row: (getattr(row, metric), row.created_at, row.run_id))


def run_documents(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Metadata and report of a run, predecessors' file names included (decision 6). Raises ArtifactError when there is no such run."""
    metadata = read_with_predecessor(workspace.path("runs.metadata", run_id=run_id)).document
    report = read_with_predecessor(workspace.path("runs.report", run_id=run_id)).document
    return {"metadata": metadata, "report": report}


def compared_runs(workspace: Workspace, run_ids: tuple[str, ...]) -> dict[str, Any]:
    """Settings that differ and results, name → one value a run. Raises ConfigurationError for fewer than two runs."""
    if len(run_ids) < 2:
        raise ConfigurationError(f"expected two runs or more to compare, found {len(run_ids)}", hint="See: tallystick runs list")
    reports = [run_documents(workspace, run_id)["report"] for run_id in run_ids]
    configs = [_flat(report) for report in reports]
    names = sorted({name for config in configs for name in config})
    settings = {name: [config.get(name) for config in configs] for name in names}
    summaries = [report.get("summary") or report.get("kpi_summary") or {} for report in reports]
    results = {name: [summary.get(name) for summary in summaries] for name in sorted({name for summary in summaries for name in summary})}
    return {
        "run_ids": list(run_ids),
        "settings": {name: values for name, values in settings.items() if any(value != values[0] for value in values)},
        "results": results,
    }


def _flat(report: Mapping[str, Any]) -> dict[str, Any]:
    """Settings and strategy parameters on one level; what a workflow did beyond them under dotted names."""
    config = dict(report.get("config_resolved") or {})
    parameters = config.pop("strategy_params", None) or {}
    found: dict[str, Any] = {}
    for name, value in {**config, **parameters}.items():
        if isinstance(value, Mapping):
            found.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            found[name] = value
    return found
