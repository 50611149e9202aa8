"""Read the numbered clauses out of the conformance page, once: `extract_clauses.py conformance.md > tests/conformance/clauses.csv`."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

_ROW = re.compile(r"^\| (D(\d)\.\d+) \| (.+) \| ([a-z]+) \| ([^|]+) \| ([^|]+) \|$")


def main(page: Path) -> None:
    """Write id, document, clause, kind, room and decision of every row."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("id", "document", "clause", "kind", "room", "decision"))
    for line in page.read_text(encoding="utf-8").splitlines():
        found = _ROW.match(line)
        if found:
            identifier, document, clause, kind, room, decision = found.groups()
            writer.writerow((identifier, document, clause, kind, room, decision))
        elif line.startswith("| D"):
            sys.exit(f"expected a row of six columns, found: {line}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
