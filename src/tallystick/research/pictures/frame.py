"""The frame of a chart over time: plot area, axes with their units, a legend above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.research.pictures.scales import Scale, TimeTick, extent, padded, round_ticks, short, shortened, time_ticks
from tallystick.research.pictures.svg import area, line, picture, rectangle, text, track

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Box:
    """The plot area inside a picture."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A line over the columns of the time axis: its name in the legend, float64[T], and its style: a, b or c. filled: down to zero."""

    name: str
    values: Floats
    style: str = "a"
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Scales of a chart over time."""

    box: Box
    x: Scale
    y: Scale
    parts: tuple[str, ...]


def legend(names: Sequence[tuple[str, str]], x: float, y: float) -> list[str]:
    """Swatches with names, from the left."""
    parts = []
    for name, style in names:
        parts += [rectangle(x, y - 8, 14, 4, f"fill-{style}", rounded=2.0), text(x + 20, y - 2, name, class_="label")]
        x += 20 + 6.6 * len(name) + 26
    return parts


def axes(box: Box, low: float, high: float, columns: int, ticks: Sequence[TimeTick], show: Callable[[float], str] = short, most: int = 6) -> Frame:
    """Grid, labels and scales over `columns` columns and values low … high."""
    x = Scale(0, max(columns - 1, 1), box.left, box.right)
    y = Scale(low, high, box.bottom, box.top)
    parts: list[str] = []
    for value in round_ticks(low, high, most):
        place = y(value)
        parts += [line(box.left, place, box.right, place, "zero" if value == 0 else "grid"), text(box.left - 8, place + 4, show(value), anchor="end")]
    last = -1e9
    for tick in ticks:
        place, room = x(tick.column), 3.4 * len(tick.text) + 6
        if place - room < last or place + room > box.right + 12 or place - room < box.left - 30:
            continue
        parts += [line(place, box.bottom, place, box.bottom + 4, "tick"), text(place, box.bottom + 18, tick.text, anchor="middle")]
        last = place + room
    return Frame(box, x, y, tuple(parts))


def drawn(frame: Frame, series: Series, most: int) -> str:
    """One series inside a frame."""
    columns, values = shortened(series.values, most)
    x, y = frame.x.places(columns.astype(np.float64)), frame.y.places(values)
    shape = track(x, y, f"line-{series.style}")
    return area(x, y, frame.y(0.0), f"area-{series.style}") + shape if series.filled else shape


def time_chart(
    says: str,
    open_times_ns: Ints,
    series: Sequence[Series],
    *,
    unit: str,
    height: int = 300,
    width: int = WIDTH,
    show: Callable[[float], str] = short,
    zero: bool = False,
) -> str:
    """A chart of one or more series over the columns of `open_times_ns`. unit: what the vertical axis counts."""
    named = len(series) > 1
    box = Box(62, 34 if named else 26, width - 16, height - 30)
    low, high = extent(*(item.values for item in series), zero=zero)
    top = padded(low, high)
    if zero:
        top = (low if low == 0 else top[0], high if high == 0 else top[1])
    frame = axes(box, *top, open_times_ns.size, time_ticks(open_times_ns, 9 if width > 600 else 5), show, 6 if height > 200 else 4)
    words = [text(box.left - 8, 14, unit, anchor="end", class_="unit")] if not named else [text(8, 14, unit, class_="unit")]
    names = legend([(item.name, item.style) for item in series], box.left + 6.2 * len(unit), 18) if named else []
    return picture(width, height, says, [*frame.parts, *words, *names, *(drawn(frame, item, int(box.right - box.left)) for item in series)])
