"""The leak canaries over a finished run or over a configuration."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from tallystick.apps.research_market import RunSetting
from tallystick.apps.research_runs import run_setting
from tallystick.apps.research_settings import NUMBERS, TEXTS
from tallystick.artifacts.paths import Workspace, get_research_run_dir
from tallystick.artifacts.seal import check_seal
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ArtifactError, ConfigurationError
from tallystick.contracts.leaks import LeakReport
from tallystick.contracts.quote_money import MICRO
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import RunReport
from tallystick.contracts.runs import ResolvedConfig
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.market.lake import Lake
from tallystick.research.leaks.canaries import run_canaries
from tallystick.research.leaks.findings import leak_report
from tallystick.research.leaks.of_run import pipeline_of_run
from tallystick.research.leaks.pipeline import Pipeline
from tallystick.research.run_config import RunConfig

OnStep = Callable[[str, str], None]
_DATE_DIGITS = 10
_POOL_FROM = "--pool-from"


def leaks_of_run(workspace: Workspace, run_id: str, *, seed: int = 0, on_step: OnStep | None = None) -> LeakReport:
    """The canaries over what a finished run was configured to do, on the bars of today's lake.

    Raises ArtifactError for a run that is absent or damaged, DataError where its bars are gone.
    """
    folder = get_research_run_dir(workspace, run_id)
    damaged = check_seal(folder) if folder.is_dir() else []
    if damaged:
        raise ArtifactError(f"expected the run as it was sealed, found {damaged[0]}", where=run_id, hint="See: tallystick verify")
    config: ResolvedConfig = read_artifact(contract("runs.config"), workspace.path("runs.config", run_id=run_id))
    report: RunReport = read_artifact(contract("runs.report"), workspace.path("runs.report", run_id=run_id))
    block = report.machine_contract
    if block.mode == "portfolio":
        raise ConfigurationError("expected a run that decides, found a portfolio of other runs", where=run_id, hint="Test its forward runs")
    setting = run_setting(workspace, _params(config, report))
    pipeline = _pipeline(workspace, setting, config.universe_source, config.universe_version)
    # The result of a walk-forward is that of several configurations, and this is one of them.
    is_remade = None if block.mode == "walkforward" else _total_return(pipeline, setting.config) == report.summary.total_return
    return leak_report(run_canaries(pipeline, seed, on_step), run_id, is_remade=is_remade)


def leaks_of_config(workspace: Workspace, params: Mapping[str, Any], config_path: str | None, *, seed: int = 0, on_step: OnStep | None = None) -> LeakReport:
    """The canaries over a configuration as `tallystick run` takes it, before anything is written."""
    setting = run_setting(workspace, params, config_path)
    pipeline = _pipeline(workspace, setting, setting.universe.source, setting.universe.version)
    return leak_report(run_canaries(pipeline, seed, on_step), None, is_remade=None)


def _params(config: ResolvedConfig, report: RunReport) -> dict[str, Any]:
    """A resolved configuration as settings; of a search, with the parameters that it found best; on a pool's history, with that in place of the symbols."""
    best, command = report.machine_contract.best_result, shlex.split(report.reproduce.command) if report.reproduce is not None else []
    names = [name for name in (*TEXTS, *NUMBERS) if name in type(config).model_fields]
    given = {**{name: getattr(config, name) for name in names}, **config.strategy_params, **((best or {}).get("params") or {})}
    given["model"] = None if config.model is None else config.model.model_dump()
    if _POOL_FROM in command[:-1]:
        given |= {"pool_from": command[command.index(_POOL_FROM) + 1], "ticker": None}
    return given


def _pipeline(workspace: Workspace, setting: RunSetting, source: str, version: str | None) -> Pipeline:
    # A pool's version begins with the date of the last bars that it has seen; it is known at the end of that day.
    # With a history there is no one list: each decision follows the release of its time.
    pool = setting.universe.history
    known_ns = None if version is None or pool is not None else ns_from_iso(version[:_DATE_DIGITS]) + NS_PER_DAY
    candidates = None if source == "live_pool" else _candidates(workspace, setting)
    return pipeline_of_run(setting.panel, setting.book, setting.config, pool=pool, universe_known_ns=known_ns, candidates=candidates)


def _candidates(workspace: Workspace, setting: RunSetting) -> BarPanel | None:
    """Bars of every stored symbol over the period, where some of them were left out."""
    panel, config, lake = setting.panel, setting.config, Lake(workspace)
    stored = tuple(sorted(lake.coverage(panel.venue, panel.interval_minutes)[0].symbols))
    if len(stored) == len(panel.symbols):
        return None
    found = lake.read(panel.venue, panel.interval_minutes, stored, end_ns=config.end_ns)
    return found if config.start_ns is None else found.between(config.start_ns, found.end_ns)


def _total_return(pipeline: Pipeline, config: RunConfig) -> float:
    equity = pipeline.trade(pipeline.traded_bars, pipeline.weights()[:, pipeline.start :]).equity
    # Back in micro-quote, so that the division is the report's own, to the last bit.
    return round(float(equity[-1]) * MICRO) / config.terms.cash_micro - 1.0
