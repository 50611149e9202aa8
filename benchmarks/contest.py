"""Contestants of a benchmark, each in a process of its own, interleaved over several rounds; the fastest run of each counts. JSON out, one run.

A contestant is a function that sets up its data and returns (work, units, answer of one call). Peers that the development environment lacks run with
another interpreter: `--python vectorbt=/path/to/python` (a throw-away environment with `pip install vectorbt vectorbt-rust`).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Setup = Callable[[argparse.Namespace], tuple[Callable[[], dict[str, float]], int]]
CONTESTANTS: dict[str, tuple[Setup, str, int]] = {}


def contestant(name: str, needs: str = "", runs: int = 5) -> Callable[[Setup], Setup]:
    """Register a contestant. needs: the module that must be importable; it also names the interpreter that `--python` may give."""

    def register(setup: Setup) -> Setup:
        CONTESTANTS[name] = (setup, needs, runs)
        return setup

    return register


def alone() -> None:
    """As root in a session of its own at the highest priority, so that other work on the machine takes little of the time of either side."""
    try:
        os.setsid()
        Path("/proc/self/autogroup").write_text("-20", encoding="ascii")
        os.nice(-20)
    except OSError:
        return


def _run_child(name: str, arguments: argparse.Namespace) -> None:
    alone()
    setup, _, runs = CONTESTANTS[name]
    start = time.perf_counter()
    work, units = setup(arguments)
    ready = time.perf_counter()
    answer = work()
    first = time.perf_counter() - ready
    seconds = []
    for _ in range(runs):
        gc.collect()
        begin = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"setup_s": ready - start, "first_s": first, "seconds": seconds, "units": units, "answer": answer, "peak_mb": peak}))


def _interpreter(needs: str, given: dict[str, str]) -> str | None:
    python = given.get(needs, sys.executable)
    if needs and subprocess.run([python, "-c", f"import {needs}"], capture_output=True, check=False).returncode:
        return None
    return python


def main(script: str, about: str, unit: str, options: Callable[[argparse.ArgumentParser], None]) -> None:
    """Parse, run every contestant `--rounds` times in turn, print and write the JSON."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="contestants, comma separated")
    parser.add_argument("--python", action="append", default=[], metavar="MODULE=PATH", help="interpreter for the contestants that need a module")
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _run_child(arguments.child, arguments)
        return
    given = dict(item.split("=", 1) for item in arguments.python)
    wanted = [name for name in CONTESTANTS if not arguments.only or name in arguments.only.split(",")]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted}
    for _ in range(arguments.rounds):
        for name in wanted:
            python = _interpreter(CONTESTANTS[name][1], given)
            if python is None:
                continue
            done = subprocess.run([python, script, *sys.argv[1:], "--child", name], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{name}: {done.stderr[-2000:]}")
            found[name].append(json.loads(done.stdout.strip().splitlines()[-1]))
    rows = {name: _row(runs) for name, runs in found.items() if runs}
    result = {"unit": unit, "machine": {"python": platform.python_version(), "cores": os.cpu_count()}, "contestants": rows}
    result["not_installed"] = [name for name, runs in found.items() if not runs]
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")


def _row(runs: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = sorted(second for run in runs for second in run["seconds"])
    return {
        "best_s": seconds[0],
        "median_s": seconds[len(seconds) // 2],
        "per_second": runs[0]["units"] / seconds[0],
        "first_s": min(run["first_s"] for run in runs),
        "peak_mb": round(max(run["peak_mb"] for run in runs), 1),
        "answer": runs[-1]["answer"],
    }
