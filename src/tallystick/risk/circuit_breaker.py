"""The circuit breaker: counts losses, opens at a threshold, stays open until someone closes it (decision 15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.errors import SafetyRefusal
from tallystick.contracts.quote_money import exact
from tallystick.contracts.risk import BreakerState, CircuitState, RiskConfig
from tallystick.contracts.time import NS_PER_SECOND

RESET_PHRASE = "reset circuit breaker"
BLOCK_AUTHORITY = 10.0


def record_trade(state: BreakerState, pnl: Decimal, equity: Decimal, config: RiskConfig, now_ns: int) -> BreakerState:
    """The state after one closed trade; pnl net of fees, equity after the trade, both in quote currency.

    Trips on a single loss, on the loss since the last reset, and on consecutive losses once `breaker_min_trades` were seen; all as fractions of
    the equity before that loss. An OPEN breaker keeps its first reason.
    """
    counted = replace(
        state,
        trades=state.trades + 1,
        consecutive_losses=state.consecutive_losses + 1 if pnl < 0 else 0,
        session_pnl=state.session_pnl + pnl,
    )
    single, session = exact(config.breaker_single_loss_frac), exact(config.breaker_session_loss_frac)
    if pnl < 0 and -pnl >= single * max(equity - pnl, Decimal(0)):
        return trip(counted, f"one trade lost {-pnl}, limit {single} of equity {equity - pnl}", now_ns)
    if counted.session_pnl < 0 and -counted.session_pnl >= session * max(equity - counted.session_pnl, Decimal(0)):
        return trip(counted, f"lost {-counted.session_pnl} since the last reset, limit {session} of equity", now_ns)
    if counted.trades >= config.breaker_min_trades and counted.consecutive_losses >= config.breaker_consecutive_losses > 0:
        return trip(counted, f"{counted.consecutive_losses} losses in a row, limit {config.breaker_consecutive_losses}", now_ns)
    return counted


def record_price_move(state: BreakerState, symbol: str, move_frac: float, elapsed_ns: int, config: RiskConfig, now_ns: int) -> BreakerState:
    """The state after a price moved by a fraction within a time; trips on a large move inside the configured window."""
    inside = elapsed_ns <= config.breaker_price_window_s * NS_PER_SECOND
    if inside and abs(move_frac) >= config.breaker_price_move_frac:
        seconds = elapsed_ns / NS_PER_SECOND
        return trip(state, f"{symbol} moved {move_frac:+.4f} within {seconds:g} s, limit {config.breaker_price_move_frac}", now_ns)
    return state


def record_price_moves(
    state: BreakerState, before: Mapping[str, Decimal], after: Mapping[str, Decimal], elapsed_ns: int, config: RiskConfig, now_ns: int
) -> BreakerState:
    """The state after every price moved from its mark before, if it had one, to the one after; within a time that is the same for all."""
    if elapsed_ns > config.breaker_price_window_s * NS_PER_SECOND:
        return state
    for symbol, mark in after.items():
        move = float(mark / before[symbol] - 1) if symbol in before else 0.0
        state = record_price_move(state, symbol, move, elapsed_ns, config, now_ns)
    return state


def trip(state: BreakerState, reason: str, now_ns: int) -> BreakerState:
    """OPEN, with its reason; one that is OPEN already keeps the first reason."""
    if state.state is CircuitState.OPEN:
        return state
    return replace(state, state=CircuitState.OPEN, reason=reason, opened_ns=now_ns)


def reset(state: BreakerState, *, actor: str, phrase: str) -> BreakerState:
    """CLOSED with empty counts. The only way back. Raises SafetyRefusal without a named actor and the typed phrase."""
    if not actor or phrase != RESET_PHRASE:
        raise SafetyRefusal(f"expected a named actor and the phrase {RESET_PHRASE!r}, found {actor!r} and {phrase!r}", where="circuit breaker")
    return BreakerState() if state.state is CircuitState.OPEN else state


def block_mandates(state: BreakerState, symbols: Iterable[str], now_ns: int) -> tuple[Mandate, ...]:
    """BLOCK for every symbol while OPEN, nothing while CLOSED: never a part of them."""
    if state.state is CircuitState.CLOSED:
        return ()
    return tuple(
        Mandate(
            symbol=symbol,
            type=MandateType.BLOCK,
            authority=BLOCK_AUTHORITY,
            timestamp=now_ns / NS_PER_SECOND,
            strategy_id="risk.circuit_breaker",
            reason=f"circuit breaker open: {state.reason}",
        )
        for symbol in sorted(set(symbols))
    )
