"""The charts of a search: the surface of a sweep, and the splits of a walk-forward."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from tallystick.contracts.sweep_tables import LeaderboardRow, WalkforwardRow
from tallystick.contracts.time import ns_from_iso
from tallystick.research.pictures.frame import WIDTH, Box, legend
from tallystick.research.pictures.scales import Scale, extent, padded, round_ticks, short, time_ticks
from tallystick.research.pictures.svg import element, line, picture, rectangle, text

MOST_CELLS = 60


def varied(rows: Sequence[LeaderboardRow]) -> list[tuple[str, list[Any]]]:
    """The parameters that take more than one value, those with the most values first, each with its values in order."""
    found: dict[str, set[Any]] = {}
    for row in rows:
        for name, value in json.loads(row.params).items():
            found.setdefault(name, set()).add(value if isinstance(value, int | float | str) else json.dumps(value, sort_keys=True))
    many = [(name, sorted(values, key=lambda value: (isinstance(value, str), value))) for name, values in found.items() if len(values) > 1]
    return sorted(many, key=lambda item: (-len(item[1]), item[0]))


def _best(rows: Sequence[LeaderboardRow], metric: str, names: Sequence[str]) -> dict[tuple[Any, ...], float]:
    """The best value of the metric for each combination of these parameters, over all the others."""
    found: dict[tuple[Any, ...], float] = {}
    for row in rows:
        value = getattr(row, metric)
        if value is None:
            continue
        params: Mapping[str, Any] = json.loads(row.params)
        key = tuple(params.get(name) for name in names)
        found[key] = max(value, found.get(key, float("-inf")))
    return found


def sweep_surface(rows: Sequence[LeaderboardRow], metric: str = "sharpe_simple") -> str:
    """The metric over the two parameters with the most values (the best over the others), as a map; over one parameter, as a line of points.

    "" where no parameter varies or no trial has the metric.
    """
    axes = varied(rows)[:2]
    if not axes:
        return ""
    best = _best(rows, metric, [name for name, _ in axes])
    if not best:
        return ""
    return _points(axes[0], best, metric) if len(axes) == 1 else _cells(axes[0], axes[1], best, metric)


def _shade(value: float, most: float) -> tuple[str, float]:
    return "gain" if value >= 0 else "loss", 0.06 + 0.74 * min(abs(value) / most, 1.0)


def _cells(across: tuple[str, list[Any]], down: tuple[str, list[Any]], best: Mapping[tuple[Any, ...], float], metric: str) -> str:
    (x_name, x_values), (y_name, y_values) = across, down
    x_values, y_values = _thinned(x_values), _thinned(y_values)[::-1]
    most = max(abs(value) for value in best.values()) or 1.0
    box = Box(96, 34, WIDTH - 120, 34 + min(420.0, max(120.0, 34.0 * len(y_values))))
    wide, tall = (box.right - box.left) / len(x_values), (box.bottom - box.top) / len(y_values)
    top = max(best, key=lambda key: best[key])
    parts = [text(box.left, 16, f"{metric}, the best over all other parameters", class_="unit")]
    for row, y_value in enumerate(y_values):
        for column, x_value in enumerate(x_values):
            value, x, y = best.get((x_value, y_value)), box.left + wide * column, box.top + tall * row
            if value is None:
                parts.append(rectangle(x + 0.5, y + 0.5, wide - 1, tall - 1, "nothing"))
                continue
            shade, strength = _shade(value, most)
            says = f"{x_name} {x_value}, {y_name} {y_value}: {value:.4f}"
            parts.append(rectangle(x + 0.5, y + 0.5, wide - 1, tall - 1, f"{shade} best" if (x_value, y_value) == top else shade, says, strength))
            if wide > 40 and tall > 18:
                parts.append(text(x + wide / 2, y + tall / 2 + 4, f"{value:.2f}", anchor="middle", class_="cell"))
    step = max(1, -(-len(x_values) * 44 // int(box.right - box.left)))
    parts += [text(box.left + wide * (k + 0.5), box.bottom + 18, _value(v), anchor="middle") for k, v in enumerate(x_values) if k % step == 0]
    step = max(1, -(-len(y_values) * 16 // int(box.bottom - box.top)))
    parts += [text(box.left - 8, box.top + tall * (k + 0.5) + 4, _value(v), anchor="end") for k, v in enumerate(y_values) if k % step == 0]
    parts.append(text((box.left + box.right) / 2, box.bottom + 40, x_name, anchor="middle", class_="unit"))
    parts.append(text(22, (box.top + box.bottom) / 2, y_name, anchor="middle", class_="unit", turned=True))
    return picture(WIDTH, int(box.bottom + 52), f"{metric} over {x_name} and {y_name}", [*parts, *_key(box, most)])


def _key(box: Box, most: float) -> list[str]:
    """The colours and their values, beside the map."""
    x, steps, tall = box.right + 22, 9, 100.0 / 9
    parts = []
    for row in range(steps):
        value = most * (1 - 2 * row / (steps - 1))
        shade, strength = _shade(value, most)
        parts.append(rectangle(x, box.top + tall * row, 16, tall - 1, shade, opacity=strength))
        if row in (0, steps // 2, steps - 1):
            parts.append(text(x + 24, box.top + tall * row + 9, short(value)))
    return parts


def _points(axis: tuple[str, list[Any]], best: Mapping[tuple[Any, ...], float], metric: str) -> str:
    name, values = axis
    shown = [(value, best[value,]) for value in values if (value,) in best]
    box = Box(62, 34, WIDTH - 16, 270)
    low, high = padded(*extent(np.array([value for _, value in shown]), zero=True))
    y = Scale(low, high, box.bottom, box.top)
    numeric = all(isinstance(value, int | float) for value, _ in shown) and len(shown) > 1
    x = Scale(float(shown[0][0]), float(shown[-1][0]), box.left + 20, box.right - 20) if numeric else Scale(-0.5, len(shown) - 0.5, box.left, box.right)
    parts = [text(box.left, 16, f"{metric}, the best over all other parameters", class_="unit")]
    for value in round_ticks(low, high):
        place = y(value)
        parts += [line(box.left, place, box.right, place, "zero" if value == 0 else "grid"), text(box.left - 8, place + 4, short(value), anchor="end")]
    last = -1e9
    for number, (value, result) in enumerate(shown):
        place = x(float(value) if numeric else number)
        tip = element("title", f"{name} {_value(value)}: {result:.4f}")
        parts += [line(place, y(0.0), place, y(result), "grid"), element("circle", tip, cx=place, cy=y(result), r=4, class_="fill-a")]
        if place - last > 46:
            parts.append(text(place, box.bottom + 18, _value(value), anchor="middle"))
            last = place
    parts.append(text((box.left + box.right) / 2, box.bottom + 40, name, anchor="middle", class_="unit"))
    return picture(WIDTH, 322, f"{metric} over {name}", parts)


def _thinned(values: list[Any]) -> list[Any]:
    """At most `MOST_CELLS` values, evenly taken."""
    step = -(-len(values) // MOST_CELLS)
    return values[::step]


def _value(value: Any) -> str:
    return short(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)[:12]


def walkforward_splits(rows: Sequence[WalkforwardRow], metric: str = "sharpe_simple") -> str:
    """Each split as a row: the training period, the test period after it, and the metric in both (the first chosen configuration of each split)."""
    splits: dict[str, WalkforwardRow] = {}
    for row in rows:
        splits.setdefault(row.split, row)
    if not splits:
        return ""
    ends = [ns_from_iso(text_) for row in splits.values() for text_ in (row.train_start, row.test_end)]
    box = Box(96, 52, WIDTH - 150, 52 + 26.0 * len(splits))
    scale = Scale(0.0, 1.0, box.left, box.right)
    first, span = min(ends), max(ends) - min(ends)

    def place(moment: str) -> float:
        return scale((ns_from_iso(moment) - first) / span)

    parts = legend([("training", "quiet"), ("test", "a")], box.left, 18)
    parts += [text(box.right + 62, 36, "training", anchor="end", class_="unit"), text(box.right + 128, 36, "test", anchor="end", class_="unit")]
    parts.append(text(box.right + 128, 18, metric, anchor="end", class_="unit"))
    grid = first + (np.arange(2001, dtype=np.int64) * (span // 2000))
    for tick in time_ticks(grid, 7):
        x = scale(tick.column / 2000)
        parts += [line(x, box.top, x, box.bottom, "grid"), text(x, box.bottom + 18, tick.text, anchor="middle")]
    for number, (name, row) in enumerate(splits.items()):
        y = box.top + 26 * number
        parts.append(text(box.left - 10, y + 17, name[:12], anchor="end"))
        for style, start, end in (("fill-quiet", row.train_start, row.train_end), ("fill-a", row.test_start, row.test_end)):
            parts.append(rectangle(place(start), y + 5, max(place(end) - place(start), 1.0), 16, style, f"{start[:10]} to {end[:10]}", rounded=2.0))
        for right, value in ((62, getattr(row, f"train_{metric}", None)), (128, getattr(row, f"test_{metric}", None))):
            shown = "–" if value is None or not isfinite(value) else f"{value:+.2f}"
            parts.append(text(box.right + right, y + 17, shown, anchor="end", class_="value"))
    return picture(WIDTH, int(box.bottom + 30), "Training and test period of each split", parts)
