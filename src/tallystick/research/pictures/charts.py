"""The charts of a run: monthly returns, where the money went, results by symbol, intervals, and trades on the price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from tallystick.research.pictures.frame import WIDTH, Box, Series, axes, drawn
from tallystick.research.pictures.scales import Scale, extent, padded, round_ticks, share_text, short, time_ticks
from tallystick.research.pictures.svg import line, marks, picture, rectangle, text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BUY, SELL = "m-4 9l4 -7l4 7z", "m-4 -9l4 7l4 -7z"


@dataclass(frozen=True, slots=True)
class MonthlyReturns:
    """Return of each calendar month (year, month 1 … 12) and of each year, as fractions; first and last may be parts of a month."""

    months: dict[tuple[int, int], float]
    years: dict[int, float]


def monthly_returns(open_times_ns: Ints, equity: Floats, start: float) -> MonthlyReturns:
    """Returns from the last equity of a month to the last of the next; `start` is the equity before the first bar."""

    def returns(keys: Ints) -> dict[int, float]:
        ends = np.append(np.flatnonzero(np.diff(keys)), keys.size - 1)
        before = np.concatenate([[start], equity[ends[:-1]]])
        return dict(zip(keys[ends].tolist(), (equity[ends] / before - 1.0).tolist(), strict=True))

    if equity.size == 0:
        return MonthlyReturns({}, {})
    months = open_times_ns.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    by_month = {(1970 + key // 12, key % 12 + 1): value for key, value in returns(months).items()}
    return MonthlyReturns(by_month, {1970 + key: value for key, value in returns(months // 12).items()})


def month_table(found: MonthlyReturns) -> str:
    """Years down, months across; the stronger the colour, the larger the gain (first colour) or loss (second colour)."""
    years = sorted(found.years)
    if not years:
        return ""
    most = max(abs(value) for value in found.months.values()) or 1.0
    cell, tall, left, top = 68.0, 30.0, 58.0, 24.0
    parts = [text(left + cell * (number + 0.5), 14, name, anchor="middle") for number, name in enumerate(MONTHS)]
    parts.append(text(left + cell * 12 + 14 + 50, 14, "year", anchor="middle"))
    for row, year in enumerate(years):
        y = top + row * tall
        parts.append(text(left - 12, y + 19, str(year), anchor="end"))
        shown = [(left + cell * (month - 1), cell - 2, found.months.get((year, month)), f"{MONTHS[month - 1]} {year}") for month in range(1, 13)]
        shown.append((left + cell * 12 + 14, 100.0, found.years[year], str(year)))
        for x, width, value, name in shown:
            if value is None:
                parts.append(rectangle(x, y, width, tall - 2, "nothing", rounded=3.0))
                continue
            strength = 0.08 + 0.62 * min(abs(value) / most, 1.0)
            says = f"{name}: {value * 100:+.2f} %"
            parts.append(rectangle(x, y, width, tall - 2, "gain" if value >= 0 else "loss", says, strength, 3.0))
            parts.append(text(x + width / 2, y + 19, f"{value * 100:+.1f}", anchor="middle", class_="cell"))
    return picture(WIDTH, int(top + tall * len(years) + 4), "Return of each month in percent", parts)


def bars_across(says: str, rows: Sequence[tuple[str, float, str]], unit: str) -> str:
    """Named bars to both sides of zero: (name, value, text shown at the end of the bar)."""
    finite = [value for _, value, _ in rows if isfinite(value)]
    if not finite:
        return ""
    low, high = min(0.0, *finite), max(0.0, *finite)
    if low == high:
        high = 1.0
    tall, left, right, top = 26.0, 190.0, WIDTH - 16.0, 24.0
    # Room for the texts at the ends of the bars.
    scale = Scale(low, high, left + (112 if low < 0 else 0), right - 112)
    bottom = top + tall * len(rows)
    parts = [text(left - 12, 14, unit, anchor="end", class_="unit")]
    for value in round_ticks(low, high, 8):
        x = scale(value)
        parts += [line(x, top, x, bottom, "zero" if value == 0 else "grid"), text(x, 14, short(value), anchor="middle")]
    for row, (name, value, shown) in enumerate(rows):
        y, zero = top + tall * row, scale(0.0)
        parts.append(text(left - 12, y + 17, name if len(name) <= 26 else f"{name[:25]}…", anchor="end"))
        if not isfinite(value):
            continue
        x = scale(value)
        parts.append(rectangle(min(x, zero), y + 4, max(abs(x - zero), 1.0), tall - 8, "gain" if value >= 0 else "loss", f"{name}: {shown}", rounded=2.0))
        parts.append(text(x + (8 if value >= 0 else -8), y + 17, shown, anchor="start" if value >= 0 else "end", class_="value"))
    return picture(WIDTH, int(bottom + 4), says, parts)


def money_steps(says: str, first: tuple[str, float], steps: Sequence[tuple[str, float]], last: tuple[str, float], unit: str) -> str:
    """A staircase from one amount to another: what lies between them, step by step."""
    levels = [first[1]]
    for _, value in steps:
        levels.append(levels[-1] + value)
    low, high = padded(min(0.0, *levels, last[1]), max(0.0, *levels, last[1]), 0.12)
    box = Box(62, 26, WIDTH - 16, 236)
    scale = Scale(low, high, box.bottom, box.top)
    parts = [text(box.left - 8, 14, unit, anchor="end", class_="unit")]
    for value in round_ticks(low, high, 5):
        y = scale(value)
        parts += [line(box.left, y, box.right, y, "zero" if value == 0 else "grid"), text(box.left - 8, y + 4, short(value), anchor="end")]
    names = [(first[0], 0.0, first[1]), *((name, level, level + value) for (name, value), level in zip(steps, levels, strict=False)), (last[0], 0.0, last[1])]
    room = (box.right - box.left) / len(names)
    for place, (name, start, end) in enumerate(names):
        whole = place in (0, len(names) - 1)
        x, width = box.left + room * place + room * 0.18, room * 0.64
        top, bottom = scale(max(start, end)), scale(min(start, end))
        shade = "fill-a" if whole else "gain" if end >= start else "loss"
        amount = end - start
        parts.append(rectangle(x, top, width, max(bottom - top, 1.0), shade, f"{name}: {amount:,.2f}", rounded=2.0))
        parts.append(text(x + width / 2, top - 6, f"{amount:,.2f}" if whole else f"{amount:+,.2f}", anchor="middle", class_="value"))
        parts.append(text(x + width / 2, box.bottom + 18, name, anchor="middle"))
        if place < len(names) - 1:
            y = scale(end)
            parts.append(line(x + width, y, x + room, y, "tick"))
    return picture(WIDTH, 262, says, parts)


def interval_rows(says: str, rows: Sequence[tuple[str, float, float, float, str]]) -> str:
    """Intervals, each on a scale of its own: (name, low, value, high, kind), kind `share` or `number`. The mark is the value, the thin line is zero."""
    tall, left, right = 44.0, 190.0, WIDTH - 150.0
    parts: list[str] = []
    for row, (name, low, value, high, kind) in enumerate(rows):
        y = tall * row + 22
        ends = padded(*extent(np.array([low, value, high]), zero=True), share=0.04)
        scale, show = Scale(*ends, left, right), share_text if kind == "share" else "{:.2f}".format
        parts += [text(left - 12, y + 4, name, anchor="end"), line(left, y, right, y, "grid"), line(scale(0.0), y - 12, scale(0.0), y + 12, "zero")]
        parts.append(rectangle(scale(low), y - 5, max(scale(high) - scale(low), 1.0), 10, "area-a", f"{name}: {show(low)} to {show(high)}", rounded=5.0))
        parts.append(rectangle(scale(value) - 2, y - 9, 4, 18, "fill-a", f"{name}: {show(value)}", rounded=2.0))
        parts += [text(scale(low), y + 21, show(low), anchor="middle"), text(scale(high), y + 21, show(high), anchor="middle")]
        parts.append(text(right + 20, y + 4, show(value), class_="value"))
    return picture(WIDTH, int(tall * len(rows) + 8), says, parts)


@dataclass(frozen=True, slots=True, eq=False)
class TradedPrice:
    """The closes of one symbol, float64[T], and its fills: column, price, and whether it was bought."""

    symbol: str
    close: Floats
    columns: Ints
    prices: Floats
    bought: NDArray[np.bool_]


def price_chart(open_times_ns: Ints, found: TradedPrice, width: int, height: int) -> str:
    """Price with buys (from below) and sells (from above). Marks on one pixel are drawn once."""
    box = Box(62, 30, width - 12, height - 28)
    low, high = padded(*extent(found.close, found.prices))
    frame = axes(box, low, high, found.close.size, time_ticks(open_times_ns, 9 if width > 600 else 4), short, 5 if height > 200 else 4)
    price = drawn(frame, Series("close", found.close, "quiet"), int(box.right - box.left))
    x, y = frame.x.places(found.columns.astype(np.float64)), frame.y.places(found.prices)
    points = list(zip(x.tolist(), y.tolist(), found.bought.tolist(), strict=True))
    fills = f"{len(points)} fill{'' if len(points) == 1 else 's'}"
    parts = [
        text(box.left, 16, found.symbol, class_="name"),
        text(box.right, 16, fills, anchor="end"),
        *frame.parts,
        price,
        marks(((across, down) for across, down, bought in points if bought), BUY, "mark-buy"),
        marks(((across, down) for across, down, bought in points if not bought), SELL, "mark-sell"),
    ]
    return picture(width, height, f"{found.symbol}: price, with {fills}", parts)
