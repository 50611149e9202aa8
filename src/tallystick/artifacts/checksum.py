"""SHA-256 of bytes and files, lower-case hexadecimal."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tallystick.contracts.errors import ArtifactError


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises ArtifactError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"expected a readable file, found none: {error.strerror}", where=str(path)) from error
