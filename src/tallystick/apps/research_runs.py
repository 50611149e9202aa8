"""Research runs for the front doors: from flags, a file or a machine request to a run; and reading runs back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tallystick.apps.code_identity import code_identity
from tallystick.apps.machine_surface import Answer, Dispatch
from tallystick.apps.pools import only_venue
from tallystick.artifacts.legacy import read_with_predecessor
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.run_index import IndexReading, read_index, refresh_index
from tallystick.artifacts.store import read_artifact, read_bytes
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError
from tallystick.contracts.market import minutes_of
from tallystick.contracts.registry import contract
from tallystick.contracts.runs import IndexRow
from tallystick.contracts.time import date_from_ns, ns_from_iso
from tallystick.market.lake import Lake
from tallystick.research.run import RunResult, run
from tallystick.research.run_config import RunConfig
from tallystick.research.strategies import DEFAULT_STRATEGY, find_strategy

NUMBERS = ("fee", "slippage_bps", "k_atr", "spread_bps", "leverage", "initial_cash")
TEXTS = ("ticker", "venue", "interval", "start", "end", "strategy", "slippage_mode")


@dataclass(frozen=True, slots=True)
class Universe:
    """The symbols of a run and where they came from (decision 44)."""

    symbols: tuple[str, ...]
    source: str
    version: str | None
    note: str | None


def research_run(workspace: Workspace, params: Mapping[str, Any], *, now_ns: int, request_id: str | None = None, config_path: str | None = None) -> RunResult:
    """A run from named settings: those of the YAML file at `config_path`, overridden by `params`; unknown names are ignored, as machines may send more.

    Raises ConfigurationError for a value of the wrong kind, DataError where the lake has no such bars.
    """
    given = {**_file_settings(config_path), **{name: value for name, value in params.items() if value is not None}}
    texts = {name: _text(given, name) for name in TEXTS if name in given}
    interval = texts.get("interval", "1h")
    venue = texts.get("venue") or only_venue(workspace, interval)
    lake = Lake(workspace)
    coverage, coverage_sha256 = lake.coverage(venue, minutes_of(interval))
    start_ns, end_ns = (_moment(texts.get(name), name) for name in ("start", "end"))
    first_ns = start_ns if start_ns is not None else min(ns_from_iso(row.first) for row in coverage.symbols.values())
    universe = choose_universe(workspace, texts.get("ticker"), tuple(coverage.symbols), first_ns)
    settings: dict[str, Any] = {name: _number(given, name) for name in NUMBERS if name in given}
    settings |= {name: texts[name] for name in ("strategy", "slippage_mode") if name in texts}
    known = find_strategy(texts.get("strategy", DEFAULT_STRATEGY)).defaults
    parameters = {name: _number(given, name) for name in known if name in given}
    config = RunConfig(symbols=universe.symbols, start_ns=start_ns, end_ns=end_ns, parameters=parameters, **settings)
    panel = lake.read(venue, minutes_of(interval), universe.symbols, end_ns=end_ns)
    return run(
        workspace,
        panel,
        lake.instruments(),
        config,
        now_ns=now_ns,
        code_version=code_identity(),
        request_id=request_id,
        config_path=config_path,
        universe_source=universe.source,
        universe_version=universe.version,
        universe_note=universe.note,
        coverage_sha256=coverage_sha256,
    )


def choose_universe(workspace: Workspace, ticker: str | None, stored: tuple[str, ...], first_ns: int) -> Universe:
    """The named symbols (static); else the live pool's, where there is one; else every stored symbol (static).

    A pool that was chosen after the period began knew the future of that period: its symbols then count as a static list, and the report says so.
    """
    if ticker is not None:
        return Universe(tuple(name.strip() for name in ticker.split(",") if name.strip()), "static", None, None)
    path = workspace.path("universe.live_pool")
    if not path.is_file():
        return Universe(tuple(sorted(stored)), "static", None, "Every stored symbol: the list was not chosen as of the period's start.")
    pool = read_artifact(contract("universe.live_pool"), path)
    symbols = tuple(symbol for symbol in pool.symbols if symbol in stored)
    if not symbols:
        raise DataError(f"expected bars of the live pool's symbols ({', '.join(pool.symbols)}), found none", where=str(path), hint="Name symbols with --ticker")
    if pool.as_of_date < date_from_ns(first_ns):
        return Universe(symbols, "live_pool", pool.version, None)
    note = f"The pool {pool.version} was chosen on {pool.as_of_date}, after this period began: the choice knew its future."
    return Universe(symbols, "static", pool.version, note)


def machine_commands(paper: Callable[[dict[str, Any]], Answer] | None = None) -> Dispatch:
    """What a machine request may ask: `run`. paper: what answers a run with `params.paper`, a paper session."""

    def answer_run(call: dict[str, Any]) -> Answer:
        params: dict[str, Any] = call["params"]
        if params.get("paper"):
            if paper is None:
                raise ConfigurationError("expected a plain run, found params.paper: this version starts paper sessions by `tallystick trade`")
            return paper(call)
        config_path = params.get("config_path")
        if config_path is not None and not isinstance(config_path, str):
            raise ConfigurationError(f"expected config_path as text, found {config_path!r}", where="params")
        return research_run(Workspace(call["workspace"]), params, now_ns=call["now_ns"], request_id=call["request_id"], config_path=config_path)

    return {"run": answer_run}


def _file_settings(config_path: str | None) -> dict[str, Any]:
    if config_path is None:
        return {}
    path = Path(config_path)
    try:
        found = yaml.safe_load(read_bytes(path))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"expected a YAML file of settings, found text that is not one: {error}", where=str(path)) from error
    except ArtifactError as error:
        raise ConfigurationError(error.message, where=str(path), hint="Check --config") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"expected settings by name, found {type(found).__name__}", where=str(path))
    nested = found.pop("strategy_params", None) or {}
    return {str(name): value for name, value in {**found, **nested}.items() if value is not None}


def _number(given: Mapping[str, Any], name: str) -> float:
    value = given[name]
    try:
        return float("true" if isinstance(value, bool) else value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"expected {name} as a number, found {value!r}", where=name) from error


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if name == "ticker" and isinstance(value, list | tuple):
        value = ",".join(str(item) for item in value)
    if not isinstance(value, str):
        # YAML reads 2024-01-01 as a date.
        value = value.isoformat() if hasattr(value, "isoformat") else value
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"expected {name} as text, found {value!r}", where=name)
    return value


def _moment(text: str | None, name: str) -> int | None:
    try:
        return None if text is None else ns_from_iso(text)
    except DataError as error:
        raise ConfigurationError(error.message, where=name) from error


def listed_runs(workspace: Workspace, *, now_ns: int) -> IndexReading:
    """The run index, brought in line with the folders first; a damaged one is rebuilt."""
    return refresh_index(workspace, now_ns=now_ns)


def best_run(workspace: Workspace, metric: str, mode: str | None = None) -> IndexRow:
    """The run with the highest value of a metric. Raises ConfigurationError for an unknown metric, DataError when no run has it."""
    known = ("sharpe_simple", "total_return", "max_drawdown", "trades")
    if metric not in known:
        raise ConfigurationError(f"expected a metric among {', '.join(known)}, found {metric!r}", where="--metric")
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
    configs = [{**report["config_resolved"], **report["config_resolved"].get("strategy_params", {})} for report in reports]
    names = sorted({name for config in configs for name in config} - {"strategy_params"})
    settings = {name: [config.get(name) for config in configs] for name in names}
    results = {name: [report["summary"].get(name) for report in reports] for name in sorted({name for report in reports for name in report["summary"]})}
    return {
        "run_ids": list(run_ids),
        "settings": {name: values for name, values in settings.items() if any(value != values[0] for value in values)},
        "results": results,
    }
