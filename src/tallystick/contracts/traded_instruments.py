"""The part of an instrument that orders and money need: its grid, its unit, its margin tiers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.errors import DataError, InvariantViolation


@dataclass(frozen=True, slots=True)
class MarginTier:
    """From a notional upward: maintenance margin notional · rate − deduction, and the most leverage. Money in micro-quote, rate in 1e-8."""

    lower_micro: int
    rate_e8: int
    deduction_micro: int
    max_leverage: int = 10


@dataclass(frozen=True, slots=True)
class TradedInstrument:
    """What is traded, as money arithmetic sees it.

    tick: smallest price step; lot: smallest quantity step (base units); one tick × one lot is worth unit_num / unit_den micro-quote.
    min_notional: smallest order in quote currency; price_figures: most significant figures of a price, None without such a rule;
    funding_interval_ns: 0 without funding, else the step of the UTC grid on which it is paid; tiers ascend from lower 0;
    Raises InvariantViolation when the grid is not positive, the tiers do not ascend from 0, or a higher tier allows more leverage.
    """

    symbol: str
    tick: Decimal
    lot: Decimal
    unit_num: int
    unit_den: int
    min_notional: Decimal = Decimal(0)
    tiers: tuple[MarginTier, ...] = (MarginTier(0, 500_000, 0),)
    funding_interval_ns: int = 0
    price_figures: int | None = None

    def __post_init__(self) -> None:
        if not (self.symbol and self.tick > 0 and self.lot > 0 and self.unit_num > 0 and self.unit_den > 0):
            raise InvariantViolation(
                f"expected {self.symbol!r} with tick, lot and unit above 0, found {self.tick}, {self.lot}, {self.unit_num}/{self.unit_den}"
            )
        lowers = [tier.lower_micro for tier in self.tiers]
        if not lowers or lowers[0] != 0 or lowers != sorted(set(lowers)):
            raise InvariantViolation(f"expected margin tiers of {self.symbol} that ascend from 0, found {lowers}")
        leverages = [tier.max_leverage for tier in self.tiers]
        if leverages[-1] < 1 or leverages != sorted(leverages, reverse=True):
            raise InvariantViolation(f"expected margin tiers of {self.symbol} whose leverage falls and is at least 1, found {leverages}")

    @classmethod
    def of(cls, symbol: str, tick: Decimal, lot: Decimal, **more: object) -> TradedInstrument:
        """From the grid: the unit tick · lot · 10^6 becomes a fraction in lowest terms."""
        numerator, denominator = (tick * lot * 1_000_000).as_integer_ratio()
        return cls(symbol, tick, lot, numerator, denominator, **more)  # type: ignore[arg-type]

    @property
    def maintenance_rate_e8(self) -> int:
        """Rate of the first tier: what a small position needs."""
        return self.tiers[0].rate_e8

    def max_leverage(self, notional_micro: int) -> int:
        """The most leverage that initial margin allows a position of this size (micro-quote, either sign), a multiple."""
        size = abs(notional_micro)
        found = self.tiers[0].max_leverage
        for tier in self.tiers:
            if size < tier.lower_micro:
                break
            found = tier.max_leverage
        return found

    def ticks(self, price: Decimal) -> int:
        """The price in ticks. Raises DataError when it is off the grid."""
        return _on_grid(price, self.tick, f"price of {self.symbol}")

    def lots(self, quantity: Decimal) -> int:
        """The quantity in lots. Raises DataError when it is off the grid."""
        return _on_grid(quantity, self.lot, f"quantity of {self.symbol}")

    def price_fault(self, price: Decimal) -> str | None:
        """What a price breaks of the rule, or None: a multiple of the tick and, under a cap of significant figures, no more of them or whole quote units."""
        if price % self.tick:
            return f"is not a multiple of its tick {self.tick}"
        if self.price_figures is None or price == price.to_integral_value() or len(price.normalize().as_tuple().digits) <= self.price_figures:
            return None
        return f"has more than {self.price_figures} significant figures"

    def nearest_ticks(self, price: float | Decimal) -> int:
        """The nearest price on the grid, half to even, at least one tick."""
        exact = price if isinstance(price, Decimal) else Decimal(repr(float(price)))
        return max(1, int((exact / self.tick).to_integral_value(ROUND_HALF_EVEN)))

    def ceiling_ticks(self, price: Decimal) -> int:
        """The price on the grid at or above this one: a notional from it is never too small."""
        return max(1, int((price / self.tick).to_integral_value(ROUND_CEILING)))

    def whole_lots(self, quantity: Decimal) -> int:
        """Whole lots inside the quantity, truncated toward zero."""
        return int(quantity / self.lot)

    def price(self, ticks: int) -> Decimal:
        """Ticks as a price."""
        return ticks * self.tick

    def quantity(self, lots: int) -> Decimal:
        """Lots as a quantity."""
        return lots * self.lot


def _on_grid(value: Decimal, step: Decimal, what: str) -> int:
    count = value / step
    if count != count.to_integral_value():
        raise DataError(f"expected the {what} on its grid of {step}, found {value}")
    return int(count)


def _unit_follows_the_grid(instrument: TradedInstrument) -> str | None:
    numerator, denominator = (instrument.tick * instrument.lot * 1_000_000).as_integer_ratio()
    same = instrument.unit_num * denominator == instrument.unit_den * numerator
    return None if same else f"unit {instrument.unit_num}/{instrument.unit_den} where the grid gives {numerator}/{denominator}"


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="execution.traded_instrument",
        version="1.0",
        purpose="The grid, unit and margin tiers of an instrument, as risk and execution need them.",
        producer="execution.traded_instruments",
        consumers=(
            Consumer("risk.review", ("*",), "grid, minimum notional, margin"),
            Consumer("execution.simulated_venue", ("*",), "fills, funding, liquidation"),
            Consumer("execution.ledger", ("tick", "lot", "unit_num", "unit_den"), "money of a fill"),
        ),
        shape=TradedInstrument,
        encoding="memory",
        rules=(Rule("unit_follows_the_grid", "the unit is tick · lot · 10^6", _unit_follows_the_grid),),
    ),
)
