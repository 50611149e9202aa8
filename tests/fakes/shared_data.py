"""Where the shared market data lies, for tests that read real bars."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REASON = "shared market data is absent (set TALLYSTICK_SHARED)"


def shared_data() -> Path:
    """The shared `data` folder, or a skip with the one listed reason."""
    root = Path(os.environ.get("TALLYSTICK_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
    data = root / "data"
    if not data.is_dir():
        pytest.skip(REASON)
    return data
