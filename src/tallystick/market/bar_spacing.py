"""How the rows of a file lie in time: their interval, their order, and whether a symbol's rows are usable at all."""

from __future__ import annotations

import polars as pl

from tallystick.contracts.market import MINUTES_PER_DAY, interval_text
from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE, iso_from_ns

# A stray row is refused by itself and counted; with more of them than this the file has another order, and most of its bars would be lost one by one.
MOST_UNSORTED_PCT = 10
LEAST_ON_GRID_PCT = 50
BY = ("venue", "symbol")


def measure_spacing(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each venue and symbol, in their order. Takes `venue`, `symbol`, `ts` (ns) and `row` (its number in the file), in file order.

    rows, first, last and weekend (rows on Saturday or Sunday). step: the most frequent spacing of distinct times, the shorter one of two, null with one
    time. unsorted: rows earlier than one before them and no duplicate; the first of them in unsorted_row and unsorted_ts, after the time after_ts.
    on_grid: rows at whole multiples of the step; the first other one in off_row and off_ts.
    """
    day_of_week = (pl.col("ts") // NS_PER_DAY + 4) % 7
    before = rows.with_columns(pl.col("ts").cum_max().shift(1).over(*BY).alias("after"))
    late = (pl.col("ts") < pl.col("after")) & pl.col("ts").is_first_distinct().over(*BY)
    spans = (
        before.with_columns(late.fill_null(value=False).alias("late"))
        .group_by(*BY)
        .agg(
            pl.len().alias("rows"),
            pl.col("ts").min().alias("first"),
            pl.col("ts").max().alias("last"),
            day_of_week.is_in([0, 6]).sum().alias("weekend"),
            pl.col("late").sum().alias("unsorted"),
            *(pl.col(name).filter("late").first().alias(title) for name, title in (("row", "unsorted_row"), ("ts", "unsorted_ts"), ("after", "after_ts"))),
        )
    )
    found = spans.join(_steps(rows), on=BY, how="left")
    off = pl.col("ts") % pl.col("step") != 0
    placed = (
        rows.join(found.select(*BY, "step"), on=BY, how="left")
        .group_by(*BY)
        .agg((~off).sum().alias("on_grid"), pl.col("row").filter(off).first().alias("off_row"), pl.col("ts").filter(off).first().alias("off_ts"))
    )
    return found.join(placed, on=BY, how="left").sort(*BY)


def _steps(rows: pl.DataFrame) -> pl.DataFrame:
    ordered = rows.select(*BY, "ts").unique().sort(*BY, "ts")
    steps = ordered.select(*BY, pl.col("ts").diff().over(*BY).alias("step")).drop_nulls("step")
    counted = steps.group_by(*BY, "step").agg(pl.len().alias("count")).sort("count", "step", descending=[True, False])
    return counted.unique(BY, keep="first", maintain_order=True).select(*BY, "step")


def why_unusable(found: dict[str, int | None]) -> str:
    """Why the rows of a symbol cannot be bars of one interval, from a row of `measure_spacing`; empty when they can."""
    step, rows = found["step"], found["rows"] or 0
    if step is None:
        return "has one bar only, so no interval"
    if 100 * (found["unsorted"] or 0) > MOST_UNSORTED_PCT * rows:
        return (
            f"expected rows by time, oldest first, found {found['unsorted']} of {rows} that come after a later one, "
            f"the first in row {found['unsorted_row']} ({_at(found['unsorted_ts'])} after {_at(found['after_ts'])}): sort the rows by time"
        )
    if step % NS_PER_MINUTE:
        return f"has bars every {step / 1e9:g} s, expected whole minutes"
    minutes = step // NS_PER_MINUTE
    if MINUTES_PER_DAY % minutes and minutes % MINUTES_PER_DAY:
        return (
            f"expected an interval that parts a day evenly, or whole days (1m, 5m, 1h, 4h, 1d), found most bars {interval_text(minutes)} apart "
            f"in {rows} rows from {_at(found['first'])}: give bars of one such interval"
        )
    if 100 * (found["on_grid"] or 0) < LEAST_ON_GRID_PCT * rows:
        return (
            f"expected open times at whole multiples of {interval_text(minutes)} in UTC, found {found['on_grid']} of {rows} rows there, "
            f"the first other one in row {found['off_row']} ({_at(found['off_ts'])}): give bars of one interval, by open time"
        )
    return ""


def _at(time_ns: int | None) -> str:
    return iso_from_ns(time_ns or 0)
