"""The book of instruments: who was traded when, under which name, in which units; and assumed ones for data that has no ticks or lots."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.instruments import Calendar, Instrument, Instruments, MarginTier, TickRule
from tallystick.contracts.time import iso_from_ns, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.market.symbols import split_symbol

NO_TICKS = -(2**63)
"""What `ticks_of_prices` gives for NaN, as in the money kernels."""
CRYPTO_TIERS = (("0", 20, "0.02"), ("250000", 10, "0.04"), ("1000000", 5, "0.08"))
EQUITY_TIERS = (("0", 2, "0.25"),)


class InstrumentBook:
    """Instruments by venue symbol and time.

    A name that two venues share needs its venue. Raises DataError where a name is unknown, ambiguous, or not effective at the asked time.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.rows: tuple[Instrument, ...] = sorted_rows(instruments)
        self._by_symbol: dict[str, list[tuple[int, int | None, Instrument]]] = {}
        for row in self.rows:
            end = None if row.effective_to is None else ns_from_iso(row.effective_to)
            self._by_symbol.setdefault(row.venue_symbol, []).append((ns_from_iso(row.effective_from), end, row))

    def at(self, symbol: str, ns: int, venue: str | None = None) -> Instrument:
        """The row of a symbol that is effective at an instant. Raises DataError as the class says."""
        known = [item for item in self._by_symbol.get(symbol, []) if venue is None or item[2].venue == venue]
        found = [row for start, end, row in known if start <= ns and (end is None or ns < end)]
        if len(found) == 1:
            return found[0]
        moment = iso_from_ns(ns)
        if found:
            raise DataError(f"expected one venue for {symbol} at {moment}, found {', '.join(row.venue for row in found)}", hint="Name the venue")
        if not known:
            raise DataError(f"expected a known instrument, found {symbol}", where="data/instruments/instruments.json")
        later = [row for row in self.rows if row.renamed_from == symbol and (venue is None or row.venue == venue)]
        hint = f"It was renamed to {later[0].venue_symbol}" if later else ""
        raise DataError(f"expected {symbol} to be effective at {moment}, found no row for that time", where="data/instruments/instruments.json", hint=hint)

    def listed(self, symbol: str, ns: int, venue: str | None = None) -> bool:
        """Whether a symbol could be traded at an instant: effective, listed, not delisted."""
        for start, end, row in self._by_symbol.get(symbol, []):
            inside = start <= ns and (end is None or ns < end) and (venue is None or row.venue == venue)
            if inside and (row.listed is None or ns_from_iso(row.listed) <= ns) and (row.delisted is None or ns < ns_from_iso(row.delisted)):
                return True
        return False

    def of_asset(self, asset: str, ns: int) -> tuple[Instrument, ...]:
        """Every instrument of an asset at an instant, whatever its multiplier and venue: 1000PEPE, kPEPE and PEPE are one asset."""
        rows = []
        for row in self.rows:
            end = None if row.effective_to is None else ns_from_iso(row.effective_to)
            if row.base == asset and ns_from_iso(row.effective_from) <= ns and (end is None or ns < end):
                rows.append(row)
        return tuple(rows)

    def names_of(self, symbol: str, venue: str | None = None) -> tuple[str, ...]:
        """The chain of names that an instrument has had, oldest first, from any one of them. Raises DataError for an unknown name."""
        if symbol not in self._by_symbol:
            raise DataError(f"expected a known instrument, found {symbol}", where="data/instruments/instruments.json")
        rows = [row for row in self.rows if row.renamed_from is not None and (venue is None or row.venue == venue)]
        earlier = {row.venue_symbol: row.renamed_from for row in rows if row.renamed_from is not None}
        later = {old: new for new, old in earlier.items()}
        names = [symbol]
        while names[0] in earlier and earlier[names[0]] not in names:
            names.insert(0, earlier[names[0]])
        while names[-1] in later and later[names[-1]] not in names:
            names.append(later[names[-1]])
        return tuple(names)

    def document(self) -> Instruments:
        """The artifact's document."""
        return Instruments(instruments=self.rows)

    def merged(self, instruments: Iterable[Instrument]) -> InstrumentBook:
        """This book with rows replaced by id: every old row of an id that comes anew goes."""
        new = tuple(instruments)
        ids = {row.id for row in new}
        return InstrumentBook([row for row in self.rows if row.id not in ids] + list(new))


def sorted_rows(instruments: Iterable[Instrument]) -> tuple[Instrument, ...]:
    """Rows in the order that the contract asks."""
    return tuple(sorted(instruments, key=lambda row: (row.venue, row.venue_symbol, ns_from_iso(row.effective_from))))


def ticks_of_prices(instrument: Instrument, prices: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest whole ticks of an array of prices, half to even; NaN becomes `NO_TICKS`. Raises DataError where a tick count leaves int64."""
    scale = 1 / instrument.tick
    # a power of ten is exact as a float, so prices on the grid give whole numbers; other ticks divide
    quotient = prices * float(scale) if scale == scale.to_integral_value() else prices / float(instrument.tick)
    missing = np.isnan(quotient)
    if bool((np.abs(quotient[~missing]) >= 2.0**62).any()):
        raise DataError(f"expected prices of less than 2^62 ticks, found more at a tick of {instrument.tick}", where=instrument.id)
    ticks = np.rint(np.where(missing, 0.0, quotient)).astype(np.int64)
    ticks[missing] = NO_TICKS
    return ticks


def power_of_ten_at_most(value: Decimal) -> Decimal:
    """The largest power of ten that is not above a positive value."""
    return Decimal(1).scaleb(value.adjusted())


def assumed_tick(lowest_price: float) -> Decimal:
    """At most 1/100,000 of the lowest price seen, a power of ten, never below 1e-8 nor above 1."""
    return min(Decimal(1), max(Decimal("1e-8"), power_of_ten_at_most(Decimal(repr(lowest_price)) / 100_000)))


def assumed_lot(highest_price: float) -> Decimal:
    """A power of ten worth at most one quote unit at the highest price seen, never above one whole unit nor below 1e-8."""
    return min(Decimal(1), max(Decimal("1e-8"), power_of_ten_at_most(1 / Decimal(repr(highest_price)))))


def plain_text(value: Decimal) -> str:
    """A decimal without exponent."""
    return format(value, "f")


def assumed_instruments(panel: BarPanel, calendar: Calendar, quote: str = "") -> tuple[Instrument, ...]:
    """One row per symbol with assumed units (`source: assumed`), effective from the epoch so that any time of the data finds it.

    `listed` is unknown (null): the first stored bar is no listing date. Equities trade whole shares in cents. Raises DataError for a symbol without a bar.
    """
    equities = calendar == "us_equities"
    tiers = tuple(
        MarginTier(lower_notional=lower, max_leverage=leverage, maintenance_rate=rate) for lower, leverage, rate in (EQUITY_TIERS if equities else CRYPTO_TIERS)
    )
    rows = []
    for index, symbol in enumerate(panel.symbols):
        closes = panel.close[index]
        closes = closes[~np.isnan(closes)]
        if closes.size == 0:
            raise DataError(f"expected bars of {symbol}, found none", where=panel.venue)
        parts = split_symbol(symbol)
        tick = Decimal("0.01") if equities else assumed_tick(float(closes.min()))
        lot = Decimal(1) if equities else assumed_lot(float(closes.max()))
        rows.append(
            Instrument(
                id=f"{panel.venue}:{symbol}",
                venue=panel.venue,
                venue_symbol=symbol,
                base=symbol if equities else parts.base,
                quote="USD" if equities else parts.quote or quote or "USD",
                multiplier="1" if equities else str(parts.multiplier),
                price_rule=TickRule(kind="tick", tick=plain_text(tick)),
                lot=plain_text(lot),
                minimum_notional="1" if equities else "5",
                margin_tiers=tiers,
                funding_interval_minutes=None if equities or "spot" in panel.venue else 480,
                listed=None,
                delisted=None,
                renamed_from=None,
                calendar=calendar,
                adjustment="none",
                source="assumed",
                effective_from="1970-01-01T00:00:00Z",
                effective_to=None,
            )
        )
    return sorted_rows(rows)
