"""Monitoring: trade records, daily figures, performance, alerts, assumptions, calibrated parameters, the regime of the system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from math import isclose
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, SkipValidation, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from tallystick.contracts.contract import Consumer, Contract, Rule, Shape


def _int_from_digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.removeprefix("-").isdigit() else value


# Digit strings in JSON, since canonical JSON refuses integers above 2^53 (decision 3).
Nanoseconds = Annotated[int, BeforeValidator(_int_from_digits), PlainSerializer(str, return_type=str)]
DateText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


class AlertLevel(Enum):
    """How loud an alert is."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"
    EMERGENCY = "EMERGENCY"


class AssumptionStatus(Enum):
    """What is known of an assumption. WARNING after two failures in a row, INVALID after three, EXPIRED when not tested for seven days."""

    UNTESTED = "UNTESTED"
    VALID = "VALID"
    WARNING = "WARNING"
    INVALID = "INVALID"
    EXPIRED = "EXPIRED"


class ModelHealthStatus(Enum):
    """Whether a calibrated value still lies where it was calibrated."""

    HEALTHY = "HEALTHY"
    DRIFTING = "DRIFTING"
    BROKEN = "BROKEN"


class SystemRegime(Enum):
    """Whether the edge that was measured is still there."""

    UNKNOWN = "UNKNOWN"
    EDGE_PRESENT = "EDGE_PRESENT"
    EDGE_DECAYING = "EDGE_DECAYING"
    EDGE_GONE = "EDGE_GONE"
    REGIME_CHANGE = "REGIME_CHANGE"


class TradeRecord(Shape):
    """One trade from flat to flat. Prices are averages over its fills, quote currency; `realized_pnl` before fees and funding, `net_pnl` after.

    An open trade has no exit; its results are those realised so far. `direction` is LONG or SHORT.
    """

    trade_id: Text
    symbol: Text
    strategy: str
    direction: str
    entry_time_ns: Nanoseconds
    entry_price: float
    exit_time_ns: Nanoseconds | None
    exit_price: float | None
    realized_pnl: float
    net_pnl: float
    quantity: float | None = None
    fees: float | None = None
    funding: float | None = None


class DailyStats(Shape):
    """Trades closed on one UTC day, quote currency."""

    date: DateText
    trades: Count
    wins: Count
    losses: Count
    realized_pnl: float
    fees: float
    net_pnl: float


class StrategyFigures(Shape):
    """The closed trades of one strategy."""

    trades: Count
    wins: Count
    net_pnl: float


class PerformanceSnapshot(Shape):
    """Figures over closed trades at one instant. Money in quote currency; rates are fractions; `_pct` 0–100; profit_factor and ratios are null
    where a side of them is empty; Sharpe ratios over daily net results of the last 30 and 90 days (days without a trade count 0), annualised with 365.
    """

    timestamp_ns: Nanoseconds
    total_trades: Count
    winning_trades: Count
    losing_trades: Count
    breakeven_trades: Count
    open_trades: Count
    win_rate: Fraction
    rolling_win_rate_20: Fraction
    total_pnl: float
    total_fees: float
    net_pnl: float
    daily_pnl: float
    weekly_pnl: float
    monthly_pnl: float
    avg_win: float
    avg_loss: float
    largest_win: float
    largest_loss: float
    win_loss_ratio: float | None
    profit_factor: float | None
    sharpe_ratio_30d: float
    sharpe_ratio_90d: float
    current_drawdown_pct: NotNegative
    max_drawdown_pct: NotNegative
    days_in_drawdown: Count
    avg_hold_time_ms: NotNegative
    avg_r_multiple: float | None
    by_strategy: Mapping[str, StrategyFigures]


class Alert(Shape):
    """Something that a person should know."""

    alert_id: Text
    level: AlertLevel
    category: Text
    message: Text


class Assumption(Shape):
    """What the system takes for granted. `test_fn` answers whether it holds; it lives in memory only, outside schemas (decision 62)."""

    name: Text
    description: str
    category: str
    status: AssumptionStatus
    affected_components: tuple[str, ...]
    test_fn: SkipJsonSchema[SkipValidation[Callable[[], bool] | None]] = Field(default=None, exclude=True)


class AssumptionResult(Shape):
    """One test of one assumption: whether it held, how many failures in a row, and the status that follows."""

    name: Text
    tested_at_ns: Nanoseconds
    held: bool
    failures_in_a_row: Count
    status: AssumptionStatus
    error: str | None = None


class CalibratedParameter(Shape):
    """A value with what it was expected to be when it was calibrated."""

    name: Text
    value: float
    expected_mean: float | None
    expected_std: float | None
    health_status: ModelHealthStatus


class RegimeReading(Shape):
    """The regime of the system and the numbers behind it: trades looked at, their win rate, its distance from the expectation in deviations."""

    regime: SystemRegime
    trades: Count
    win_rate: Fraction | None
    z_score: float | None


def _exit_whole(record: TradeRecord) -> str | None:
    return None if (record.exit_time_ns is None) is (record.exit_price is None) else f"exit time {record.exit_time_ns}, exit price {record.exit_price}"


def _exit_after(record: TradeRecord) -> str | None:
    early = record.exit_time_ns is not None and record.exit_time_ns < record.entry_time_ns
    return f"exit {record.exit_time_ns} before entry {record.entry_time_ns}" if early else None


def _net(record: TradeRecord) -> str | None:
    if record.fees is None or record.funding is None:
        return None
    expected = record.realized_pnl - record.fees - record.funding
    return None if isclose(record.net_pnl, expected, rel_tol=1e-9, abs_tol=1e-6) else f"net {record.net_pnl}, realized less costs {expected}"


def _direction(record: TradeRecord) -> str | None:
    return None if record.direction in ("LONG", "SHORT") else record.direction


def _sides(snapshot: PerformanceSnapshot) -> str | None:
    total = snapshot.winning_trades + snapshot.losing_trades + snapshot.breakeven_trades
    return None if total == snapshot.total_trades else f"{total} won, lost or even of {snapshot.total_trades}"


def _win_rate(snapshot: PerformanceSnapshot) -> str | None:
    expected = snapshot.winning_trades / snapshot.total_trades if snapshot.total_trades else 0.0
    return None if isclose(snapshot.win_rate, expected, rel_tol=1e-9) else f"win_rate {snapshot.win_rate}, expected {expected}"


def _drawdowns(snapshot: PerformanceSnapshot) -> str | None:
    return None if snapshot.current_drawdown_pct <= snapshot.max_drawdown_pct else f"{snapshot.current_drawdown_pct} above {snapshot.max_drawdown_pct}"


def _day_counts(day: DailyStats) -> str | None:
    return None if day.wins + day.losses <= day.trades else f"{day.wins} wins and {day.losses} losses of {day.trades}"


def _status_follows(result: AssumptionResult) -> str | None:
    expected = {0: AssumptionStatus.VALID, 1: AssumptionStatus.VALID, 2: AssumptionStatus.WARNING}.get(result.failures_in_a_row, AssumptionStatus.INVALID)
    return None if result.status in (expected, AssumptionStatus.EXPIRED) else f"{result.status.value} after {result.failures_in_a_row} failures"


def _held_ends_a_run(result: AssumptionResult) -> str | None:
    return None if result.held is (result.failures_in_a_row == 0) else f"held {result.held} with {result.failures_in_a_row} failures in a row"


def _calibration(item: CalibratedParameter) -> str | None:
    return None if item.expected_std is None or item.expected_std >= 0 else f"expected_std {item.expected_std}"


def _reading(item: RegimeReading) -> str | None:
    return None if item.regime is SystemRegime.UNKNOWN or item.z_score is not None else f"{item.regime.value} without a z_score"


def _contract(
    name: str,
    purpose: str,
    producer: str,
    shape: type[Shape],
    rules: tuple[Rule, ...],
    clauses: tuple[str, ...],
    consumers: tuple[Consumer, ...],
    seed: str = "",
) -> Contract:
    return Contract(f"monitoring.{name}", "1.0", purpose, producer, consumers, shape, encoding="memory", rules=rules, clauses=clauses, seed_name=seed)


_ALERTS = (Consumer("monitoring.alerts", ("*",), "tell people"),)
_PEOPLE = (Consumer("apps.bridge", ("*",), "show to people"),)

CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="monitoring.trade_journal",
        version="1.0",
        purpose="Every trade of a session from flat to flat, in the order of entry; one record a line",
        producer="monitoring.trade_journal",
        consumers=(Consumer("monitoring.performance", ("entry_time_ns", "exit_time_ns", "realized_pnl", "net_pnl", "strategy"), "figures over closed trades"),),
        shape=TradeRecord,
        encoding="jsonl",
        paths=("state/sessions/{session_id}/trade_journal.jsonl",),
        rules=(
            Rule("an_exit_has_time_and_price", "exit time and price together, or neither", _exit_whole),
            Rule("exit_follows_entry", "exit at or after entry", _exit_after),
            Rule("net_is_realized_less_costs", "net_pnl = realized_pnl − fees − funding", _net),
            Rule("direction_is_long_or_short", "direction LONG or SHORT", _direction),
        ),
        seed_name="TradeRecord",
        clauses=("D4.107", "D4.110"),
    ),
    _contract(
        "daily_stats",
        "Trades closed on a day",
        "monitoring.trade_journal",
        DailyStats,
        (Rule("wins_and_losses_are_trades", "wins and losses at most the trades", _day_counts),),
        ("D4.110",),
        _PEOPLE,
        "DailyStats",
    ),
    _contract(
        "performance_snapshot",
        "Figures over closed trades",
        "monitoring.performance",
        PerformanceSnapshot,
        (
            Rule("every_trade_has_one_side", "won, lost and even trades sum to the total", _sides),
            Rule("win_rate_is_won_of_total", "win_rate = winning / total, 0 without a trade", _win_rate),
            Rule("drawdown_is_within_its_maximum", "current drawdown at most the maximum", _drawdowns),
        ),
        ("D4.108", "D4.113"),
        _PEOPLE,
        "PerformanceSnapshot",
    ),
    _contract("alert", "Something a person should know", "monitoring.alerts", Alert, (), ("D4.109",), _PEOPLE, "Alert"),
    _contract("assumption", "What the system takes for granted", "monitoring.assumptions", Assumption, (), ("D4.116",), _ALERTS, "Assumption"),
    _contract(
        "assumption_result",
        "One test of one assumption",
        "monitoring.assumptions",
        AssumptionResult,
        (
            Rule("status_follows_the_failures", "VALID below two failures in a row, WARNING at two, INVALID from three", _status_follows),
            Rule("a_test_that_holds_ends_the_run", "no failures in a row exactly when it held", _held_ends_a_run),
        ),
        ("D4.119",),
        _ALERTS,
    ),
    _contract(
        "calibrated_parameter",
        "A value with its expectation",
        "monitoring.calibration",
        CalibratedParameter,
        (Rule("expected_spread_is_not_negative", "expected_std at or above 0", _calibration),),
        ("D4.117",),
        _ALERTS,
        "CalibratedParameter",
    ),
    _contract(
        "system_regime",
        "Whether the measured edge is still there",
        "monitoring.calibration",
        RegimeReading,
        (Rule("a_known_regime_has_its_number", "a z_score for every regime but UNKNOWN", _reading),),
        ("D4.118",),
        _ALERTS,
        "SystemRegime",
    ),
)
