"""Recorded series for the validators: funding rates and spot prices from files, by coin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from tallystick.analysis.validators.evidence import Series
from tallystick.apps.label_sources import SeriesKind, first_of_each, known_rows, read_frame, text_of
from tallystick.contracts.errors import ConfigurationError, DataError

VENUES = ("venue", "exchange", "source")


def read_series(path: Path, kind: SeriesKind, venue: str | None = None) -> dict[str, Series]:
    """Series of a file in any of the streams' forms; `venue`: only its rows, where the file has a column of venues.

    Raises DataError as `read_stream` does, and for a file of several venues when none is named.
    """
    frame = read_frame(path, kind)
    column = next((name for name in VENUES if name in frame.columns), None)
    if column is not None:
        present = venues_of(path, kind)
        if venue is None and len(present) > 1:
            raise ConfigurationError(f"expected the name of a venue, found {', '.join(present)}", where=str(path), hint="Choose with --venues A,B")
        if venue is not None and venue not in present:
            raise DataError(f"expected rows of {venue}, found {', '.join(present) or 'none'}", where=str(path))
        frame = frame.filter(pl.col(column) == (venue if venue is not None else present[0])) if present else frame
    return series_by_coin(known_rows(frame, kind, str(path)), str(path))


def venues_of(path: Path, kind: SeriesKind) -> tuple[str, ...]:
    """The venues that a file names, sorted; none where it has no such column."""
    frame = read_frame(path, kind)
    column = next((name for name in VENUES if name in frame.columns), None)
    return () if column is None else tuple(sorted(str(item) for item in frame[column].drop_nulls().unique()))


def funding_of_two(path: Path, other: Path | None, venues: Sequence[str]) -> tuple[dict[str, Series], dict[str, Series]]:
    """Funding of two venues, out of one file that names them or out of two files; `venues`: which, the first one's readings are counted.

    Raises ConfigurationError unless exactly two can be told.
    """
    if other is not None:
        names = (*venues, None, None)[:2]
        return read_series(path, "funding", names[0]), read_series(other, "funding", names[1])
    chosen = tuple(venues) or venues_of(path, "funding")
    if len(chosen) != 2 or chosen[0] == chosen[1]:
        raise ConfigurationError(
            f"expected funding of two venues, found {', '.join(chosen) or 'a file that names none'}",
            where=str(path),
            hint="Give the second file with --other-funding, or choose two of the file's venues with --venues A,B",
        )
    return read_series(path, "funding", chosen[0]), read_series(path, "funding", chosen[1])


def series_by_coin(rows: pl.DataFrame, where: str) -> dict[str, Series]:
    """Rows of ts, coin and value as series. Raises DataError for a value that is no finite number, or two different ones at an instant."""
    found = {}
    for (coin,), own in sorted(rows.partition_by("coin", as_dict=True).items()):
        values = text_of(own["value"], where).cast(pl.Float64, strict=False).to_numpy()
        if not bool(np.isfinite(values).all()):
            raise DataError("expected a finite number in every row, found others", where=f"{where}, {coin}")
        times = own["ts"].to_numpy()
        order = np.argsort(times, kind="stable")
        times, values = np.ascontiguousarray(times[order]), np.ascontiguousarray(values[order])
        kept = first_of_each(times, values, f"{where}, {coin}")
        found[str(coin)] = Series(times[kept], values[kept])
    return found
