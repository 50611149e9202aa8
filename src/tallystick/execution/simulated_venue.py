"""The simulated venue: a deterministic counterparty that fills against bars. No clock, no randomness: the same calls give the same books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tallystick.contracts.errors import ConfigurationError, DataError, InvariantViolation, SafetyRefusal
from tallystick.contracts.orders import STOP_TYPES, ApprovedOrder, OrderRequest, OrderResponse, OrderStatus, OrderType
from tallystick.contracts.positions import Position, PositionState
from tallystick.contracts.quote_money import MICRO, amount_of
from tallystick.contracts.risk import AccountState
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.contracts.venue_updates import VenueCanceled, VenueFill, VenueFunding, VenueRejected, VenueUpdate
from tallystick.execution import bar_matching, venue_liquidation
from tallystick.execution.bar_matching import Match, Quote, RestingOrder
from tallystick.execution.ledger import Holding, Ledger
from tallystick.execution.venue_bars import NO_BAR, BarTicks, TickGrid, VenueBars
from tallystick.kernels.fees import fee
from tallystick.kernels.funding import funding_payment
from tallystick.kernels.margin import initial_margin
from tallystick.kernels.matching import fillable
from tallystick.kernels.money import notional


@dataclass(frozen=True, slots=True)
class VenueCosts:
    """What trading costs. Rates in 1e-8 of the notional or the price: 5 basis points are 50,000.

    spread_e8: full spread; slippage_e8: beyond the touch; funding_rate_e8: per funding interval, above 0 the long pays; liquidation_fee_e8: on top
    of the taker fee; volume_share: fraction of a bar's volume that our orders may take; leverage_e4: leverage of the account in 1e-4.
    Fees and funding may be below 0 (a rebate). Raises ConfigurationError for a distance below 0, a share outside (0, 1] or no leverage.
    """

    taker_fee_e8: int = 50_000
    maker_fee_e8: int = 20_000
    spread_e8: int = 20_000
    slippage_e8: int = 20_000
    funding_rate_e8: int = 10_000
    liquidation_fee_e8: int = 500_000
    volume_share: float = 0.10
    leverage_e4: int = 80_000

    def __post_init__(self) -> None:
        for name in ("spread_e8", "slippage_e8", "liquidation_fee_e8"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"expected a cost at or above 0, found {getattr(self, name)}", where=f"costs.{name}")
        if not 0.0 < self.volume_share <= 1.0:
            raise ConfigurationError(f"expected a share above 0 and at most 1, found {self.volume_share}", where="costs.volume_share")
        if self.leverage_e4 < 1:
            raise ConfigurationError(f"expected a leverage above 0, found {self.leverage_e4}", where="costs.leverage_e4")


class SimulatedVenue:
    """Orders, fills, funding, liquidation and books of one account.

    The turn of time: at `now` orders are submitted, then `advance(now, bars)` lets the bars that open at `now` happen. Market orders fill at that
    open; what the range does comes after it, adverse first (see bar_matching); the marks are then the closes. A symbol without a bar fills nothing and
    its orders stay. A market order that outgrows the volume share is carried to the next open.
    """

    def __init__(self, instruments: Mapping[str, TradedInstrument], costs: VenueCosts, starting_cash: Decimal) -> None:
        self.costs = costs
        self.ledger = Ledger(instruments, starting_cash)
        self._grid = TickGrid(instruments)
        self._places = {symbol: place for place, symbol in enumerate(self._grid.symbols)}
        self._rows = [instruments[symbol] for symbol in self._grid.symbols]
        self._quote = Quote(costs.spread_e8, costs.slippage_e8)
        self._resting: dict[str, RestingOrder] = {}
        self._responses: dict[str, OrderResponse] = {}
        self._requests: dict[str, OrderRequest] = {}
        self._status: dict[str, OrderStatus] = {}
        self._updates: list[VenueUpdate] = []
        self._marks: dict[str, int] = {}
        self._shown_marks: dict[str, Decimal] | None = None
        self._held: dict[str, tuple[Holding, Position]] = {}
        self._now_ns: int | None = None
        self._numbers = 0

    # Orders

    def submit(self, order: ApprovedOrder, now_ns: int) -> OrderResponse:
        """Take one order. The same client id again gets the first answer; with another request it raises InvariantViolation."""
        if not isinstance(order, ApprovedOrder):
            raise SafetyRefusal(f"expected an order that risk approved, found {type(order).__name__}", where="simulated venue")
        client_id, request = order.client_id, order.request
        if client_id in self._responses:
            if self._requests[client_id] != request:
                raise InvariantViolation(f"expected one order behind client id {client_id}, found another", where="simulated venue")
            return self._responses[client_id]
        reason = self._rejection(request)
        self._requests[client_id] = request
        if reason is not None:
            self._status[client_id] = OrderStatus.REJECTED
            self._updates.append(VenueRejected(self._next_id(), request.symbol, client_id, reason, now_ns))
            self._responses[client_id] = OrderResponse(False, None, OrderStatus.REJECTED, reason)
            return self._responses[client_id]
        instrument, number = self.ledger.instrument(request.symbol), len(self._responses) + 1
        order_id = f"sim-{number}"
        self._resting[client_id] = RestingOrder(
            number,
            order_id,
            client_id,
            request.symbol,
            self._places[request.symbol],
            request.side.sign,
            request.order_type,
            instrument.lots(request.quantity),
            None if request.limit_price is None else instrument.ticks(request.limit_price),
            None if request.stop_price is None else instrument.ticks(request.stop_price),
            request.reduce_only,
        )
        self._status[client_id] = OrderStatus.ACKNOWLEDGED
        self._responses[client_id] = OrderResponse(True, order_id, OrderStatus.ACKNOWLEDGED, None)
        return self._responses[client_id]

    def _rejection(self, request: OrderRequest) -> str | None:
        instrument = self.ledger.instruments.get(request.symbol)
        if instrument is None:
            return f"unknown symbol {request.symbol}"
        if request.quantity % instrument.lot:
            return f"quantity {request.quantity} is not a multiple of the lot {instrument.lot}"
        faults = [fault for price in (request.limit_price, request.stop_price) if price is not None and (fault := instrument.price_fault(price))]
        if faults:
            return f"price {faults[0]}"
        if (request.order_type in STOP_TYPES) != (request.stop_price is not None):
            return f"{request.order_type.value} with stop price {request.stop_price}"
        mark = self._marks.get(request.symbol)
        if mark is not None and not request.reduce_only:
            value = request.quantity * (request.limit_price or instrument.price(mark))
            if value < instrument.min_notional:
                return f"notional {value} is below the minimum {instrument.min_notional}"
        return None

    def cancel(self, client_id: str, now_ns: int) -> OrderResponse:
        """End a working order; an order that ended keeps its end."""
        order = self._resting.get(client_id)
        if order is None:
            status = self._status.get(client_id, OrderStatus.REJECTED)
            return OrderResponse(False, None, status, f"no working order {client_id}: {status.value}")
        self._end(order, "cancelled on request", now_ns)
        return OrderResponse(True, order.order_id, OrderStatus.CANCELED, None)

    def lookup(self, client_id: str) -> OrderResponse | None:
        """The order's answer with its status as of now; None when it was never seen."""
        first = self._responses.get(client_id)
        return None if first is None else OrderResponse(first.success, first.order_id, self._status[client_id], first.error_message)

    def working(self) -> tuple[str, ...]:
        """Client ids of working orders, in the order of their arrival."""
        return tuple(self._resting)

    def drain(self) -> tuple[VenueUpdate, ...]:
        """Updates since the last drain."""
        found, self._updates = tuple(self._updates), []
        return found

    # Books

    def account(self) -> AccountState:
        """Equity and free margin at the last marks."""
        return self.ledger.account(self._marks, self.costs.leverage_e4, self._now_ns or 0)

    def positions(self) -> dict[str, Position]:
        """Held positions by symbol."""
        return {symbol: self._position(symbol, holding) for symbol, holding in sorted(self.ledger.holdings.items())}

    def _position(self, symbol: str, holding: Holding) -> Position:
        known, held = self._held.get(symbol), self.ledger
        if known is None or known[0] != holding:
            known = self._held[symbol] = holding, Position(symbol, PositionState.OPEN, held.direction(symbol), held.quantity(symbol), held.entry_price(symbol))
        return known[1]

    def instruments(self) -> dict[str, TradedInstrument]:
        """Instruments by symbol."""
        return dict(self.ledger.instruments)

    def subscribe(self, symbols: Sequence[str]) -> None:
        """Every symbol is always heard. Raises DataError for one that is not traded here."""
        unknown = sorted(set(symbols) - set(self._places))
        if unknown:
            raise DataError(f"expected symbols that are traded here, found {', '.join(unknown)}", where="simulated venue")

    def marks(self) -> Mapping[str, Decimal]:
        """The last close of each symbol that had a bar, in symbol order. What was given out does not change with the next bar."""
        if self._shown_marks is None:
            self._shown_marks = {symbol: self.ledger.instrument(symbol).price(ticks) for symbol, ticks in sorted(self._marks.items())}
        return self._shown_marks

    # Time

    def advance(self, now_ns: int, bars: VenueBars, funding_rates_e8: Mapping[str, int] | None = None) -> None:
        """Let the bars that open at `now` happen. Raises InvariantViolation when time does not move on, DataError for impossible bars.

        funding_rates_e8: rates by symbol where they are known; elsewhere `costs.funding_rate_e8`.
        """
        if self._now_ns is not None and now_ns <= self._now_ns:
            raise InvariantViolation(f"expected time to move on from {self._now_ns}, found {now_ns}", where="simulated venue")
        ticks = self._grid.ticks(bars, self.costs.volume_share)
        self._fund(now_ns, funding_rates_e8 or {})
        self._now_ns = now_ns
        acting = [order for order in self._resting.values() if ticks.open[order.place] != NO_BAR]
        # Margin at the open is that of the open, of what is held beside the order too.
        for symbol in {*self.ledger.holdings, *(order.symbol for order in acting)}:
            if ticks.open[self._places[symbol]] != NO_BAR:
                self._marks[symbol] = ticks.open[self._places[symbol]]
        for order in acting:
            if order.client_id in self._resting:
                self._meet_open(order, ticks, now_ns)
        for order in acting:
            if order.client_id in self._resting and order.stop is not None:
                self._fill_match(order, bar_matching.at_stop(order, *_range(order, ticks), self._quote, self._rows[order.place]), ticks, now_ns)
        self._liquidate(ticks, now_ns)
        reported = len(self._updates)
        for order in acting:
            if order.client_id in self._resting and order.seen:
                self._fill_match(order, bar_matching.at_limit(order, *_range(order, ticks)), ticks, now_ns)
        if len(self._updates) > reported:
            # A range that came through an entry's limit went on to its end with the position held.
            self._liquidate(ticks, now_ns)
        for symbol, close in zip(self._grid.symbols, ticks.close, strict=True):
            if close != NO_BAR:
                self._marks[symbol] = close
        self._shown_marks = None

    def _fund(self, now_ns: int, rates: Mapping[str, int]) -> None:
        """Funding due in (last, now], each time on what was held then, at the last close: the price just before."""
        if self._now_ns is None:
            return
        for symbol in sorted(self.ledger.holdings):
            step = self.ledger.instrument(symbol).funding_interval_ns
            rate = rates.get(symbol, self.costs.funding_rate_e8)
            if not step or not rate:
                continue
            for count in range(self._now_ns // step + 1, now_ns // step + 1):
                payment = funding_payment(self.ledger.value_micro(symbol, self._marks[symbol]), rate)
                self.ledger.fund(symbol, payment)
                self._updates.append(VenueFunding(self._next_id(), symbol, Decimal(rate).scaleb(-8), amount_of(payment), count * step))

    # Matching

    def _meet_open(self, order: RestingOrder, ticks: BarTicks, now_ns: int) -> None:
        open_ = ticks.open[order.place]
        arriving, order.seen = not order.seen, True
        if order.kind is OrderType.POST_ONLY and arriving and bar_matching.is_marketable(order, open_, self._quote):
            self._end(order, "post-only order would take", now_ns)
            return
        rested = order.rests
        # A stop that this bar triggers rests from the next one; a limit rests at once with what it could not take.
        order.rests = order.kind in (OrderType.LIMIT, OrderType.POST_ONLY) or (order.kind is OrderType.STOP_LIMIT and order.triggered)
        if rested or (order.kind is OrderType.STOP_LIMIT and order.triggered):
            # The market gapped through a resting limit: it fills as a maker at its own price, never at the better open.
            self._fill_match(order, bar_matching.at_limit(order, open_, open_), ticks, now_ns)
        else:
            self._fill_match(order, bar_matching.at_open(order, open_, self._quote, self._rows[order.place]), ticks, now_ns)
        if order.kind is OrderType.IOC and order.client_id in self._resting:
            self._end(order, "immediate-or-cancel remainder", now_ns)

    def _fill_match(self, order: RestingOrder, match: Match | None, ticks: BarTicks, now_ns: int) -> None:
        if match is None:
            return
        lots = int(fillable(order.remaining, ticks.lots[order.place], order.side, self.ledger.lots(order.symbol), order.reduce_only))
        if lots < 0:
            self._end(order, "nothing to reduce", now_ns)
        if lots <= 0:
            return
        instrument = self._rows[order.place]
        value = notional(match.price, lots, instrument.unit_num, instrument.unit_den)
        if not order.reduce_only and not self._affords(order, lots, value):
            self._end(order, "insufficient margin", now_ns)
            return
        rate = self.costs.taker_fee_e8 if match.liquidity == "taker" else self.costs.maker_fee_e8
        paid = fee(value, rate)
        self.ledger.fill(order.symbol, order.side * lots, match.price, paid)
        ticks.lots[order.place] -= lots
        order.remaining -= lots
        order.fills += 1
        request = self._requests[order.client_id]
        self._status[order.client_id] = OrderStatus.PARTIAL if order.remaining else OrderStatus.FILLED
        self._updates.append(
            VenueFill(
                f"{order.order_id}:{order.fills}",
                order.symbol,
                order.client_id,
                order.order_id,
                request.side,
                instrument.quantity(lots),
                instrument.price(match.price),
                amount_of(paid),
                match.liquidity,
                instrument.quantity(order.remaining),
                now_ns,
                instrument.price(match.reference),
            )
        )
        if not order.remaining:
            del self._resting[order.client_id]
        if self.ledger.lots(order.symbol) == 0:
            self._end_reductions(order.symbol, now_ns)

    def _affords(self, order: RestingOrder, lots: int, value: int) -> bool:
        """Free margin covers what the fill opens beyond the holding, in the tier of the whole position, and its fee."""
        held = self.ledger.lots(order.symbol)
        opens = lots if held * order.side >= 0 else max(0, lots - abs(held))
        if not opens:
            return True
        before = abs(self.ledger.value_micro(order.symbol, self._marks[order.symbol])) if held * order.side > 0 else 0
        more = self._initial_margin(order, before + value * opens // lots) - self._initial_margin(order, before)
        return self.ledger.free_margin_covers(more + fee(value, self.costs.taker_fee_e8), self._marks, self.costs.leverage_e4)

    def _initial_margin(self, order: RestingOrder, value: int) -> int:
        return int(initial_margin(value, min(self.costs.leverage_e4, self._rows[order.place].max_leverage(value) * 10_000)))

    def _end_reductions(self, symbol: str, now_ns: int) -> None:
        """What was to shrink a position ends with it, so that no stop waits for the next one."""
        for order in [item for item in self._resting.values() if item.symbol == symbol and item.reduce_only]:
            self._end(order, "position closed", now_ns)

    def _end(self, order: RestingOrder, reason: str, now_ns: int) -> None:
        del self._resting[order.client_id]
        self._status[order.client_id] = OrderStatus.CANCELED
        remaining = self.ledger.instrument(order.symbol).quantity(order.remaining)
        self._updates.append(VenueCanceled(self._next_id(), order.symbol, order.client_id, order.order_id, remaining, reason, now_ns))

    def _liquidate(self, ticks: BarTicks, now_ns: int) -> None:
        """Take positions away, largest maintenance first, until equity at the adverse extremes of the bar covers what is left."""
        if not self.ledger.holdings:
            return
        extremes = {}
        for symbol, holding in self.ledger.holdings.items():
            place = self._places[symbol]
            extreme = ticks.low[place] if holding.lots > 0 else ticks.high[place]
            extremes[symbol] = self._marks[symbol] if extreme == NO_BAR else extreme
        for symbol in venue_liquidation.takings(self.ledger, extremes):
            update = venue_liquidation.take(
                self.ledger, symbol, extremes[symbol], self._quote, self.costs.taker_fee_e8 + self.costs.liquidation_fee_e8, self._next_id(), now_ns
            )
            self._updates.append(update)
            # As venues do: what was taken away is not opened again by an order from before.
            for order in [item for item in self._resting.values() if item.symbol == symbol]:
                self._end(order, "position liquidated", now_ns)

    def _next_id(self) -> str:
        self._numbers += 1
        return f"venue-{self._numbers}"

    def state(self) -> dict[str, object]:
        """Books and working orders as plain values: two venues are equal when these are."""
        return {
            "ledger": self.ledger.state(),
            "working": [(item.order_id, item.client_id, item.remaining, item.triggered, item.seen, item.rests) for item in self._resting.values()],
            "marks": dict(sorted(self._marks.items())),
            "now_ns": self._now_ns,
            "equity_micro": int(self.account().equity * MICRO),
        }


def _range(order: RestingOrder, ticks: BarTicks) -> tuple[int, int]:
    return ticks.high[order.place], ticks.low[order.place]
