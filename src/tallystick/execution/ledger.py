"""The ledger: cash and holdings that follow from confirmed fills and funding only, in whole micro-quote, conserved exactly.

After every event: cash = starting cash + realised − fees − funding, and what was paid for the holdings is kept to the micro-quote, so that
realised + cost of what is held = Σ value of sales − Σ value of purchases, whatever was rounded on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from tallystick.contracts.errors import InvariantViolation
from tallystick.contracts.positions import Direction
from tallystick.contracts.quote_money import amount_of, micro_of
from tallystick.contracts.risk import AccountState
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.contracts.venue_updates import VenueFill, VenueFunding, VenueLiquidation, VenueUpdate
from tallystick.kernels.margin import initial_margin
from tallystick.kernels.money import NO_VALUE, mul_div, notional

ENTRY_PRICE_DIGITS = Context(prec=18)


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one symbol: signed lots, what was paid for them (signed micro-quote), and Σ ticks · lots for the average price."""

    lots: int = 0
    cost_micro: int = 0
    tick_lots: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums since the start, micro-quote. funding: paid by us, net of what was received."""

    realised_micro: int = 0
    fees_micro: int = 0
    funding_micro: int = 0


class Ledger:
    """Cash and holdings. Applying the same update twice changes nothing; another update with a known id raises InvariantViolation."""

    def __init__(self, instruments: Mapping[str, TradedInstrument], starting_cash: Decimal) -> None:
        self.instruments = dict(instruments)
        self.starting_micro = micro_of(starting_cash)
        self.cash_micro = self.starting_micro
        self.holdings: dict[str, Holding] = {}
        self.totals: dict[str, Totals] = {}
        self._seen: dict[str, VenueUpdate] = {}

    def apply(self, update: VenueUpdate) -> bool:
        """Take one update of the venue. False when it was known, or moves no money. Raises DataError for a price or quantity off its grid."""
        known = self._seen.get(update.update_id)
        if known is not None:
            if known != update:
                raise InvariantViolation(f"expected one meaning of venue update {update.update_id}, found {known} and {update}")
            return False
        if isinstance(update, VenueFill | VenueLiquidation):
            instrument = self.instrument(update.symbol)
            self.fill(update.symbol, update.side.sign * instrument.lots(update.quantity), instrument.ticks(update.price), micro_of(update.fee))
        elif isinstance(update, VenueFunding):
            self.fund(update.symbol, micro_of(update.payment))
        self._seen[update.update_id] = update
        return isinstance(update, VenueFill | VenueLiquidation | VenueFunding)

    def fill(self, symbol: str, lots: int, price_ticks: int, fee_micro: int) -> int:
        """Take one fill of signed lots; returns the realised result in micro-quote, before its fee.

        A fill against the holding releases its cost in proportion; one that crosses zero closes what is held and opens the rest.
        """
        instrument = self.instrument(symbol)
        held = self.holdings.get(symbol, Holding())
        side = 1 if lots > 0 else -1
        value = self._value(instrument, price_ticks, abs(lots))
        closed = min(abs(held.lots), abs(lots)) if held.lots * lots < 0 else 0
        realised, cost, tick_lots = 0, held.cost_micro, held.tick_lots
        if closed:
            closing_value = self._value(instrument, price_ticks, closed)
            released = _checked(mul_div(held.cost_micro, closed, abs(held.lots)), symbol)
            realised = -side * closing_value - released
            cost -= released
            tick_lots -= held.tick_lots * closed // abs(held.lots)
            value -= closing_value
        opened = abs(lots) - closed
        if opened:
            cost += side * value
            tick_lots += side * opened * price_ticks
        self._store(symbol, Holding(held.lots + lots, cost, tick_lots))
        totals = self.totals.get(symbol, Totals())
        self.totals[symbol] = Totals(totals.realised_micro + realised, totals.fees_micro + fee_micro, totals.funding_micro)
        self.cash_micro += realised - fee_micro
        return realised

    def fund(self, symbol: str, payment_micro: int) -> None:
        """Take one funding payment; above 0 it was paid by us."""
        totals = self.totals.get(symbol, Totals())
        self.totals[symbol] = Totals(totals.realised_micro, totals.fees_micro, totals.funding_micro + payment_micro)
        self.cash_micro -= payment_micro

    def _store(self, symbol: str, holding: Holding) -> None:
        if holding.lots:
            self.holdings[symbol] = holding
            return
        if holding.cost_micro or holding.tick_lots:
            raise InvariantViolation(f"expected nothing paid for nothing held of {symbol}, found {holding}")
        self.holdings.pop(symbol, None)

    def _value(self, instrument: TradedInstrument, price_ticks: int, lots: int) -> int:
        return _checked(notional(price_ticks, lots, instrument.unit_num, instrument.unit_den), instrument.symbol)

    def instrument(self, symbol: str) -> TradedInstrument:
        """The instrument of a symbol. Raises InvariantViolation for one that the ledger was not given."""
        try:
            return self.instruments[symbol]
        except KeyError:
            raise InvariantViolation(f"expected a fill of a known instrument, found {symbol}", where="ledger") from None

    def lots(self, symbol: str) -> int:
        """Signed lots held."""
        holding = self.holdings.get(symbol)
        return 0 if holding is None else holding.lots

    def quantity(self, symbol: str) -> Decimal:
        """Unsigned quantity held, base units."""
        return self.instrument(symbol).quantity(abs(self.lots(symbol)))

    def direction(self, symbol: str) -> Direction | None:
        """The direction held; None when flat."""
        lots = self.lots(symbol)
        return None if lots == 0 else Direction.LONG if lots > 0 else Direction.SHORT

    def entry_price(self, symbol: str) -> Decimal | None:
        """Average price of what is held, 18 significant digits; None when flat. One fill gives exactly its own price."""
        holding = self.holdings.get(symbol)
        if holding is None:
            return None
        tick = self.instrument(symbol).tick
        whole, rest = divmod(holding.tick_lots, holding.lots)
        return whole * tick if rest == 0 else ENTRY_PRICE_DIGITS.divide(holding.tick_lots * tick, Decimal(holding.lots))

    def value_micro(self, symbol: str, mark_ticks: int) -> int:
        """Signed value of a holding at a mark."""
        holding = self.holdings.get(symbol, Holding())
        return self._value(self.instrument(symbol), mark_ticks, abs(holding.lots)) * (1 if holding.lots >= 0 else -1)

    def equity_micro(self, mark_ticks: Mapping[str, int]) -> int:
        """Cash plus the unrealised result of every holding. Raises InvariantViolation when a held symbol has no mark."""
        return self.cash_micro + sum(value - holding.cost_micro for _, holding, value in self._valued(mark_ticks))

    def margin_used_micro(self, mark_ticks: Mapping[str, int], leverage_e4: int) -> int:
        """Initial margin of every holding at the account's leverage, or at the most that its tier allows where that is lower."""
        return self._equity_and_margin(mark_ticks, leverage_e4)[1]

    def _equity_and_margin(self, mark_ticks: Mapping[str, int], leverage_e4: int) -> tuple[int, int]:
        equity, used = self.cash_micro, 0
        for instrument, holding, value in self._valued(mark_ticks):
            equity += value - holding.cost_micro
            used += _checked(initial_margin(value, min(leverage_e4, instrument.max_leverage(value) * 10_000)), instrument.symbol)
        return equity, used

    def _valued(self, mark_ticks: Mapping[str, int]) -> Iterator[tuple[TradedInstrument, Holding, int]]:
        """Every holding with its signed value at its mark, in symbol order."""
        for symbol, holding in sorted(self.holdings.items()):
            if symbol not in mark_ticks:
                raise InvariantViolation(f"expected a mark for the held symbol {symbol}, found none", where="ledger")
            value = self._value(self.instruments[symbol], mark_ticks[symbol], abs(holding.lots))
            yield self.instruments[symbol], holding, value if holding.lots >= 0 else -value

    def free_margin_covers(self, needed_micro: int, mark_ticks: Mapping[str, int], leverage_e4: int) -> bool:
        """Whether equity less the margin in use is at least the needed margin.

        A bound in plain integers answers most calls; the exact sums, rounded per holding, only those that are close.
        """
        bound = self.cash_micro - needed_micro
        for symbol, holding in self.holdings.items():
            instrument = self.instruments[symbol]
            value = holding.lots * mark_ticks[symbol] * instrument.unit_num // instrument.unit_den
            bound += value - holding.cost_micro - abs(value) * 10_000 // min(leverage_e4, instrument.max_leverage(value) * 10_000) - 3
        return bound >= 0 or self.equity_micro(mark_ticks) - self.margin_used_micro(mark_ticks, leverage_e4) >= needed_micro

    def account(self, mark_ticks: Mapping[str, int], leverage_e4: int, now_ns: int) -> AccountState:
        """Equity and free margin (never above equity, never below 0) at these marks. Raises InvariantViolation when a held symbol has no mark."""
        equity, used = self._equity_and_margin(mark_ticks, leverage_e4)
        free = max(0, min(equity, equity - used))
        return AccountState(amount_of(equity), amount_of(free), now_ns / NS_PER_SECOND)

    def realised(self) -> Decimal:
        """Realised result before fees and funding, quote currency."""
        return amount_of(sum(item.realised_micro for item in self.totals.values()))

    def fees(self) -> Decimal:
        """Fees paid, quote currency."""
        return amount_of(sum(item.fees_micro for item in self.totals.values()))

    def funding(self) -> Decimal:
        """Funding paid, net of what was received, quote currency."""
        return amount_of(sum(item.funding_micro for item in self.totals.values()))

    def cash(self) -> Decimal:
        """Cash, quote currency."""
        return amount_of(self.cash_micro)

    def check(self) -> None:
        """Raise InvariantViolation unless money is conserved."""
        flows = sum(item.realised_micro - item.fees_micro - item.funding_micro for item in self.totals.values())
        if self.cash_micro != self.starting_micro + flows:
            raise InvariantViolation(f"expected cash {self.starting_micro + flows} micro-quote from the flows, found {self.cash_micro}", where="ledger")

    def state(self) -> dict[str, object]:
        """Everything that it holds, in symbol order, whole numbers: what a digest is taken of."""
        return {
            "cash_micro": self.cash_micro,
            "holdings": {symbol: (item.lots, item.cost_micro, item.tick_lots) for symbol, item in sorted(self.holdings.items())},
            "totals": {symbol: (item.realised_micro, item.fees_micro, item.funding_micro) for symbol, item in sorted(self.totals.items())},
        }


def _checked(value: int, symbol: str) -> int:
    if value == NO_VALUE:
        raise InvariantViolation(f"expected an amount of {symbol} that fits int64 micro-quote, found an overflow", where="ledger")
    return int(value)
