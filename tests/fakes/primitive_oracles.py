"""Slow oracles of the observation room, each written from its definition over plain lists of everything that ever happened."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any, Literal

S = 1_000_000_000


@dataclass
class History:
    """Everything of one symbol in order of arrival; trades and liquidations are (ns, price, quantity, side), books (ns, bids, asks)."""

    trades: list[tuple[int, float, float, str]] = field(default_factory=list)
    liquidations: list[tuple[int, float, float, str]] = field(default_factory=list)
    books: list[tuple[int, list[tuple[float, float]], list[tuple[float, float]]]] = field(default_factory=list)
    touches: list[tuple[int, int, float, float, str, bool]] = field(default_factory=list)
    positions: dict[str, tuple[float, float, float | None, float | None]] = field(default_factory=dict)


def bucket(price: float, width_bps: int = 10) -> int:
    """⌊ln price / ln(1 + width)⌋, with fifty digits."""
    with localcontext() as context:
        context.prec = 50
        return int((Decimal(price).ln() / (1 + Decimal(width_bps) / 10_000).ln()).to_integral_value("ROUND_FLOOR"))


@dataclass
class Node:
    """One node of the level memory, with every touch of it."""

    bucket: int
    side: str
    weight: float
    since_ns: int
    times: list[int]
    bought: float = 0.0
    sold: float = 0.0
    liquidations: int = 0
    state: Literal["ACTIVE", "DORMANT"] = "ACTIVE"

    @property
    def low(self) -> float:
        return 1.001**self.bucket

    @property
    def high(self) -> float:
        return 1.001 ** (self.bucket + 1)

    def note(self, quantity: float, side: str, liquidated: bool) -> None:
        self.liquidations += liquidated
        self.bought += quantity if side == "buy" and not liquidated else 0.0
        self.sold += quantity if side == "sell" and not liquidated else 0.0


def level_nodes(history: History, now_ns: int) -> tuple[list[Node], list[Node]]:
    """Live nodes by (bucket, buy before sell), and archived ones, from touches (arrival ns, event ns, price, quantity, side, liquidated)."""
    live: dict[tuple[int, str], Node] = {}
    archived: list[Node] = []
    if not history.touches:
        return [], []
    tick = history.touches[0][0] // (10 * S)
    for arrival, at, price, quantity, side, liquidated in [*history.touches, (now_ns, 0, 0.0, 0.0, "", False)]:
        while tick < arrival // (10 * S):
            tick += 1
            _lifecycle(live, archived, tick * 10 * S)
        if not side:
            break
        place = bucket(price)
        for one in ("buy", "sell"):
            node = live.get((place, one))
            if node is not None:
                node.weight += 0.1
                node.state = "ACTIVE"
                node.times.append(max(at, node.times[-1]))
                node.note(quantity, side, liquidated)
        if (place, side) not in live and (liquidated or price * quantity >= 1000):
            live[place, side] = Node(place, side, 0.5 if liquidated else 0.3, at, [at])
            live[place, side].note(quantity, side, liquidated)
    return [live[key] for key in sorted(live)], archived


def _lifecycle(live: dict[tuple[int, str], Node], archived: list[Node], instant: int) -> None:
    for key in sorted(live):
        node = live[key]
        elapsed = max(0, instant - node.since_ns) / S
        node.weight = max(0.0, node.weight - (0.0001 if node.state == "ACTIVE" else 0.00001) * elapsed)
        node.since_ns = max(instant, node.since_ns)
        idle = (instant - node.times[-1]) / S
        if node.weight < 0.01 or idle >= 86_400:
            archived.append(live.pop(key))
        elif node.weight < 0.15 or idle >= 3600:
            node.state = "DORMANT"


def promoted(history: History) -> list[tuple[int, float, float, float]]:
    """(ns, quantity, mean, σ) of every trade above mean + 2σ of the window means before its own second; at least 10 windows, the last 60."""
    found = []
    for at, _, quantity, _ in history.trades:
        seconds = sorted({time // S for time, *_ in history.trades if time // S < at // S})[-60:]
        if len(seconds) < 10:
            continue
        means = [statistics.fmean(size for time, _, size, _ in history.trades if time // S == second) for second in seconds]
        mean, deviation = statistics.fmean(means), statistics.pstdev(means)
        if quantity > mean + 2 * deviation:
            found.append((at, quantity, mean, deviation))
    return found


def trade_burst(history: History, now: int) -> tuple[int, int] | None:
    """Count in the last second and its excess over 10."""
    count = sum(1 for at, *_ in history.trades if now - S < at <= now)
    return (count, count - 10) if count > 10 else None


def price_acceptance(history: History, now: int) -> tuple[float, float, float] | None:
    """|close − open|, the rest of high − low, and their ratio, over the trades of the last minute."""
    prices = [price for at, price, *_ in history.trades if at > now - 60 * S]
    if not prices or max(prices) == min(prices):
        return None
    reach, body = max(prices) - min(prices), abs(prices[-1] - prices[0])
    return body, reach - body, body / reach


def penetration(history: History, now: int, low: float, high: float) -> float | None:
    """max min(p − low, high − p) over the trades of the last minute inside the zone."""
    inside = [min(price - low, high - price) for at, price, *_ in history.trades if at > now - 60 * S and low <= price <= high]
    return max(inside, default=None)


def book_changes(history: History) -> dict[str, Any]:
    """Consumption, absorption and refill between the last two updates, bids first."""
    found: dict[str, Any] = {"consumption": None, "absorption": None, "refill": None}
    if len(history.books) < 2:
        return found
    (_, *before), (at, *after) = history.books[-2:]
    for name, old, new in zip(("bid", "ask"), before, after, strict=True):
        change = sum(size for _, size in new) - sum(size for _, size in old)
        if change < -0.1 and found["consumption"] is None:
            found["consumption"] = (-change, name, old[0][0])
        if change > 0.1 and found["refill"] is None:
            found["refill"] = (change, name, new[0][0])
    if found["consumption"] is not None:
        mids = [(time, (bids[0][0] + asks[0][0]) / 2) for time, bids, asks in history.books]
        earlier = [mid for time, mid in mids if time <= at - 2 * S]
        start = earlier[-1] if earlier else mids[0][1]
        moved = abs(mids[-1][1] - start) / start * 100
        if moved <= 1.0:
            found["absorption"] = (*found["consumption"][:2], moved)
    return found


def liquidation_density(history: History, now: int, price: float) -> tuple[int, float] | None:
    """Count and value of the last minute within half a percent of the price."""
    near = [at_price * size for at, at_price, size, _ in history.liquidations if at > now - 60 * S and abs(at_price - price) <= 0.005 * price]
    return (len(near), sum(near)) if near else None


def cascade(history: History, now: int, at_risk: int) -> tuple[str, int, int, int, float | None]:
    """Phase, counts of 5, 30 and 60 seconds, and the value of the current run (liquidations without a pause above a minute)."""
    times = [at for at, *_ in history.liquidations]
    five, thirty, sixty = (sum(1 for at in times if now - at < seconds * S) for seconds in (5, 30, 60))
    phase = "PROXIMITY" if at_risk else "NONE"
    phase = "EXHAUSTED" if sixty and not at_risk else phase
    phase = "LIQUIDATING" if five else phase
    phase = "CASCADING" if thirty >= 3 else phase
    run: list[float] = []
    for place, (at, price, size, _) in enumerate(history.liquidations):
        if place and at - times[place - 1] > 60 * S:
            run = []
        run.append(price * size)
    running = bool(times) and now - times[-1] <= 60 * S
    return phase, five, thirty, sixty, sum(run) if running else None


def near_liquidation(history: History, price: float) -> dict[str, tuple[int, float]]:
    """Count and value of positions whose liquidation price lies within two percent, by side."""
    found = {}
    for name, sign in (("long", 1), ("short", -1)):
        near = [value for size, value, _, stop in history.positions.values() if size * sign > 0 and stop is not None and abs(stop - price) / price * 100 <= 2.0]
        found[name] = (len(near), sum(near))
    return found


def burstiness(times: list[int]) -> float | None:
    """(σ − μ)/(σ + μ) of the gaps."""
    gaps = [(after - before) / S for before, after in pairwise(times)]
    if not gaps or not any(gaps):
        return None
    sigma, mean = statistics.pstdev(gaps), statistics.fmean(gaps)
    return (sigma - mean) / (sigma + mean)


def order_block(nodes: list[Node], now: int) -> Node | None:
    """Of the nodes with 10 touches, burstiness .3, idle at most 300 s and weight .4: the one with most touches per hour."""
    fit = []
    for node in nodes:
        uneven = burstiness(node.times)
        if len(node.times) >= 10 and uneven is not None and uneven >= 0.3 and now - node.times[-1] <= 300 * S and node.weight >= 0.4:
            fit.append(node)
    return max(fit, key=lambda node: len(node.times) / (now - node.times[0]), default=None)


def zone(nodes: list[Node]) -> list[Node] | None:
    """Of the chains of at least 3 active nodes with mean weight .3: the one with most touches, the lowest of equal ones."""
    chains: list[list[Node]] = []
    for node in nodes:
        if node.state != "ACTIVE":
            continue
        chain = chains[-1] if chains else None
        if chain is not None:
            gap = (node.low - chain[-1].high) / chain[-1].high
            width = (node.high - chain[0].low) / ((node.high + chain[0].low) / 2)
            if gap <= 0.002 and width <= 0.005:
                chain.append(node)
                continue
        chains.append([node])
    fit = [chain for chain in chains if len(chain) >= 3 and statistics.fmean(node.weight for node in chain) >= 0.3]
    return max(fit, key=lambda chain: sum(len(node.times) for node in chain), default=None)
