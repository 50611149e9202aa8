"""Build, validate and publish the live pool of every month of a period to several stores, read each one back as a reader does, and say what happened.

`python scripts/publish_months.py --workspace W --from 2021-01 --to 2024-12 --store objects/pool --store s3://live-pool/x …`; the workspace needs daily bars.
A month without enough eligible names publishes nothing, and the release before stands. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from calendar import monthrange
from collections.abc import Iterator
from typing import Any

from tallystick.apps.cli.main import run_command
from tallystick.contracts.time import NS_PER_DAY, date_from_ns, ns_from_iso


def month_ends(first: str, last: str) -> Iterator[str]:
    """The last day of each month, both included: `2021-01` to `2024-12`."""
    year, month = (int(part) for part in first.split("-"))
    while f"{year:04d}-{month:02d}" <= last:
        yield f"{year:04d}-{month:02d}-{monthrange(year, month)[1]:02d}"
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def command(*arguments: str) -> tuple[int, dict[str, Any]]:
    """A command of ours in this process: its exit code and its JSON document."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run_command([*arguments, "--json"])
    return code, json.loads(out.getvalue())


def publish_month(workspace: str, reader: str, day: str, store: str, document: str) -> dict[str, Any]:
    """Publish what lies in data/output, and resolve it as a reader of that store, with a workspace of its own."""
    now = date_from_ns(ns_from_iso(day) + NS_PER_DAY)
    code, done = command("pool", "publish", "--to", store, "--document", document, "--enable", "--size", "0", "--now", now, "--workspace", workspace)
    if code != 0:
        return {"store": store, "error": done["error"]["message"]}
    accepted = ("--size", "0", "--mode", "core_major", "--mode", "broad_liquid")
    code, found = command("pool", "resolve", "--from", store, "--document", document, "--at", now, "--workspace", reader, *accepted)
    return {"store": store, "version": done["version"], "uploaded": len(done["uploaded"]), "resolved": found["version"], "source_kind": found["source_kind"]}


def main() -> int:
    """Walk the months; exit 1 when a month was built and a reader of some store did not get it fresh."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--from", dest="first", required=True)
    parser.add_argument("--to", dest="last", required=True)
    parser.add_argument("--mode", default=None, help="core_major or broad_liquid [default: core_major in each month where it yields enough names]")
    parser.add_argument("--build", action="append", default=[], help="a further flag for `pool build`: --build=--selection-meta")
    parser.add_argument("--store", action="append", required=True, help="object store, or object store=document store")
    asked = parser.parse_args()
    mode = ("--mode", asked.mode) if asked.mode else ()
    began, rows, refused = time.perf_counter(), [], {}
    for number, day in enumerate(month_ends(asked.first, asked.last)):
        code, built = command("pool", "build", "--as-of", day, *mode, *asked.build, "--now", f"{day}T23:59:59Z", "--workspace", asked.workspace)
        if code != 0:
            refused[day] = built["error"]["message"]
            continue
        for index, store in enumerate(asked.store):
            place, _, document = store.partition("=")
            reader = f"{asked.workspace}/readers/{index}"
            rows.append({"as_of": day, **publish_month(asked.workspace, reader, day, place, document or f"{reader}/documents")})
        if sys.stderr.isatty():
            sys.stderr.write(f"{number + 1} months, {len(rows)} publications\r")
    bad = [row for row in rows if row.get("source_kind") != "fresh_upstream" or row["resolved"] != row["version"]]
    seconds = round(time.perf_counter() - began, 1)
    document = {"months_built": len({row["as_of"] for row in rows}), "publications": len(rows), "bad": bad, "refused": refused, "seconds": seconds}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
