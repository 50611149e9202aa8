"""The walls of the house: floors, ports, plaques, and the shape of the test tree."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.source_tree import PACKAGE, ROOMS, ROOT, imports, python_files

HEADINGS = ("Owns:", "Gives:", "Never:", "Neighbours:")
LIGHT = ("tallystick.apps.cli", "tallystick.contracts.errors", "tallystick.contracts.time")
HEAVY = frozenset(
    {
        "numpy",
        "polars",
        "numba",
        "pydantic",
        "lightgbm",
        "sklearn",
        "fastapi",
        "uvicorn",
        "sqlite3",
        "cryptography",
        "jsonschema_rs",
        "yaml",
        "httpx2",
        "websockets",
    }
)
# Rooms that every adapter may stand on, because they hold no domain rule.
BELOW_ADAPTERS = ("tallystick.contracts", "tallystick.artifacts", "tallystick.kernels", "tallystick.adapters")
# Test files that mirror no single module, by path below tests/unit, each with its reason.
UNMIRRORED = {
    "kernels/test_five_traps.py": "the five traps of the kernel page cross every module of the room",
    "kernels/test_feature_formulas.py": "one table of formulas for all feature kinds",
}


@pytest.mark.clause("D1.07", "D4.03")
def test_imports_point_down() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"Move the import, or the wall and its rule in one step:\n{answer.stdout[-4000:]}{answer.stderr[-1000:]}"


def test_adapters_see_a_room_only_through_its_ports() -> None:
    found = []
    for item in python_files("src"):
        if item.room != "adapters":
            continue
        for name, line in imports(item.tree):
            parts = name.split(".")
            is_room = parts[0] == "tallystick" and len(parts) > 1 and ".".join(parts[:2]) not in BELOW_ADAPTERS
            if is_room and (len(parts) < 3 or parts[2] != "ports"):
                found.append(f"{item.path}:{line} {name}")
    assert not found, "Import the room's ports.py (or contracts) instead:\n  " + "\n  ".join(found)


@pytest.mark.clause("D4.01")
@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_its_plaque(room: str) -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    missing = [heading for heading in HEADINGS if heading not in text]
    assert not missing, f"Write {', '.join(missing)} into the docstring of {room}/__init__.py"


def test_every_test_mirrors_a_module() -> None:
    modules = {item.in_package.removesuffix(".py") for item in python_files("src")}
    found = []
    for item in python_files("tests/unit"):
        folder, _, name = item.path.removeprefix("tests/unit/").rpartition("/")
        if name == "conftest.py" or f"{folder}/{name}" in UNMIRRORED:
            continue
        stem = name.removeprefix("test_").removesuffix(".py")
        # `test_money_rounding.py` is one aspect of `money.py`.
        words = stem.split("_")
        names = {f"{folder}/{'_'.join(words[:count])}" for count in range(1, len(words) + 1)}
        if not names & modules and f"{folder}/{stem}/__init__" not in modules:
            found.append(item.path)
    assert not found, "Name the test after the module that it tests, in the same room (or list it in UNMIRRORED with its reason):\n  " + "\n  ".join(found)


def test_command_line_modules_import_nothing_heavy_at_the_top() -> None:
    found = []
    for item in python_files("src"):
        if not item.in_package.startswith("apps/cli/"):
            continue
        top = ast.Module([node for node in item.tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        for name, line in imports(top):
            if name.split(".")[0] in HEAVY or (name.startswith("tallystick.") and not name.startswith(LIGHT)):
                found.append(f"{item.path}:{line} {name}")
    assert not found, "Import it inside the command, so that --help answers at once:\n  " + "\n  ".join(found)
