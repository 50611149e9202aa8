"""Documents that break one rule of the contracts around the shadow tracks, each made from the valid example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Mutation = Callable[[Document], Document]


def _row(number: int, **changes: Any) -> Mutation:
    def mutate(document: Document) -> Document:
        document["rows"][number].update(changes)
        return document

    return mutate


def _drop_growth(document: Document) -> Document:
    document["columns"].remove("growth")
    return document


def _swap_rows(document: Document) -> Document:
    rows = document["rows"]
    first, second = rows[0], rows[1]
    # Each keeps its return but takes the other's place, so that the growth still multiplies.
    growth = 1.0
    rows[0], rows[1] = second, first
    for row in rows[:3]:
        growth *= 1.0 + row["net_return"]
        row["growth"] = growth
    return document


def _inside(name: str, **changes: Any) -> Mutation:
    def mutate(document: Document) -> Document:
        document[name].update(changes)
        return document

    return mutate


def _two_officials(document: Document) -> Document:
    document["tracks"]["challenger_topk_60"]["candidate_status"] = "official_reference"
    return document


VIOLATIONS: dict[tuple[str, str], Mutation] = {
    ("universe.track_returns", "return_columns_are_there"): _drop_growth,
    ("universe.track_returns", "held_from_activation_on"): _row(0, until_date="2019-07-01"),
    ("universe.track_returns", "never_held_before_the_snapshot_is_over"): _row(0, activation_date="2019-06-30"),
    ("universe.track_returns", "net_is_gross_less_cost"): _row(0, cost=0.5),
    ("universe.track_returns", "growth_is_the_product"): _row(2, growth=9.0),
    ("universe.track_returns", "returns_are_in_order"): _swap_rows,
    ("universe.release_status_summary", "the_baseline_is_the_release"): _inside("baseline", as_of_date="2024-11-30"),
    ("universe.release_status_summary", "refused_exactly_with_errors"): _inside("publication", errors=["live_pool.json: expected pool_size 5, found 3"]),
    ("universe.release_status_summary", "only_the_baseline_track_is_official"): _two_officials,
}
