"""Arbitration: many mandates, exactly one action per symbol, by a total order that no hash can disturb (decision 18)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tallystick.contracts.decision import Action, ActionType, Mandate, MandateType
from tallystick.contracts.positions import Position, PositionState

STAGE = "arbitration"
_ACTIONS = {
    MandateType.EXIT: ActionType.EXIT,
    MandateType.REDUCE: ActionType.REDUCE,
    MandateType.ENTRY: ActionType.ENTRY,
    MandateType.HOLD: ActionType.HOLD,
}
# What a state admits. ENTRY in OPEN only in the held direction, as an increase (decision 46). A second REDUCE while one works is no transition (decision 20).
ADMITTED: Mapping[PositionState, frozenset[ActionType]] = {
    PositionState.FLAT: frozenset({ActionType.ENTRY, ActionType.HOLD}),
    PositionState.ENTERING: frozenset({ActionType.EXIT}),
    PositionState.OPEN: frozenset({ActionType.EXIT, ActionType.REDUCE, ActionType.ENTRY, ActionType.HOLD}),
    PositionState.REDUCING: frozenset({ActionType.EXIT}),
    PositionState.CLOSING: frozenset(),
}


def precedence(mandate: Mandate) -> tuple[object, ...]:
    """The total order within a symbol: type, authority descending, timestamp ascending, strategy ascending, then every other field, so that no tie is left."""
    direction = "" if mandate.direction is None else mandate.direction.value
    rest = (direction, str(mandate.quantity), mandate.reason or "", repr(mandate.target_weight), repr(mandate.alpha), str(mandate.entry_price))
    more = (mandate.horizon or "", repr(mandate.expires), mandate.stage or "", repr(mandate.value), repr(mandate.limit))
    return (-mandate.type.value, -mandate.authority, mandate.timestamp, mandate.strategy_id or "", *rest, *more)


def arbitrate(
    mandates: Iterable[Mandate], positions: Mapping[str, Position], *, now: float | None = None, identify: Callable[[str], str] | None = None
) -> tuple[Action, ...]:
    """One action for every symbol that has a mandate or a position, sorted by symbol.

    EXIT wins; BLOCK discards ENTRY; then the highest type; within it authority, time and strategy decide. Opposite entries of equal top authority,
    nothing, or only BLOCK: NO_ACTION. A winner that the position's state does not admit: NO_ACTION, so an EXIT never lets an ENTRY pass.
    now: seconds, UTC; mandates that have expired by then do not take part. A symbol without a position is FLAT. identify: symbol → decision id.
    """
    by_symbol: dict[str, list[Mandate]] = {symbol: [] for symbol in positions}
    for mandate in mandates:
        heard = by_symbol.setdefault(mandate.symbol, [])
        if now is None or mandate.expires is None or mandate.expires > now:
            heard.append(mandate)
    symbols = sorted(by_symbol)
    return tuple(_decide(symbol, None if identify is None else identify(symbol), by_symbol[symbol], positions.get(symbol)) for symbol in symbols)


def _decide(symbol: str, decision_id: str | None, mandates: list[Mandate], position: Position | None) -> Action:
    ordered = sorted(mandates, key=precedence) if len(mandates) > 1 else mandates
    block = next((mandate for mandate in ordered if mandate.type is MandateType.BLOCK), None)
    heard = [item for item in ordered if item.type is not MandateType.BLOCK and (block is None or item.type is not MandateType.ENTRY)]
    if not heard:
        if block is None:
            return _idle(symbol, decision_id, "no mandate")
        return _idle(symbol, decision_id, f"blocked: {block.reason or 'no reason given'}", block)
    winner = heard[0]
    if winner.type is MandateType.ENTRY:
        against = next((item for item in heard if item.type is MandateType.ENTRY and item.direction is not winner.direction), None)
        if against is not None and against.authority == winner.authority:
            said = f"opposite entries of equal authority by {winner.strategy_id} and {against.strategy_id}"
            return _idle(symbol, decision_id, said, value=winner.authority)
    refusal = _inadmissible(winner, position)
    if refusal is not None:
        return _idle(symbol, decision_id, refusal)
    action_type = _ACTIONS[winner.type]
    held_back = block is not None and action_type is ActionType.HOLD and any(item.type is MandateType.ENTRY for item in mandates)
    reason = f"blocked: {block.reason}" if held_back and block is not None else winner.reason
    return Action(
        type=action_type,
        symbol=symbol,
        strategy_id=winner.strategy_id,
        direction=winner.direction,
        reason=reason or f"{winner.type.name} by {winner.strategy_id or 'an unnamed strategy'}",
        decision_id=decision_id,
        quantity=winner.quantity,
        alpha=winner.alpha,
        horizon=winner.horizon,
        target_weight=winner.target_weight,
        stage=STAGE if held_back else winner.stage or STAGE,
        value=winner.value,
        limit=winner.limit,
    )


def _inadmissible(winner: Mandate, position: Position | None) -> str | None:
    state = PositionState.FLAT if position is None else position.state
    if _ACTIONS[winner.type] not in ADMITTED[state]:
        return f"{winner.type.name} is not admitted in {state.value}"
    held = None if position is None else position.direction
    if winner.type is MandateType.ENTRY and winner.direction is not None and held is winner.direction.opposite:
        return f"ENTRY {winner.direction.value} against the held {held.value}: EXIT first"
    return None


def _idle(symbol: str, decision_id: str | None, reason: str, block: Mandate | None = None, value: float | None = None) -> Action:
    strategy = None if block is None else block.strategy_id
    number, limit = (value, None) if block is None else (block.value, block.limit)
    return Action(ActionType.NO_ACTION, symbol, strategy, reason=reason, decision_id=decision_id, stage=STAGE, value=number, limit=limit)
