"""The trades table and the core results of a session, from what the venue reported. Exact decimals; a table for readers, not the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from tallystick.contracts.quote_money import micro_of
from tallystick.contracts.run_documents import RunSummary, TradeRow
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.venue_updates import VenueFill, VenueFunding, VenueLiquidation, VenueUpdate
from tallystick.kernels import performance
from tallystick.research.simulation import figures

_CENT_OF_MILLI = Decimal("0.000001")


@dataclass(slots=True)
class _Holding:
    """An open position: signed quantity, signed cost of it, result so far, and the number of its round trip."""

    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    result: Decimal = Decimal(0)
    number: int = 0


@dataclass(frozen=True, slots=True)
class SessionTrades:
    """rows: one per fill, in order; closed: the result of each completed round trip in micro-quote, in the order they ended."""

    rows: tuple[TradeRow, ...]
    closed: tuple[int, ...]


@dataclass(slots=True)
class _Book:
    cash: Decimal
    begun: int = 0
    holdings: dict[str, _Holding] = field(default_factory=dict)
    rows: list[TradeRow] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def fill(self, update: VenueFill | VenueLiquidation) -> None:
        sign = update.side.sign
        holding = self.holdings.setdefault(update.symbol, _Holding())
        left, fee = update.quantity, update.fee
        if holding.quantity * sign < 0:
            # A fill that crosses flat ends one round trip and begins another; its fee is shared by quantity.
            out = min(left, abs(holding.quantity))
            part = _money(fee * out / left)
            self._book(update, holding, out, part, closing=True)
            left, fee = left - out, fee - part
        if left > 0:
            self._book(update, holding, left, fee, closing=False)

    def fund(self, update: VenueFunding) -> None:
        self.cash -= update.payment
        self.holdings.setdefault(update.symbol, _Holding()).result -= update.payment

    def _book(self, update: VenueFill | VenueLiquidation, holding: _Holding, quantity: Decimal, fee: Decimal, *, closing: bool) -> None:
        sign = update.side.sign
        notional = _money(update.price * quantity)
        realized = -fee
        if not closing:
            if holding.quantity == 0:
                holding.number, holding.result = self.begun, Decimal(0)
                self.begun += 1
            holding.cost += sign * notional
        else:
            part = _money(holding.cost * quantity / abs(holding.quantity))
            realized += -sign * notional - part
            holding.cost -= part
        holding.quantity += sign * quantity
        holding.result += realized
        self.cash -= sign * notional + fee
        self.rows.append(
            TradeRow(
                timestamp=iso_from_ns(update.timestamp_ns),
                symbol=update.symbol,
                side="buy" if sign > 0 else "sell",
                price=format(update.price, "f"),
                qty=format(quantity, "f"),
                notional=format(notional, "f"),
                fee=format(fee, "f"),
                cash=format(self.cash, "f"),
                position=format(holding.quantity, "f"),
                realized_pnl=format(realized, "f"),
                trade_id=holding.number,
            )
        )
        if closing and holding.quantity == 0:
            self.closed.append(micro_of(_money(holding.result)))


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT_OF_MILLI, ROUND_HALF_EVEN)


def session_trades(updates: Iterable[VenueUpdate], starting_cash: Decimal) -> SessionTrades:
    """Fills and liquidations as rows; funding moves the cash and counts in its trade. Updates in the order in which the venue reported them."""
    book = _Book(_money(starting_cash))
    for update in updates:
        if isinstance(update, VenueFill | VenueLiquidation):
            book.fill(update)
        elif isinstance(update, VenueFunding):
            book.fund(update)
    return SessionTrades(tuple(book.rows), tuple(book.closed))


def session_summary(equity_micro: Sequence[int], starting_micro: int, bars_per_year: float, closed: Sequence[int]) -> RunSummary:
    """The core results of a session from its equity after each cycle and its closed round trips. Null where a figure does not exist."""
    curve = performance.curve_figures(starting_micro, np.array(equity_micro, np.int64), bars_per_year)
    found = figures(performance.CURVE_FIGURES, curve)
    wins = sum(result > 0 for result in closed)
    return RunSummary(
        total_return=found["total_return"],
        sharpe_simple=found["sharpe_simple"],
        max_drawdown=found["max_drawdown"],
        trades=len(closed),
        win_rate=wins / len(closed) if closed else None,
    )
