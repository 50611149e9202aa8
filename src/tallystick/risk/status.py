"""The risk status that people and machines read: document 2, contract 5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tallystick.contracts.positions import Position
from tallystick.contracts.risk import AccountState, BreakerState, CircuitState, KillState, RiskConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.risk import calculator, kill_switch

WARNING_SHARE = 0.7
CRITICAL_SHARE = 0.9
_NO_EQUITY = 1e9


def risk_status(
    account: AccountState,
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    config: RiskConfig,
    breaker: BreakerState,
    kill: KillState,
    now_ns: int,
) -> dict[str, Any]:
    """The body of GET /api/risk/status. Percentages are 0–100, clamped to ±100; exposures are fractions of portfolio value (decision 61).

    What remains of a limit is the limit less what is used, at least 0. With equity at or below 0 an exposure has no value: it is given as ±10^9,
    since JSON carries no infinity. Raises DataError when a held symbol has no mark.
    """
    _, portfolio = calculator.assess(account, positions, marks, config)
    gross = min(portfolio.total_leverage, _NO_EQUITY)
    net = min(portfolio.net_leverage, _NO_EQUITY) * (1 if portfolio.net_notional >= 0 else -1)
    result, drawdown = float(kill_switch.daily_result_pct(kill)), float(kill_switch.drawdown_pct(kill))
    loss = max(0.0, -result)
    breached = (
        loss >= config.daily_loss_limit_pct
        or drawdown >= config.max_drawdown_limit_pct
        or gross > min(config.max_gross_exposure, config.L_max)
        or account.equity <= 0
    )
    return {
        "trading_allowed": not (breached or kill.active or breaker.state is CircuitState.OPEN),
        "kill_switch_active": kill.active,
        "kill_switch_reason": kill.reason,
        "daily_pnl_pct": _percent(result),
        "daily_loss_limit_pct": config.daily_loss_limit_pct,
        "daily_loss_remaining_pct": _percent(max(0.0, config.daily_loss_limit_pct - loss)),
        "drawdown_pct": _percent(drawdown),
        "max_drawdown_limit_pct": config.max_drawdown_limit_pct,
        "drawdown_remaining_pct": _percent(max(0.0, config.max_drawdown_limit_pct - drawdown)),
        "gross_exposure": gross,
        "net_exposure": net,
        "max_gross_exposure": config.max_gross_exposure,
        "warnings": list(_warnings(loss, drawdown, gross, config)),
        "last_check": iso_from_ns(now_ns),
    }


def _warnings(loss: float, drawdown: float, gross: float, config: RiskConfig) -> Iterator[dict[str, Any]]:
    exposure = gross / config.max_gross_exposure * 100 if config.max_gross_exposure > 0 else (100.0 if gross > 0 else 0.0)
    for kind, what, used, limit in (
        ("daily_loss", "Daily loss", loss, config.daily_loss_limit_pct),
        ("drawdown", "Drawdown", drawdown, config.max_drawdown_limit_pct),
        ("exposure", "Gross exposure", exposure, 100.0),
    ):
        share = used / limit if limit > 0 else (1.0 if used > 0 else 0.0)
        if share < WARNING_SHARE:
            continue
        critical = share >= CRITICAL_SHARE
        threshold = limit * (CRITICAL_SHARE if critical else WARNING_SHARE)
        unit = "% of its limit" if kind == "exposure" else f"% of a limit of {limit:g} %"
        yield {
            "type": kind,
            "message": f"{what} is {used:.2f} {unit}",
            "severity": "critical" if critical else "warning",
            "threshold_pct": _percent(threshold),
            "current_pct": _percent(used),
        }


def _percent(value: float) -> float:
    return max(-100.0, min(100.0, value))
