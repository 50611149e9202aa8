"""Cascade labels by brute force, written from the rule in words and in exact decimals; slow on purpose, and it shares no code with the labeler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

Points = Sequence[tuple[int, Decimal]]


@dataclass(frozen=True)
class OracleRule:
    drop_pct: Decimal = Decimal(10)
    window_ns: int = 60 * 10**9
    inclusive: bool = False
    min_liquidations: int = 2
    wave_gap_ns: int = 30 * 10**9
    after_ns: int = 300 * 10**9
    neutral_pct: Decimal = Decimal("0.5")


def windows(interest: Points, liquidations: Sequence[int], rule: OracleRule) -> list[tuple[int, int]]:
    """Places of start and end of every cascade."""
    found, start = [], 0
    while start < len(interest):
        end = first_end(interest, start, rule)
        if end is not None:
            inside = [time for time in liquidations if interest[start][0] <= time <= interest[end][0]]
            if len(inside) >= rule.min_liquidations:
                found.append((start, end))
                start = end
        start += 1
    return found


def first_end(interest: Points, start: int, rule: OracleRule) -> int | None:
    time, before = interest[start]
    limit = rule.drop_pct * before
    for place in range(start + 1, len(interest)):
        elapsed = interest[place][0] - time
        if elapsed > rule.window_ns or (elapsed == rule.window_ns and not rule.inclusive):
            return None
        fall = (before - interest[place][1]) * 100
        if before > 0 and (fall > limit or (rule.inclusive and fall == limit)):
            return place
    return None


def last_mark(marks: Points, instant: int) -> tuple[int, Decimal] | None:
    for mark in reversed(marks):
        if mark[0] <= instant:
            return mark
    return None


def fall_of(before: Decimal, after: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return max(Decimal(0), ((before - after) * 100 / before).quantize(Decimal("0.00000001"), rounding=ROUND_HALF_EVEN))


def waves_of(times: Sequence[int], stretch: Points, gap_ns: int) -> list[tuple[int, int, int, Decimal]]:
    groups: list[list[int]] = []
    for time in times:
        if groups and time - groups[-1][-1] <= gap_ns:
            groups[-1].append(time)
        else:
            groups.append([time])
    rows = []
    for group in groups:
        before = ([value for time, value in stretch if time < group[0]] or [stretch[0][1]])[-1]
        after = ([value for time, value in stretch if time >= group[-1]] or [stretch[-1][1]])[0]
        rows.append((group[0], group[-1], len(group), fall_of(before, after)))
    return rows


def label(interest: Points, liquidations: Sequence[int], marks: Points, rule: OracleRule) -> tuple[list[dict[str, object]], dict[str, int]]:
    """Rows of cascades with their waves, and counts of what was withheld."""
    ends = max([interest[-1][0], *liquidations[-1:], *[time for time, _ in marks[-1:]]])
    rows: list[dict[str, object]] = []
    withheld: dict[str, int] = {}
    for start, end in windows(interest, liquidations, rule):
        (start_ts, first), (end_ts, last) = interest[start], interest[end]
        due = end_ts + rule.after_ns
        at_start, at_end, after = (last_mark(marks, instant) for instant in (start_ts, end_ts, due))
        reason = ""
        if ends < due:
            reason = "record_ends_early"
        elif at_start is None:
            reason = "no_earlier_price"
        elif after == at_end:
            reason = "no_later_price"
        if reason or at_start is None or at_end is None or after is None:
            withheld[reason] = withheld.get(reason, 0) + 1
            continue
        inside = [time for time in liquidations if start_ts <= time <= end_ts]
        move, later = at_end[1] - at_start[1], after[1] - at_end[1]
        if move == 0 or later == 0 or abs(later) * 100 < rule.neutral_pct * at_start[1]:
            outcome = "NEUTRAL"
        else:
            outcome = "CONTINUATION" if move * later > 0 else "REVERSAL"
        waves = waves_of(inside, interest[start : end + 1], rule.wave_gap_ns)
        rows.append(
            {
                "start_ts": start_ts,
                "end_ts": end_ts,
                "oi_drop_pct": fall_of(first, last),
                "liquidation_count": len(inside),
                "wave_count": len(waves),
                "price_start": at_start[1],
                "price_end": at_end[1],
                "price_5min_after": after[1],
                "outcome": outcome,
                "waves": waves,
            }
        )
    return rows, withheld
