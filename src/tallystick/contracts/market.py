"""Contracts of the market room: instruments, bars, their coverage, and the truth behind a generated market."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Literal

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.errors import DataError
from tallystick.contracts.instruments import (
    INSTRUMENT_RULES,
    Calendar,
    Count,
    Instrument,
    Instruments,
    MarginTier,
    Name,
    PositiveInt,
    Sha256Text,
    SignificantFiguresRule,
    TickRule,
    UtcText,
)
from tallystick.contracts.time import NS_PER_MINUTE, ns_from_iso

RefusalReason = Literal["duplicate", "impossible", "non_finite", "off_grid", "open", "outside_session", "unreadable_time", "unsorted"]
QuoteVolumeSource = Literal["reported", "estimated"]
Convention = Literal["half-open, labelled by open time"]
RegimeName = Literal["bull", "bear", "range", "volatile"]
BAR_CONVENTION: Convention = "half-open, labelled by open time"
MINUTES_PER_DAY = 1440
__all__ = [
    "CONTRACTS",
    "Bar",
    "Calendar",
    "Coverage",
    "Gap",
    "GeneratorTruth",
    "Instrument",
    "Instruments",
    "Life",
    "MarginTier",
    "Regime",
    "Session",
    "Signal",
    "SignificantFiguresRule",
    "SymbolCoverage",
    "TickRule",
    "interval_text",
    "minutes_of",
]


def interval_text(minutes: int) -> str:
    """The folder text of an interval: 5 → `5m`, 60 → `1h`, 1440 → `1d`. Raises DataError below one minute."""
    if minutes < 1:
        raise DataError(f"expected an interval of at least one minute, found {minutes}")
    for size, letter in ((MINUTES_PER_DAY, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{letter}"
    return f"{minutes}m"


def minutes_of(interval: str) -> int:
    """The minutes of an interval's text, `1h` → 60. Raises DataError for any other text."""
    size = {"m": 1, "h": 60, "d": MINUTES_PER_DAY}.get(interval[-1:])
    if size is None or not interval[:-1].isascii() or not interval[:-1].isdigit() or int(interval[:-1]) < 1:
        raise DataError(f"expected an interval such as 5m, 1h or 1d, found {interval!r}")
    return int(interval[:-1]) * size


class Bar(Shape):
    """One row of a bar file. `ts`: UTC milliseconds of the open time; the bar covers [ts, ts + interval).

    Prices in quote units, `volume` in venue units of the base, `quote_volume` in quote units (see coverage: reported or estimated).
    """

    symbol: Name
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float


class Gap(Shape):
    """Missing bars between bars that are there: open times in [from_at, to_at), `bars` of them."""

    from_at: UtcText
    to_at: UtcText
    bars: PositiveInt


class SymbolCoverage(Shape):
    """What is stored of one symbol: open times of the first and last bar, rows, gaps, bars refused at import by reason, the file's SHA-256."""

    first: UtcText
    last: UtcText
    rows: PositiveInt
    gaps: tuple[Gap, ...]
    refused: Mapping[RefusalReason, int]
    quote_volume: QuoteVolumeSource
    sha256: Sha256Text


class Session(Shape):
    """Consecutive bars while the market was open: open times in [from_at, to_at). A day for bars within it, a week for daily bars."""

    from_at: UtcText
    to_at: UtcText


class Coverage(Shape):
    """What is stored of one venue at one interval.

    sessions: on a calendar with sessions, when the market was open, which is where some stored symbol has a bar. Only there can a bar be missing, and
    bars are numbered by their place in it, from 0. Without sessions every interval counts.
    """

    venue: Name
    interval_minutes: PositiveInt
    calendar: Calendar
    convention: Convention
    source: str
    symbols: Mapping[Name, SymbolCoverage]
    sessions: tuple[Session, ...] | None = None


class Signal(Shape):
    """The signal that the generator puts in: next-bar idiosyncratic return = strength × volatility × momentum state + noise.

    The momentum state is the exponentially weighted sum of past idiosyncratic shocks with this half-life (minutes), scaled to unit variance.
    """

    kind: Literal["idiosyncratic_momentum"]
    strength: float
    half_life_minutes: float
    seen_in: tuple[str, ...]
    horizons_minutes: tuple[PositiveInt, ...]


class Regime(Shape):
    """A stretch of one regime of the common factor, open times in [from_at, to_at)."""

    from_at: UtcText
    to_at: UtcText
    regime: RegimeName


class Life(Shape):
    """When a generated symbol was listed and delisted (open time of its first bar, close time of its last; null = still listed)."""

    listed: UtcText
    delisted: UtcText | None
    beta: float


class GeneratorTruth(Shape):
    """What is true of a generated market and hidden in a real one."""

    seed: Count
    generator_version: str
    venue: Name
    interval_minutes: PositiveInt
    start: UtcText
    end: UtcText
    benchmark: str
    signal: Signal
    regimes: tuple[Regime, ...]
    lives: Mapping[Name, Life]


def _gaps_sorted(document: Coverage) -> str | None:
    for symbol, item in document.symbols.items():
        edge = ns_from_iso(item.first)
        for gap in item.gaps:
            start, end = ns_from_iso(gap.from_at), ns_from_iso(gap.to_at)
            if start <= edge or end <= start or end > ns_from_iso(item.last):
                return f"{symbol} with a gap from {gap.from_at} to {gap.to_at}"
            edge = end
    return None


def _open_intervals(document: Coverage) -> Callable[[int, int], int]:
    """How many intervals of [start, end) the market was open in."""
    step = document.interval_minutes * NS_PER_MINUTE
    if document.calendar == "crypto_24_7" or document.sessions is None:
        return lambda start, end: (end - start) // step
    starts = [ns_from_iso(session.from_at) for session in document.sessions]
    sizes = [(ns_from_iso(session.to_at) - start) // step for start, session in zip(starts, document.sessions, strict=True)]
    before = [0]
    for size in sizes:
        before.append(before[-1] + size)

    def until(moment: int) -> int:
        place = bisect_right(starts, moment) - 1
        return 0 if place < 0 else before[place] + min(sizes[place], (moment - starts[place]) // step)

    return lambda start, end: until(end) - until(start)


def _gap_bars(document: Coverage) -> str | None:
    count, exact = _open_intervals(document), document.calendar == "crypto_24_7" or document.sessions is not None
    for symbol, item in document.symbols.items():
        for gap in item.gaps:
            steps = count(ns_from_iso(gap.from_at), ns_from_iso(gap.to_at))
            if gap.bars > steps or (exact and gap.bars != steps):
                return f"{symbol} with {gap.bars} bars missing in {steps} intervals from {gap.from_at}"
    return None


def _rows_fill(document: Coverage) -> str | None:
    step, count = document.interval_minutes * NS_PER_MINUTE, _open_intervals(document)
    exact = document.calendar == "crypto_24_7" or document.sessions is not None
    for symbol, item in document.symbols.items():
        steps = count(ns_from_iso(item.first), ns_from_iso(item.last) + step)
        have = item.rows + sum(gap.bars for gap in item.gaps)
        if have > steps or (exact and have != steps):
            return f"{symbol} with {have} rows and missing bars in {steps} intervals"
    return None


def _on_grid(document: Coverage) -> str | None:
    step = document.interval_minutes * NS_PER_MINUTE
    for symbol, item in document.symbols.items():
        for text in (item.first, item.last, *(time for gap in item.gaps for time in (gap.from_at, gap.to_at))):
            if ns_from_iso(text) % step:
                return f"{symbol} at {text}"
    times = (time for session in document.sessions or () for time in (session.from_at, session.to_at))
    return next((f"a session edge at {time}" for time in times if ns_from_iso(time) % step), None)


def _sessions_sorted(document: Coverage) -> str | None:
    if document.sessions is not None and document.calendar == "crypto_24_7":
        return "sessions on a calendar that never closes"
    edge = -1
    for session in document.sessions or ():
        start, end = ns_from_iso(session.from_at), ns_from_iso(session.to_at)
        if start <= edge or end <= start:
            return f"a session from {session.from_at} to {session.to_at}"
        edge = end
    return None


def _refusals(document: Coverage) -> str | None:
    for symbol, item in document.symbols.items():
        for reason, count in item.refused.items():
            if count < 1:
                return f"{symbol} with {count} bars refused as {reason}"
    return None


def _regimes(document: GeneratorTruth) -> str | None:
    edge = document.start
    for regime in document.regimes:
        if regime.from_at != edge or ns_from_iso(regime.to_at) <= ns_from_iso(regime.from_at):
            return f"a regime from {regime.from_at} to {regime.to_at} after {edge}"
        edge = regime.to_at
    return None if edge == document.end else f"an end at {edge}"


def _lives(document: GeneratorTruth) -> str | None:
    for symbol, life in document.lives.items():
        listed, delisted = ns_from_iso(life.listed), ns_from_iso(life.delisted or document.end)
        if not ns_from_iso(document.start) <= listed < delisted <= ns_from_iso(document.end):
            return f"{symbol} listed {life.listed}, delisted {life.delisted}"
    return None


def _benchmark(document: GeneratorTruth) -> str | None:
    life = document.lives.get(document.benchmark)
    return None if life is not None and life.delisted is None else f"benchmark {document.benchmark}"


BAR_RULES = (
    Rule("high_is_highest", "high at or above open, close", lambda bar: None if bar.high >= max(bar.open, bar.close) else f"high {bar.high}"),
    Rule("low_is_lowest", "low at or below open, close", lambda bar: None if bar.low <= min(bar.open, bar.close) else f"low {bar.low}"),
    Rule("prices_are_positive", "prices above zero", lambda bar: None if min(bar.open, bar.high, bar.low, bar.close) > 0 else "a price at or below zero"),
    Rule("volumes_are_not_negative", "volumes at or above zero", lambda bar: None if min(bar.volume, bar.quote_volume) >= 0 else "a negative volume"),
)
COVERAGE_RULES = (
    Rule("gaps_are_sorted", "gaps in time order, apart from each other, between first and last", _gaps_sorted),
    Rule("gap_bars_match_times", "each gap counts the intervals it spans", _gap_bars),
    Rule("rows_and_gaps_fill_the_range", "rows and missing bars together fill first to last", _rows_fill),
    Rule("times_lie_on_the_grid", "open times that are whole multiples of the interval", _on_grid),
    Rule("sessions_are_sorted", "sessions in time order, apart from each other, and only where the market closes", _sessions_sorted),
    Rule("refusals_are_counted", "a count of at least one for each reason", _refusals),
)
TRUTH_RULES = (
    Rule("regimes_cover_the_market", "regimes one after the other from start to end", _regimes),
    Rule("lives_lie_in_the_market", "each symbol listed before it is delisted, inside the market", _lives),
    Rule("benchmark_lives_on", "a benchmark that is in the market and never delisted", _benchmark),
)

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="market.instruments",
        version="1.0",
        purpose="What is traded: units, price rule, margin tiers, listing dates and renames, effective-dated",
        producer="market.instruments",
        consumers=(
            Consumer(
                "universe.eligibility",
                ("instruments.*.base", "instruments.*.quote", "instruments.*.listed", "instruments.*.delisted"),
                "exclude assets and count names that are gone",
            ),
            Consumer(
                "risk.review",
                ("instruments.*.price_rule", "instruments.*.lot", "instruments.*.minimum_notional", "instruments.*.margin_tiers"),
                "check an order against the venue's rules",
            ),
            Consumer(
                "execution.simulated_venue",
                ("instruments.*.price_rule", "instruments.*.lot", "instruments.*.margin_tiers", "instruments.*.funding_interval_minutes"),
                "fill as the venue would",
            ),
            Consumer("research.run", ("instruments.*.price_rule", "instruments.*.lot", "instruments.*.calendar"), "units and bars per year"),
        ),
        shape=Instruments,
        paths=("data/instruments/instruments.json",),
        rules=INSTRUMENT_RULES,
    ),
    Contract(
        name="market.bars",
        version="1.0",
        purpose="Closed bars of one symbol, one row each, ascending, no duplicate; columns symbol, ts, open, high, low, close, volume, quote_volume",
        producer="market.lake",
        consumers=(
            Consumer("analysis.features", ("ts", "open", "high", "low", "close", "volume", "quote_volume"), "inputs of the feature catalogue"),
            Consumer("universe.release", ("ts", "close", "quote_volume"), "liquidity and history of candidates"),
            Consumer("engine.session", ("ts", "open", "high", "low", "close", "volume", "quote_volume"), "the market of a session"),
        ),
        shape=Bar,
        paths=("data/market/{venue}/{interval}/{symbol}.parquet",),
        encoding="parquet",
        rules=BAR_RULES,
    ),
    Contract(
        name="market.coverage",
        version="1.1",
        purpose="What is stored of a venue at an interval: range, gaps, refused bars by reason, SHA-256 of each bar file",
        producer="market.lake",
        consumers=(
            Consumer("training.pipeline", ("symbols",), "data identity of a model"),
            Consumer("research.run", ("symbols", "calendar"), "data identity and bars per year of a run"),
            Consumer("engine.session", ("symbols", "interval_minutes"), "trace of an order back to its bars"),
            Consumer("market.lake", ("symbols", "calendar", "sessions"), "the grid of a panel and its bar numbers"),
        ),
        shape=Coverage,
        paths=("data/market/{venue}/{interval}/coverage.json",),
        rules=COVERAGE_RULES,
        history=("1.1 sessions",),
    ),
    Contract(
        name="market.generator_truth",
        version="1.0",
        purpose="The documented signal, regimes, listings and delistings of a generated market",
        producer="market.generator",
        consumers=(Consumer("research.leak_canaries", ("signal", "lives"), "compare what was found with what was put in"),),
        shape=GeneratorTruth,
        paths=("data/market/{venue}/{interval}/truth.json",),
        rules=TRUTH_RULES,
    ),
)
