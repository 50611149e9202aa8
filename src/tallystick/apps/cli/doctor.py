"""`tallystick doctor`: is this machine ready?"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from pathlib import Path
from typing import Any

import typer

from tallystick.apps.cli.options import JsonOption, WorkspaceOption, workspace_root
from tallystick.apps.cli.output import emit, table

_LIBRARIES = ("numpy", "polars", "numba", "lightgbm", "scikit-learn", "pydantic", "fastapi", "uvicorn", "cryptography", "rfc8785")
_NEEDED_BYTES = 2_000_000_000


def commands() -> dict[str, Any]:
    """The command of this module."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command("doctor", epilog="Example: tallystick doctor")(doctor)
    return {"doctor": typer.main.get_command(app)}


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Check versions, the workspace, its disk, and the cache of compiled kernels. Exit 1 when something fails."""
    root = workspace_root(workspace)
    checks = [_python(), *map(_library, _LIBRARIES), _writable(root), _disk(root), _kernels()]
    failed = [check for check in checks if check["status"] == "failed"]
    emit(
        {"checks": checks, "status": "failed" if failed else "ok"},
        as_json,
        lambda: table("doctor", ("check", "status", "detail"), [(check["name"], check["status"], check["detail"]) for check in checks]),
    )
    return 1 if failed else 0


def _check(name: str, good: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "status": "ok" if good else "failed", "detail": detail}


def _python() -> dict[str, Any]:
    return _check("python", sys.version_info >= (3, 11), sys.version.split()[0])


def _library(name: str) -> dict[str, Any]:
    try:
        return _check(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return _check(name, False, "not installed: run make setup")


def _existing(root: Path) -> Path:
    return next(folder for folder in (root, *root.parents) if folder.exists())


def _writable(root: Path) -> dict[str, Any]:
    from tallystick.artifacts.atomic import write_atomic_bytes
    from tallystick.contracts.errors import ArtifactError

    probe = _existing(root).joinpath(".tallystick-doctor")
    try:
        write_atomic_bytes(probe, b"")
        probe.unlink()
    except ArtifactError as error:
        return _check("workspace", False, str(error))
    return _check("workspace", True, f"{root} can be written")


def _disk(root: Path) -> dict[str, Any]:
    free = shutil.disk_usage(_existing(root)).free
    return _check("disk", free >= _NEEDED_BYTES, f"{free / 1e9:.1f} GB free, {_NEEDED_BYTES / 1e9:.0f} GB wanted")


def _kernels() -> dict[str, Any]:
    from tallystick.kernels import kernel

    return _check(
        "kernels",
        kernel.CACHE_FOLDER is not None,
        "compiled kernels are kept in the user cache" if kernel.CACHE_FOLDER else "compiled anew by every process: the user cache folder cannot be written",
    )
