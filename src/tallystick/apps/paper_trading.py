"""A paper session for the front doors: resolve what was asked, run the engine, and keep the paper-session folder beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.apps.paper_records import run_paper_session
from tallystick.apps.pool_resolution import follow_pool
from tallystick.apps.pools import only_venue
from tallystick.apps.sessions import SessionOutcome, SessionRequest, load_config, plan_session, session_ids
from tallystick.apps.trainings import find_run, verdicts
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ConfigurationError, SafetyRefusal
from tallystick.contracts.market import minutes_of
from tallystick.contracts.registry import contract
from tallystick.contracts.session import GateRecord
from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE, ns_from_iso
from tallystick.decision.cils import CilsConfig
from tallystick.decision.config import DecisionConfig
from tallystick.engine.session import Progress
from tallystick.market.lake import Lake


@dataclass(frozen=True, slots=True)
class TradeRequest:
    """What `tallystick trade` was asked."""

    venue: str
    models: str | None
    start: str | None
    end: str | None
    symbols: str | None
    market_venue: str | None
    interval: str
    session_id: str | None
    ungated: bool
    pool_from: str | None = None
    pool_document: str | None = None
    learn: str | None = None


@dataclass(frozen=True, slots=True)
class _Universe:
    """The symbols of a session and where they come from. first_ns: the instant from which the pool is active, None for a list that nobody dated."""

    symbols: tuple[str, ...]
    source: str
    version: str | None = None
    first_ns: int | None = None
    manifest: Path | None = None
    degraded: bool = False
    facts: Mapping[str, Any] | None = None


def trade_on_paper(workspace: Workspace, asked: TradeRequest, *, now_ns: int, progress: Progress) -> SessionOutcome:
    """Run or recover a paper session. Raises ConfigurationError for a venue that is not built, SafetyRefusal when no model may trade."""
    if asked.venue != "paper":
        raise ConfigurationError(f"expected the venue paper, found {asked.venue!r}: this version trades on paper only", where="--venue")
    if asked.session_id is not None and asked.session_id in session_ids(workspace) and not _names_more(asked):
        return run_paper_session(workspace, load_config(workspace, asked.session_id), now_ns=now_ns, progress=progress)
    minutes = minutes_of(asked.interval)
    market_venue = asked.market_venue or only_venue(workspace, asked.interval)
    universe = _universe(workspace, asked, now_ns)
    coverage, _ = Lake(workspace).coverage(market_venue, minutes)
    last_ns = max(ns_from_iso(row.last) for row in coverage.symbols.values()) + minutes * NS_PER_MINUTE
    start_ns = ns_from_iso(asked.start) if asked.start else universe.first_ns
    if start_ns is None:
        raise ConfigurationError("expected --start with a static universe, found none", hint="Name the first open time of the session")
    run_root = find_run(workspace, asked.models)
    request = SessionRequest(
        market_venue=market_venue,
        interval_minutes=minutes,
        symbols=universe.symbols,
        start_ns=start_ns,
        end_ns=ns_from_iso(asked.end) if asked.end else last_ns,
        run_root=run_root,
        gate=_gate(workspace, run_root.name, asked),
        universe_source=universe.source,
        pool_version=universe.version,
        session_id=asked.session_id,
        pool_manifest=universe.manifest,
        universe_degraded=universe.degraded,
        universe_facts=universe.facts,
        decision=DecisionConfig(cils=None if asked.learn is None else CilsConfig(algorithm=asked.learn)),
    )
    return run_paper_session(workspace, plan_session(workspace, request, now_ns=now_ns), now_ns=now_ns, progress=progress)


def _names_more(asked: TradeRequest) -> bool:
    """Whether more than an id was asked: then it must be what the session was recorded under."""
    return any(value is not None for value in (asked.models, asked.start, asked.end, asked.symbols, asked.market_venue, asked.learn, *_pool(asked)))


def _pool(asked: TradeRequest) -> tuple[str | None, str | None]:
    return asked.pool_from, asked.pool_document


def _universe(workspace: Workspace, asked: TradeRequest, now_ns: int) -> _Universe:
    """The named symbols, else the pool that is followed (as a reader gets it when the session starts), else the workspace's own release."""
    if asked.symbols and any(_pool(asked)):
        raise ConfigurationError("expected --symbols or a pool to follow, found both", hint="The pool says which symbols there are")
    if asked.symbols:
        return _Universe(tuple(name.strip() for name in asked.symbols.split(",") if name.strip()), "static")
    if not any(_pool(asked)):
        manifest = read_artifact(contract("universe.artifact_manifest"), workspace.path("universe.artifact_manifest"))
        return _Universe(tuple(manifest.symbols), "live_pool", str(manifest.version), ns_from_iso(manifest.as_of_date) + NS_PER_DAY)
    start_ns = ns_from_iso(asked.start) if asked.start else None
    found = follow_pool(workspace, now_ns=start_ns or now_ns, objects=asked.pool_from, document=asked.pool_document)
    pool = found.pool
    first_ns = None if pool.as_of_date is None else ns_from_iso(pool.as_of_date) + NS_PER_DAY
    if start_ns is not None and first_ns is not None and start_ns < first_ns:
        raise SafetyRefusal(
            f"expected a session after the day of its pool, {pool.as_of_date}, found one that starts at {asked.start}",
            where=str(pool.version),
            hint="Start the session later, or name --symbols",
        )
    # A local file is no release of this workspace: its version would promise a manifest to trace back to.
    version = pool.version if found.manifest_path is not None else None
    facts = {"source": pool.source, "degraded": pool.degraded, "as_of_date": pool.as_of_date, "age_days": pool.age_days, "loaded_at": pool.loaded_at}
    said = {"messages": list(pool.messages), "errors": list(pool.errors)}
    return _Universe(tuple(pool.symbol_map), pool.source, version, first_ns, found.manifest_path, pool.degraded, {**facts, **said})


def _gate(workspace: Workspace, name: str, asked: TradeRequest) -> GateRecord:
    found = verdicts(workspace, find_run(workspace, name))
    passed = any(verdict.eligible_for_paper for verdict in found.values())
    reasons = tuple(sorted({reason for verdict in found.values() for reason in verdict.blocking_reasons}))
    if not passed and not asked.ungated:
        raise SafetyRefusal(
            f"expected a model that passed the promotion gate, found none of {len(found)}: {'; '.join(reasons[:3]) or 'no verdict'}",
            hint="On paper --ungated trades them all the same, and marks every decision degraded",
        )
    return GateRecord(passed=passed, overridden=asked.ungated and not passed, reasons=reasons)
