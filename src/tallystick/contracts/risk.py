"""Risk: its constants, the account it reads, the numbers it computes, and its two latches."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Literal

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.errors import ConfigurationError, InvariantViolation, SafetyRefusal
from tallystick.contracts.order_kinds import TimestampNs
from tallystick.contracts.positions import Direction


@dataclass(frozen=True, slots=True)
class RiskConfig:
    """Every constant of the risk room. Nothing changes one at run time.

    Leverages are multiples of equity. `D_*`, `R_liq_min`, `stop_loss_pct`, `take_profit_pct`, `reduction_pct`, `safety_factor`, `risk_fraction`,
    `min_free_margin` and the breaker's limits are fractions, the seed's scale; `daily_loss_limit_pct` and `max_drawdown_limit_pct` are percent (0–100).
    `testing` marks a configuration made by `for_testing`: its cross-field constraints are relaxed and live refuses it.
    Raises ConfigurationError unless L_target ≤ L_max, L_symbol_max ≤ L_max, D_critical < D_min_safe, and every number is finite and not negative.
    """

    L_max: float = 10.0
    L_target: float = 8.0
    L_symbol_max: float = 5.0
    L_max_net: float = 8.0
    D_min_safe: float = 0.08
    D_critical: float = 0.03
    R_liq_min: float = 0.08
    maintenance_margin_rate: float = 0.005
    reduction_pct: float = 0.5
    safety_factor: float = 0.7
    risk_fraction: float = 0.02
    min_free_margin: float = 0.10
    stop_loss_pct: float = 0.02
    take_profit_pct: float = 0.03
    time_stop_s: float = 900.0
    daily_loss_limit_pct: float = 2.0
    max_drawdown_limit_pct: float = 10.0
    max_position_frac: float = 0.20
    max_gross_exposure: float = 1.0
    breaker_single_loss_frac: float = 0.05
    breaker_session_loss_frac: float = 0.10
    breaker_consecutive_losses: int = 5
    breaker_min_trades: int = 10
    breaker_price_move_frac: float = 0.20
    breaker_price_window_s: float = 60.0
    testing: bool = False

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isfinite(value) or value < 0:
                raise ConfigurationError(f"expected {item.name} finite and not negative, found {value}", where="risk settings")
        if self.testing:
            return
        for holds, says, found in (
            (self.L_target <= self.L_max, "L_target ≤ L_max", f"{self.L_target} and {self.L_max}"),
            (self.L_symbol_max <= self.L_max, "L_symbol_max ≤ L_max", f"{self.L_symbol_max} and {self.L_max}"),
            (self.D_critical < self.D_min_safe, "D_critical < D_min_safe", f"{self.D_critical} and {self.D_min_safe}"),
            (self.L_max > 0 and self.L_target > 0, "L_max and L_target above 0", f"{self.L_max} and {self.L_target}"),
            (0 < self.reduction_pct <= 1, "reduction_pct in (0, 1]", f"{self.reduction_pct}"),
        ):
            if not holds:
                raise ConfigurationError(f"expected {says}, found {found}", where="risk settings", hint="Only RiskConfig.for_testing() relaxes this.")

    @classmethod
    def for_testing(cls, **changes: float) -> RiskConfig:
        """A configuration without the cross-field constraints. `require_live` refuses it."""
        return cls(**{**changes, "testing": True})  # type: ignore[arg-type]

    def require_live(self) -> RiskConfig:
        """Itself, for a venue that holds money. Raises SafetyRefusal when it was made for testing."""
        if self.testing:
            raise SafetyRefusal("expected risk settings with every constraint enforced, found RiskConfig.for_testing()", where="risk settings")
        return self


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account at one instant: equity and free margin in quote currency; timestamp in seconds since 1970, UTC (the seed's unit)."""

    equity: Decimal
    margin_available: Decimal
    timestamp: float

    def __post_init__(self) -> None:
        if not (self.equity.is_finite() and self.margin_available.is_finite() and isfinite(self.timestamp)):
            raise InvariantViolation(f"expected a finite account, found equity {self.equity}, margin {self.margin_available}, time {self.timestamp}")


@dataclass(frozen=True, slots=True)
class PositionRisk:
    """One position against its liquidation. quantity is unsigned base units; liquidation_distance = |mark − liquidation| / mark (fraction)."""

    symbol: str
    direction: Direction
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    liquidation_price: Decimal
    liquidation_distance: float


@dataclass(frozen=True, slots=True)
class PortfolioRisk:
    """Sums over the positions; no judgement.

    Leverages are notional / equity (infinite when equity is not positive and something is held); notionals in quote currency, net is signed.
    min_liquidation_distance is a fraction, 1.0 with nothing held; worst_symbol is the one that has it.
    """

    total_leverage: float
    min_liquidation_distance: float
    net_leverage: float = 0.0
    gross_notional: Decimal = Decimal(0)
    net_notional: Decimal = Decimal(0)
    worst_symbol: str | None = None
    position_count: int = 0


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """A check's answer. A refusal names its reason and the invariant; `blocking` says whether it stops the order.

    value and limit are the numbers that decided, in the unit of the invariant; None where no number decided.
    """

    valid: bool
    reason: str | None
    violated_invariant: str | None
    blocking: bool
    value: float | None = None
    limit: float | None = None

    def __post_init__(self) -> None:
        if not self.valid and (not self.reason or not self.violated_invariant):
            raise InvariantViolation("expected a refusal to name its reason and the violated invariant, found one that does not")


class CircuitState(Enum):
    """CLOSED: trading allowed. OPEN: every ENTRY blocked. Nothing between (decision 15)."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What the circuit breaker remembers. Money in quote currency; opened_ns is UTC nanoseconds."""

    state: CircuitState = CircuitState.CLOSED
    reason: str | None = None
    opened_ns: TimestampNs | None = None
    trades: int = 0
    consecutive_losses: int = 0
    session_pnl: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if self.state is CircuitState.OPEN and (not self.reason or self.opened_ns is None):
            raise InvariantViolation("expected an OPEN circuit breaker to say why and since when, found one that does not")


KillKind = Literal["daily_loss", "drawdown", "manual"]


@dataclass(frozen=True, slots=True)
class Kill:
    """One latched kill. day: the UTC day it belongs to, 2025-01-31."""

    kind: KillKind
    reason: str
    since_ns: TimestampNs
    day: str


@dataclass(frozen=True, slots=True)
class KillState:
    """What the kill switch remembers across restarts. Equities in quote currency; None before the first observation."""

    kills: tuple[Kill, ...] = ()
    day: str | None = None
    day_start_equity: Decimal | None = None
    peak_equity: Decimal | None = None
    last_equity: Decimal | None = None

    def __post_init__(self) -> None:
        kinds = [kill.kind for kill in self.kills]
        if len(set(kinds)) != len(kinds):
            raise InvariantViolation(f"expected each kind of kill at most once, found {kinds}")

    @property
    def active(self) -> bool:
        """True for any latched kill (decision 14)."""
        return bool(self.kills)

    @property
    def reason(self) -> str | None:
        """Which kills are latched, and why; None when none is."""
        return "; ".join(f"{kill.kind}: {kill.reason}" for kill in self.kills) or None


def _distance_follows_the_prices(risk: PositionRisk) -> str | None:
    distance = abs(risk.mark_price - risk.liquidation_price) / risk.mark_price if risk.mark_price else Decimal(0)
    return None if abs(float(distance) - risk.liquidation_distance) <= 1e-9 else f"{risk.liquidation_distance} where the prices give {distance}"


def _net_is_within_gross(risk: PortfolioRisk) -> str | None:
    return None if abs(risk.net_notional) <= risk.gross_notional else f"net {risk.net_notional}, gross {risk.gross_notional}"


def _worst_symbol_when_something_is_held(risk: PortfolioRisk) -> str | None:
    return None if (risk.worst_symbol is not None) == (risk.position_count > 0) else f"{risk.worst_symbol} with {risk.position_count} positions"


def _accepted_names_no_invariant(result: ValidationResult) -> str | None:
    return None if not result.valid or (result.violated_invariant is None and not result.blocking) else f"valid, yet {result.violated_invariant}"


def _losses_are_trades(state: BreakerState) -> str | None:
    return None if 0 <= state.consecutive_losses <= state.trades else f"{state.consecutive_losses} losses in {state.trades} trades"


def _peak_is_the_highest(state: KillState) -> str | None:
    known = state.peak_equity is not None and state.last_equity is not None
    return f"peak {state.peak_equity}, last {state.last_equity}" if known and state.last_equity > state.peak_equity else None  # type: ignore[operator]


def _free_margin_is_within_equity(account: AccountState) -> str | None:
    return None if account.margin_available <= max(account.equity, Decimal(0)) else f"margin {account.margin_available}, equity {account.equity}"


def _reads(module: str, *names: str, purpose: str) -> Consumer:
    return Consumer(module, names or ("*",), purpose)


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="risk.config",
        version="1.0",
        purpose="Every constant that risk obeys; no run-time interpretation.",
        producer="apps.settings",
        consumers=(
            _reads("risk.review", purpose="limits for every order"),
            _reads("risk.restraint", purpose="thresholds of the monitor"),
            _reads("risk.status", purpose="limits shown to people"),
        ),
        shape=RiskConfig,
        encoding="memory",
        seed_name="RiskConfig",
        clauses=("D4.58", "D4.143"),
    ),
    Contract(
        name="risk.account_state",
        version="1.0",
        purpose="Equity and free margin at one instant.",
        producer="execution.position_book",
        consumers=(
            _reads("risk.review", "equity", "margin_available", purpose="leverage and margin"),
            _reads("risk.calculator", "equity", purpose="leverage"),
            _reads("risk.capital", "equity", "margin_available", purpose="largest size"),
        ),
        shape=AccountState,
        encoding="memory",
        rules=(Rule("free_margin_is_within_equity", "margin_available is at most the equity", _free_margin_is_within_equity, ("D4.59",)),),
        seed_name="AccountState",
        clauses=("D4.59",),
    ),
    Contract(
        name="risk.position_risk",
        version="1.0",
        purpose="One position against its liquidation.",
        producer="risk.calculator",
        consumers=(_reads("risk.restraint", "symbol", "liquidation_distance", purpose="EXIT and REDUCE by distance"),),
        shape=PositionRisk,
        encoding="memory",
        rules=(Rule("distance_follows_the_prices", "liquidation_distance is |mark − liquidation| / mark", _distance_follows_the_prices, ("D4.60",)),),
        seed_name="PositionRisk",
        clauses=("D4.60",),
    ),
    Contract(
        name="risk.portfolio_risk",
        version="1.0",
        purpose="Sums over all positions.",
        producer="risk.calculator",
        consumers=(
            _reads("risk.restraint", "total_leverage", "min_liquidation_distance", "worst_symbol", purpose="BLOCK and REDUCE of the whole"),
            _reads("risk.status", "gross_notional", "net_notional", purpose="exposures shown to people"),
        ),
        shape=PortfolioRisk,
        encoding="memory",
        rules=(
            Rule("net_is_within_gross", "the net notional is within the gross", _net_is_within_gross, ("D4.61",)),
            Rule(
                "worst_symbol_when_something_is_held",
                "worst_symbol is named when something is held, and only then",
                _worst_symbol_when_something_is_held,
                ("D4.61",),
            ),
        ),
        seed_name="PortfolioRisk",
        clauses=("D4.61",),
    ),
    Contract(
        name="risk.ValidationResult",
        version="1.0",
        purpose="A risk check's answer (decision 62).",
        producer="risk.review",
        consumers=(_reads("engine.cycle", purpose="the reason in the journal"),),
        shape=ValidationResult,
        encoding="memory",
        rules=(Rule("accepted_names_no_invariant", "a valid result names no invariant and does not block", _accepted_names_no_invariant, ("D4.62",)),),
        seed_name="ValidationResult",
        clauses=("D4.62",),
    ),
    Contract(
        name="risk.breaker_state",
        version="1.0",
        purpose="The circuit breaker's memory; journalled so that a restart does not close it.",
        producer="risk.circuit_breaker",
        consumers=(
            _reads("risk.review", "state", "reason", purpose="OPEN blocks every entry"),
            _reads("risk.status", "state", purpose="trading_allowed"),
        ),
        shape=BreakerState,
        encoding="memory",
        rules=(Rule("losses_are_trades", "consecutive losses do not exceed the trades", _losses_are_trades, ("D4.69",)),),
        seed_name="CircuitState",
        clauses=("D4.69",),
    ),
    Contract(
        name="risk.kill_state",
        version="1.0",
        purpose="The kill switch's memory; journalled so that every latched kill survives a restart (decision 14).",
        producer="risk.kill_switch",
        consumers=(
            _reads("risk.review", "kills", purpose="any kill blocks every entry"),
            _reads("risk.status", purpose="daily result, drawdown, kill_switch_active"),
        ),
        shape=KillState,
        encoding="memory",
        rules=(Rule("peak_is_the_highest", "the last equity does not exceed the peak", _peak_is_the_highest, ("D2.37",)),),
        clauses=("D2.35",),
    ),
)
