"""Documents that break one rule of the market contracts, each made from the valid example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def _instrument(index: int, **changes: Any) -> Callable[[Document], Document]:
    def mutate(document: Document) -> Document:
        document["instruments"][index].update(changes)
        return document

    return mutate


def _swap_rows(document: Document) -> Document:
    rows = document["instruments"]
    rows[0], rows[-1] = rows[-1], rows[0]
    return document


def _tiers_fall(document: Document) -> Document:
    document["instruments"][0]["margin_tiers"].reverse()
    return document


def _symbol(name: str, **changes: Any) -> Callable[[Document], Document]:
    def mutate(document: Document) -> Document:
        item = document["symbols"][name]
        for key, change in changes.items():
            item[key] = change(item[key]) if callable(change) else change
        return document

    return mutate


def _swap_gaps(document: Document) -> Document:
    document["symbols"]["BTCUSDT"]["gaps"].reverse()
    return document


def _gap_counts_too_much(document: Document) -> Document:
    item = document["symbols"]["BTCUSDT"]
    item["gaps"][0]["bars"] += 1
    item["rows"] -= 1
    return document


def _first_off_grid(document: Document) -> Document:
    document["symbols"]["ETHUSDT"]["first"] = "2022-12-31T23:59:00Z"
    return document


def _regime_missing(document: Document) -> Document:
    del document["regimes"][1]
    return document


def _delisted_before_listed(document: Document) -> Document:
    document["lives"]["AVOUSDT"].update(listed="2024-03-02T00:00:00Z", delisted="2024-03-01T00:00:00Z")
    return document


def _bar(**changes: float) -> Callable[[Document], Document]:
    return lambda document: {**document, **changes}


# Rows of the example: 0 binance:1000PEPEUSDT, 1 binance:BTCUSDT until 2023-06-01, 2 BTCUSDT since, 3 binance:MATICUSDT, 4 binance:POLUSDT, 5 hyperliquid:kPEPE
VIOLATIONS: dict[tuple[str, str], Callable[[Document], Document]] = {
    ("market.instruments", "id_is_venue_and_symbol"): _instrument(0, id="binance:PEPEUSDT"),
    ("market.instruments", "rows_are_sorted"): _swap_rows,
    ("market.instruments", "effective_ranges_do_not_overlap"): _instrument(1, effective_to="2023-06-02T00:00:00Z"),
    ("market.instruments", "sizes_are_positive"): _instrument(0, lot="0"),
    ("market.instruments", "margin_tiers_ascend"): _tiers_fall,
    ("market.instruments", "listed_before_delisted"): _instrument(3, delisted="2019-01-01T00:00:00Z"),
    ("market.instruments", "renames_lead_back"): _instrument(4, renamed_from="MATICBUSD"),
    ("market.bars", "high_is_highest"): _bar(high=16535.0),
    ("market.bars", "low_is_lowest"): _bar(low=16533.0),
    ("market.bars", "prices_are_positive"): _bar(low=0.0),
    ("market.bars", "volumes_are_not_negative"): _bar(volume=-1.0),
    ("market.coverage", "gaps_are_sorted"): _swap_gaps,
    ("market.coverage", "gap_bars_match_times"): _gap_counts_too_much,
    ("market.coverage", "rows_and_gaps_fill_the_range"): _symbol("ETHUSDT", rows=lambda rows: rows - 1),
    ("market.coverage", "times_lie_on_the_grid"): _first_off_grid,
    ("market.coverage", "sessions_are_sorted"): lambda document: {
        **document,
        "sessions": [{"from_at": "2023-01-01T00:00:00Z", "to_at": "2023-04-11T00:00:00Z"}],
    },
    ("market.coverage", "refusals_are_counted"): _symbol("BTCUSDT", refused={"open": 0}),
    ("market.generator_truth", "regimes_cover_the_market"): _regime_missing,
    ("market.generator_truth", "lives_lie_in_the_market"): _delisted_before_listed,
    ("market.generator_truth", "benchmark_lives_on"): lambda document: {**document, "benchmark": "AVOUSDT"},
}
