"""A paper session with its folder: the engine runs, and `outputs/paper_sessions/<id>/` says where it stands and what came of it (decision 57)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tallystick.apps.assembly import journal_path, journal_reader
from tallystick.apps.sessions import SessionOutcome, has_journal, load_config, start_session
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import TallystickError
from tallystick.contracts.market import interval_text
from tallystick.contracts.quote_money import micro_of
from tallystick.contracts.run_documents import CoverageReference, RunSummary
from tallystick.contracts.session import SessionConfig
from tallystick.contracts.time import ns_from_iso
from tallystick.contracts.venue_updates import VenueUpdate, parse_update
from tallystick.engine.journal import decode_body
from tallystick.engine.session import Progress
from tallystick.market.calendars import bars_per_year
from tallystick.market.lake import Lake
from tallystick.research.paper_sessions import PaperSessionRecorder, SessionFacts
from tallystick.research.session_trades import SessionTrades, session_summary, session_trades


def run_paper_session(workspace: Workspace, config: SessionConfig, *, now_ns: int, progress: Progress) -> SessionOutcome:
    """Run or recover a session and keep its folder: running at once, then success, failed or aborted. Re-raises what ended it.

    A process that is refused because another is at work on the session leaves the folder alone.
    """
    recorder = PaperSessionRecorder(workspace, config.session_id)
    if recorder.is_finished():
        return start_session(workspace, config, now_ns=now_ns, progress=progress)
    begun = False

    def begin() -> None:
        nonlocal begun
        recorder.start(_facts(workspace, load_config(workspace, config.session_id)), now_ns)
        begun = True

    try:
        outcome = start_session(workspace, config, now_ns=now_ns, progress=progress, begun=begin)
    except KeyboardInterrupt:
        if begun:
            _end_early(workspace, config, recorder, now_ns, "aborted", "KeyboardInterrupt", "stopped by the user")
        raise
    except TallystickError as error:
        if begun:
            _end_early(workspace, config, recorder, now_ns, "failed", error.code, str(error))
        raise
    if not begun:
        # The session had ended, but a crash came before its folder was.
        begin()
    done = _results(workspace, config)
    recorder.finish(now_ns, "success", done.summary, done.trades.rows, equity=done.equity)
    return outcome


def _end_early(workspace: Workspace, config: SessionConfig, recorder: PaperSessionRecorder, now_ns: int, status: Any, error_type: str, message: str) -> None:
    if has_journal(workspace, config.session_id) and journal_reader(workspace, config.session_id).last("commit") is not None:
        done = _results(workspace, config)
        recorder.finish(now_ns, status, done.summary, done.trades.rows, error_type=error_type, message=message, equity=done.equity)
    else:
        empty = RunSummary(total_return=None, sharpe_simple=None, max_drawdown=None, trades=0, win_rate=None)
        recorder.finish(now_ns, status, empty, error_type=error_type, message=message)


def _facts(workspace: Workspace, config: SessionConfig) -> SessionFacts:
    costs = config.settings["costs"]
    coverage = next(item for item in config.inputs if item.contract == "market.coverage")
    document = {
        "ticker": ",".join(config.symbols),
        "start": config.start,
        "end": config.end,
        "interval": interval_text(int(config.interval_minutes)),
        "venue": config.venue,
        "strategy": "model_alpha",
        "fee": costs["taker_fee_e8"] / 1e8,
        "slippage_bps": costs["slippage_e8"] / 1e4,
        "initial_cash": config.starting_cash,
        "settings": dict(config.settings),
    }
    return SessionFacts(
        venue=config.venue,
        strategy="model_alpha",
        universe_source=config.universe_source,
        code=config.code,
        config=document,
        journal_path=workspace.relative(journal_path(workspace, config.session_id)),
        config_path=workspace.relative(workspace.path("engine.session_config", session_id=config.session_id)),
        degraded=config.degraded,
        coverage=(CoverageReference(venue=config.market_venue, interval_minutes=int(config.interval_minutes), sha256=coverage.sha256),),
        command=f"tallystick trade --session-id {config.session_id}",
    )


@dataclass(frozen=True, slots=True)
class _Results:
    """Fills as a table, the core figures, and (nanoseconds, micro-quote) after each cycle."""

    trades: SessionTrades
    summary: RunSummary
    equity: tuple[tuple[int, int], ...]


def _results(workspace: Workspace, config: SessionConfig) -> _Results:
    """Trades and figures of the committed cycles, read from the journal."""
    updates: list[VenueUpdate] = []
    equity: list[tuple[int, int]] = []
    for row in journal_reader(workspace, config.session_id).rows("commit"):
        body = decode_body(row)
        updates += [parse_update(item) for item in body["updates"]]
        equity.append((ns_from_iso(body["now"]), micro_of(Decimal(body["account"]["equity"]))))
    cash = Decimal(repr(config.starting_cash))
    trades = session_trades(updates, cash)
    calendar = Lake(workspace).coverage(config.market_venue, int(config.interval_minutes))[0].calendar
    bars = bars_per_year(calendar, int(config.interval_minutes))
    return _Results(trades, session_summary([micro for _, micro in equity], micro_of(cash), bars, trades.closed), tuple(equity))
