"""Membership over time as a picture: one row per symbol, one column per release; two tracks share a row, one above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

CELL, ROW, LEFT, TOP = 14, 18, 130, 64
COLOURS = ("#1f6feb", "#e8833a", "#2da44e")


def membership_picture(title: str, tracks: Mapping[str, Mapping[str, Sequence[str]]]) -> bytes:
    """An SVG of who was in which pool. `tracks[name][activation date]` lists a pool in official order; the rank is the cell's tooltip.

    Every month from the first to the last has a column; in one without a release the standing pool is drawn pale. Rows are sorted by first membership,
    then by name. The same content gives the same bytes.
    """
    by_month = {name: {date[:7]: tuple(pool) for date, pool in sorted(pools.items())} for name, pools in tracks.items()}
    months = _months(sorted({month for pools in by_month.values() for month in pools}))
    first: dict[str, int] = {}
    for pools in by_month.values():
        for month, pool in pools.items():
            for symbol in pool:
                first[symbol] = min(first.get(symbol, len(months)), months.index(month))
    symbols = sorted(first, key=lambda name: (first[name], name))
    width = max(LEFT + CELL * len(months) + 20, LEFT + 24 + sum(_legend_width(name) for name in tracks), 20 + 8 * len(title))
    height = TOP + ROW * len(symbols) + 34
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold" fill="#1f2328">{escape(title)}</text>',
        *_legend(list(tracks)),
        *_grid(months, symbols),
    ]
    for place, (name, pools) in enumerate(by_month.items()):
        out += _cells(name, place, len(tracks), months, symbols, pools)
    out.append("</svg>")
    return "".join(f"{line}\n" for line in out).encode()


def _months(found: Sequence[str]) -> list[str]:
    """Every month from the first to the last of these."""
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in (found[0], found[-1])]
    return [f"{number // 12}-{number % 12 + 1:02}" for number in range(numbers[0], numbers[1] + 1)]


def _legend_width(name: str) -> int:
    return 40 + 7 * len(name)


def _legend(names: Sequence[str]) -> list[str]:
    out, x = [], LEFT
    for place, name in enumerate(names):
        out.append(f'<rect x="{x}" y="30" width="12" height="12" fill="{COLOURS[place % len(COLOURS)]}"/>')
        out.append(f'<text x="{x + 17}" y="40" fill="#1f2328">{escape(name)}</text>')
        x += _legend_width(name)
    return out


def _grid(dates: Sequence[str], symbols: Sequence[str]) -> list[str]:
    out = []
    bottom = TOP + ROW * len(symbols)
    for row, symbol in enumerate(symbols):
        y = TOP + ROW * row
        if row % 2 == 0:
            out.append(f'<rect x="{LEFT}" y="{y}" width="{CELL * len(dates)}" height="{ROW}" fill="#f6f8fa"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end" fill="#1f2328">{escape(symbol)}</text>')
    for column, date in enumerate(dates):
        year = date[:4]
        if column == 0 or year != dates[column - 1][:4]:
            x = LEFT + CELL * column
            out.append(f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom + 4}" stroke="#8c959f" stroke-width="1"/>')
            # A year of which only its end is shown would be written over by the next.
            if column + 3 <= len(dates) and all(other[:4] == year for other in dates[column : column + 3]):
                out.append(f'<text x="{x + 3}" y="{bottom + 18}" fill="#57606a">{year}</text>')
    return out


def _cells(name: str, place: int, tracks: int, months: Sequence[str], symbols: Sequence[str], pools: Mapping[str, Sequence[str]]) -> list[str]:
    part, fill = (ROW - 4) // tracks, COLOURS[place % len(COLOURS)]
    out: list[str] = []
    pool: Sequence[str] = ()
    for column, month in enumerate(months):
        fresh = month in pools
        pool = pools.get(month, pool)
        for rank, symbol in enumerate(pool, start=1):
            x, y = LEFT + CELL * column + 1, TOP + ROW * symbols.index(symbol) + 2 + part * place
            label = escape(f"{symbol}, rank {rank} of {name} in {month}{'' if fresh else ', the last release stands'}")
            pale = "" if fresh else ' fill-opacity="0.3"'
            out.append(f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{part - 1}" fill="{fill}"{pale}><title>{label}</title></rect>')
    return out
