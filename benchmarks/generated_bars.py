"""The bars that contestants share: made, so that anyone can make them again."""

from __future__ import annotations

import numpy as np


def walk(bars: int, seed: int) -> tuple[np.ndarray, ...]:
    """Open, high, low, close on a grid of half a unit; each open is the close before, so a fill at the close and one at the next open are the same."""
    random = np.random.default_rng(seed)
    close = np.maximum(np.round(30_000 * np.exp(np.cumsum(random.normal(0, 5e-4, bars))) * 2) / 2, 100.0)
    open_ = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(open_, close) + np.round(random.exponential(4, bars) * 2) / 2
    low = np.minimum(open_, close) - np.round(random.exponential(4, bars) * 2) / 2
    return open_, high, low, close
