"""The project's own source, parsed once, for the tests of the house rules."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tallystick"
ROOMS = tuple(sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()))


@dataclass(frozen=True)
class SourceFile:
    """A Python file: its path below the root of the project, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room of a file below the package, else an empty string."""
        parts = self.path.split("/")
        return parts[2] if parts[:2] == ["src", "tallystick"] and len(parts) > 3 else ""

    @property
    def in_package(self) -> str:
        """The path below `src/tallystick/`."""
        return self.path.removeprefix("src/tallystick/")


@cache
def python_files(top: str) -> tuple[SourceFile, ...]:
    """Every Python file below a folder of the project, sorted."""
    found = []
    for path in sorted((ROOT / top).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(SourceFile(path.relative_to(ROOT).as_posix(), text, ast.parse(text)))
    return tuple(found)


@cache
def listed_files() -> tuple[str, ...]:
    """Every file that is, or would be, under version control."""
    answer = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(sorted(name for name in answer.stdout.splitlines() if (ROOT / name).is_file()))


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module, in full, with its line; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((f"{node.module}.{name.name}", node.lineno) for name in node.names)


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of attributes, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""
