"""The steps that make artifacts. Each is thin: it calls a room, and says what was made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tallystick.apps.code_identity import code_identity
from tallystick.apps.market_data import StoredMarket, store_folder, store_generated
from tallystick.apps.paper_records import run_paper_session
from tallystick.apps.pools import build_pool
from tallystick.apps.research_market import Universe, choose_universe
from tallystick.apps.session_report import session_report
from tallystick.apps.sessions import PAPER_LIMITS, SessionRequest, plan_session
from tallystick.apps.trainings import FEATURES, default_targets, read_manifest, train_models, verdicts
from tallystick.artifacts.paths import Workspace, get_lake_dir, get_output_dir, get_paper_session_dir, get_research_run_dir
from tallystick.contracts.errors import DataError
from tallystick.contracts.market import Coverage, interval_text
from tallystick.contracts.session import GateRecord
from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE, date_from_ns, iso_from_ns, ns_from_iso
from tallystick.decision.config import DecisionConfig
from tallystick.market.calendars import describe_year, has_sessions
from tallystick.market.coverage import open_times
from tallystick.market.lake import Lake
from tallystick.research.run import run
from tallystick.research.run_config import RunConfig
from tallystick.training.config import TrainingConfig

SESSION_BARS = 336
# Five names share the book, so each may be a fifth of it; a liquid pool has narrow spreads, so wide ones are refused early.
PAPER_DECISION = DecisionConfig(max_weight=0.20, max_spread_bps=4.0)
POOL_SIZE = 5
RUN_DAYS = 365
NAMED_REASONS = 3

# How much is done, of how much, in which unit.
Progress = Callable[[float, float, str], None]
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What a step made: files or sealed folders, facts for the steps behind it, and lines for a person."""

    paths: tuple[Path, ...]
    facts: dict[str, Any]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """What every step gets: the workspace, what was asked, the clock, and the facts of the steps before, by their name."""

    workspace: Workspace
    seed: int
    data: Path | None
    now_ns: int
    facts: dict[str, Facts]

    @property
    def venue(self) -> str:
        """Whose bars."""
        return str(self.facts["market"]["venue"])

    @property
    def interval_minutes(self) -> int:
        """The bar interval."""
        return int(self.facts["market"]["interval_minutes"])

    @property
    def session_start_ns(self) -> int:
        """First open time of the session; everything before it is history."""
        return ns_from_iso(str(self.facts["market"]["session_start"]))

    @property
    def session_end_ns(self) -> int:
        """End of the session."""
        return ns_from_iso(str(self.facts["market"]["session_end"]))


def market(chain: Chain, _progress: Progress) -> Made:
    """Bars into the lake, daily bars beside them, and the days of the session."""
    workspace = chain.workspace
    stored = store_folder(workspace, chain.data, end_ns=chain.now_ns) if chain.data else store_generated(workspace, chain.seed)
    interval = interval_text(stored.interval_minutes)
    coverage, _ = Lake(workspace).coverage(stored.venue, stored.interval_minutes)
    start, end = _session_days(coverage)
    rows = sum(row.rows for row in coverage.symbols.values())
    facts = {
        "venue": stored.venue,
        "interval_minutes": stored.interval_minutes,
        "calendar": stored.calendar,
        "coverage_sha256": stored.coverage_sha256,
        "session_start": iso_from_ns(start),
        "session_end": iso_from_ns(end),
    }
    said = f"{len(coverage.symbols)} symbols, {rows:,} bars of {interval}; {describe_year(stored.calendar, stored.interval_minutes)}"
    return Made(_lake_paths(workspace, stored, interval), facts, (said, *stored.notes))


def _session_days(coverage: Coverage) -> tuple[int, int]:
    """Start and end of the session, midnights UTC: the last days with at least SESSION_BARS bars of open market."""
    times, interval_ns = open_times(coverage), coverage.interval_minutes * NS_PER_MINUTE
    closed = int(times[-1]) + interval_ns
    if has_sessions(coverage.calendar):
        # New York closes before midnight UTC, so the day of the last bar has no more to come.
        return int(times[-min(SESSION_BARS, times.size)]) // NS_PER_DAY * NS_PER_DAY, -(-closed // NS_PER_DAY) * NS_PER_DAY
    end = closed // NS_PER_DAY * NS_PER_DAY
    return end - max(2, -(-SESSION_BARS * interval_ns // NS_PER_DAY)) * NS_PER_DAY, end


def _lake_paths(workspace: Workspace, stored: StoredMarket, interval: str) -> tuple[Path, ...]:
    folders = {get_lake_dir(workspace, stored.venue, interval), get_lake_dir(workspace, stored.venue, "1d")}
    return (*sorted(folders), workspace.path("market.instruments"))


def pool(chain: Chain, _progress: Progress) -> Made:
    """The live pool as of the day before the session; a static universe where the market has no pool (equities)."""
    as_of = date_from_ns(chain.session_start_ns - NS_PER_DAY)
    if chain.facts["market"]["calendar"] != "crypto_24_7":
        symbols = _most_traded(chain)
        return Made((), {"symbols": symbols, "version": None, "source": "static"}, (f"static universe, the most traded: {', '.join(symbols)}",))
    built = build_pool(chain.workspace, chain.venue, as_of, now_ns=chain.now_ns, pool_size=POOL_SIZE)
    release = built.release
    lines = (f"{release.version}: {', '.join(release.symbols)}", f"mode {release.mode}: {built.mode_reason}")
    facts = {"symbols": list(release.symbols), "version": release.version, "source": "live_pool"}
    return Made((get_output_dir(chain.workspace),), facts, lines)


def _most_traded(chain: Chain) -> list[str]:
    document, _ = Lake(chain.workspace).coverage(chain.venue, chain.interval_minutes)
    panel = Lake(chain.workspace).read(chain.venue, chain.interval_minutes, sorted(document.symbols), end_ns=chain.session_start_ns)
    rows = zip(panel.symbols, panel.quote_volume.tolist(), strict=True)
    traded = {symbol: math.fsum(value for value in row if not math.isnan(value)) for symbol, row in rows}
    return sorted(sorted(traded, key=lambda symbol: (-traded[symbol], symbol))[:POOL_SIZE])


def research_run(chain: Chain, _progress: Progress) -> Made:
    """The RSI and moving-average strategy over the last year before the session, on the pool's symbols: recorded as a static universe (decision 44)."""
    lake, end = Lake(chain.workspace), chain.session_start_ns
    start = end - RUN_DAYS * NS_PER_DAY
    if chain.facts["pool"]["version"] is None:
        universe = Universe(tuple(sorted(chain.facts["pool"]["symbols"])), "static", None, "The most traded of this period, which nobody knew at its start.")
    else:
        # As `tallystick run --pool-version` chooses it, so that the command in the report makes the same run.
        universe = choose_universe(chain.workspace, None, tuple(lake.coverage(chain.venue, chain.interval_minutes)[0].symbols), start)
    panel = lake.read(chain.venue, chain.interval_minutes, universe.symbols, end_ns=end)
    config = RunConfig(symbols=universe.symbols, start_ns=max(panel.start_ns, start), end_ns=end, fee=0.0005, slippage_bps=2.0, spread_bps=2.0)
    made = run(
        chain.workspace,
        panel,
        lake.instruments(),
        config,
        now_ns=chain.now_ns,
        code_version=code_identity(),
        universe_source=universe.source,
        universe_version=universe.version,
        universe_note=universe.note,
        coverage_sha256=str(chain.facts["market"]["coverage_sha256"]),
    )
    summary = made.summary
    said = f"rsi_ma_cross_v2: return {_figure(100 * summary['total_return'])} %, Sharpe {_figure(summary['sharpe_simple'])}, {summary['trades']} trades"
    return Made((get_research_run_dir(chain.workspace, made.run_id),), {"run_id": made.run_id}, (said,))


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def train(chain: Chain, progress: Progress) -> Made:
    """Two forward returns, routed on evidence; LightGBM and Ridge. Blocked targets are trained only where nothing else is left."""
    lines: list[str] = []

    def fit(*, train_blocked: bool) -> Any:
        config = TrainingConfig(
            features=FEATURES,
            targets=default_targets(chain.interval_minutes),
            name="quickstart",
            seed=chain.seed,
            train_blocked=train_blocked,
            max_symbols_for_ss=0,
        )
        return train_models(
            chain.workspace,
            chain.venue,
            chain.interval_minutes,
            config,
            now_ns=chain.now_ns,
            progress=lambda event: progress(event.progress_pct or 0.0, 100.0, "%"),
            end_ns=chain.session_start_ns,
        )

    done = fit(train_blocked=False)
    lines += [f"{target}: {decision.route}, {decision.reason}" for target, decision in sorted(done.routing.items())]
    if not done.models:
        lines.append("every target is BLOCKED; trained all the same to show the chain, recorded as blocked_override, never promoted")
        done = fit(train_blocked=True)
    lines += [f"{item.package.family} on {item.package.target}: rank IC {item.package.meta.metrics.mean_RankIC:.4f} out of fold" for item in done.models]
    folders = [chain.workspace.at(item.run.path) for item in done.models]
    return Made((done.folder, *folders), {"run_root": chain.workspace.relative(done.folder)}, tuple(lines))


def gate(chain: Chain, _progress: Progress) -> Made:
    """The promotion gate's verdict over the models, and whether paper goes on without it (decision 48)."""
    run_root = chain.workspace.at(str(chain.facts["train"]["run_root"]))
    found = verdicts(chain.workspace, run_root)
    entries = read_manifest(run_root).target_index
    overridden_targets = [target for target, entry in entries.items() if entry.blocked_override]
    passed = sorted(digest for digest, verdict in found.items() if verdict.eligible_for_paper)
    reasons = sorted({reason for verdict in found.values() for reason in verdict.blocking_reasons})
    says_yes = bool(passed) and not overridden_targets
    lines = [f"{len(passed)} of {len(found)} models passed"]
    if not says_yes:
        lines += [f"the gate says no: {reason}" for reason in _telling(reasons)[:NAMED_REASONS]]
        if len(reasons) > NAMED_REASONS:
            lines.append(f"and {len(reasons) - NAMED_REASONS} more reasons: tallystick models show")
        lines.append("paper goes on by override (--ungated); every decision is marked degraded")
    return Made((), {"passed": says_yes, "overridden": not says_yes, "reasons": reasons}, tuple(lines))


def _telling(reasons: list[str]) -> list[str]:
    """The first reason of each kind, known by its first word, before the others."""
    firsts = {reason.split()[0]: reason for reason in reversed(reasons)}
    return sorted(reasons, key=lambda reason: firsts[reason.split()[0]] != reason)


def session(chain: Chain, progress: Progress) -> Made:
    """The paper session: every bar of its days through the whole engine."""
    verdict, universe = chain.facts["gate"], chain.facts["pool"]
    request = SessionRequest(
        market_venue=chain.venue,
        interval_minutes=chain.interval_minutes,
        symbols=tuple(universe["symbols"]),
        start_ns=chain.session_start_ns,
        end_ns=chain.session_end_ns,
        run_root=chain.workspace.at(str(chain.facts["train"]["run_root"])),
        gate=GateRecord(passed=verdict["passed"], overridden=verdict["overridden"], reasons=tuple(verdict["reasons"])),
        universe_source=str(universe["source"]),
        pool_version=universe["version"],
        decision=PAPER_DECISION,
        limits=replace(PAPER_LIMITS, max_gross_exposure=PAPER_DECISION.gross_target),
    )
    config = plan_session(chain.workspace, request, now_ns=chain.now_ns)
    done = run_paper_session(chain.workspace, config, now_ns=chain.now_ns, progress=lambda cycle, cycles: progress(cycle, cycles, "cycles"))
    report = session_report(chain.workspace, done.session_id)
    if not report.order_ids:
        raise DataError(f"expected orders in the session {done.session_id}, found none", hint="See: tallystick why SYMBOL")
    paths = (done.folder, get_paper_session_dir(chain.workspace, done.session_id))
    return Made(paths, {"session_id": done.session_id, "order_ids": list(report.order_ids)}, report.lines())


STEPS: tuple[tuple[str, Callable[[Chain, Progress], Made]], ...] = (
    ("market", market),
    ("pool", pool),
    ("run", research_run),
    ("train", train),
    ("gate", gate),
    ("session", session),
)
