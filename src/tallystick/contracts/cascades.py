"""Cascades of liquidations: what happened, counted. No shape here predicts, grades or praises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.instruments import Count, DecimalText, Name, PositiveInt, Sha256Text
from tallystick.contracts.order_kinds import TimestampNs


@dataclass(frozen=True, slots=True)
class LabeledCascade:
    """One cascade after the fact. Times in UTC nanoseconds; oi_drop_pct 0–100; prices in quote per unit.

    outcome: the move in the five minutes after the end against the move of the cascade. A cascade without a later price is withheld (decision 63).
    """

    cascade_id: int
    coin: str
    start_ts: TimestampNs
    end_ts: TimestampNs
    oi_drop_pct: Decimal
    liquidation_count: int
    wave_count: int
    price_start: Decimal
    price_end: Decimal
    outcome: Literal["REVERSAL", "CONTINUATION", "NEUTRAL"]
    price_5min_after: Decimal | None = None


@dataclass(frozen=True, slots=True)
class WaveLabel:
    """One wave of a cascade: liquidations without a long gap between them. Times in UTC nanoseconds; oi_drop_pct 0–100."""

    wave_num: int
    start_ts: TimestampNs
    end_ts: TimestampNs
    liquidation_count: int
    oi_drop_pct: Decimal


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """How often a hypothesis held in labelled events: counts and a share in [0, 1]. It says nothing of the future."""

    hypothesis_name: str
    total_events: int
    supporting_events: int
    success_rate: float
    calibrated_threshold: float | None
    status: Literal["VALIDATED", "FAILED", "INSUFFICIENT_DATA"]


@dataclass(frozen=True, slots=True)
class LiquidationBurst:
    """Liquidations of one symbol within a window. Times in UTC nanoseconds; size in base units, value in quote currency."""

    symbol: str
    start_ts: TimestampNs
    end_ts: TimestampNs
    window_s: float
    count: int
    total_size: Decimal
    total_value: Decimal
    long_count: int
    short_count: int


class RegimeType(Enum):
    """The regime that present metrics define; UNKNOWN with too little data."""

    UNKNOWN = "UNKNOWN"
    TRENDING = "TRENDING"
    RANGING = "RANGING"
    VOLATILE = "VOLATILE"


@dataclass(frozen=True, slots=True)
class RegimeReading:
    """The regime of one symbol at one instant (seconds since 1970, UTC), and how many observations it rests on."""

    symbol: str
    timestamp: float
    regime: RegimeType
    observations: int


NsText = Annotated[str, StringConstraints(pattern=r"^(0|[1-9]\d{0,18})$")]
CoinName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class LabelRule(Shape):
    """The rule behind a file of labels: per cent as decimal text, times in whole nanoseconds as digits (see analysis.cascade_labeler)."""

    drop_pct: DecimalText
    window_ns: NsText
    boundary: Literal["exclusive", "inclusive"]
    min_liquidations: PositiveInt
    wave_gap_ns: NsText
    outcome_after_ns: NsText
    neutral_move_pct: DecimalText


class LabelSource(Shape):
    """One file or table that was read: what it holds, its name, its SHA-256, its rows, and rows that said the same twice and count once.

    labels: the cascades themselves, out of a database that an earlier labelling recorded them in. unused_rows: rows of coins without open interest, by
    coin; nothing can be labelled with them.
    """

    kind: Literal["oi", "liquidations", "marks", "labels"]
    name: str
    sha256: Sha256Text
    rows: Count
    repeated_rows: Count
    unused_rows: Mapping[CoinName, PositiveInt] = Field(default_factory=dict)


class CascadeRow(Shape):
    """A `LabeledCascade` in a file: UTC nanoseconds as digits, per cent and prices as decimal text."""

    cascade_id: PositiveInt
    coin: CoinName
    start_ts: NsText
    end_ts: NsText
    oi_drop_pct: DecimalText
    liquidation_count: PositiveInt
    wave_count: PositiveInt
    price_start: DecimalText
    price_end: DecimalText
    price_5min_after: DecimalText
    outcome: Literal["REVERSAL", "CONTINUATION", "NEUTRAL"]


class WaveRow(Shape):
    """A `WaveLabel` in a file, with the cascade it belongs to."""

    cascade_id: PositiveInt
    wave_num: PositiveInt
    start_ts: NsText
    end_ts: NsText
    liquidation_count: PositiveInt
    oi_drop_pct: DecimalText


class LabeledCascades(Shape):
    """The labelled cascades of some coins, in order of start and coin; `withheld` counts those without a label, by reason (decision 63)."""

    label_id: Name
    rule: LabelRule
    sources: tuple[LabelSource, ...]
    coins: tuple[CoinName, ...]
    cascades: tuple[CascadeRow, ...]
    waves: tuple[WaveRow, ...]
    withheld: Mapping[Literal["no_earlier_price", "no_later_price", "record_ends_early"], PositiveInt]


class ValidationRow(Shape):
    """A `ValidationResult` in a file, with the sample and share it was held to."""

    hypothesis_name: str
    total_events: Count
    supporting_events: Count
    success_rate: Share
    calibrated_threshold: float | None
    status: Literal["VALIDATED", "FAILED", "INSUFFICIENT_DATA"]
    min_events: PositiveInt
    min_share: Share


class ValidationReport(Shape):
    """Hypothesis counts over one file of labelled cascades, named by its SHA-256."""

    label_id: Name
    labeled_cascades_sha256: Sha256Text
    results: tuple[ValidationRow, ...]


def _ordered(item: LabeledCascade | WaveLabel | LiquidationBurst) -> str | None:
    return None if item.start_ts <= item.end_ts else f"start {item.start_ts}, end {item.end_ts}"


def _percentage(item: LabeledCascade | WaveLabel) -> str | None:
    return None if item.oi_drop_pct.is_finite() and 0 <= item.oi_drop_pct <= 100 else f"{item.oi_drop_pct}"


def _prices(cascade: LabeledCascade) -> str | None:
    prices = (cascade.price_start, cascade.price_end, cascade.price_5min_after)
    wrong = [price for price in prices if price is not None and not (price.is_finite() and price > 0)]
    return f"{wrong[0]}" if wrong else None


def _waves(cascade: LabeledCascade) -> str | None:
    good = 1 <= cascade.wave_count <= cascade.liquidation_count
    return None if good else f"{cascade.wave_count} waves of {cascade.liquidation_count} liquidations"


def _wave_counts(wave: WaveLabel) -> str | None:
    return None if wave.wave_num >= 1 and wave.liquidation_count >= 1 else f"wave {wave.wave_num} of {wave.liquidation_count} liquidations"


def _supporting(result: ValidationResult) -> str | None:
    return None if 0 <= result.supporting_events <= result.total_events else f"{result.supporting_events} of {result.total_events}"


def _rate(result: ValidationResult) -> str | None:
    expected = result.supporting_events / result.total_events if result.total_events else 0.0
    return None if abs(result.success_rate - expected) <= 1e-9 else f"success_rate {result.success_rate}, share {expected}"


def _sides(burst: LiquidationBurst) -> str | None:
    counted = burst.long_count + burst.short_count
    return None if burst.count == counted and burst.count >= 1 else f"count {burst.count}, sides {counted}"


def _no_data_is_unknown(reading: RegimeReading) -> str | None:
    known = reading.regime is not RegimeType.UNKNOWN
    return f"{reading.regime.value} on {reading.observations} observations" if known and reading.observations < 1 else None


def _rows_in_order(document: LabeledCascades) -> str | None:
    ids = [row.cascade_id for row in document.cascades]
    places = [(int(row.start_ts), row.coin) for row in document.cascades]
    return None if ids == list(range(1, len(ids) + 1)) and places == sorted(places) else f"ids {ids[:5]}, starts {places[:3]}"


def _never_overlap(document: LabeledCascades) -> str | None:
    ends: dict[str, int] = {}
    for row in document.cascades:
        if not ends.get(row.coin, -1) < int(row.start_ts) <= int(row.end_ts):
            return f"cascade {row.cascade_id} of {row.coin} from {row.start_ts} to {row.end_ts}, the one before ends at {ends.get(row.coin)}"
        ends[row.coin] = int(row.end_ts)
    return None


def _waves_add_up(document: LabeledCascades) -> str | None:
    counted: dict[int, list[int]] = {}
    for wave in document.waves:
        counted.setdefault(wave.cascade_id, []).append(wave.liquidation_count)
    for row in document.cascades:
        counts = counted.pop(row.cascade_id, [])
        if len(counts) != row.wave_count or sum(counts) != row.liquidation_count:
            return f"cascade {row.cascade_id}: {row.wave_count} waves and {row.liquidation_count} liquidations, its rows {counts}"
    return f"waves of cascade {min(counted)}, which is not there" if counted else None


def _shares(report: ValidationReport) -> str | None:
    for row in report.results:
        expected = row.supporting_events / row.total_events if row.total_events else 0.0
        if row.supporting_events > row.total_events or abs(row.success_rate - expected) > 1e-9:
            return f"{row.hypothesis_name}: {row.supporting_events} of {row.total_events}, success_rate {row.success_rate}"
    return None


def _statuses(report: ValidationReport) -> str | None:
    for row in report.results:
        expected = "INSUFFICIENT_DATA" if row.total_events < row.min_events else ("VALIDATED" if row.success_rate >= row.min_share else "FAILED")
        if row.status != expected:
            return f"{row.hypothesis_name}: {row.status} with {row.total_events} events and share {row.success_rate}"
    return None


def _message(name: str, purpose: str, producer: str, consumers: tuple[Consumer, ...], shape: type[Any], **more: Any) -> Contract:
    return Contract(name=name, version="1.0", purpose=purpose, producer=producer, consumers=consumers, shape=shape, encoding="memory", **more)


CONTRACTS: tuple[Contract, ...] = (
    _message(
        "analysis.labeled_cascade",
        "One liquidation cascade after the fact",
        "analysis.cascade_labeler",
        (Consumer("analysis.validators", ("*",), "count hypotheses"),),
        LabeledCascade,
        rules=(
            Rule("cascade_starts_before_it_ends", "start_ts no later than end_ts", _ordered, ("D4.28",)),
            Rule("cascade_drop_is_a_percentage", "oi_drop_pct in 0 to 100", _percentage, ("D4.28",)),
            Rule("cascade_prices_are_positive", "prices above 0", _prices, ("D4.28",)),
            Rule("waves_hold_liquidations", "at least one wave, and no more waves than liquidations", _waves, ("D4.28",)),
        ),
        seed_name="LabeledCascade",
        clauses=("D4.28", "D4.29"),
    ),
    _message(
        "analysis.wave_label",
        "One wave of a cascade",
        "analysis.wave_detector",
        (Consumer("analysis.cascade_labeler", ("*",), "count waves"), Consumer("analysis.validators", ("*",), "wave structure")),
        WaveLabel,
        rules=(
            Rule("wave_starts_before_it_ends", "start_ts no later than end_ts", _ordered, ("D4.35",)),
            Rule("wave_drop_is_a_percentage", "oi_drop_pct in 0 to 100", _percentage, ("D4.35",)),
            Rule("wave_has_liquidations", "a wave number and a count of at least 1", _wave_counts, ("D4.35",)),
        ),
        seed_name="WaveLabel",
        clauses=("D4.35",),
    ),
    _message(
        "analysis.ValidationResult",
        "How often a hypothesis held in labelled events",
        "analysis.validators",
        (Consumer("research.comparison", ("*",), "shown beside runs"),),
        ValidationResult,
        rules=(
            Rule("supporting_within_total", "no more supporting events than events", _supporting, ("D4.39",)),
            Rule("success_rate_is_the_share", "success_rate = supporting / total, 0 without events", _rate, ("D4.41",)),
        ),
        seed_name="ValidationResult",
        clauses=("D4.39", "D4.40"),
    ),
    _message(
        "analysis.liquidation_burst",
        "Liquidations grouped by a window",
        "analysis.burst_aggregator",
        (Consumer("analysis.regime_classifier", ("count", "total_value"), "present activity"),),
        LiquidationBurst,
        rules=(
            Rule("burst_starts_before_it_ends", "start_ts no later than end_ts", _ordered, ("D4.44",)),
            Rule("burst_sides_add_up", "count = longs + shorts, at least 1", _sides, ("D4.44",)),
        ),
        clauses=("D4.44",),
    ),
    _message(
        "analysis.regime_reading",
        "The present regime of one symbol",
        "analysis.regime_classifier",
        (Consumer("decision.policies", ("symbol", "regime"), "which policy may speak"),),
        RegimeReading,
        rules=(Rule("no_data_is_unknown", "UNKNOWN without observations", _no_data_is_unknown, ("D4.48",)),),
        seed_name="RegimeType",
        clauses=("D4.47", "D4.50"),
    ),
    Contract(
        name="analysis.labeled_cascades",
        version="1.1",
        purpose="The labelled cascades and waves of recorded streams, with the rule and the files behind them",
        producer="analysis.cascade_labeler",
        consumers=(Consumer("analysis.validators", ("cascades", "waves"), "count hypotheses"), Consumer("apps.labels", ("label_id",), "name the report")),
        shape=LabeledCascades,
        paths=("data/analysis/cascades/{label_id}/labeled_cascades.json",),
        rules=(
            Rule("rows_in_order", "ids from 1 in order of start and coin", _rows_in_order, ("D4.28",)),
            Rule("cascades_never_overlap", "each cascade of a coin starts after the one before it ended", _never_overlap, ("D4.30",)),
            Rule("waves_add_up_to_their_cascade", "wave_count rows, whose liquidations add up", _waves_add_up, ("D4.34",)),
        ),
        clauses=("D4.28", "D4.29", "D4.35"),
        history=("1.1 a source of kind labels: labels that were read back from hl_labeled_cascades",),
    ),
    Contract(
        name="analysis.validation_report",
        version="1.0",
        purpose="Hypothesis counts over one file of labelled cascades",
        producer="analysis.validators",
        consumers=(Consumer("research.comparison", ("results",), "shown beside runs"),),
        shape=ValidationReport,
        paths=("data/analysis/cascades/{label_id}/validation_report.json",),
        rules=(
            Rule("report_rates_are_shares", "success_rate = supporting / total, 0 without events", _shares, ("D4.41",)),
            Rule("report_statuses_follow_the_counts", "INSUFFICIENT_DATA below min_events, then VALIDATED from min_share on", _statuses, ("D4.40",)),
        ),
        clauses=("D4.39", "D4.40"),
    ),
)
