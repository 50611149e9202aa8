"""What is held and what has been approved so far in this batch, in whole micro-quote, against limits of the same unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.quote_money import exact, micro_floor
from tallystick.contracts.risk import AccountState, RiskConfig
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.kernels.margin import initial_margin
from tallystick.kernels.money import NO_VALUE, notional
from tallystick.risk.calculator import maintenance_rate


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in micro-quote, floored: a limit is never too generous. The reduction of a limit to money is exact."""

    equity: int
    margin: int
    symbol_loss: int
    symbol_position: int
    symbol_leverage: int
    total_leverage: int
    gross_exposure: int
    net: int
    free_margin: int

    @classmethod
    def of(cls, account: AccountState, config: RiskConfig) -> Limits:
        """From the account and the constants; with equity at or below 0 every limit is 0."""
        equity = max(0, micro_floor(account.equity))

        def share(fraction: float) -> int:
            return int((exact(fraction) * equity).to_integral_value(ROUND_FLOOR))

        return cls(
            equity=equity,
            margin=micro_floor(account.margin_available),
            symbol_loss=share(config.risk_fraction),
            symbol_position=share(config.max_position_frac),
            symbol_leverage=share(config.L_symbol_max),
            total_leverage=share(config.L_max),
            gross_exposure=share(config.max_gross_exposure),
            net=share(config.L_max_net),
            free_margin=share(config.min_free_margin),
        )


class Exposures:
    """Running sums of a batch. Approved additions count at once; reductions only where they hurt, so nothing leans on a fill to come."""

    def __init__(
        self,
        positions: Mapping[str, Position],
        marks: Mapping[str, Decimal],
        instruments: Mapping[str, TradedInstrument],
        pending: Mapping[str, Decimal],
        config: RiskConfig,
    ) -> None:
        self.by_symbol: dict[str, int] = {}
        self.gross = 0
        self.margin_used = 0
        self.unpriced: list[str] = []
        self._instruments, self._config = instruments, config
        self._all = {Direction.LONG: 0, Direction.SHORT: 0}
        self._held = {Direction.LONG: 0, Direction.SHORT: 0}
        for symbol in sorted(positions):
            position = positions[symbol]
            if position.quantity and position.direction is not None:
                value = self._price(symbol, position.quantity, marks, instruments)
                self.add(symbol, position.direction, value)
                self._held[position.direction] += value
        for symbol in sorted(pending):
            if pending[symbol]:
                direction = Direction.LONG if pending[symbol] > 0 else Direction.SHORT
                value = self._price(symbol, abs(pending[symbol]), marks, instruments)
                # The account's free margin knows what is held only: an order that still works will need its own.
                self.add(symbol, direction, value, entry_margin(self.by_symbol.get(symbol, 0), value, instruments[symbol], config) if value else 0)

    def _price(self, symbol: str, quantity: Decimal, marks: Mapping[str, Decimal], instruments: Mapping[str, TradedInstrument]) -> int:
        mark, instrument = marks.get(symbol), instruments.get(symbol)
        value = NO_VALUE if mark is None or instrument is None else value_of(instrument, quantity, mark)
        if value == NO_VALUE:
            self.unpriced.append(symbol)
            return 0
        return value

    def add(self, symbol: str, direction: Direction, value: int, margin: int = 0) -> None:
        """Count a position or an approved addition, in micro-quote."""
        self.by_symbol[symbol] = self.by_symbol.get(symbol, 0) + value
        self.gross += value
        self.margin_used += margin
        self._all[direction] += value

    def leave(self, direction: Direction, value: int) -> None:
        """Count what the batch asks to take off one side, in micro-quote: it no longer offsets the other."""
        self._held[direction] = max(0, self._held[direction] - value)

    def maintenance_rate(self, symbol: str, value: int) -> Decimal:
        """The highest maintenance rate of anything held or to be held once the addition is there."""
        sizes = {**self.by_symbol, symbol: self.by_symbol.get(symbol, 0) + value}
        return max(maintenance_rate(self._instruments.get(name), size, self._config) for name, size in sizes.items())

    def worst_net(self, direction: Direction, value: int) -> int:
        """The largest net on that side once the addition is there: its own orders and the reductions against it filled, entries against it not."""
        return max(0, self._all[direction] + value - self._held[direction.opposite])


def entry_margin(held: int, value: int, instrument: TradedInstrument, config: RiskConfig) -> int:
    """Initial margin that an addition to what is held needs, micro-quote: at L_target, or at the most that the whole position's tier allows.

    Growing into a tier of less leverage raises the margin of what is held too, so the difference of the two sums counts.
    """
    return _margin(held + value, instrument, config) - _margin(held, instrument, config)


def _margin(value: int, instrument: TradedInstrument, config: RiskConfig) -> int:
    return initial_margin(value, round(min(config.L_target, instrument.max_leverage(value)) * 10_000))


def value_of(instrument: TradedInstrument, quantity: Decimal, price: Decimal) -> int:
    """Notional in micro-quote with the price rounded up to its grid; `NO_VALUE` when it does not fit."""
    ticks, lots = instrument.ceiling_ticks(price), -instrument.whole_lots(-quantity)
    if ticks * lots >= 2**62 or max(ticks, lots) >= 2**62:
        return NO_VALUE
    return notional(ticks, lots, instrument.unit_num, instrument.unit_den)
