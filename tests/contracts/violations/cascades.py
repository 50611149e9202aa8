"""Documents that break one rule of `contracts/cascades.py` each."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def ends_before_it_starts(document: Document) -> Document:
    return {**document, "start_ts": document["end_ts"] + 1}


def drop_above_everything(document: Document) -> Document:
    return {**document, "oi_drop_pct": "100.5"}


def price_of_nothing(document: Document) -> Document:
    return {**document, "price_end": "0"}


def more_waves_than_liquidations(document: Document) -> Document:
    return {**document, "wave_count": document["liquidation_count"] + 1}


def empty_wave(document: Document) -> Document:
    return {**document, "liquidation_count": 0}


def supports_more_than_all(document: Document) -> Document:
    total = document["total_events"]
    return {**document, "supporting_events": total * 2, "success_rate": 2}


def rounded_up(document: Document) -> Document:
    return {**document, "success_rate": 0.7}


def side_missing(document: Document) -> Document:
    return {**document, "short_count": 0}


def trend_without_data(document: Document) -> Document:
    return {**document, "regime": "TRENDING", "observations": 0}


def second_id(document: Document) -> Document:
    return {**document, "cascades": [{**row, "cascade_id": row["cascade_id"] + 1} for row in document["cascades"]], "waves": _shifted(document["waves"])}


def _shifted(waves: list[Document]) -> list[Document]:
    return [{**wave, "cascade_id": wave["cascade_id"] + 1} for wave in waves]


def overlapping(document: Document) -> Document:
    first, second, *rest = document["cascades"]
    return {**document, "cascades": [first, {**second, "start_ts": first["end_ts"]}, *rest]}


def lost_wave(document: Document) -> Document:
    return {**document, "waves": document["waves"][1:]}


def flattered(document: Document) -> Document:
    first, *rest = document["results"]
    return {**document, "results": [{**first, "success_rate": 0.99}, *rest]}


def too_few_but_validated(document: Document) -> Document:
    first, *rest = document["results"]
    return {**document, "results": [{**first, "status": "INSUFFICIENT_DATA"}, *rest]}


VIOLATIONS = {
    ("analysis.labeled_cascades", "rows_in_order"): second_id,
    ("analysis.labeled_cascades", "cascades_never_overlap"): overlapping,
    ("analysis.labeled_cascades", "waves_add_up_to_their_cascade"): lost_wave,
    ("analysis.validation_report", "report_rates_are_shares"): flattered,
    ("analysis.validation_report", "report_statuses_follow_the_counts"): too_few_but_validated,
    ("analysis.labeled_cascade", "cascade_starts_before_it_ends"): ends_before_it_starts,
    ("analysis.labeled_cascade", "cascade_drop_is_a_percentage"): drop_above_everything,
    ("analysis.labeled_cascade", "cascade_prices_are_positive"): price_of_nothing,
    ("analysis.labeled_cascade", "waves_hold_liquidations"): more_waves_than_liquidations,
    ("analysis.wave_label", "wave_starts_before_it_ends"): ends_before_it_starts,
    ("analysis.wave_label", "wave_drop_is_a_percentage"): drop_above_everything,
    ("analysis.wave_label", "wave_has_liquidations"): empty_wave,
    ("analysis.ValidationResult", "supporting_within_total"): supports_more_than_all,
    ("analysis.ValidationResult", "success_rate_is_the_share"): rounded_up,
    ("analysis.liquidation_burst", "burst_starts_before_it_ends"): ends_before_it_starts,
    ("analysis.liquidation_burst", "burst_sides_add_up"): side_missing,
    ("analysis.regime_reading", "no_data_is_unknown"): trend_without_data,
}
