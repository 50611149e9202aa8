"""Small recorded streams for tests of the labeler, and labelled episodes as plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from tallystick.analysis.cascade_labeler import CascadeRule, CoinHistory, LabeledEpisode
from tallystick.analysis.cascade_labeler_stream import CascadeLabelerStream

SECOND = 10**9


def history(interest: Sequence[tuple[int, int]], liquidations: Sequence[int], marks: Sequence[tuple[int, int]], coin: str = "BTC") -> CoinHistory:
    """Streams from (second, units) pairs and seconds; open interest without decimals, marks with one."""
    columns = [np.array([second * SECOND for second, _ in points], dtype=np.int64) for points in (interest, marks)]
    units = [np.array([value for _, value in points], dtype=np.int64) for points in (interest, marks)]
    return CoinHistory(coin, columns[0], units[0], 0, np.array(liquidations, dtype=np.int64) * SECOND, columns[1], units[1], 1)


def fall(first: int = 1000, last: int = 850, seconds: int = 20, after: int = 400) -> list[tuple[int, int]]:
    """Open interest every second: a minute of rest, a straight fall, then rest again."""
    rest = [(second, first) for second in range(60)]
    falling = [(60 + step, first - (first - last) * (step + 1) // seconds) for step in range(seconds)]
    return [*rest, *falling, *((60 + seconds + step, last) for step in range(after))]


def marks_with(start: int, end: int, later: int, seconds: int = 480) -> list[tuple[int, int]]:
    """One mark a second: `start` before second 60, `end` from there to second 100, then `later`."""
    return [(second, start if second < 60 else (end if second < 100 else later)) for second in range(seconds)]


def rows_of(episodes: Sequence[LabeledEpisode]) -> list[dict[str, object]]:
    """Episodes in the form of the oracle."""
    rows: list[dict[str, object]] = []
    for episode in episodes:
        item = episode.cascade
        names = ("start_ts", "end_ts", "oi_drop_pct", "liquidation_count", "wave_count", "price_start", "price_end", "price_5min_after", "outcome")
        row: dict[str, object] = {name: getattr(item, name) for name in names}
        rows.append({**row, "waves": [(wave.start_ts, wave.end_ts, wave.liquidation_count, wave.oi_drop_pct) for wave in episode.waves]})
    return rows


def streamed(given: CoinHistory, rule: CascadeRule, capacity: int = 4) -> tuple[list[LabeledEpisode], dict[str, int]]:
    """The same streams, event by event in the order of time (ties: marks, then open interest, then liquidations)."""
    stream = CascadeLabelerStream(given.coin, rule, given.mark_decimals, capacity)
    events = [(int(time), 0, int(units)) for time, units in zip(given.mark_times, given.mark_units, strict=True)]
    events += [(int(time), 1, int(units)) for time, units in zip(given.interest_times, given.interest_units, strict=True)]
    events += [(int(time), 2, 0) for time in given.liquidation_times]
    out: list[LabeledEpisode] = []
    for time, kind, units in sorted(events, key=lambda event: event[:2]):
        if kind == 0:
            out += stream.take_mark(time, units)
        elif kind == 1:
            out += stream.take_open_interest(time, units)
        else:
            out += stream.take_liquidation(time)
    out += stream.finish()
    return out, dict(stream.withheld)


def oracle_points(times: np.ndarray, units: np.ndarray, decimals: int) -> list[tuple[int, Decimal]]:
    """Columns as the oracle takes them."""
    return [(int(time), Decimal(int(value)).scaleb(-decimals)) for time, value in zip(times, units, strict=True)]
