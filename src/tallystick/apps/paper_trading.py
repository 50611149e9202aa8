"""A paper session for the front doors: resolve what was asked, run the engine, and keep the paper-session folder beside it."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.apps.paper_records import run_paper_session
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


def trade_on_paper(workspace: Workspace, asked: TradeRequest, *, now_ns: int, progress: Progress) -> SessionOutcome:
    """Run or recover a paper session. Raises ConfigurationError for a venue that is not built, SafetyRefusal when no model may trade."""
    if asked.venue != "paper":
        raise ConfigurationError(f"expected the venue paper, found {asked.venue!r}: this version trades on paper only", where="--venue")
    if asked.session_id is not None and asked.session_id in session_ids(workspace) and not _names_more(asked):
        return run_paper_session(workspace, load_config(workspace, asked.session_id), now_ns=now_ns, progress=progress)
    minutes = minutes_of(asked.interval)
    market_venue = asked.market_venue or only_venue(workspace, asked.interval)
    symbols, source, version, first_ns = _universe(workspace, asked)
    coverage, _ = Lake(workspace).coverage(market_venue, minutes)
    last_ns = max(ns_from_iso(row.last) for row in coverage.symbols.values()) + minutes * NS_PER_MINUTE
    start_ns = ns_from_iso(asked.start) if asked.start else first_ns
    if start_ns is None:
        raise ConfigurationError("expected --start with a static universe, found none", hint="Name the first open time of the session")
    run_root = find_run(workspace, asked.models)
    request = SessionRequest(
        market_venue=market_venue,
        interval_minutes=minutes,
        symbols=symbols,
        start_ns=start_ns,
        end_ns=ns_from_iso(asked.end) if asked.end else last_ns,
        run_root=run_root,
        gate=_gate(workspace, run_root.name, asked),
        universe_source=source,
        pool_version=version,
        session_id=asked.session_id,
    )
    return run_paper_session(workspace, plan_session(workspace, request, now_ns=now_ns), now_ns=now_ns, progress=progress)


def _names_more(asked: TradeRequest) -> bool:
    """Whether more than an id was asked: then it must be what the session was recorded under."""
    return any(value is not None for value in (asked.models, asked.start, asked.end, asked.symbols, asked.market_venue))


def _universe(workspace: Workspace, asked: TradeRequest) -> tuple[tuple[str, ...], str, str | None, int | None]:
    if asked.symbols:
        return tuple(name.strip() for name in asked.symbols.split(",") if name.strip()), "static", None, None
    manifest = read_artifact(contract("universe.artifact_manifest"), workspace.path("universe.artifact_manifest"))
    return tuple(manifest.symbols), "live_pool", str(manifest.version), ns_from_iso(manifest.as_of_date) + NS_PER_DAY


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
