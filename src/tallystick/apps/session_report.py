"""What a session did, read from its journal: for the end of a quickstart, `status` and `why`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tallystick.apps.assembly import journal_reader
from tallystick.apps.sessions import has_journal, load_config
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import ns_from_iso
from tallystick.engine.journal import MemoryJournal, decode_body
from tallystick.engine.ports import JournalReader


@dataclass(frozen=True, slots=True)
class SessionReport:
    """Counts and results of one session. `refusals`: stage → (count, one example with its number)."""

    session_id: str
    status: str
    cycles: int
    order_ids: tuple[str, ...]
    sides: Mapping[str, tuple[str, ...]]
    fills: int
    refusals: Mapping[str, tuple[int, str]]
    starting_cash: Decimal
    equity: Decimal
    fees: Decimal
    degraded: bool
    universe_source: str
    pool_version: str | None
    universe_messages: tuple[str, ...]

    @property
    def return_pct(self) -> float:
        """Change of equity, percent."""
        return float((self.equity / self.starting_cash - 1) * 100)

    def lines(self) -> tuple[str, ...]:
        """For a person."""
        return (
            f"{self.cycles} cycles, {len(self.order_ids)} orders in {len(self.sides)} symbols, {self.fills} fills, fees {self.fees:.2f}",
            f"universe: {self.universe_source}{f' {self.pool_version}' if self.pool_version else ''}{'; the session is degraded' if self.degraded else ''}",
            *(f"universe: {text}" for text in self.universe_messages),
            f"equity {self.starting_cash:,.0f} → {self.equity:,.2f} ({self.return_pct:+.2f} %)",
            *(f"{count} × not traded by {stage}, for instance {example}" for stage, (count, example) in self.refusals.items()),
        )

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "session_id": self.session_id,
            "status": self.status,
            "cycles": self.cycles,
            "orders": len(self.order_ids),
            "order_ids": list(self.order_ids),
            "sides": {symbol: list(sides) for symbol, sides in self.sides.items()},
            "fills": self.fills,
            "refusals": {stage: {"count": count, "example": example} for stage, (count, example) in self.refusals.items()},
            "equity": format(self.equity, "f"),
            "return_pct": self.return_pct,
            "degraded": self.degraded,
            "universe_source": self.universe_source,
            "pool_version": self.pool_version,
            "universe_messages": list(self.universe_messages),
        }


def session_report(workspace: Workspace, session_id: str) -> SessionReport:
    """Read a session's journal once; one that was cut before its first row has run no cycle. Raises ArtifactError when there is no such session."""
    config = load_config(workspace, session_id)
    reader: JournalReader = journal_reader(workspace, session_id) if has_journal(workspace, session_id) else MemoryJournal()
    orders: list[str] = []
    sides: dict[str, set[str]] = {}
    refusals: Counter[str] = Counter()
    examples: dict[str, str] = {}
    fills, cycles, fees, equity = 0, 0, Decimal(0), Decimal(repr(config.starting_cash))
    for row in reader.rows("commit"):
        body = decode_body(row)
        cycles += 1
        equity = Decimal(body["account"]["equity"])
        for order in body["orders"]:
            orders.append(order["order_id"])
            sides.setdefault(order["symbol"], set()).add(order["side"])
        for update in body["updates"]:
            if update["kind"] in ("fill", "liquidation"):
                fills += 1
                fees += Decimal(update["fee"])
        for decision in body["decisions"]:
            if decision["decision"] != "TRADE" and decision["stage"] in ("gating", "sizing", "risk"):
                refusals[decision["stage"]] += 1
                examples.setdefault(decision["stage"], f"{decision['symbol']}: {decision['reason']}")
    end = reader.last("end")
    return SessionReport(
        session_id=session_id,
        status=str(decode_body(end)["status"]) if end else "running",
        cycles=cycles,
        order_ids=tuple(orders),
        sides={symbol: tuple(sorted(sides[symbol])) for symbol in sorted(sides)},
        fills=fills,
        refusals={stage: (refusals[stage], examples[stage]) for stage in ("gating", "sizing", "risk") if stage in refusals},
        starting_cash=Decimal(repr(config.starting_cash)),
        equity=equity,
        fees=fees,
        degraded=config.degraded,
        universe_source=config.universe_source,
        pool_version=config.pool_version,
        universe_messages=tuple(config.settings.get("universe", {}).get("messages", ())),
    )


def why(workspace: Workspace, session_id: str, symbol: str, at: str | None) -> dict[str, Any]:
    """The decision for a symbol in the last cycle at or before a time (default: the last), and what stopped it.

    Raises DataError when the session never looked at the symbol.
    """
    limit = None if at is None else ns_from_iso(at)
    config = load_config(workspace, session_id)
    found: dict[str, Any] | None = None
    seen: set[str] = set()
    for row in journal_reader(workspace, session_id).rows("commit"):
        body = decode_body(row)
        if limit is not None and ns_from_iso(body["now"]) > limit:
            break
        for decision in body["decisions"]:
            seen.add(decision["symbol"])
            if decision["symbol"] == symbol:
                found = {"cycle": body["cycle"], "now": body["now"], **decision}
    if found is None:
        raise DataError(f"expected a symbol of the session {session_id} ({', '.join(sorted(seen)) or 'none yet'}), found {symbol}", where=at or "")
    return {
        "session_id": session_id,
        "symbol": symbol,
        "cycle": found["cycle"],
        "now": found["now"],
        "decision": found["decision"],
        "stopped_by": None if found["decision"] == "TRADE" else found["stage"],
        "stage": found["stage"],
        "reason": found["reason"],
        "value": found["value"],
        "limit": found["limit"],
        "action": found["action"],
        "order_id": found["order_id"],
        "stages": found["stages"],
        "universe_source": config.universe_source,
        "pool_version": config.pool_version,
        "degraded": config.degraded,
    }
