"""What durability costs: appending to the journal beside bare SQLite, and whole cycles with the journal on beside one durable commit, in one run.

`append`: one row of a session per durable commit, through the journal and through `sqlite3` alone (WAL, synchronous FULL, the same columns), in turns.
`cycle`: 100 symbols without model time. `quiet` holds what it bought in its first cycle and sends nothing more; `sending` is the moving-average cross.
After each cycle one small row is committed by `sqlite3` alone: the unit in which medians and p99 are told.
`python benchmarks/bench_journal.py --out journal.json`
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench_cycle import columns_of, our_cycle
from contest import alone

from tallystick.adapters.journals.sqlite import SqliteJournal
from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.positions import Direction, Position
from tallystick.contracts.session import JournalRow
from tallystick.decision.market_view import MarketView
from tallystick.engine.journal import GENESIS, Chain

TABLE = "CREATE TABLE journal (sequence INTEGER PRIMARY KEY, kind TEXT, cycle INTEGER, body BLOB, previous_sha256 TEXT, row_sha256 TEXT)"
INSERT = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)"
BODY = json.dumps({"cycle": 1, "orders": ["x" * 160]}).encode()


class Bare:
    """One durable commit by `sqlite3` alone."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(TABLE)
        self._count = 0

    def commit(self) -> None:
        self._count += 1
        self._connection.execute(INSERT, (self._count, "commit", self._count, BODY, GENESIS, GENESIS))


class Timed:
    """A journal that tells how long its commits took."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self.took = 0.0

    def append(self, rows: Sequence[JournalRow]) -> None:
        self.took += seconds(lambda: self._journal.append(rows))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class Kept:
    """A recorder that writes to a chain and remembers whether something was sent."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.sent = False

    def intend(self, cycle: int, body: dict[str, Any]) -> None:
        self.sent = True
        self._chain.append([("intent", cycle, body)])

    def commit(self, cycle: int, body: dict[str, Any]) -> None:
        self._chain.append([("commit", cycle, body)])


class Quiet:
    """Buys every fifth symbol in its first cycle and says HOLD from then on: no model, no time of its own worth naming."""

    strategy_id = "quiet"

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self._symbols = symbols
        self._bought = False

    def warm(self, view: MarketView) -> None:
        """Nothing to learn."""

    def propose(self, view: MarketView, positions: Mapping[str, Position]) -> tuple[Mandate, ...]:
        buying, self._bought = not self._bought, True
        return tuple(self._mandate(symbol, view.now_s, buying and row % 5 == 0) for row, symbol in enumerate(self._symbols))

    def to_bytes(self) -> bytes:
        return bytes([self._bought])

    def _mandate(self, symbol: str, at_s: float, buy: bool) -> Mandate:
        if buy:
            return Mandate(symbol, MandateType.ENTRY, 5.0, at_s, "quiet", Direction.LONG, reason="the first cycle", target_weight=0.01)
        return Mandate(symbol, MandateType.HOLD, 5.0, at_s, "quiet", reason="nothing to say", stage="prediction")


def seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def journal_in(folder: Path) -> SqliteJournal:
    lock = folder / "config.json"
    lock.write_text("{}", encoding="ascii")
    return SqliteJournal(folder / "journal.db", lock)


def appends(folder: Path, commits: int) -> dict[str, float]:
    """Medians of one durable commit, microseconds: bare SQLite, the journal's own, and the chain's with its encoding and hash."""
    bare, journal = Bare(folder / "bare.db"), journal_in(folder)
    found: dict[str, list[float]] = {"bare": [], "journal": []}
    for number in range(1, commits + 1):
        row = JournalRow(number, "commit", number, BODY, GENESIS, GENESIS)
        found["bare"].append(seconds(bare.commit))
        found["journal"].append(seconds(lambda row=row: journal.append([row])))  # type: ignore[misc]
    journal.close()
    medians = {f"{name}_us": round(float(np.median(values)) * 1e6, 1) for name, values in found.items()}
    return medians | {"journal_rate_over_bare": round(medians["bare_us"] / medians["journal_us"], 3), "wanted": 0.8}


def cycles(folder: Path, given: argparse.Namespace, policy: Callable[[tuple[str, ...]], Any] | None) -> dict[str, Any]:
    """Whole cycles with a durable journal; a cycle counts as quiet when nothing was sent in it."""
    engine = our_cycle(columns_of(given, given.symbols, given.cycles), 0.005, policy)()
    bare, journal = Bare(folder / "bare.db"), Timed(journal_in(folder))
    chain, units, quiet, sending = Chain(journal), [], [], []
    for cycle in range(1, engine.cycles + 1):
        recorder, journal.took = Kept(chain), 0.0
        took = seconds(lambda cycle=cycle, recorder=recorder: engine.run_cycle(cycle, recorder))  # type: ignore[misc]
        units.append(seconds(bare.commit))
        if cycle > 3:
            (sending if recorder.sent else quiet).append((took, took - journal.took))
    row = journal.last("commit")
    journal.close()
    unit = float(np.median(units))
    found: dict[str, Any] = {"commit_us": round(unit * 1e6, 1), "row_bytes": 0 if row is None else len(row.body), "positions": len(engine.book.positions())}
    for name, values, limit in (("nothing sent", quiet, {"median": 5.0, "p99": 15.0}), ("sending", sending, {"median": 8.0})):
        if len(values) >= 50:
            all_of, without_commits = np.array(values).T
            told = {"median": float(np.median(all_of)), "p99": float(np.quantile(all_of, 0.99))}
            found[name] = {"cycles": len(values), "median_us": round(told["median"] * 1e6), "p99_us": round(told["p99"] * 1e6)}
            found[name]["without_commits_us"] = {"least": round(float(without_commits.min()) * 1e6), "median": round(float(np.median(without_commits)) * 1e6)}
            found[name] |= {f"{key}_in_commits": round(told[key] / unit, 1) for key in told} | {f"{key}_wanted": value for key, value in limit.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=400)
    parser.add_argument("--commits", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where the journals are written; the disk under it is what is measured (default: the temporary folder)")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    alone()
    found: dict[str, Any] = {}
    runs: dict[str, Callable[[Path], dict[str, Any]]] = {
        "append": lambda folder: appends(folder, given.commits),
        "quiet": lambda folder: cycles(folder, given, Quiet),
        "sending": lambda folder: cycles(folder, given, None),
    }
    for name, run in runs.items():
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            found[name] = run(Path(folder))
    text = json.dumps(found, indent=2)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
