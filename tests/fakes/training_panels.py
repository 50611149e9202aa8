"""Small panels for training tests: pure noise, or noise with a planted reversal of the last bar's return."""

from __future__ import annotations

import numpy as np

from tallystick.market.bars import BarPanel

HOUR_NS = 3_600_000_000_000
START_NS = 1_704_067_200_000_000_000


def reversal_panel(seed: int, *, strength: float, symbols: int = 8, bars: int = 1600) -> BarPanel:
    """Hourly bars whose return is −strength × the return before it plus noise; strength 0 is pure noise."""
    rng = np.random.default_rng(seed)
    shocks = rng.normal(0.0, 0.01, size=(symbols, bars))
    returns = shocks.copy()
    for t in range(1, bars):
        returns[:, t] = shocks[:, t] - strength * returns[:, t - 1]
    close = 100.0 * np.cumprod(1.0 + returns, axis=1)
    spread = np.abs(rng.normal(0.0, 0.002, size=close.shape))
    volume = rng.uniform(50.0, 150.0, size=close.shape)
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    return BarPanel(
        venue="generated",
        interval_minutes=60,
        symbols=tuple(f"S{number:02d}USDT" for number in range(symbols)),
        open_times_ns=START_NS + HOUR_NS * np.arange(bars, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * (1.0 + spread),
        low=np.minimum(opened, close) * (1.0 - spread),
        close=close,
        volume=volume,
        quote_volume=volume * close,
    )
