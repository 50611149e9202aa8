"""Which code is running: package version, SHA-256 over its sources, and the commit when there is one."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from pathlib import Path

import tallystick
from tallystick.contracts.training import CodeVersion

_PACKAGE = Path(tallystick.__file__).parent


@cache
def code_identity() -> CodeVersion:
    """The identity of the running code; `git_sha` is "unknown" outside a checkout (decision 51)."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return CodeVersion(version=tallystick.__version__, source_sha256=digest.hexdigest(), git_sha=_git_sha())


def _git_sha() -> str:
    command = ["git", "-C", str(_PACKAGE), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - constant command
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return found.stdout.strip() or "unknown"
