"""Feature history and live steps beside the same features in Polars, on one generated panel; ratios count, not seconds.

Eight kinds and two cross-sectional ranks over six windows: 60 features. Both sides get the bars in memory; a checksum compares their answers.
`python benchmarks/bench_features.py --symbols 20 --bars 10000 --out features.json`
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tallystick.analysis.features import FeatureStepper, compute_history
from tallystick.market.bars import BarPanel

WINDOWS = (5, 10, 20, 60, 120, 240)
PATTERNS = (
    "ret_{}",
    "vol_{}",
    "ma_ratio_{}",
    "zscore_{}",
    "close_to_high_{}",
    "close_to_low_{}",
    "up_share_{}",
    "volume_ratio_{}",
    "cs_rank_ret_{}",
    "cs_rank_vol_{}",
)
NAMES = tuple(pattern.format(n) for n in WINDOWS for pattern in PATTERNS)
MINUTE_NS = 60 * 10**9


def generated(symbols: int, bars: int, seed: int) -> BarPanel:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.cumprod(1.0 + rng.normal(0.0, 5e-4, (symbols, bars)), axis=1)
    volume = rng.lognormal(2.0, 1.0, (symbols, bars))
    times = (28_000_000 + np.arange(bars, dtype=np.int64)) * MINUTE_NS
    return BarPanel("generated", 1, tuple(f"S{i:03d}" for i in range(symbols)), times, close, close, close, close, volume, volume * close)


def by_polars(frame: pl.LazyFrame) -> pl.DataFrame:
    close, volume = pl.col("close"), pl.col("volume")
    one = close / close.shift(1).over("symbol") - 1
    columns: list[pl.Expr] = []
    for n in WINDOWS:
        mean = close.rolling_mean(n).over("symbol")
        columns += [
            (close / close.shift(n).over("symbol") - 1).alias(f"ret_{n}"),
            pl.col("one").rolling_std(n).over("symbol").alias(f"vol_{n}"),
            (close / mean - 1).alias(f"ma_ratio_{n}"),
            ((close - mean) / close.rolling_std(n).over("symbol")).alias(f"zscore_{n}"),
            (close / close.rolling_max(n).over("symbol") - 1).alias(f"close_to_high_{n}"),
            (close / close.rolling_min(n).over("symbol") - 1).alias(f"close_to_low_{n}"),
            (pl.col("one") > 0).cast(pl.Float64).rolling_mean(n).over("symbol").alias(f"up_share_{n}"),
            (volume / volume.rolling_mean(n).over("symbol")).alias(f"volume_ratio_{n}"),
        ]
    ranks = [
        ((pl.col(f"{source}_{n}").rank().over("bar") - 0.5) / pl.col(f"{source}_{n}").count().over("bar")).alias(f"cs_rank_{source}_{n}")
        for n in WINDOWS
        for source in ("ret", "vol")
    ]
    return frame.with_columns(one.alias("one")).with_columns(columns).with_columns(ranks).collect()


def timed(work: Callable[[], object], runs: int) -> float:
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def live_step_us(panel: BarPanel, names: tuple[str, ...], steps: int) -> float:
    """Median microseconds of one call for all symbols, after a warm-up."""
    stepper = FeatureStepper(names, panel.symbols)
    rows = np.ascontiguousarray(panel.stacked()[:, :, : steps + 300].transpose(2, 0, 1))
    spent = []
    for t, x in enumerate(rows):
        start = time.perf_counter_ns()
        stepper.step(panel.first_bar_number + t, x)
        spent.append(time.perf_counter_ns() - start)
    return statistics.median(spent[300:]) / 1000.0


def largest_difference(panel: BarPanel, frame: pl.DataFrame) -> float:
    ours = compute_history(panel, NAMES)[:, :, max(WINDOWS) :]
    worst = 0.0
    for f, name in enumerate(NAMES):
        theirs = frame[name].to_numpy().reshape(len(panel.symbols), -1)[:, max(WINDOWS) :]
        worst = max(worst, float(np.nanmax(np.abs(theirs - ours[:, f]))))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--bars", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()

    panel = generated(arguments.symbols, arguments.bars, arguments.seed)
    frame = pl.LazyFrame(
        {
            "symbol": np.repeat(np.arange(arguments.symbols), arguments.bars),
            "bar": np.tile(np.arange(arguments.bars), arguments.symbols),
            "close": panel.close.ravel(),
            "volume": panel.volume.ravel(),
        }
    )
    rows = arguments.symbols * arguments.bars
    start = time.perf_counter()
    compute_history(panel.select(panel.symbols[:1]), ("ret_5",))
    first_call = time.perf_counter() - start
    seconds = {
        "polars": timed(lambda: by_polars(frame), arguments.runs),
        "history_one_thread": timed(lambda: compute_history(panel, NAMES), arguments.runs),
        "history_two_threads": timed(lambda: compute_history(panel, NAMES, parallel=True), arguments.runs),
    }
    ten = tuple(pattern.format(20) for pattern in PATTERNS)
    result = {
        "benchmark": "features",
        "symbols": arguments.symbols,
        "bars": arguments.bars,
        "features": len(NAMES),
        "rows_per_second": {name: round(rows / spent) for name, spent in seconds.items()},
        "times_polars": {name: round(seconds["polars"] / seconds[name], 2) for name in ("history_one_thread", "history_two_threads")},
        "live_step_us": {"10_features": round(live_step_us(panel, ten, 1000), 1), "60_features": round(live_step_us(panel, NAMES, 1000), 1)},
        "first_call_s": round(first_call, 3),
        "largest_difference_from_polars": largest_difference(panel, by_polars(frame)),
    }
    text = json.dumps(result, indent=2, sort_keys=True)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
