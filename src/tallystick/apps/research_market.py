"""What a research run works on: bars, instruments, universe and configuration, found in the workspace from settings by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tallystick.apps.code_identity import code_identity
from tallystick.apps.pool_resolution import published_history
from tallystick.apps.pools import only_venue
from tallystick.apps.research_settings import MODEL_KEYS, NUMBERS, TEXTS, block, moment, number, parameter, text
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.market import minutes_of
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import CoverageReference
from tallystick.contracts.time import date_from_ns, iso_from_ns, ns_from_iso
from tallystick.decision.policies import model_forecast
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.market.lake import Lake
from tallystick.research.pool_history import LOCAL_HISTORY, PoolHistory, describe, local_history
from tallystick.research.run import data_sha256
from tallystick.research.run_config import RunConfig
from tallystick.research.run_report import Provenance
from tallystick.research.strategies import DEFAULT_STRATEGY, find_strategy
from tallystick.research.trained_forecast import TrainedForecast


@dataclass(frozen=True, slots=True)
class Universe:
    """The symbols of a run and where they came from (decision 44)."""

    symbols: tuple[str, ...]
    source: str
    version: str | None
    note: str | None
    history: PoolHistory | None = None

    @property
    def origin(self) -> tuple[str, str | None, str | None]:
        """Source, version, note."""
        return self.source, self.version, self.note


@dataclass(frozen=True, slots=True)
class RunSetting:
    """Everything that a run is made from. panel: bars of the symbols up to the end of the period, those before its start included."""

    panel: BarPanel
    book: InstrumentBook
    universe: Universe
    config: RunConfig
    coverage_sha256: str

    def provenance(self, *, now_ns: int, request_id: str | None, config_path: str | None) -> Provenance:
        """Who asked, with which code, on which data."""
        coverage = CoverageReference(venue=self.panel.venue, interval_minutes=self.panel.interval_minutes, sha256=self.coverage_sha256)
        return Provenance(
            created_at=iso_from_ns(now_ns),
            code=code_identity(),
            request_id=request_id,
            config_path=config_path,
            coverage=(coverage,),
            data_sha256=data_sha256(self.panel.select(self.universe.symbols)),
        )


def research_market(workspace: Workspace, settings: Mapping[str, Any]) -> RunSetting:
    """Find what settings name. Raises ConfigurationError for a value that cannot be, DataError where the lake has no such bars."""
    texts = {name: text(settings, name) for name in TEXTS if name in settings}
    interval = texts.get("interval", "1h")
    try:
        minutes = minutes_of(interval)
    except DataError as error:
        raise ConfigurationError(error.message, where="interval") from error
    start_ns, end_ns = moment(settings, "start"), moment(settings, "end")
    given: dict[str, Any] = {name: number(settings, name) for name in NUMBERS if name in settings}
    given |= {name: texts[name] for name in ("strategy", "slippage_mode") if name in texts}
    nested = block(settings, "strategy_params")
    strategy = find_strategy(given.get("strategy", DEFAULT_STRATEGY))
    parameters = {name: parameter(strategy, nested, name) for name in nested}
    # What can be refused without bars is refused before any are read.
    draft = RunConfig(start_ns=start_ns, end_ns=end_ns, parameters=parameters, **given)
    model = _forecast(workspace, settings, minutes)
    venue = texts.get("venue") or only_venue(workspace, interval)
    lake = Lake(workspace)
    coverage, coverage_sha256 = lake.coverage(venue, minutes)
    first_ns = start_ns if start_ns is not None else min(ns_from_iso(row.first) for row in coverage.symbols.values())
    if "pool_from" in texts:
        last_ns = end_ns if end_ns is not None else max(ns_from_iso(row.last) for row in coverage.symbols.values()) + 1
        universe = historical_universe(workspace, texts["pool_from"], _named(texts), tuple(coverage.symbols), (first_ns, last_ns))
    else:
        universe = choose_universe(workspace, texts.get("ticker"), tuple(coverage.symbols), first_ns, texts.get("pool_version"))
    config = replace(draft, symbols=universe.symbols, model=model)
    panel = lake.read(venue, minutes, universe.symbols, end_ns=end_ns)
    return RunSetting(panel, lake.instruments(), universe, config, coverage_sha256)


def historical_universe(workspace: Workspace, pool_from: str, ticker: str | None, stored: tuple[str, ...], period_ns: tuple[int, int]) -> Universe:
    """Every name that was in the pool at some time of the period, each to be traded only while it was: `history` for the local one, or an object store.

    Raises ConfigurationError when symbols are named too, DataError when no release was active or no member has bars.
    """
    if ticker is not None:
        raise ConfigurationError("expected one of --ticker, --pool-version and --pool-from, found two", hint="The releases say which symbols there were")
    history = local_history(workspace) if pool_from == LOCAL_HISTORY else published_history(pool_from)
    named = history.symbols(*period_ns)
    symbols = tuple(symbol for symbol in named if symbol in stored)
    if not symbols:
        raise DataError(f"expected bars of the pool's members ({', '.join(named) or 'none was active'}), found none", where=history.source)
    return Universe(symbols, "live_pool", history.identity(*period_ns), describe(history, *period_ns, sorted(set(named) - set(stored))), history)


def _forecast(workspace: Workspace, settings: Mapping[str, Any], interval_minutes: int) -> TrainedForecast | None:
    """The model that decides, where the strategy is one that reads a model. Raises ConfigurationError for a model with another strategy."""
    given = [name for name in MODEL_KEYS if name in settings]
    if settings.get("strategy", DEFAULT_STRATEGY) != model_forecast.NAME:
        if given:
            raise ConfigurationError(f"expected {given[0]} with the strategy {model_forecast.NAME} only, found it with another", where=given[0])
        return None
    # Imported here: what reads models imports training, which no other run needs to wait for.
    from tallystick.apps.trained_forecasts import find_forecast

    return find_forecast(workspace, settings, interval_minutes)


def _named(texts: Mapping[str, str]) -> str | None:
    return texts.get("ticker") or texts.get("pool_version")


def choose_universe(workspace: Workspace, ticker: str | None, stored: tuple[str, ...], first_ns: int, pool_version: str | None = None) -> Universe:
    """The named symbols (static); else the live pool's, where there is one; else every stored symbol (static).

    A pool that was chosen after the period began knew the future of that period: its symbols then count as a static list, and the report says so, as it
    does for every stored symbol, named or not. pool_version: which pool it must be. Raises ConfigurationError for symbols and a pool's version at once,
    DataError where the pool is another one.
    """
    path = workspace.path("universe.live_pool")
    if ticker is not None and pool_version is not None:
        raise ConfigurationError("expected --ticker or --pool-version, found both", where="ticker")
    if ticker is not None or not (path.is_file() or pool_version):
        symbols = tuple(sorted(stored)) if ticker is None else tuple(name.strip() for name in ticker.split(",") if name.strip())
        note = "Every stored symbol: the list was not chosen as of the period's start." if set(symbols) == set(stored) else None
        return Universe(symbols, "static", None, note)
    pool = read_artifact(contract("universe.live_pool"), path)
    if pool_version not in (None, pool.version):
        raise DataError(
            f"expected the live pool {pool_version}, found {pool.version}", where=str(path), hint="Name its symbols with --ticker, or use --pool-from"
        )
    symbols = tuple(symbol for symbol in pool.symbols if symbol in stored)
    if not symbols:
        raise DataError(f"expected bars of the live pool's symbols ({', '.join(pool.symbols)}), found none", where=str(path), hint="Name symbols with --ticker")
    if pool.as_of_date < date_from_ns(first_ns):
        return Universe(symbols, "live_pool", pool.version, None)
    note = f"The pool {pool.version} was chosen on {pool.as_of_date}, after this period began: the choice knew its future."
    return Universe(symbols, "static", pool.version, note)
