"""The fill model again, slowly: plain Python over Fractions, written from its description and sharing no code with the kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, trunc

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.instruments import Instrument

E8 = 10**8
Ints = NDArray[np.int64]


def half_even(value: Fraction) -> int:
    low = floor(value)
    rest = value - low
    if rest == Fraction(1, 2):
        return low + low % 2
    return low + (rest > Fraction(1, 2))


@dataclass
class Book:
    """A symbol's position and what is still to be traded."""

    held: int = 0
    cost: int = 0
    wanted: int = 0
    weight: Fraction = Fraction(0)
    slippage: int = 0
    mark: int | None = None
    result: int = 0
    number: int = 0
    first: int = 0


@dataclass
class Outcome:
    curve: list[list[int]] = field(default_factory=list)
    fills: list[list[int]] = field(default_factory=list)
    trades: list[list[int]] = field(default_factory=list)
    refused: int = 0
    cut: int = 0


class Oracle:
    """One account over tick prices [S][T] (None = no bar), weights in 1e-8 (None = no decision), slippage in 1e-8."""

    def __init__(self, instruments: list[Instrument], cash: int, fee_e8: int, spread_e8: int, leverage_e4: int) -> None:
        self.rows = instruments
        self.cash = cash
        self.fee, self.spread, self.leverage = Fraction(fee_e8, E8), Fraction(spread_e8, E8), Fraction(leverage_e4, 10_000)
        self.books = [Book() for _ in instruments]
        self.begun = 0
        self.out = Outcome()

    def value(self, s: int, ticks: int, lots: int) -> int:
        return half_even(ticks * lots * self.rows[s].unit)

    def fee_of(self, value: int) -> int:
        return half_even(abs(value) * self.fee)

    def price(self, s: int, side: int, reference: int, slippage: int) -> int:
        exact = reference * (1 + side * (self.spread / 2 + Fraction(slippage, E8)))
        ticks = ceil(exact) if side > 0 else floor(exact)
        figures, whole = self.rows[s].figures, trunc(1 / self.rows[s].tick)
        if figures is None:
            return ticks
        step = whole if whole >= 1 and ticks // whole >= 10**figures else 10 ** max(0, len(str(ticks)) - figures)
        return (ceil if side > 0 else floor)(Fraction(ticks, step)) * step

    def worth(self) -> tuple[int, int, int]:
        values = [self.value(s, book.mark, book.held) for s, book in enumerate(self.books) if book.held and book.mark is not None]
        return self.cash + sum(values), sum(map(abs, values)), sum(values)

    def book_fill(self, bar: int, s: int, side: int, lots: int, price: int, reference: int) -> None:
        book, value = self.books[s], self.value(s, price, lots)
        fee = self.fee_of(value)
        realized = -fee
        if book.held == 0:
            book.number, book.first, book.result = self.begun, bar, 0
            self.begun += 1
        if book.held * side >= 0:
            book.cost += side * value
        else:
            part = half_even(Fraction(book.cost * lots, abs(book.held)))
            realized += -side * value - part
            book.cost -= part
        book.result += realized
        book.held += side * lots
        book.wanted -= side * lots
        self.cash -= side * value + fee
        shortfall = abs(value - self.value(s, reference, lots))
        self.out.fills.append([bar, s, side, lots, price, value, fee, shortfall, realized, self.cash, book.held, book.number, 0])
        if book.held == 0:
            self.out.trades.append([s, book.first, bar, book.result])

    def most(self, s: int, lots: int, price: int, reference: int) -> int:
        """By trying: the kernel's closed form must find the same number, or one rounding below it."""
        equity, gross, _ = self.worth()
        room = trunc(equity * self.leverage) - gross

        def need(count: int) -> int:
            value, paid = self.value(s, reference, count), self.value(s, price, count)
            return value + half_even((abs(paid - value) + self.fee_of(paid)) * self.leverage)

        if need(lots) <= room:
            return lots
        if room <= 0:
            return 0
        fewer = trunc(Fraction(lots * room, need(lots)))
        while fewer > 0 and need(fewer) > room:
            fewer -= 1
        return fewer

    def fill_at_open(self, bar: int, opens: list[int | None]) -> None:
        for book, ticks in zip(self.books, opens, strict=True):
            book.mark = book.mark if ticks is None else ticks
        for entering in (False, True):
            for s, (book, reference) in enumerate(zip(self.books, opens, strict=True)):
                if book.wanted == 0 or reference is None:
                    continue
                side = 1 if book.wanted > 0 else -1
                price = self.price(s, side, reference, book.slippage)
                lots = abs(book.wanted)
                if not entering:
                    if book.held * side >= 0:
                        continue
                    self.book_fill(bar, s, side, min(lots, abs(book.held)), price, reference)
                    continue
                fewer = self.most(s, lots, price, reference)
                if fewer < lots:
                    self.out.cut += 1
                    book.wanted = side * fewer
                if fewer == 0 or self.value(s, price, fewer) < int(Fraction(self.rows[s].minimum_notional) * 10**6):
                    self.out.refused += 1
                    book.wanted = 0
                    continue
                self.book_fill(bar, s, side, fewer, price, reference)

    def decide(self, s: int, weight: int | None, slippage: int, equity: int) -> None:
        book = self.books[s]
        if weight is None or book.mark is None or Fraction(weight, E8) == book.weight:
            return
        book.weight = Fraction(weight, E8)
        target = trunc(book.weight * equity)
        lots = trunc(target / (book.mark * self.rows[s].unit))
        book.wanted, book.slippage = lots - book.held, slippage

    def walk(self, opens: list[list[int | None]], closes: list[list[int | None]], weights: list[list[int | None]], slippage: Ints) -> Outcome:
        for bar in range(len(opens[0])):
            if bar:
                self.fill_at_open(bar, [row[bar] for row in opens])
            for book, row in zip(self.books, closes, strict=True):
                ticks = row[bar]
                book.mark = book.mark if ticks is None else ticks
            equity, gross, _ = self.worth()
            self.out.curve.append([equity, self.cash, gross])
            for s, row in enumerate(weights):
                self.decide(s, row[bar], int(slippage[s, bar]), equity)
        return self.out
