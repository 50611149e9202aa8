"""What the dashboard reads: engine state, positions, trades, CILS statistics, risk status, events (documents 1 and 2; the richer one holds)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tallystick.contracts import dashboard_rules as rules
from tallystick.contracts.contract import Consumer, Contract, Shape

UtcTime = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$")]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=-100, le=100)]
Status = Literal["running", "paused", "stopped", "error"]
Stage = Literal["idle", "prediction", "blending", "arbitration", "gating", "sizing", "risk", "execution"]
Severity = Literal["debug", "info", "warning", "error", "critical"]


class EventType(Enum):
    """Every event that may be emitted. A new one is added here first."""

    CYCLE_START = "CYCLE_START"
    CYCLE_END = "CYCLE_END"
    TRADE_SUBMITTED = "TRADE_SUBMITTED"
    TRADE_FILLED = "TRADE_FILLED"
    TRADE_REJECTED = "TRADE_REJECTED"
    TRADE_CANCELLED = "TRADE_CANCELLED"
    DECISION_MADE = "DECISION_MADE"
    POSITION_OPENED = "POSITION_OPENED"
    POSITION_CLOSED = "POSITION_CLOSED"
    KILL_SWITCH_TRIGGERED = "KILL_SWITCH_TRIGGERED"
    DAILY_LOSS_WARNING = "DAILY_LOSS_WARNING"
    DRAWDOWN_WARNING = "DRAWDOWN_WARNING"
    POSITION_LIMIT_WARNING = "POSITION_LIMIT_WARNING"
    EXPOSURE_WARNING = "EXPOSURE_WARNING"
    GATE_BLOCKED = "GATE_BLOCKED"
    ENGINE_START = "ENGINE_START"
    ENGINE_STOP = "ENGINE_STOP"
    ENGINE_PAUSE = "ENGINE_PAUSE"
    ENGINE_RESUME = "ENGINE_RESUME"
    ERROR = "ERROR"
    WARNING = "WARNING"
    HEARTBEAT = "HEARTBEAT"
    CONNECTION_LOST = "CONNECTION_LOST"
    CONNECTION_RESTORED = "CONNECTION_RESTORED"
    BROKER_CONNECTED = "BROKER_CONNECTED"
    BROKER_DISCONNECTED = "BROKER_DISCONNECTED"
    QUOTE_STALE = "QUOTE_STALE"
    QUOTE_RECEIVED = "QUOTE_RECEIVED"
    DATA_ERROR = "DATA_ERROR"
    DATA_GAP_DETECTED = "DATA_GAP_DETECTED"
    RECONCILIATION_START = "RECONCILIATION_START"
    RECONCILIATION_END = "RECONCILIATION_END"
    RECONCILIATION_MISMATCH = "RECONCILIATION_MISMATCH"
    BACKTEST_START = "BACKTEST_START"
    BACKTEST_END = "BACKTEST_END"
    STAGE_CHANGE = "STAGE_CHANGE"


class EngineState(Shape):
    """Where the engine stands. `last_cycle`: completion of the last cycle, or the session's start before the first (decision 59)."""

    status: Status
    current_stage: Stage
    last_cycle: UtcTime
    uptime_seconds: NotNegative
    cycle_count: Count | None = None
    symbols_active: Count | None = None
    last_error: str | None = None


class PositionRow(Shape):
    """One position. `shares`: base units, negative = short (decision 47); prices and values in quote currency.

    `unrealized_pnl_pct` = pnl / (entry price × |shares|) × 100; `weight` = market_value / portfolio value, signed (decision 7).
    """

    symbol: str
    shares: float
    entry_price: Positive
    current_price: Positive
    market_value: float
    unrealized_pnl: float
    unrealized_pnl_pct: float
    weight: float
    entry_time: UtcTime | None = None
    side: Literal["long", "short"] | None = None
    target_weight: float | None = None


class Positions(Shape):
    """All positions, sorted by symbol; `total_market_value` is signed (decision 60)."""

    positions: tuple[PositionRow, ...]
    total_positions: Count
    long_count: Count
    short_count: Count
    total_market_value: float


class TradeRow(Shape):
    """One fill. `value` = shares × price, unsigned; commission and slippage in quote currency; `order_id` is the venue's."""

    id: str
    timestamp: UtcTime
    symbol: str
    side: Literal["buy", "sell"]
    shares: Positive
    price: Positive
    value: Positive
    order_id: str | None = None
    commission: float | None = None
    slippage: float | None = None
    decision_id: str | None = None


class Trades(Shape):
    """A page of trades, newest first; the totals count every trade that the filters admit, before paging (decision 60)."""

    trades: tuple[TradeRow, ...]
    total_trades: Count
    total_value: NotNegative


class CilsArm(Shape):
    """One horizon of the bandit: selection weight, times selected, cumulative and mean reward (basis points, net)."""

    horizon: str
    weight: Fraction
    pulls: Count
    rewards: float
    mean_reward: float


class CilsStats(Shape):
    """Statistics of the online learner; exactly `{"enabled": false}` where it is not configured."""

    enabled: bool
    algorithm: str | None = None
    arms: tuple[CilsArm, ...] | None = None
    total_pulls: Count | None = None
    exploration_rate: Fraction | None = None
    last_update: UtcTime | None = None


class RiskWarning(Shape):
    """A limit that comes near: percent of the portfolio for loss and drawdown, percent of the limit for exposure (decision 61)."""

    type: Literal["daily_loss", "drawdown", "exposure"]
    message: str
    severity: Literal["warning", "critical"]
    threshold_pct: Percent
    current_pct: Percent


class RiskStatus(Shape):
    """Limits and what is used of them. `_pct` fields are 0–100 (clamped to ±100); exposures are fractions of portfolio value."""

    trading_allowed: bool
    kill_switch_active: bool
    kill_switch_reason: str | None
    daily_pnl_pct: Percent
    daily_loss_limit_pct: Percent
    daily_loss_remaining_pct: Percent
    drawdown_pct: Percent
    max_drawdown_limit_pct: Percent
    drawdown_remaining_pct: Percent
    gross_exposure: NotNegative
    net_exposure: float
    max_gross_exposure: NotNegative
    warnings: tuple[RiskWarning, ...]
    last_check: UtcTime


class Event(Shape):
    """Something that happened, as it was emitted; `data` is open."""

    event_type: EventType
    timestamp: UtcTime
    severity: Severity
    message: str
    data: Mapping[str, Any]


def _read(path: str) -> tuple[Consumer, ...]:
    return (Consumer("apps.bridge", ("*",), f"GET {path}"),)


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="dashboard.engine_state",
        version="1.0",
        purpose="Real-time engine state with its pipeline stage",
        producer="monitoring.bodies",
        consumers=_read("/api/state"),
        shape=EngineState,
        encoding="memory",
        rules=rules.STATE_RULES,
        seed_name="Engine State",
        clauses=("D1.83", "D2.01", "D2.02", "D2.03", "D2.04"),
        wall_clock=("uptime_seconds",),
    ),
    Contract(
        name="dashboard.positions",
        version="1.0",
        purpose="Every position with its value and result",
        producer="monitoring.bodies",
        consumers=_read("/api/positions"),
        shape=Positions,
        encoding="memory",
        rules=rules.POSITION_RULES,
        seed_name="Position Details",
        clauses=("D1.84", "D2.08", "D2.09", "D2.10", "D2.11"),
    ),
    Contract(
        name="dashboard.trades",
        version="1.0",
        purpose="Audit trail of executed trades",
        producer="monitoring.bodies",
        consumers=_read("/api/trades/history"),
        shape=Trades,
        encoding="memory",
        rules=rules.TRADE_RULES,
        seed_name="Trade History",
        clauses=("D2.16", "D2.17", "D2.18", "D2.19"),
    ),
    Contract(
        name="dashboard.cils_stats",
        version="1.0",
        purpose="Metrics of the online learner over horizons",
        producer="decision.cils",
        consumers=_read("/api/cils/stats"),
        shape=CilsStats,
        encoding="memory",
        rules=rules.CILS_RULES,
        seed_name="CILS Statistics",
        clauses=("D2.27", "D2.28", "D2.29", "D2.30"),
    ),
    Contract(
        name="dashboard.risk_status",
        version="1.0",
        purpose="Risk limits, what is used of them, and warnings",
        producer="risk.status",
        consumers=_read("/api/risk/status"),
        shape=RiskStatus,
        encoding="memory",
        rules=rules.RISK_RULES,
        seed_name="Risk Status",
        clauses=("D1.85", "D2.34", "D2.35", "D2.36", "D2.37", "D2.38", "D2.39", "D2.40", "D2.43"),
    ),
    Contract(
        name="dashboard.event",
        version="1.0",
        purpose="One event of the engine as people see it",
        producer="monitoring.events",
        consumers=_read("/api/events/recent"),
        shape=Event,
        encoding="memory",
        rules=rules.EVENT_RULES,
        seed_name="Event",
        clauses=("D1.86", "D1.87", "D1.89", "D1.90"),
        open_maps=("data",),
    ),
)
