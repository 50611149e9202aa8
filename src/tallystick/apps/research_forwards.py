"""Forward runs and portfolios for the front doors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tallystick.apps.code_identity import code_identity
from tallystick.apps.research_market import research_market
from tallystick.apps.research_settings import block, flag, moment, names_of, number, read_settings, text, whole
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.run_index import refresh_index
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.time import iso_from_ns
from tallystick.research.candidates import choose_candidate
from tallystick.research.forward import first_request, forward, resumed
from tallystick.research.portfolio import PortfolioRequest, portfolio
from tallystick.research.run_folder import RunResult
from tallystick.research.run_report import Provenance

FORWARD_CASH = 10_000.0
FORWARD_KEYS = ("from", "resume", "metric", "rank", "start", "end", "initial_cash")
PORTFOLIO_KEYS = (
    "mode",
    "weights",
    "top_n",
    "rank_metric",
    "min_return",
    "max_drawdown",
    "include_tickers",
    "exclude_tickers",
    "include_strategies",
    "exclude_strategies",
    "latest_per_source_run",
)
# What document 3's surface calls them: name there → name here.
_FORWARD_NAMES = {
    "run_dir": "from",
    "forward_eval": "from",
    "from_run": "from",
    "forward_start": "start",
    "forward_end": "end",
    "forward_metric": "metric",
    "resume_forward": "resume",
}


def research_forward(
    workspace: Workspace, params: Mapping[str, Any], *, now_ns: int, request_id: str | None = None, config_path: str | None = None
) -> RunResult:
    """A forward run from named settings: `from` a finished run (its id or folder), or `resume` a forward run."""
    file = _file(config_path, FORWARD_KEYS)
    asked = {_FORWARD_NAMES.get(name, name): value for name, value in params.items() if value is not None}
    settings = {**file, **{name: asked[name] for name in FORWARD_KEYS if name in asked}}
    if ("from" in settings) == ("resume" in settings):
        raise ConfigurationError(
            f"expected a run to go forward from, or a forward run to resume, found {'both' if 'from' in settings else 'neither'}",
            where="from",
            hint="See: tallystick runs list",
        )
    end_ns = moment(settings, "end")
    if "resume" in settings:
        fixed = [name for name in ("start", "initial_cash", "metric", "rank") if name in settings]
        if fixed:
            raise ConfigurationError(f"expected a resumed run to keep its {fixed[0]}, found another given", where=fixed[0])
        candidate, request = resumed(workspace, _run_id(settings, "resume"), end_ns=end_ns)
    else:
        metric = text(settings, "metric") if "metric" in settings else "sharpe_simple"
        rank = whole(settings, "rank") if "rank" in settings else 1
        candidate = choose_candidate(workspace, _run_id(settings, "from"), metric, rank)
        cash = number(settings, "initial_cash") if "initial_cash" in settings else FORWARD_CASH
        request = first_request(candidate, start_ns=moment(settings, "start"), end_ns=end_ns, initial_cash=cash)
    if end_ns is not None and end_ns <= request.start_ns:
        raise ConfigurationError(f"expected an end after {iso_from_ns(request.start_ns)}, found {iso_from_ns(end_ns)}", where="end")
    frozen = candidate.config
    wanted: dict[str, Any] = {"ticker": frozen.ticker, "venue": frozen.venue, "interval": frozen.interval, "strategy": frozen.strategy}
    wanted |= {} if frozen.model is None else {"model": frozen.model.model_dump()}
    market = research_market(workspace, wanted | ({"end": settings["end"]} if "end" in settings else {}))
    return forward(
        workspace,
        market.panel,
        market.book,
        candidate,
        request,
        market.provenance(now_ns=now_ns, request_id=request_id, config_path=config_path),
        universe=(frozen.universe_source, frozen.universe_version, None),
        now_ns=now_ns,
        model=market.config.model,
    )


def research_portfolio(
    workspace: Workspace, params: Mapping[str, Any], *, now_ns: int, request_id: str | None = None, config_path: str | None = None
) -> RunResult:
    """A portfolio of the forward runs in the index, from named settings; `portfolio_` before a name changes nothing."""
    file = _file(config_path, PORTFOLIO_KEYS)
    asked = {name.removeprefix("portfolio_"): value for name, value in params.items() if value is not None}
    settings = {**file, **{name: asked[name] for name in PORTFOLIO_KEYS if name in asked}}
    request = PortfolioRequest(
        mode=text(settings, "mode") if "mode" in settings else "raw_capital",  # type: ignore[arg-type]
        weights=_weights(settings),
        top_n=whole(settings, "top_n") if "top_n" in settings else None,
        rank_metric=text(settings, "rank_metric") if "rank_metric" in settings else "total_return",
        min_return=number(settings, "min_return") if "min_return" in settings else None,
        max_drawdown=number(settings, "max_drawdown") if "max_drawdown" in settings else None,
        include_tickers=names_of(settings, "include_tickers"),
        exclude_tickers=names_of(settings, "exclude_tickers"),
        include_strategies=names_of(settings, "include_strategies"),
        exclude_strategies=names_of(settings, "exclude_strategies"),
        latest_per_source_run=flag(settings, "latest_per_source_run"),
    )
    provenance = Provenance(created_at=iso_from_ns(now_ns), code=code_identity(), request_id=request_id, config_path=config_path, coverage=(), data_sha256=None)
    rows = refresh_index(workspace, now_ns=now_ns).index.runs
    return portfolio(workspace, rows, request, provenance, now_ns=now_ns)


def _file(config_path: str | None, known: tuple[str, ...]) -> dict[str, Any]:
    found = read_settings(config_path, known)
    if found.pop("strategy_params", None):
        raise ConfigurationError(f"expected settings among {', '.join(known)}, found strategy parameters", where=str(config_path))
    return found


def _run_id(settings: Mapping[str, Any], name: str) -> str:
    """A run by its id, or by its folder as document 3's surface names it."""
    return Path(text(settings, name)).name


def _weights(settings: Mapping[str, Any]) -> dict[str, float] | None:
    """`weights` as a block, or as text `RUN_ID=0.6,OTHER=0.4`."""
    given = settings.get("weights")
    if given is None:
        return None
    if isinstance(given, str):
        pairs = [item.partition("=") for item in given.split(",") if item]
        if not all(mark for _, mark, _ in pairs):
            raise ConfigurationError(f"expected weights as RUN_ID=0.6,OTHER=0.4, found {given!r}", where="weights")
        given = {name.strip(): value for name, _, value in pairs}
    found = block({"weights": given}, "weights")
    return {name: number(found, name) for name in found}
