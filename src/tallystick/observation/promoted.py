"""Promoted trades, readable (M3): trades whose quantity lies above mean + 2σ of the windows before, with the numbers they were held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels import trade_primitives as kernels
from tallystick.kernels.trade_primitives import TradeMemory, TradeRules


def promoted_events(memory: TradeMemory, symbols: Sequence[str], now_ns: int, rules: TradeRules) -> tuple[Mapping[str, Any], ...]:
    """Those later than now − promoted_ns, by time, then in the order of the symbols. sigma_distance is None where the baseline does not vary."""
    found: list[tuple[int, int, dict[str, Any]]] = []
    size = memory.promoted.shape[1]
    for s, symbol in enumerate(symbols):
        number = int(memory.counts[s, kernels.PROMOTED])
        for place in range(max(0, number - size), number):
            time_ns = int(memory.promoted_ns[s, place % size])
            if time_ns > now_ns - rules.promoted_ns:
                found.append((time_ns, s, _event(symbol, time_ns, memory.promoted[s, place % size].tolist())))
    found.sort(key=lambda item: item[:2])
    return tuple(event for _, _, event in found)


def _event(symbol: str, time_ns: int, values: list[float]) -> dict[str, Any]:
    distance = values[kernels.SIGMA_DISTANCE]
    return {
        "timestamp": time_ns / NS_PER_SECOND,
        "symbol": symbol,
        "price": values[kernels.PROMOTED_PRICE],
        "quantity": values[kernels.PROMOTED_QUANTITY],
        "side": "sell" if values[kernels.PROMOTED_SIDE] else "buy",
        "baseline_mean": values[kernels.BASELINE_MEAN],
        "baseline_stddev": values[kernels.BASELINE_STD],
        "sigma_distance": None if isnan(distance) else distance,
    }
