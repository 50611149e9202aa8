"""Trades from flat to flat, as the ledger knows them: when each was opened, and what it came to when it closed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tallystick.contracts.quote_money import amount_of
from tallystick.contracts.venue_updates import VenueFill, VenueLiquidation, VenueUpdate
from tallystick.execution.ledger import Ledger, Totals


class RoundTrips:
    """Follows the ledger update by update. A position that is closed in many fills, or in many orders, is one trade."""

    def __init__(self) -> None:
        self._opened_ns: dict[str, int] = {}
        self._settled_micro: dict[str, int] = {}

    @property
    def opened_ns(self) -> Mapping[str, int]:
        """Symbol → UTC nanoseconds of the fill that opened what is held."""
        return self._opened_ns

    def observe(self, ledger: Ledger, update: VenueUpdate) -> Decimal | None:
        """After the ledger took an update: the result of the trade that it closed, net of fees and funding, quote currency; None when it closed none."""
        if not isinstance(update, VenueFill | VenueLiquidation):
            return None
        symbol = update.symbol
        if ledger.lots(symbol):
            self._opened_ns.setdefault(symbol, update.timestamp_ns)
            return None
        totals = ledger.totals.get(symbol, Totals())
        net = totals.realised_micro - totals.fees_micro - totals.funding_micro
        result = net - self._settled_micro.get(symbol, 0)
        self._opened_ns.pop(symbol, None)
        self._settled_micro[symbol] = net
        return amount_of(result)

    def state(self) -> dict[str, object]:
        """Everything that it holds, in symbol order."""
        return {"opened_ns": dict(sorted(self._opened_ns.items())), "settled_micro": dict(sorted(self._settled_micro.items()))}
