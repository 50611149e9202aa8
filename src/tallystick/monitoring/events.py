"""Events of a session, read off its journal: a row that was written was emitted, so nothing is shown that did not happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tallystick.contracts.dashboard import EventType, Severity
from tallystick.contracts.time import iso_from_ns

Document = dict[str, Any]
_WARNINGS = {"daily_loss": EventType.DAILY_LOSS_WARNING, "drawdown": EventType.DRAWDOWN_WARNING, "exposure": EventType.EXPOSURE_WARNING}
_MARKS: dict[str, tuple[EventType, Severity, str]] = {
    "session": (EventType.ENGINE_START, "info", "Session started"),
    "recovery": (EventType.RECONCILIATION_END, "info", "Session recovered from its journal"),
    "end": (EventType.ENGINE_STOP, "info", "Session ended"),
}


def event(kind: EventType, timestamp: str, severity: Severity, message: str, **data: object) -> Document:
    """One event; its type is a member of the enumeration, so an unlisted one cannot be emitted."""
    return {"event_type": kind.value, "timestamp": timestamp, "severity": severity, "message": message, "data": data}


def events_of_row(kind: str, body: Mapping[str, Any]) -> tuple[Document, ...]:
    """The events of one journal row, in the order of the trading path."""
    if kind in _MARKS:
        type_, severity, message = _MARKS[kind]
        return (event(type_, body["recorded_at"], severity, message, session_id=body["session_id"], cycles=body["cycles"], status=body["status"]),)
    # An intent is durable before anything leaves, so a submission is known even if the process dies on the next line.
    if kind == "intent":
        return tuple(
            event(
                EventType.TRADE_SUBMITTED,
                body["now"],
                "info",
                f"{order['side']} {order['quantity']} {order['symbol']}",
                order_id=order["order_id"],
                decision_id=order["decision_id"],
                cycle=body["cycle"],
            )
            for order in body["orders"]
        )
    return tuple(_events_of_cycle(body)) if kind == "commit" else ()


def _events_of_cycle(body: Mapping[str, Any]) -> Iterator[Document]:
    now = body["now"]
    for update in body["updates"]:
        yield from _events_of_update(update)
    for decision in body["decisions"]:
        if decision["decision"] == "TRADE":
            yield event(
                EventType.DECISION_MADE, now, "info", f"{decision['action']} {decision['symbol']}: {decision['reason']}", decision_id=decision["decision_id"]
            )
        elif decision["decision"] == "BLOCKED" and decision["stage"] == "gating":
            numbers = {"value": decision["value"], "limit": decision["limit"]}
            yield event(EventType.GATE_BLOCKED, now, "info", f"{decision['symbol']}: {decision['reason']}", decision_id=decision["decision_id"], **numbers)
    for refused in body["refused"]:
        numbers = {"value": refused["value"], "limit": refused["limit"]}
        yield event(EventType.TRADE_REJECTED, now, "warning", f"{refused['symbol']}: {refused['reason']}", decision_id=refused["decision_id"], **numbers)
    risk = body["risk"]
    for warning in risk["warnings"]:
        severity: Severity = "critical" if warning["severity"] == "critical" else "warning"
        numbers = {"threshold_pct": warning["threshold_pct"], "current_pct": warning["current_pct"]}
        yield event(_WARNINGS[warning["type"]], now, severity, warning["message"], **numbers)
    if risk["kill_switch_active"]:
        yield event(EventType.KILL_SWITCH_TRIGGERED, now, "critical", str(risk["kill_switch_reason"]))
    yield event(EventType.CYCLE_END, now, "debug", f"Cycle {body['cycle']} completed", cycle=body["cycle"], **body["stats"])


def _events_of_update(update: Mapping[str, Any]) -> Iterator[Document]:
    at = iso_from_ns(int(update["timestamp_ns"]))
    kind, symbol = update["kind"], update["symbol"]
    if kind in ("fill", "liquidation"):
        severity: Severity = "info" if kind == "fill" else "critical"
        text = f"{update['side']} {update['quantity']} {symbol} at {update['price']}" + ("" if kind == "fill" else f" by {update['cause']}")
        yield event(EventType.TRADE_FILLED, at, severity, text, id=update["update_id"], order_id=update.get("order_id"))
    elif kind == "canceled":
        yield event(EventType.TRADE_CANCELLED, at, "info", f"{symbol}: {update['reason']}", id=update["update_id"], order_id=update["order_id"])
    elif kind == "rejected":
        yield event(EventType.TRADE_REJECTED, at, "warning", f"{symbol}: {update['reason']}", id=update["update_id"])
