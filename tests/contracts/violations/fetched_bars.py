"""Documents that break one rule of `contracts/fetched_bars.py` each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def window_off_the_grid(document: Document) -> Document:
    return {**document, "to_at": "2025-01-01T05:00:00Z"}


def bar_of_the_next_page(document: Document) -> Document:
    document["bars"][-1]["t"] = "1735704000000"
    return document


VIOLATIONS = {
    ("market.fetched_page", "page_is_a_whole_window"): window_off_the_grid,
    ("market.fetched_page", "bars_lie_in_their_page"): bar_of_the_next_page,
}
