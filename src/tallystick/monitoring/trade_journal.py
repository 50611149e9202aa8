"""The trade journal: fills and funding in, trades from flat to flat out. It records and adds up; it interprets nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.checking import check, parse_bytes
from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.monitoring import DailyStats, TradeRecord
from tallystick.contracts.registry import contract
from tallystick.contracts.time import date_from_ns

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Open:
    """A trade in the making: unsigned quantity still held and its cost, what went in and out so far (unsigned quantities and values, quote currency)."""

    trade_id: str
    strategy: str
    entry_time_ns: int
    sign: int
    held: Decimal = ZERO
    cost: Decimal = ZERO
    entered: Decimal = ZERO
    entered_value: Decimal = ZERO
    left: Decimal = ZERO
    left_value: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO


class TradeJournal:
    """Trades of one session. The same update twice changes nothing; an update with a known id and other content raises InvariantViolation."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._closed: list[TradeRecord] = []
        self._seen: dict[str, tuple[object, ...]] = {}

    def apply(self, update: Mapping[str, Any], strategy: str = "") -> None:
        """Take one update of the venue, as recorded: fill, liquidation or funding; others move no money and are left alone."""
        kind = update["kind"]
        if kind not in ("fill", "liquidation", "funding"):
            return
        key, content = str(update["update_id"]), tuple(str(update.get(name)) for name in ("kind", "symbol", "side", "quantity", "price", "fee", "payment"))
        if key in self._seen:
            if self._seen[key] != content:
                raise InvariantViolation(f"expected one meaning of venue update {key}, found {self._seen[key]} and {content}", where="trade journal")
            return
        self._seen[key] = content
        symbol, at = str(update["symbol"]), int(update["timestamp_ns"])
        if kind == "funding":
            held = self._open.get(symbol)
            if held is not None:
                self._open[symbol] = replace(held, funding=held.funding + Decimal(str(update["payment"])))
            return
        quantity, price, fee = (Decimal(str(update[name])) for name in ("quantity", "price", "fee"))
        self._fill(symbol, 1 if update["side"] == "buy" else -1, quantity, price, fee, at, strategy, key)

    def _fill(self, symbol: str, sign: int, quantity: Decimal, price: Decimal, fee: Decimal, at: int, strategy: str, key: str) -> None:
        held = self._open.get(symbol)
        closing = ZERO if held is None or held.sign == sign else min(held.held, quantity)
        if held is not None and closing > 0:
            share = fee * closing / quantity
            # Average cost: an exit takes its share of what the rest was paid for.
            cost = held.cost * closing / held.held
            held = replace(
                held,
                held=held.held - closing,
                cost=held.cost - cost,
                left=held.left + closing,
                left_value=held.left_value + closing * price,
                realized=held.realized + held.sign * (price * closing - cost),
                fees=held.fees + share,
            )
            if held.held == 0:
                self._closed.append(_record(symbol, held, at))
                del self._open[symbol]
                held = None
            else:
                self._open[symbol] = held
            quantity, fee = quantity - closing, fee - share
        if quantity > 0:
            # What is left after a close opens the other way: its id says which fill began it.
            base = held or _Open(f"{key}:{symbol}", strategy, at, sign)
            self._open[symbol] = replace(
                base,
                held=base.held + quantity,
                cost=base.cost + quantity * price,
                entered=base.entered + quantity,
                entered_value=base.entered_value + quantity * price,
                fees=base.fees + fee,
            )

    @property
    def closed(self) -> tuple[TradeRecord, ...]:
        """Closed trades in the order in which they closed."""
        return tuple(self._closed)

    @property
    def open(self) -> tuple[TradeRecord, ...]:
        """Open trades, sorted by symbol; their results are those realised so far."""
        return tuple(_record(symbol, self._open[symbol], None) for symbol in sorted(self._open))

    def records(self) -> tuple[TradeRecord, ...]:
        """Every trade by time of entry, then id."""
        return tuple(sorted((*self._closed, *self.open), key=lambda record: (record.entry_time_ns, record.trade_id)))

    def daily(self) -> tuple[DailyStats, ...]:
        """Figures of each UTC day on which a trade closed, oldest first."""
        return daily_stats(self._closed)

    def persist(self, workspace: Workspace, session_id: str) -> str:
        """Write every record to the session's folder, one a line; answer the SHA-256."""
        item = contract("monitoring.trade_journal")
        lines = [canonical_json(record) for record in self.records()]
        for line in lines:
            check(item, parse_bytes(item, line))
        return write_atomic_bytes(workspace.path(item, session_id=session_id), b"".join(lines))


def _record(symbol: str, trade: _Open, closed_ns: int | None) -> TradeRecord:
    return TradeRecord(
        trade_id=trade.trade_id,
        symbol=symbol,
        strategy=trade.strategy,
        direction="LONG" if trade.sign > 0 else "SHORT",
        entry_time_ns=trade.entry_time_ns,
        entry_price=float(trade.entered_value / trade.entered),
        exit_time_ns=closed_ns,
        exit_price=None if closed_ns is None else float(trade.left_value / trade.left),
        realized_pnl=float(trade.realized),
        net_pnl=float(trade.realized - trade.fees - trade.funding),
        quantity=float(trade.entered),
        fees=float(trade.fees),
        funding=float(trade.funding),
    )


def daily_stats(closed: Iterable[TradeRecord]) -> tuple[DailyStats, ...]:
    """Closed trades by the UTC day of their exit."""
    days: dict[str, list[TradeRecord]] = {}
    for record in closed:
        if record.exit_time_ns is not None:
            days.setdefault(date_from_ns(record.exit_time_ns), []).append(record)
    return tuple(
        DailyStats(
            date=day,
            trades=len(rows),
            wins=sum(row.net_pnl > 0 for row in rows),
            losses=sum(row.net_pnl < 0 for row in rows),
            realized_pnl=_sum(row.realized_pnl for row in rows),
            fees=_sum(row.fees or 0.0 for row in rows),
            net_pnl=_sum(row.net_pnl for row in rows),
        )
        for day, rows in sorted(days.items())
    )


def _sum(values: Iterable[float]) -> float:
    # Exact in decimal, rounded once: the order of the trades cannot change a bit.
    return float(sum((Decimal(value) for value in values), ZERO))
