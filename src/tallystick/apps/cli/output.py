"""How the command line speaks: one JSON document on stdout with `--json`, tables for people without it, errors in one sentence."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tallystick.contracts.errors import TallystickError

_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):(\d\d)(?:\.\d+)?Z$")
# Wider than any row: a pipe has no width, so nothing is folded there.
_UNBOUND = 10_000


def emit(document: dict[str, Any], as_json: bool, render: Callable[[], None]) -> None:
    """Print the document as the only JSON on stdout, or let `render` show it to a person."""
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        render()


def say(text: str) -> None:
    """One line on stdout for a person."""
    sys.stdout.write(f"{text}\n")


def log(text: str) -> None:
    """One line on stderr, where logs and progress go."""
    sys.stderr.write(f"{text}\n")


def say_wrapped(text: str, indent: int) -> None:
    """A text on stdout, folded between words at the width of the terminal, every line indented, the following ones by two more."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    say(textwrap.fill(text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2), break_long_words=False, break_on_hyphens=False))


def short_moment(text: str) -> str:
    """An ISO time as a person reads it: the day at midnight, else day and minute; anything else as it is."""
    found = _MOMENT.match(text)
    if found is None:
        return text
    day, minute, second = found.groups()
    if second != "00":
        return f"{day} {minute}:{second}"
    return day if minute == "00:00" else f"{day} {minute}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for a person; numbers are right-aligned, times are shortened, and nothing is folded where the output is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    listed = [[("" if cell is None else cell) for cell in row] for row in rows]
    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(listed) and all(isinstance(row[index], int | float) or row[index] == "" for row in listed)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        shown.add_row(*[_cell(cell) for cell in row])
    say(title)
    Console(width=None if sys.stdout.isatty() else _UNBOUND, highlight=False, markup=False).print(shown)


def _cell(cell: object) -> str:
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return short_moment(str(cell))


def report_error(error: TallystickError, as_json: bool) -> int:
    """Print an error where it belongs; answer the exit code."""
    if as_json:
        sys.stdout.write(json.dumps({"error": error.as_document()}, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"error: {error}\n")
    return error.exit_code
