"""Sweeps and walk-forwards for the front doors: settings by name to a search, splits and workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tallystick.apps.assembly import fan_out, parameter_search
from tallystick.apps.research_market import RunSetting, research_market
from tallystick.apps.research_settings import (
    CUT_KEYS,
    SEARCH_KEYS,
    SWEEP_KEYS,
    WALKFORWARD_KEYS,
    block,
    flag,
    joined_settings,
    moment,
    number,
    read_settings,
    text,
    whole,
)
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import NS_PER_DAY
from tallystick.contracts.workflows import ParameterRange
from tallystick.research.ports import FanOut
from tallystick.research.run_folder import RunResult
from tallystick.research.search_spaces import SearchSpace
from tallystick.research.splits import Split, cut_splits
from tallystick.research.sweep import Progress, SearchPlan, sweep
from tallystick.research.trials import Window, trial_job
from tallystick.research.walkforward import walkforward

DEFAULT_TRIALS = 50
DEFAULT_SEED = 42
TOP_K = 3
WORTH_A_PROCESS = 60_000_000
"""Symbols × bars × experiments below which one process is done before another has started."""


def research_sweep(
    workspace: Workspace,
    params: Mapping[str, Any],
    *,
    now_ns: int,
    progress: Progress,
    request_id: str | None = None,
    config_path: str | None = None,
) -> RunResult:
    """A sweep from named settings; a file whose mode is walkforward gives a walk-forward. Unknown names in `params` are ignored, in a file refused."""
    file = read_settings(config_path, WALKFORWARD_KEYS)
    if file.get("mode") == "walkforward":
        return research_walkforward(workspace, params, now_ns=now_ns, progress=progress, request_id=request_id, config_path=config_path)
    read_settings(config_path, SWEEP_KEYS)
    if file.get("mode", "grid") not in ("grid", "sweep", "random", "optuna"):
        raise ConfigurationError(f"expected the mode grid, random, optuna or walkforward, found {file['mode']!r}", where="mode")
    settings = joined_settings(file, params)
    plan, trials = search_plan(settings)
    market = research_market(workspace, settings)
    job = trial_job(market.panel, market.book, market.config, market.universe.history)
    searcher = parameter_search(plan, trials)
    return sweep(
        workspace,
        job,
        _period(market),
        plan,
        searcher,
        workers(settings, market, searcher.total),
        market.provenance(now_ns=now_ns, request_id=request_id, config_path=config_path),
        universe=market.universe.origin,
        now_ns=now_ns,
        progress=progress,
    )


def research_walkforward(
    workspace: Workspace,
    params: Mapping[str, Any],
    *,
    now_ns: int,
    progress: Progress,
    request_id: str | None = None,
    config_path: str | None = None,
) -> RunResult:
    """A walk-forward from named settings: splits by name, or cut by train_days, test_days and step_days."""
    file = read_settings(config_path, WALKFORWARD_KEYS)
    if file.get("mode", "walkforward") not in ("walkforward", "grid", "random", "optuna"):
        raise ConfigurationError(f"expected the mode walkforward, found {file['mode']!r}", where="mode")
    settings = joined_settings(file, params)
    selection = {**block(settings, "walkforward"), **block(settings, "selection"), **{name: settings[name] for name in ("top_k",) if name in settings}}
    _known(block(settings, "selection"), ("sort_by", "ascending", "top_k"), "selection")
    plan, trials = search_plan(settings)
    market = research_market(workspace, settings)
    splits, scheme = find_splits(settings, market)
    total = parameter_search(plan, trials).total
    return walkforward(
        workspace,
        trial_job(market.panel, market.book, market.config, market.universe.history),
        splits,
        scheme,
        plan,
        lambda: parameter_search(plan, trials),
        workers(settings, market, total * len(splits)),
        market.provenance(now_ns=now_ns, request_id=request_id, config_path=config_path),
        top_k=whole(selection, "top_k") if "top_k" in selection else TOP_K,
        universe=market.universe.origin,
        now_ns=now_ns,
        progress=progress,
    )


def search_plan(settings: Mapping[str, Any]) -> tuple[SearchPlan, int | None]:
    """The search and how many trials it may take (None: the grid's own number). Raises ConfigurationError for settings that contradict each other."""
    resolved = block(settings, "search")
    _known(resolved, SEARCH_KEYS, "search")
    flat = {name: settings[name] for name in SEARCH_KEYS if name in settings}
    both = sorted(resolved.keys() & flat.keys())
    if both and any(resolved[name] != flat[name] for name in both):
        raise ConfigurationError(f"expected {both[0]} once, found it in the search block and beside it", where="search")
    constraints, selection = block(settings, "constraints"), block(settings, "selection")
    _known(constraints, ("min_trades", "min_train_trades", "min_trade_trades"), "constraints")
    given: dict[str, Any] = {**resolved, **flat, **{name: selection[name] for name in ("sort_by", "ascending") if name in selection}}
    mode = settings.get("mode")
    method = str(given.get("method", mode if mode in ("random", "optuna") else "grid"))
    if method not in ("grid", "random", "optuna"):
        raise ConfigurationError(f"expected the method grid, random or optuna, found {method!r}", where="method")
    if mode in ("grid", "random", "optuna") and method != mode:
        raise ConfigurationError(f"expected one method, found mode {mode} and method {method}", where="method")
    if method == "grid" and any(flat.get(name) is not None for name in ("trials", "seed")):
        raise ConfigurationError(
            "expected trials and seed with the methods random and optuna only, found them with a grid, which tries everything", where="trials"
        )
    least = next((whole(constraints, name) for name in constraints), whole(given, "min_trades") if "min_trades" in given else 0)
    plan = SearchPlan(
        method=method,  # type: ignore[arg-type]
        space=search_space(given),
        seed=None if method == "grid" else whole(given, "seed") if given.get("seed") is not None else DEFAULT_SEED,
        sort_by=str(given.get("sort_by", "sharpe_simple")),
        ascending=flag(given, "ascending"),
        min_trades=least,
    )
    return plan, None if method == "grid" else whole(given, "trials") if "trials" in given else DEFAULT_TRIALS


def search_space(given: Mapping[str, Any]) -> SearchSpace:
    """`param_grid`: name → a list of values, one value, or a range {low, high, step, log}; `param_ranges`: ranges only."""
    values: dict[str, tuple[float, ...]] = {}
    ranges: dict[str, ParameterRange] = {}
    for name, item in (*block(given, "param_grid").items(), *block(given, "param_ranges").items()):
        if isinstance(item, Mapping):
            _known(item, ("low", "high", "step", "log"), f"param_grid.{name}")
            if "low" not in item or "high" not in item:
                raise ConfigurationError(f"expected low and high of {name}, found {', '.join(map(str, item)) or 'neither'}", where="param_grid")
            step = number(item, "step") if item.get("step") is not None else None
            ranges[name] = ParameterRange(low=number(item, "low"), high=number(item, "high"), step=step, log=flag(item, "log"))
        else:
            listed = item if isinstance(item, list | tuple) else [item]
            values[name] = tuple(number({name: value}, name) for value in listed)
    return SearchSpace(values, ranges)


def find_splits(settings: Mapping[str, Any], market: RunSetting) -> tuple[tuple[Split, ...], Any]:
    """Splits and their scheme: by name, or cut. Raises ConfigurationError where they are given both ways."""
    resolved = block(settings, "walkforward")
    _known(resolved, ("scheme", "splits", "gap_bars", "top_k"), "walkforward")
    named = settings.get("splits", resolved.get("splits"))
    cut = [name for name in CUT_KEYS if settings.get(name) is not None]
    scheme = str(settings.get("scheme", resolved.get("scheme", "explicit" if named is not None else "rolling")))
    if scheme not in ("explicit", "anchored", "rolling"):
        raise ConfigurationError(f"expected the scheme explicit, anchored or rolling, found {scheme!r}", where="scheme")
    if named is not None and (cut or (scheme != "explicit" and "scheme" in settings)):
        raise ConfigurationError(f"expected splits by name or cut by days, found splits and {cut[0] if cut else 'a scheme'}", where="splits")
    if named is not None:
        splits = tuple(_split(item, place) for place, item in enumerate(named, 1)) if isinstance(named, list | tuple) else ()
        period = _period(market)
        outside = [split.name for split in splits if split.train.start_ns < period.start_ns or split.test.end_ns > period.end_ns]
        if outside:
            raise ConfigurationError(f"expected splits between {' and '.join(period.text)}, found {outside[0]} outside", where="splits")
        return splits, scheme
    if scheme == "explicit":
        raise ConfigurationError("expected the scheme anchored or rolling without splits by name, found explicit", where="scheme")
    period = _period(market)
    days = (period.end_ns - period.start_ns) / NS_PER_DAY
    # Unasked: one half to choose on at first, four tests of an eighth after it.
    train, test = (number(settings, name) if name in cut else share * days for name, share in (("train_days", 1 / 2), ("test_days", 1 / 8)))
    step = number(settings, "step_days") if settings.get("step_days") is not None else test
    found = cut_splits(market.panel.open_times_ns, period, scheme, train_days=train, test_days=test, step_days=step)  # type: ignore[arg-type]
    return found, scheme


def _split(item: Any, place: int) -> Split:
    given = block({"split": item}, "split")
    _known(given, ("name", "train", "test"), "splits")
    windows = []
    for part in ("train", "test"):
        inner = block(given, part)
        _known(inner, ("start", "end"), f"splits.{part}")
        start, end = moment(inner, "start"), moment(inner, "end")
        if start is None or end is None:
            raise ConfigurationError(f"expected start and end of {part} in split {place}, found {', '.join(inner) or 'neither'}", where="splits")
        windows.append(Window(start, end))
    return Split(text(given, "name") if "name" in given else f"split_{place:02d}", *windows)


def _known(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    strangers = sorted(str(name) for name in given if name not in known)
    if strangers:
        raise ConfigurationError(f"expected settings among {', '.join(known)}, found {strangers[0]}", where=where)


def _period(market: RunSetting) -> Window:
    config, panel = market.config, market.panel
    return Window(panel.start_ns if config.start_ns is None else config.start_ns, panel.end_ns if config.end_ns is None else config.end_ns)


def workers(settings: Mapping[str, Any], market: RunSetting, experiments: int) -> FanOut:
    """Where experiments run: `cluster` by address; else `workers` processes; else as many as there are processors where the work is worth it."""
    cluster = settings.get("cluster")
    if cluster is not None:
        if settings.get("workers") is not None:
            raise ConfigurationError("expected workers or a cluster, found both", where="workers")
        return fan_out(0, text(settings, "cluster"))
    if settings.get("workers") is not None:
        count = whole(settings, "workers")
        if not 1 <= count <= 512:
            raise ConfigurationError(f"expected 1 to 512 workers, found {count}", where="workers")
        return fan_out(count, None)
    work = len(market.panel.symbols) * market.panel.bars * experiments
    return fan_out((os.cpu_count() or 1) if work > WORTH_A_PROCESS else 1, None)
