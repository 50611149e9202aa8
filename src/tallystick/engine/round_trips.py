"""Trades from flat to flat, as the ledger knows them: what opened each, and what it came to when it closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal

from tallystick.contracts.quote_money import amount_of
from tallystick.contracts.venue_updates import VenueFill, VenueLiquidation, VenueUpdate
from tallystick.execution.ledger import Ledger, Totals


@dataclass(frozen=True, slots=True)
class Opener:
    """Who asked for an entry, for which horizon, and the chance that its learner gave the horizon then; None without one."""

    strategy_id: str | None
    horizon: str | None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A trade from flat to flat. net: its result after fees and funding; entered: the notional of the fills that built it; both in quote currency."""

    symbol: str
    opener: Opener | None
    opened_ns: int
    closed_ns: int
    entered: Decimal
    net: Decimal


class RoundTrips:
    """Follows the ledger update by update. A position that is closed in many fills, or in many orders, is one trade."""

    def __init__(self) -> None:
        self._opened_ns: dict[str, int] = {}
        self._settled_micro: dict[str, int] = {}
        self._openers: dict[str, Opener] = {}
        self._lots: dict[str, int] = {}
        self._entered: dict[str, Decimal] = {}

    @property
    def opened_ns(self) -> Mapping[str, int]:
        """Symbol → UTC nanoseconds of the fill that opened what is held."""
        return self._opened_ns

    def entering(self, symbol: str, opener: Opener) -> None:
        """An entry leaves. While nothing is held the last one is the opener; what adds to a position does not take it over."""
        if symbol not in self._opened_ns:
            self._openers[symbol] = opener

    def observe(self, ledger: Ledger, update: VenueUpdate) -> ClosedTrade | None:
        """After the ledger took an update: the trade that it closed; None when it closed none."""
        if not isinstance(update, VenueFill | VenueLiquidation):
            return None
        symbol, lots = update.symbol, ledger.lots(update.symbol)
        if abs(lots) > abs(self._lots.get(symbol, 0)):
            self._entered[symbol] = self._entered.get(symbol, Decimal(0)) + update.quantity * update.price
        if lots:
            self._lots[symbol] = lots
            self._opened_ns.setdefault(symbol, update.timestamp_ns)
            return None
        totals = ledger.totals.get(symbol, Totals())
        net = totals.realised_micro - totals.fees_micro - totals.funding_micro
        result = net - self._settled_micro.get(symbol, 0)
        self._settled_micro[symbol] = net
        self._lots.pop(symbol, None)
        opened_ns, entered = self._opened_ns.pop(symbol, update.timestamp_ns), self._entered.pop(symbol, Decimal(0))
        return ClosedTrade(symbol, self._openers.pop(symbol, None), opened_ns, update.timestamp_ns, entered, amount_of(result))

    def state(self) -> dict[str, object]:
        """Everything that it holds, in symbol order."""
        return {
            "opened_ns": dict(sorted(self._opened_ns.items())),
            "settled_micro": dict(sorted(self._settled_micro.items())),
            "openers": {symbol: asdict(opener) for symbol, opener in sorted(self._openers.items())},
            "lots": dict(sorted(self._lots.items())),
            "entered": {symbol: format(value, "f") for symbol, value in sorted(self._entered.items())},
        }
