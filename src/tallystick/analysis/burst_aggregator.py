"""Bursts: liquidations of one symbol grouped by a window, with their count and size. A count of what happened, and nothing about what follows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tallystick.contracts.cascades import LiquidationBurst
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_MINUTE, NS_PER_SECOND

BASELINE_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One forced order. side: of the order, so a sell closes a long; time in UTC ns, size in base units, price in quote units."""

    symbol: str
    time_ns: int
    side: Literal["buy", "sell"]
    size: Decimal
    price: Decimal


class BurstAggregator:
    """Groups liquidations by symbol: the first opens a window, and all within it (its end excluded) are one burst. window_s: seconds."""

    def __init__(self, window_s: float = 10.0) -> None:
        if not (math.isfinite(window_s) and window_s > 0.0):
            raise ConfigurationError(f"expected a window above 0 seconds, found {window_s}")
        self._window_s = window_s
        self._window_ns = round(window_s * NS_PER_SECOND)
        self._open: dict[str, list[Liquidation]] = {}
        self._now_ns = 0

    def take(self, liquidation: Liquidation) -> tuple[LiquidationBurst, ...]:
        """One liquidation; answers the bursts that are over by its time, in order of start and symbol. Raises DataError when time runs backwards."""
        if not (liquidation.size > 0 and liquidation.price > 0):
            raise DataError(f"expected a size and a price above 0, found {liquidation.size} at {liquidation.price}", where=liquidation.symbol)
        over = self.advance(liquidation.time_ns)
        self._open.setdefault(liquidation.symbol, []).append(liquidation)
        return over

    def advance(self, now_ns: int) -> tuple[LiquidationBurst, ...]:
        """The bursts whose window is over by now. Raises DataError when time runs backwards."""
        if now_ns < self._now_ns:
            raise DataError(f"expected liquidations in the order of time, found {now_ns} after {self._now_ns}")
        self._now_ns = now_ns
        return self._close([symbol for symbol, items in self._open.items() if now_ns - items[0].time_ns >= self._window_ns])

    def finish(self) -> tuple[LiquidationBurst, ...]:
        """The bursts that are still open at the end of the stream."""
        return self._close(list(self._open))

    def _close(self, symbols: list[str]) -> tuple[LiquidationBurst, ...]:
        bursts = [self._burst(self._open.pop(symbol)) for symbol in symbols]
        return tuple(sorted(bursts, key=lambda burst: (burst.start_ts, burst.symbol)))

    def _burst(self, items: list[Liquidation]) -> LiquidationBurst:
        longs = sum(item.side == "sell" for item in items)
        return LiquidationBurst(
            symbol=items[0].symbol,
            start_ts=items[0].time_ns,
            end_ts=items[-1].time_ns,
            window_s=self._window_s,
            count=len(items),
            total_size=sum((item.size for item in items), Decimal(0)),
            total_value=sum((item.size * item.price for item in items), Decimal(0)),
            long_count=longs,
            short_count=len(items) - longs,
        )


def bursts_of(liquidations: Iterable[Liquidation], window_s: float = 10.0) -> tuple[LiquidationBurst, ...]:
    """Every burst of a recorded stream, in order of start and symbol."""
    aggregator = BurstAggregator(window_s)
    bursts = [burst for item in liquidations for burst in aggregator.take(item)]
    return tuple(sorted([*bursts, *aggregator.finish()], key=lambda burst: (burst.start_ts, burst.symbol)))


class LiquidationRate:
    """Liquidations of the last minute against the sixty minutes before it, for one symbol."""

    def __init__(self) -> None:
        self._times: deque[int] = deque()
        self._since_ns: int | None = None

    def take(self, time_ns: int) -> None:
        """One liquidation. Raises DataError when time runs backwards."""
        if self._times and time_ns < self._times[-1]:
            raise DataError(f"expected liquidations in the order of time, found {time_ns} after {self._times[-1]}")
        self.watch_from(time_ns)
        self._times.append(time_ns)
        self._forget(time_ns)

    def watch_from(self, time_ns: int) -> None:
        """Say since when the stream is watched, so that a minute without liquidations counts as zero; the first call stays."""
        self._since_ns = time_ns if self._since_ns is None else self._since_ns

    def z_score(self, now_ns: int) -> float | None:
        """(count of the last minute − mean) / standard deviation (population) of the sixty minutes before it.

        None until an hour and a minute were watched, or when those sixty counts are all the same.
        """
        start = self._forget(now_ns)
        if self._since_ns is None or self._since_ns > start:
            return None
        counts = [0] * (BASELINE_MINUTES + 1)
        for time_ns in self._times:
            if time_ns <= now_ns:
                counts[(time_ns - start - 1) // NS_PER_MINUTE] += 1
        current, base = counts[-1], counts[:-1]
        total, squares = sum(base), sum(count * count for count in base)
        spread = squares * BASELINE_MINUTES - total * total
        return (current * BASELINE_MINUTES - total) / math.sqrt(spread) if spread else None

    def _forget(self, now_ns: int) -> int:
        """Drop what lies before the sixty-one minutes that count, and answer where they begin."""
        start = now_ns - (BASELINE_MINUTES + 1) * NS_PER_MINUTE
        while self._times and self._times[0] <= start:
            self._times.popleft()
        return start
