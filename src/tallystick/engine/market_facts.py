"""What a session on stored bars can say about quotes, and what policies see in a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.positions import Position
from tallystick.contracts.time import NS_PER_MINUTE
from tallystick.decision.market_view import MarketView
from tallystick.engine.bar_feed import BarFeed, Turn

Floats = NDArray[np.float64]

TYPICAL_TRADE_USD = 5_000.0


def estimated_spread_bps(volatility: Floats, adv_usd: Floats, bars_per_day: int, floor_bps: float) -> Floats:
    """Full spread in basis points that bars let us expect, float64[S], at least `floor_bps`; NaN where volatility or volume is unknown.

    Bars carry no quotes. A spread is about the volatility of one trade: σ per day / √(trades per day), with trades of TYPICAL_TRADE_USD
    (Wyart, Bouchaud, Kockelkoren, Potters, Vettorazzo 2008, "Relation between bid-ask spread, impact and volatility in order-driven markets", section 3).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = 1e4 * volatility * np.sqrt(bars_per_day) * np.sqrt(TYPICAL_TRADE_USD / adv_usd)
    spread = np.where(np.isfinite(spread), spread, np.nan)
    return np.ascontiguousarray(np.maximum(spread, floor_bps))


def market_view(feed: BarFeed, turn: Turn, equity: Decimal, floor_bps: float) -> MarketView:
    """The columns of a cycle. A quote is as old as the bar's close, which is now."""
    volatility, close = feed.column(turn, feed.volatility_feature), np.ascontiguousarray(turn.x[:, 3])
    adv_usd = feed.column(turn, feed.adv_feature) * feed.bars_per_day
    return MarketView(
        now_ns=turn.now_ns,
        bar_number=turn.bar_number,
        interval_minutes=feed.interval_minutes,
        symbols=feed.symbols,
        close=close,
        adv_usd=adv_usd,
        volatility=volatility,
        spread_bps=estimated_spread_bps(volatility, adv_usd, feed.bars_per_day, floor_bps),
        quote_age_ms=np.where(np.isnan(close), np.nan, 0.0),
        feature_names=feed.names,
        features=turn.features,
        equity_usd=float(equity),
        bar_close_ns=turn.open_ns + feed.interval_minutes * NS_PER_MINUTE,
    )


def held_weights(symbols: tuple[str, ...], positions: Mapping[str, Position], marks: Mapping[str, Decimal], equity: Decimal) -> Floats:
    """Signed value of what is held over equity, float64[S]; 0 where nothing is held or nothing is left."""
    held = np.zeros(len(symbols))
    if equity > 0 and positions:
        for row, symbol in enumerate(symbols):
            if symbol in positions and symbol in marks:
                held[row] = float(positions[symbol].signed_quantity * marks[symbol] / equity)
    return held
