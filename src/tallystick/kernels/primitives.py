"""Primitives of a window of marks, each a count or a measure. NaN means that the window does not state the fact."""

from __future__ import annotations

import math

from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import inner_kernel, kernel

# Columns of `mark_primitives`.
DELTA, ELAPSED, VELOCITY, PATH, COMPACTNESS, DEVIATION, RUN, DIRECTION, ANCHOR_LOW, ANCHOR_HIGH, ANCHOR_DWELL, MAX_VOID, ABSENCE, PRESENCE, WINDOW = range(15)
COLUMNS = 15
NS = 1e9
SECOND_NS = 1_000_000_000


@inner_kernel
def seconds_of(time_ns: int) -> float:
    """The float nearest to an instant after 1973 in seconds. It has more digits than a float holds, so dividing it would round twice."""
    return time_ns // SECOND_NS + time_ns % SECOND_NS / NS


@kernel
def push_mark(prices: NDArray[float64], times_ns: NDArray[int64], count: int, price: float, time_ns: int) -> int:
    """Append to prices[N], times_ns[N], oldest first; a full window loses its oldest mark. Answers the new count."""
    size = prices.shape[0]
    if count == size:
        for i in range(size - 1):
            prices[i] = prices[i + 1]
            times_ns[i] = times_ns[i + 1]
        count = size - 1
    prices[count] = price
    times_ns[count] = time_ns
    return count + 1


@kernel
def push_marks(
    prices: NDArray[float64],
    times_ns: NDArray[int64],
    counts: NDArray[int64],
    rows: NDArray[int64],
    price: NDArray[float64],
    time_ns: NDArray[int64],
    oldest_ns: int,
) -> int:
    """One mark for each of the rows of prices[S, N]; answers how many marks not older than oldest_ns were overwritten."""
    lost = 0
    for i in range(rows.shape[0]):
        s = rows[i]
        if counts[s] == prices.shape[1] and times_ns[s, 0] > oldest_ns:
            lost += 1
        counts[s] = push_mark(prices[s], times_ns[s], counts[s], price[i], time_ns[i])
    return lost


@kernel
def window_start(times_ns: NDArray[int64], count: int, oldest_ns: int) -> int:
    """Place of the first mark later than oldest_ns; `count` for none."""
    start = 0
    while start < count and times_ns[start] <= oldest_ns:
        start += 1
    return start


@kernel
def _path(prices: NDArray[float64], first: int, last: int) -> float:
    length = 0.0
    for i in range(first + 1, last + 1):
        length += abs(prices[i] - prices[i - 1])
    return length


@kernel
def _run(prices: NDArray[float64], first: int, last: int) -> tuple[int, int]:
    """Length and sign of the run of same-sign changes that ends at the last mark; an unchanged price ends a run."""
    change = prices[last] - prices[last - 1]
    sign = 1 if change > 0.0 else -1 if change < 0.0 else 0
    length = 0
    i = last
    while sign != 0 and i > first and (prices[i] - prices[i - 1]) * sign > 0.0:
        length += 1
        i -= 1
    return length, sign


@kernel
def _presence(times_ns: NDArray[int64], first: int, last: int, presence_ns: int, now_ns: int) -> int:
    """Nanoseconds covered by the union of [t, t + presence], cut at now."""
    covered = 0
    until = times_ns[first]
    for i in range(first, last + 1):
        begin = max(times_ns[i], until)
        end = min(times_ns[i] + presence_ns, now_ns)
        if end > begin:
            covered += end - begin
            until = end
    return covered


@kernel
def window_primitives(prices: NDArray[float64], times_ns: NDArray[int64], first: int, last: int, now_ns: int, presence_ns: int, out: NDArray[float64]) -> None:
    """out[COLUMNS] of the marks first…last, at least one. Durations in seconds.

    Δ = last − first price; velocity = Δ / elapsed; compactness = |Δ| / Σ|step|, 1 where the path is 0; deviation = last − mean; run: changes of one
    sign up to the last mark; anchor: lowest and highest price and time span of the first half of the marks (n // 2 of them); absence = window minus
    merged presence intervals, the window reaching from the first mark to now.
    """
    out[:] = math.nan
    n = last - first + 1
    out[WINDOW] = (now_ns - times_ns[first]) / NS
    out[PRESENCE] = _presence(times_ns, first, last, presence_ns, now_ns) / NS
    out[ABSENCE] = out[WINDOW] - out[PRESENCE]
    if n < 2:
        return
    out[DELTA] = prices[last] - prices[first]
    out[ELAPSED] = (times_ns[last] - times_ns[first]) / NS
    if out[ELAPSED] > 0.0:
        out[VELOCITY] = out[DELTA] / out[ELAPSED]
    out[PATH] = _path(prices, first, last)
    out[COMPACTNESS] = abs(out[DELTA]) / out[PATH] if out[PATH] > 0.0 else 1.0
    total = 0.0
    widest = 0
    for i in range(first, last + 1):
        total += prices[i]
        if i > first:
            widest = max(widest, times_ns[i] - times_ns[i - 1])
    out[DEVIATION] = prices[last] - total / n
    out[MAX_VOID] = widest / NS
    length, sign = _run(prices, first, last)
    out[RUN] = length
    out[DIRECTION] = sign
    half = first + n // 2 - 1
    out[ANCHOR_LOW] = prices[first]
    out[ANCHOR_HIGH] = prices[first]
    for i in range(first, half + 1):
        out[ANCHOR_LOW] = min(out[ANCHOR_LOW], prices[i])
        out[ANCHOR_HIGH] = max(out[ANCHOR_HIGH], prices[i])
    out[ANCHOR_DWELL] = (times_ns[half] - times_ns[first]) / NS


@kernel
def mark_primitives(
    prices: NDArray[float64],
    times_ns: NDArray[int64],
    counts: NDArray[int64],
    now_ns: int,
    window_ns: int,
    presence_ns: int,
    starts: NDArray[int64],
    out: NDArray[float64],
) -> None:
    """starts[S] and out[S, COLUMNS] of the marks later than now − window; a symbol without any gets starts = count and NaN."""
    for s in range(prices.shape[0]):
        starts[s] = window_start(times_ns[s], counts[s], now_ns - window_ns)
        if starts[s] == counts[s]:
            out[s, :] = math.nan
        else:
            window_primitives(prices[s], times_ns[s], starts[s], counts[s] - 1, now_ns, presence_ns, out[s])
