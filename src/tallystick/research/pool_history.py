"""The pool that was active at each bar of a run: releases by activation date, never today's pool over the past (decision 44)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.features import compute_history, find_feature
from tallystick.artifacts.checksum import sha256_bytes, sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import DataError
from tallystick.contracts.registry import contract
from tallystick.contracts.time import date_from_ns, ns_from_iso
from tallystick.kernels.ranks import rank_symbols
from tallystick.market.bars import BarPanel

LOCAL_HISTORY = "history"
"""What names the local release history where an object store could be named."""


@dataclass(frozen=True, slots=True)
class ActiveRelease:
    """A release and the instant from which it is the pool, until the next one is. `symbols` in official order."""

    version: str
    activation_ns: int
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PoolHistory:
    """Releases, oldest first; `source` names the local history or the object store, as a run's flag does; `evidence` says in words what was read."""

    releases: tuple[ActiveRelease, ...]
    source: str
    evidence: str

    def __post_init__(self) -> None:
        times = [release.activation_ns for release in self.releases]
        if not times or times != sorted(set(times)):
            raise DataError(f"expected releases with different activation times, oldest first, found {len(times)}", where=self.source)

    def during(self, start_ns: int, end_ns: int) -> tuple[ActiveRelease, ...]:
        """The releases that were active at some time of a period."""
        ends = [*(release.activation_ns for release in self.releases[1:]), end_ns]
        return tuple(release for release, end in zip(self.releases, ends, strict=True) if release.activation_ns < end_ns and end > start_ns)

    def symbols(self, start_ns: int, end_ns: int) -> tuple[str, ...]:
        """Every name that was in the pool at some time of a period, sorted."""
        return tuple(sorted({symbol for release in self.during(start_ns, end_ns) for symbol in release.symbols}))

    def identity(self, start_ns: int, end_ns: int) -> str:
        """The last release of a period, and a hash of all that were active in it: two runs with the same identity had the same members at every bar."""
        used = self.during(start_ns, end_ns)
        if not used:
            raise DataError(f"expected a release that was active before {date_from_ns(end_ns)}, found none", where=self.source)
        lines = "".join(f"{release.version} {release.activation_ns} {' '.join(release.symbols)}\n" for release in used)
        return f"{used[-1].version} ({len(used)} releases, sha256 {sha256_bytes(lines.encode())[:12]})"

    def members(self, symbols: Sequence[str], decision_times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool[S, T]: whether a name is in the pool when a decision is made. Before the first activation nobody is."""
        in_pool = np.array([[symbol in release.symbols for symbol in symbols] for release in self.releases], np.bool_)
        active = self.active(decision_times_ns)
        return np.where(active >= 0, in_pool[np.maximum(active, 0)].T, False)

    def active(self, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[T]: the position of the release that is active at each time, -1 before the first."""
        starts = np.array([release.activation_ns for release in self.releases], np.int64)
        return np.searchsorted(starts, times_ns, side="right").astype(np.int64) - 1


def local_history(workspace: Workspace) -> PoolHistory:
    """The release history of the workspace; needs no document store and no object store (D5.39). Raises DataError when there is none."""
    path = workspace.path("universe.release_index")
    if not path.is_file():
        raise DataError("expected the local release history, found none", where=str(path), hint="See: tallystick pool history --help")
    table = read_artifact(contract("universe.release_index"), path)
    rows = tuple(ActiveRelease(row.version, ns_from_iso(row.activation_date), tuple(row.symbols.split("|"))) for row in table.rows)
    return PoolHistory(rows, LOCAL_HISTORY, f"{workspace.relative(path)}, sha256 {sha256_file(path)}")


def features_of_the_time(panel: BarPanel, names: Sequence[str], history: PoolHistory | None) -> NDArray[np.float64]:
    """`compute_history` of these features, float64[S, F, T]; with the history of a pool, ranks are among its members when each bar closes.

    Ranked against every name that was to be a member one day, a name's rank would know who rose later. Who is no member has no rank.
    """
    sources = [find_feature(name).ranks for name in names]
    if history is None or not any(sources):
        return compute_history(panel, names)
    plain = tuple(dict.fromkeys(source or name for name, source in zip(names, sources, strict=True)))
    found = compute_history(panel, plain)
    members = history.members(panel.symbols, panel.open_times_ns + panel.interval_ns)
    out, pair = np.empty((len(panel.symbols), len(names), panel.bars)), np.empty((len(panel.symbols), 2, panel.bars))
    for place, (name, source) in enumerate(zip(names, sources, strict=True)):
        column = found[:, plain.index(source or name)]
        if source is not None:
            pair[:, 0] = np.where(members, column, np.nan)
            rank_symbols(pair, 0, 1, 0, len(panel.symbols))
            column = pair[:, 1]
        out[:, place] = column
    return out


def pool_weights(positions: NDArray[np.float64], history: PoolHistory, symbols: Sequence[str], decision_times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights float64[S, T] from positions[S, T]: an equal part of the account for each member of the pool at that time, nothing for anyone else."""
    members = history.members(symbols, decision_times_ns)
    sizes = np.array([len(release.symbols) for release in history.releases], np.int64)
    # The parts are those of the official pool: a member without bars leaves its part in cash, it does not enlarge the others.
    return np.where(members, positions / sizes[np.maximum(history.active(decision_times_ns), 0)], 0.0)


def describe(history: PoolHistory, start_ns: int, end_ns: int, missing: Sequence[str]) -> str:
    """What a reader of a run should know about its universe."""
    used = history.during(start_ns, end_ns)
    text = f"{len(used)} releases by activation date ({history.evidence})"
    if used and used[0].activation_ns > start_ns:
        text += f"; nothing is traded before {date_from_ns(used[0].activation_ns)}"
    return f"{text}; no bars of {', '.join(missing)}." if missing else f"{text}."
