"""Elements of a picture as text. Every number is written with one decimal, so equal data give equal bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import isnan

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def number(value: float) -> str:
    """A place with one decimal, without a trailing zero."""
    text = f"{value:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def element(tag: str, body: str = "", **attributes: object) -> str:
    """One element; underscores in names become hyphens, `class_` is the class. Texts are escaped, the body is not."""
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(number(value) if isinstance(value, float) else str(value), quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{shown}/>" if not body and tag not in ("text", "p", "td", "th", "span") else f"<{tag}{shown}>{body}</{tag}>"


def text(x: float, y: float, words: str, *, anchor: str = "start", class_: str = "label", turned: bool = False) -> str:
    """A text; `turned` reads upwards."""
    spin = f"rotate(-90 {number(x)} {number(y)})" if turned else None
    return element("text", escape(words), x=float(x), y=float(y), text_anchor=anchor, class_=class_, transform=spin)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("path", d=f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", class_=class_)


def rectangle(x: float, y: float, width: float, height: float, class_: str, says: str = "", opacity: float | None = None, rounded: float = 0.0) -> str:
    """A rectangle; `says` is shown when the pointer rests on it."""
    title = element("title", escape(says)) if says else ""
    shade = f"{opacity:.3f}" if opacity is not None else None
    corner = rounded or None
    return element("rect", title, x=float(x), y=float(y), width=float(width), height=float(height), rx=corner, class_=class_, fill_opacity=shade)


def track(x: Floats, y: Floats, class_: str) -> str:
    """A line through points; a point that is not finite breaks it."""
    return element("path", d=track_data(x, y), class_=class_)


def track_data(x: Floats, y: Floats) -> str:
    """The drawing commands of a track."""
    parts: list[str] = []
    drawing = False
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if isnan(down):
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{number(across)} {number(down)}")
        drawing = True
    return "".join(parts)


def area(x: Floats, y: Floats, floor: float, class_: str) -> str:
    """The surface between a track and a level; what is not finite lies on the level."""
    if x.size == 0:
        return ""
    flat = np.where(np.isfinite(y), y, floor)
    return element("path", d=f"M{number(float(x[0]))} {number(floor)}L{track_data(x, flat)[1:]}L{number(float(x[-1]))} {number(floor)}Z", class_=class_)


def marks(points: Iterable[tuple[float, float]], shape: str, class_: str) -> str:
    """Small marks, one for each whole pixel that has any: `shape` holds drawing commands relative to the mark's point."""
    seen = dict.fromkeys((round(x), round(y)) for x, y in points)
    return element("path", d="".join(f"M{x} {y}{shape}" for x, y in seen), class_=class_) if seen else ""


def picture(width: int, height: int, says: str, parts: Sequence[str]) -> str:
    """A whole picture that scales with the page; where the page is narrow it can be moved sideways."""
    drawn = element("svg", "".join(parts), viewBox=f"0 0 {width} {height}", role="img", aria_label=says)
    return element("figure", drawn, class_="small" if width < 600 else "large")
