"""A job for fan-outs that needs no library, so that children start at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from tallystick.contracts.errors import DataError


@dataclass(frozen=True)
class Squares:
    """Squares numbers, or misbehaves."""

    offset: int = 0

    def prepare(self) -> None:
        os.write(1, b"libraries print; it must not break the protocol")

    def run(self, part: Any) -> Any:
        if part == "refuse":
            raise DataError("too few rows", where="row 7", hint="give more")
        if part == "crash":
            raise ValueError("a bug")
        if part == "die":
            os._exit(9)
        if part == "who":
            return os.getpid()
        return self.offset + part * part
