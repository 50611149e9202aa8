"""The instrument: what is traded and in which units, effective-dated. Its contract stands in `contracts/market.py`."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts.contract import Rule, Shape
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import ns_from_iso

DecimalText = Annotated[str, StringConstraints(pattern=r"^\d{1,24}(\.\d{1,24})?$")]
UtcText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$")]
Sha256Text = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Count = Annotated[int, Field(ge=0)]
PositiveInt = Annotated[int, Field(ge=1)]
Calendar = Literal["crypto_24_7", "us_equities"]
MICRO = 1_000_000


class TickRule(Shape):
    """Prices are whole multiples of `tick` (quote units, decimal text)."""

    kind: Literal["tick"]
    tick: DecimalText


class SignificantFiguresRule(Shape):
    """Prices carry at most `figures` significant figures and at most `max_decimals` decimals; whole numbers are always allowed (Hyperliquid)."""

    kind: Literal["significant_figures"]
    figures: PositiveInt
    max_decimals: Count


PriceRule = Annotated[TickRule | SignificantFiguresRule, Field(discriminator="kind")]


class MarginTier(Shape):
    """From `lower_notional` (quote units) on: the highest leverage, and the maintenance margin as a fraction of notional."""

    lower_notional: DecimalText
    max_leverage: Annotated[int, Field(ge=1, le=1000)]
    maintenance_rate: DecimalText


class Instrument(Shape):
    """What is traded, as it was between `effective_from` (inclusive) and `effective_to` (exclusive, null = still).

    `base` is the asset itself: 1000PEPE, kPEPE and PEPE all have base PEPE, with multiplier 1000, 1000 and 1.
    `lot` is the smallest quantity step in venue units, `minimum_notional` in quote units. Notional is price × quantity in venue
    units, so the multiplier never enters it. `renamed_from` is the earlier venue symbol. `source` says who gave tick, lot and
    tiers: `venue`, `assumed` or `generated`.
    """

    id: str
    venue: Name
    venue_symbol: Name
    base: str
    quote: str
    multiplier: DecimalText
    price_rule: PriceRule
    lot: DecimalText
    minimum_notional: DecimalText
    margin_tiers: tuple[MarginTier, ...]
    funding_interval_minutes: PositiveInt | None
    listed: UtcText | None
    delisted: UtcText | None
    renamed_from: Name | None
    calendar: Calendar
    adjustment: Literal["none", "split", "split_and_dividend"]
    source: Literal["venue", "assumed", "generated"]
    effective_from: UtcText
    effective_to: UtcText | None

    @property
    def tick(self) -> Decimal:
        """Value of one price tick in quote units; for significant figures it is the last allowed decimal."""
        rule = self.price_rule
        return Decimal(rule.tick) if isinstance(rule, TickRule) else Decimal(1).scaleb(-rule.max_decimals)

    @property
    def figures(self) -> int | None:
        """The cap on significant figures, None under a tick rule."""
        return None if isinstance(self.price_rule, TickRule) else self.price_rule.figures

    @property
    def unit(self) -> Fraction:
        """Value of one tick × one lot in micro-quote, exact."""
        return Fraction(self.tick) * Fraction(Decimal(self.lot)) * MICRO

    @property
    def unit_num(self) -> int:
        """Numerator of `unit` in lowest terms."""
        return self.unit.numerator

    @property
    def unit_den(self) -> int:
        """Denominator of `unit` in lowest terms."""
        return self.unit.denominator

    def ticks_of(self, price: Decimal | float) -> int:
        """The nearest whole number of ticks, half to even. Raises DataError for a price that is not finite."""
        return int((_finite(price) / self.tick).to_integral_value(ROUND_HALF_EVEN))

    def lots_of(self, quantity: Decimal | float) -> int:
        """Whole lots in a quantity, truncated toward zero: never more than was asked for. Raises DataError when it is not finite."""
        return int((_finite(quantity) / Decimal(self.lot)).to_integral_value(ROUND_DOWN))

    def price_of(self, ticks: int) -> Decimal:
        """The price of a number of ticks, exact."""
        return self.tick * ticks

    def quantity_of(self, lots: int) -> Decimal:
        """The quantity of a number of lots, exact."""
        return Decimal(self.lot) * lots


def _finite(value: Decimal | float) -> Decimal:
    # repr gives the shortest decimal of a float, so 0.1 is a tenth and not its binary neighbour
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not number.is_finite():
        raise DataError(f"expected a finite number, found {value}")
    return number


class Instruments(Shape):
    """`data/instruments/instruments.json`: every instrument that the workspace knows, effective-dated, sorted by venue, symbol and start."""

    instruments: tuple[Instrument, ...]


def _ids(document: Instruments) -> str | None:
    bad = [row.id for row in document.instruments if row.id != f"{row.venue}:{row.venue_symbol}"]
    return f"id {bad[0]}" if bad else None


def _sorted_rows(document: Instruments) -> str | None:
    keys = [(row.venue, row.venue_symbol, ns_from_iso(row.effective_from)) for row in document.instruments]
    bad = [after for before, after in pairwise(keys) if after < before]
    return f"{bad[0][0]}:{bad[0][1]} out of order" if bad else None


def _effective(document: Instruments) -> str | None:
    spans: dict[str, list[tuple[int, int | None]]] = {}
    for row in document.instruments:
        end = None if row.effective_to is None else ns_from_iso(row.effective_to)
        start = ns_from_iso(row.effective_from)
        if end is not None and end <= start:
            return f"{row.id} effective to {row.effective_to}, from {row.effective_from}"
        spans.setdefault(f"{row.venue}:{row.venue_symbol}", []).append((start, end))
    for name, found in spans.items():
        for (_, end), (start, _) in pairwise(sorted(found, key=lambda span: span[0])):
            if end is None or end > start:
                return f"{name} effective twice at the same time"
    return None


def _sizes(document: Instruments) -> str | None:
    for row in document.instruments:
        if row.tick <= 0 or Decimal(row.lot) <= 0 or Decimal(row.multiplier) <= 0:
            return f"{row.id} with tick {row.tick}, lot {row.lot}, multiplier {row.multiplier}"
    return None


def _tiers(document: Instruments) -> str | None:
    for row in document.instruments:
        tiers = [(Decimal(tier.lower_notional), tier.max_leverage, Decimal(tier.maintenance_rate)) for tier in row.margin_tiers]
        if not tiers or tiers[0][0] != 0:
            return f"{row.id} without a tier from 0"
        if any(rate * leverage > 1 for _, leverage, rate in tiers):
            return f"{row.id} with maintenance above initial margin"
        if any(after[0] <= before[0] or after[1] > before[1] or after[2] < before[2] for before, after in pairwise(tiers)):
            return f"{row.id} with tiers out of order"
    return None


def _listing(document: Instruments) -> str | None:
    for row in document.instruments:
        if row.listed is not None and row.delisted is not None and ns_from_iso(row.delisted) <= ns_from_iso(row.listed):
            return f"{row.id} delisted {row.delisted}, listed {row.listed}"
    return None


def _renames(document: Instruments) -> str | None:
    earlier = {(row.venue, row.venue_symbol): row.renamed_from for row in document.instruments if row.renamed_from is not None}
    known = {(row.venue, row.venue_symbol) for row in document.instruments}
    for venue, symbol in earlier:
        seen, here = {symbol}, symbol
        while (previous := earlier.get((venue, here))) is not None:
            if (venue, previous) not in known:
                return f"{venue}:{here} renamed from {previous}, which is not listed"
            if previous in seen:
                return f"{venue}:{symbol} renamed in a circle"
            seen.add(previous)
            here = previous
    return None


INSTRUMENT_RULES = (
    Rule("id_is_venue_and_symbol", "id is venue, colon, venue symbol", _ids),
    Rule("rows_are_sorted", "rows sorted by venue, symbol and effective_from", _sorted_rows),
    Rule("effective_ranges_do_not_overlap", "at most one row of an instrument is effective at any time, and ranges are not empty", _effective),
    Rule("sizes_are_positive", "tick, lot and multiplier above zero", _sizes),
    Rule("margin_tiers_ascend", "tiers from 0 upwards, leverage falling, maintenance rising and never above initial margin", _tiers),
    Rule("listed_before_delisted", "delisting after listing", _listing),
    Rule("renames_lead_back", "renamed_from names an instrument of the same venue, without a circle", _renames),
)
