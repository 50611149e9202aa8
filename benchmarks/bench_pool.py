"""A pool for every month of seven years over 200 symbols, daily, beside the limit and beside pandas; ratios count, not seconds.

"limit" reads the bars from the lake and computes each catalogue feature once. "pandas" computes the same features on the bars up to each month's last
day, as a script run every month would; it is measured on one month a year and multiplied. Ours reads, judges, scores (rule, linear, boosted), orders,
and writes every release with its index. `python benchmarks/bench_pool.py --symbols 40 --years 4 --out pool.json`
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from tallystick.analysis.features import compute_history
from tallystick.apps.assembly import score_families
from tallystick.artifacts.paths import Workspace, get_output_dir
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import assumed_instruments
from tallystick.market.lake import Lake
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import UniverseJudge
from tallystick.universe.features import CATALOGUE_COLUMNS
from tallystick.universe.monthly_pools import MonthlyPools, month_days
from tallystick.universe.selection import PoolSelector, Selection
from tallystick.universe.shadow import write_history


def generated(symbols: int, days: int, seed: int) -> BarPanel:
    """A common factor and one life per symbol; every tenth is delisted, every third listed later."""
    rng = np.random.default_rng(seed)
    common = 0.02 * rng.standard_normal(days)
    close = 100.0 * np.cumprod(1.0 + np.clip(common + 0.03 * rng.standard_normal((symbols, days)), -0.5, 0.5), axis=1)
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    turnover = rng.lognormal(17.5, 1.0, (symbols, 1)) * (1.0 + 0.3 * rng.random((symbols, days)))
    columns = [opened, np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99, close, turnover / close, turnover]
    for row in range(1, symbols):
        first = int(rng.integers(0, days // 2)) if row % 3 == 0 else 0
        last = int(rng.integers(days // 2, days)) if row % 10 == 0 else days
        for column in columns:
            column[row, :first] = np.nan
            column[row, last:] = np.nan
    names = ("BTCUSDT", *(f"A{row:03}USDT" for row in range(1, symbols)))
    return BarPanel("generated", 1440, names, ns_from_iso("2018-01-01") + NS_PER_DAY * np.arange(days, dtype=np.int64), *columns)


def by_pandas(frame: pd.DataFrame, benchmark: pd.DataFrame) -> pd.DataFrame:
    """The catalogue features of the pool, in pandas, over the whole frame."""
    out = {}
    close = frame["close"]
    groups = close.groupby(frame["symbol"], sort=False)

    def rolled(values: pd.Series, n: int, how: str) -> pd.Series:
        rolling = values.groupby(frame["symbol"], sort=False).rolling(n)
        return getattr(rolling, how)().reset_index(level=0, drop=True)

    for n in (20, 60, 120):
        out[f"ret_{n}"] = close / groups.shift(n) - 1
    means = {n: rolled(close, n, "mean") for n in (20, 60, 120, 200)}
    for n, mean in means.items():
        out[f"price_vs_sma_{n}"] = close / mean - 1
    above = (close > means[200]).astype(float).where(means[200].notna())
    out["share_above_sma_90_200"] = rolled(above, 90, "mean")
    out["sma_slope_200_20"] = means[200] / means[200].groupby(frame["symbol"], sort=False).shift(20) - 1
    out["close_to_high_90"] = close / rolled(close, 90, "max") - 1
    out["close_to_high_180"] = close / rolled(close, 180, "max") - 1
    one = groups.pct_change(fill_method=None)
    out["vol_20"], out["vol_60"] = rolled(one, 20, "std"), rolled(one, 60, "std")
    out["downside_vol_60"] = rolled(one.where(one.isna() | (one < 0), 0.0), 60, "std")
    before = groups.shift(1)
    true_range = np.fmax(frame["high"] - frame["low"], np.fmax((frame["high"] - before).abs(), (frame["low"] - before).abs()))
    out["atr_14"] = rolled(true_range, 14, "mean") / close
    out["drawdown_180"] = close / close.groupby(frame["symbol"], sort=False).rolling(180, min_periods=1).max().reset_index(level=0, drop=True) - 1
    deep = (100 * (close / rolled(close, 50, "max") - 1)) ** 2
    out["ulcer_50"] = np.sqrt(rolled(deep, 50, "mean"))
    out["quote_volume"] = frame["quote_volume"]
    out["zscore_120"] = (close - means[120]) / rolled(close, 120, "std")
    market = frame["day"].map(benchmark.set_index("day")["close"].pct_change(fill_method=None))
    both = rolled(one * market, 60, "mean") - rolled(one, 60, "mean") * rolled(market, 60, "mean")
    variance = rolled(market, 60, "var")
    out["beta_60"] = both * 60 / 59 / variance
    out["corr_60"] = both * 60 / 59 / (rolled(one, 60, "std") * np.sqrt(variance))
    for n in (30, 90, 180):
        out[f"mean_quote_volume_{n}"] = rolled(frame["quote_volume"], n, "mean")
    return pd.DataFrame(out)


def long_frame(panel: BarPanel) -> pd.DataFrame:
    columns = {name: getattr(panel, name).ravel() for name in ("high", "low", "close", "quote_volume")}
    return pd.DataFrame({"symbol": np.repeat(panel.symbols, panel.bars), "day": np.tile(np.arange(panel.bars), len(panel.symbols)), **columns})


def largest_difference(panel: BarPanel, theirs: pd.DataFrame) -> float:
    """Between ours and pandas on the last day, relative to the size of each feature."""
    names = [name for name in CATALOGUE_COLUMNS if name in theirs]
    ours = compute_history(panel, names, "BTCUSDT")[:, :, -1]
    last = theirs[names].to_numpy().reshape(len(panel.symbols), panel.bars, len(names))[:, -1]
    gone = np.isnan(panel.close[:, -1])
    scale = np.nanmax(np.abs(ours), axis=0)
    return float(np.nanmax(np.abs(np.where(gone[:, None], np.nan, (ours - last) / scale))))


def full_build(workspace: Workspace, months: int, *, fitted: bool) -> tuple[dict[str, float], int]:
    """Seconds by stage, and how many releases were written; what an earlier build wrote is removed first, outside the clock."""
    shutil.rmtree(get_output_dir(workspace), ignore_errors=True)
    marks = [("start", time.perf_counter())]

    def mark(name: str) -> None:
        marks.append((name, time.perf_counter()))

    panel = Lake(workspace).read("generated", 1440)
    mark("read")
    judge = UniverseJudge(panel, Lake(workspace).instruments(), UniverseConfig())
    days = month_days(judge)[-months:]
    mark("judge")
    selector = PoolSelector(judge, days, score_families() if fitted else {})
    mark("features")
    if fitted:
        selector.models.fit_all(days)
    mark("fits")
    found: list[Selection] = []
    for day in days:
        try:
            found.append(selector.select(day, None))
        except DataError:
            continue
    mark("select")
    write_history(workspace, MonthlyPools(tuple(found), ()), 5)
    mark("write")
    return {name: after - before for (_, before), (name, after) in pairwise(marks)}, len(found)


def limit(workspace: Workspace) -> None:
    panel = Lake(workspace).read("generated", 1440)
    compute_history(panel, CATALOGUE_COLUMNS, "BTCUSDT", parallel=True)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--years", type=int, default=7)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()

    days, months = 365 * arguments.years + 2, 12 * arguments.years
    panel = generated(arguments.symbols, days, arguments.seed)
    frame = long_frame(panel)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        Lake(workspace).write(panel, calendar="crypto_24_7", source="bench")
        Lake(workspace).write_instruments(assumed_instruments(panel, "crypto_24_7"))
        limit(workspace)
        full_build(workspace, 14, fitted=True)
        spent: dict[str, list[float]] = {"limit": [], "rule": [], "all_scores": []}
        stages: dict[str, dict[str, float]] = {}
        # Interleaved, and the least of each: the machine is shared.
        for _ in range(arguments.runs):
            spent["limit"].append(seconds(lambda: limit(workspace)))
            for name, fitted in (("rule", False), ("all_scores", True)):
                found, releases = full_build(workspace, months, fitted=fitted)
                if not spent[name] or sum(found.values()) < min(spent[name]):
                    stages[name] = found
                spent[name].append(sum(found.values()))
        sampled = [days - 1 - 365 * year for year in range(arguments.years) if days - 1 - 365 * year > 365 // 2]
        pandas_seconds = 0.0
        for last in sampled:
            known = frame[frame["day"] <= last]
            pandas_seconds += 12 * seconds(lambda known=known: by_pandas(known, known[known["symbol"] == "BTCUSDT"]))  # type: ignore[misc]
    best = {name: min(values) for name, values in spent.items()}
    result = {
        "benchmark": "pool",
        "symbols": arguments.symbols,
        "days": days,
        "releases": releases,
        "seconds": {**{name: round(value, 3) for name, value in best.items()}, "pandas_features_per_month": round(pandas_seconds, 1)},
        "times_limit": {name: round(best[name] / best["limit"], 2) for name in ("rule", "all_scores")},
        "pandas_over_ours": {name: round(pandas_seconds / best[name], 1) for name in ("rule", "all_scores")},
        "stage_share_pct": {name: {stage: round(100 * value / sum(found.values()), 1) for stage, value in found.items()} for name, found in stages.items()},
        "stage_seconds": {name: {stage: round(value, 3) for stage, value in found.items()} for name, found in stages.items()},
        "largest_difference_from_pandas": largest_difference(panel, by_pandas(frame, frame[frame["symbol"] == "BTCUSDT"])),
    }
    text = json.dumps(result, indent=2, sort_keys=True)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
