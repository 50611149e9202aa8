"""`tallystick run` on a year of hourly bars for 15 symbols, report and all: warm, with library start apart, and the first run with compilation.

Each run is a process of its own, as a person starts it. `start` imports everything that a run needs and does nothing; `run` is the whole command;
`work` is the difference of their minima. `first` compiles into an empty kernel cache (leave it out with --no-first: it takes a minute).
`python benchmarks/bench_run.py --repeats 5 --out run.json`
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = "import tallystick.apps.cli.runs, tallystick.apps.cli.envelopes, tallystick.apps.research_runs, rich.console, rich.table"
LIMIT_SECONDS = 3.0


def seconds(command: list[str], **environment: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    return time.perf_counter() - began


def tallystick(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from tallystick.apps.cli.main import main; main()", *arguments]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--symbols", type=int, default=15)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--no-first", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        market = ("--symbols", str(given.symbols), "--days", str(given.days), "--start", "2024-01-01", "--interval", "1h", "--seed", "1")
        seconds(tallystick("market", "generate", *market, "--workspace", folder))
        first = None
        if not given.no_first:
            with tempfile.TemporaryDirectory() as cache:
                first = seconds(tallystick("run", "--workspace", folder), NUMBA_CACHE_DIR=cache)
        seconds(tallystick("run", "--workspace", folder))
        starts, runs = [], []
        for _ in range(given.repeats):
            starts.append(seconds([sys.executable, "-c", START]))
            runs.append(seconds(tallystick("run", "--workspace", folder)))
    found = {
        "symbols": given.symbols,
        "bars": given.days * 24,
        "start_s": round(min(starts), 3),
        "run_s": round(min(runs), 3),
        "work_s": round(min(runs) - min(starts), 3),
        "first_run_with_compilation_s": None if first is None else round(first, 1),
        "limit_of_work_s": LIMIT_SECONDS,
        "within_limit": min(runs) - min(starts) < LIMIT_SECONDS,
    }
    text = json.dumps(found, indent=2)
    if given.out is not None:
        given.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
