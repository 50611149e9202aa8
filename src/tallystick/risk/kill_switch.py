"""The kill switch: latched, persistent, and cleared only as decision 14 says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tallystick.contracts.errors import InvariantViolation, SafetyRefusal
from tallystick.contracts.quote_money import exact
from tallystick.contracts.risk import Kill, KillKind, KillState, RiskConfig
from tallystick.contracts.time import date_from_ns


def observe(state: KillState, equity: Decimal, config: RiskConfig, now_ns: int) -> KillState:
    """The state after equity was seen at an instant.

    A day begins with the last equity of the day before, so a loss overnight, or between two daily bars, counts for the new day. The daily-loss kill
    belongs to its UTC day and clears with the next one; drawdown and manual kills stay. Raises InvariantViolation when the day runs backwards.
    """
    day = date_from_ns(now_ns)
    if state.day is not None and day < state.day:
        raise InvariantViolation(f"expected a day from {state.day} on, found {day}", where="kill switch")
    if day != state.day:
        start = equity if state.last_equity is None else state.last_equity
        state = replace(state, day=day, day_start_equity=start, kills=tuple(kill for kill in state.kills if kill.kind != "daily_loss"))
    peak = equity if state.peak_equity is None else max(state.peak_equity, equity)
    state = replace(state, peak_equity=peak, last_equity=equity)
    loss, drawdown = -daily_result_pct(state), drawdown_pct(state)
    if loss >= exact(config.daily_loss_limit_pct):
        state = _latch(state, "daily_loss", f"lost {_short(loss)} % since the day began, limit {config.daily_loss_limit_pct:g} %", now_ns)
    if drawdown >= exact(config.max_drawdown_limit_pct):
        state = _latch(state, "drawdown", f"{_short(drawdown)} % below the peak, limit {config.max_drawdown_limit_pct:g} %", now_ns)
    return state


def latch_manual(state: KillState, reason: str, now_ns: int) -> KillState:
    """Killed by hand. Raises SafetyRefusal without a reason."""
    if not reason:
        raise SafetyRefusal("expected a reason for the manual kill, found none", where="kill switch")
    return _latch(state, "manual", reason, now_ns)


def reset(state: KillState, kind: KillKind, *, actor: str, phrase: str) -> KillState:
    """Without the kill of that kind. The caller has authenticated the actor; the phrase shows that it is meant.

    A drawdown reset begins a new peak at the last equity: with the old one the kill would return at once. Raises SafetyRefusal without an actor
    and the phrase `reset <kind>`, and for the daily loss, which only the next UTC day clears.
    """
    if kind == "daily_loss":
        raise SafetyRefusal("expected the daily-loss kill to last until the next UTC day, found a reset", where="kill switch")
    if not actor or phrase != f"reset {kind}":
        raise SafetyRefusal(f"expected a named actor and the phrase 'reset {kind}', found {actor!r} and {phrase!r}", where="kill switch")
    kills = tuple(kill for kill in state.kills if kill.kind != kind)
    return replace(state, kills=kills, peak_equity=state.last_equity if kind == "drawdown" else state.peak_equity)


def daily_result_pct(state: KillState) -> Decimal:
    """Result since the day began, percent of the equity it began with; −100 when that equity was not above 0 and is lower now."""
    return _change_pct(state.day_start_equity, state.last_equity)


def drawdown_pct(state: KillState) -> Decimal:
    """How far equity lies below its peak, percent of the peak, at least 0."""
    return max(Decimal(0), -_change_pct(state.peak_equity, state.last_equity))


def _change_pct(start: Decimal | None, end: Decimal | None) -> Decimal:
    if start is None or end is None or start == end:
        return Decimal(0)
    if start <= 0:
        return Decimal(-100) if end < start else Decimal(100)
    return (end - start) / start * 100


def _latch(state: KillState, kind: KillKind, reason: str, now_ns: int) -> KillState:
    # The first reason stays: it says what happened, not how it went on.
    if any(kill.kind == kind for kill in state.kills):
        return state
    return replace(state, kills=(*state.kills, Kill(kind, reason, now_ns, date_from_ns(now_ns))))


def _short(value: Decimal) -> str:
    return f"{float(value):.4g}"
