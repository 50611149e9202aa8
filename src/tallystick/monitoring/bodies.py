"""The documents that the dashboard shows, built from what was recorded: pure, so the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, get_args

from tallystick.contracts.dashboard import Stage, Status
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.positions import Position
from tallystick.contracts.risk import RiskConfig
from tallystick.contracts.time import NS_PER_SECOND, iso_from_ns, ns_from_iso

Document = dict[str, Any]
SMALLEST_PORTFOLIO = Decimal("0.000001")
HUNDRED = Decimal(100)


def positions_body(
    positions: Mapping[str, Position],
    marks: Mapping[str, Decimal],
    equity: Decimal,
    entry_times: Mapping[str, str] | None = None,
    target_weights: Mapping[str, float] | None = None,
) -> Document:
    """The body of GET /api/positions: what is held, sorted by symbol; positions without a quantity are left out.

    marks: latest price per symbol, quote units; equity: portfolio value. Weights are signed shares of it (decision 7); at or below 0 it is taken as
    one micro-quote, so weights stay finite and keep their ratios. Raises DataError when a held symbol has no mark or no entry price.
    """
    portfolio = max(equity, SMALLEST_PORTFOLIO)
    rows: list[Document] = []
    total = Decimal(0)
    for symbol in sorted(positions):
        position = positions[symbol]
        if position.quantity == 0:
            continue
        mark = marks.get(symbol)
        if mark is None or position.entry_price is None:
            raise DataError(f"expected a mark and an entry price of {symbol}, found {mark} and {position.entry_price}", where="positions")
        shares = position.signed_quantity
        value, pnl = shares * mark, (mark - position.entry_price) * shares
        total += value
        row: Document = {
            "symbol": symbol,
            "shares": float(shares),
            "entry_price": float(position.entry_price),
            "current_price": float(mark),
            "market_value": float(value),
            "unrealized_pnl": float(pnl),
            "unrealized_pnl_pct": float(pnl / (position.entry_price * position.quantity) * HUNDRED),
            "weight": float(value / portfolio),
            "side": "long" if shares > 0 else "short",
        }
        if entry_times is not None and symbol in entry_times:
            row["entry_time"] = entry_times[symbol]
        if target_weights is not None and symbol in target_weights:
            row["target_weight"] = target_weights[symbol]
        rows.append(row)
    longs = sum(row["shares"] > 0 for row in rows)
    return {
        "positions": rows,
        "total_positions": len(rows),
        "long_count": longs,
        "short_count": len(rows) - longs,
        "total_market_value": float(total),
    }


def empty_positions() -> Document:
    """The body with nothing held."""
    return positions_body({}, {}, Decimal(1))


def trade_row(update: Mapping[str, Any], decision_ids: Mapping[str, str]) -> Document | None:
    """One fill or liquidation, as a venue reported it, as a trade; None for an update that trades nothing.

    decision_ids: client order id → decision. slippage: |price − reference price| × shares, quote currency, where the venue names a reference.
    """
    if update.get("kind") not in ("fill", "liquidation"):
        return None
    quantity, price = Decimal(str(update["quantity"])), Decimal(str(update["price"]))
    row: Document = {
        "id": str(update["update_id"]),
        "timestamp": iso_from_ns(int(update["timestamp_ns"])),
        "symbol": update["symbol"],
        "side": update["side"],
        "shares": float(quantity),
        "price": float(price),
        "value": float(quantity * price),
        "order_id": update.get("order_id"),
        "commission": float(Decimal(str(update["fee"]))),
        "decision_id": decision_ids.get(str(update.get("client_id"))),
    }
    reference = update.get("reference_price")
    if reference is not None:
        row["slippage"] = float(abs(price - Decimal(str(reference))) * quantity)
    return row


def trades_body(rows: Iterable[Mapping[str, Any]], *, limit: int = 100, offset: int = 0, symbol: str | None = None, since: str | None = None) -> Document:
    """The body of GET /api/trades/history from trade rows in the order in which they happened: newest first, filtered, then paged.

    `since` is inclusive; totals count every trade that the filters admit (decision 60). Raises ConfigurationError for a negative limit or offset,
    DataError for a `since` that is no time.
    """
    if limit < 0 or offset < 0:
        raise ConfigurationError(f"expected limit and offset at or above 0, found {limit} and {offset}")
    start = None if since is None else ns_from_iso(since)
    found = [row for row in rows if (symbol is None or row["symbol"] == symbol) and (start is None or ns_from_iso(str(row["timestamp"])) >= start)]
    # A stable sort, then reversed: fills of one instant come last-first, like the rest.
    found.sort(key=lambda row: ns_from_iso(str(row["timestamp"])))
    found.reverse()
    total = sum((Decimal(repr(row["value"])) for row in found), Decimal(0))
    return {"trades": [dict(row) for row in found[offset : offset + limit]], "total_trades": len(found), "total_value": float(total)}


def engine_state_body(
    *,
    status: str,
    current_stage: str,
    last_cycle: str,
    started_ns: int,
    now_ns: int,
    cycle_count: int,
    symbols_active: int,
    last_error: str | None = None,
) -> Document:
    """The body of GET /api/state. last_cycle: time of the last completed cycle, or the session's start before the first (decision 59).

    Raises ConfigurationError for a status or stage that the contract does not know.
    """
    for value, known in ((status, get_args(Status)), (current_stage, get_args(Stage))):
        if value not in known:
            raise ConfigurationError(f"expected one of {', '.join(known)}, found {value!r}", where="engine state")
    return {
        "status": status,
        "current_stage": "idle" if status == "stopped" else current_stage,
        "last_cycle": last_cycle,
        "uptime_seconds": max(0, now_ns - started_ns) / NS_PER_SECOND,
        "cycle_count": cycle_count,
        "symbols_active": symbols_active,
        "last_error": last_error,
    }


def decision_ids_of(orders: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Client order id → decision id, from order rows."""
    return {str(order["order_id"]): str(order["decision_id"]) for order in orders}


def entry_times_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """When what is held of each symbol was opened, from trade rows in the order in which they happened; a flip opens anew."""
    held: dict[str, Decimal] = {}
    opened: dict[str, str] = {}
    for row in rows:
        symbol, before = str(row["symbol"]), held.get(str(row["symbol"]), Decimal(0))
        after = before + Decimal(repr(row["shares"])) * (1 if row["side"] == "buy" else -1)
        held[symbol] = after
        if after == 0:
            opened.pop(symbol, None)
        elif before * after <= 0:
            opened[symbol] = str(row["timestamp"])
    return opened


def no_session_risk(config: RiskConfig, at: str) -> Document:
    """The body of GET /api/risk/status where no cycle has run: the configured limits, nothing used, and no trading."""
    return {
        "trading_allowed": False,
        "kill_switch_active": False,
        "kill_switch_reason": None,
        "daily_pnl_pct": 0.0,
        "daily_loss_limit_pct": config.daily_loss_limit_pct,
        "daily_loss_remaining_pct": config.daily_loss_limit_pct,
        "drawdown_pct": 0.0,
        "max_drawdown_limit_pct": config.max_drawdown_limit_pct,
        "drawdown_remaining_pct": config.max_drawdown_limit_pct,
        "gross_exposure": 0.0,
        "net_exposure": 0.0,
        "max_gross_exposure": config.max_gross_exposure,
        "warnings": [],
        "last_check": at,
    }
