"""Durable, atomic writes: temporary file, fsync, rename, fsync of the folder. A reader sees the old file or the new one, never part of one."""

from __future__ import annotations

import errno
import itertools
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tallystick.artifacts.canonical import canonical_json, plain
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.contracts.errors import ArtifactError

_COUNTER = itertools.count()
_TEMPORARY = re.compile(r"^\..+\.(\d+)-\d+-\d+\.tmp$")
_HINTS = {
    errno.ENOSPC: "Free some space and run the same command again",
    errno.EROFS: "Choose another folder with --workspace",
    errno.EACCES: "Choose another folder with --workspace, or change its permissions",
    errno.EPERM: "Choose another folder with --workspace, or change its permissions",
}


def write_error(path: Path, error: OSError) -> ArtifactError:
    """What to tell the user when a write failed."""
    reason = error.strerror or str(error)
    return ArtifactError(f"expected to write {path.name}, found: {reason}", where=str(path), hint=_HINTS.get(error.errno or 0, ""))


def make_folder(folder: Path) -> None:
    """Make a folder and its parents. Raises ArtifactError when that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic_bytes(path: Path, data: bytes) -> str:
    """Write bytes; answer their SHA-256. Raises ArtifactError when the disk is full or the place is read-only; nothing is half-written then."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}-{next(_COUNTER)}.tmp")
    try:
        _sweep(path)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise write_error(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return sha256_bytes(data)


def replace_files(files: Mapping[Path, bytes]) -> None:
    """Write many files of a folder that can be made again: each appears whole or not at all, but none is synced.

    The folder's seal, which is synced, comes after and says what must be there: what a failing machine lost is found by it. Raises ArtifactError when the
    disk refuses; files written by then stay.
    """
    for path, data in files.items():
        make_folder(path.parent)
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}-{next(_COUNTER)}.tmp")
        try:
            _sweep(path)
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            raise write_error(path, error) from error
        finally:
            temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what a killed writer of the same file left behind."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        owner = leftover.name.removeprefix(f".{path.name}.").split("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            leftover.unlink(missing_ok=True)


def is_temporary_of_living(path: Path) -> bool:
    """Whether a file is one that a living process is writing, to replace another with it."""
    found = _TEMPORARY.match(path.name)
    return found is not None and _alive(int(found.group(1)))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_atomic_json(path: Path, document: Any, unsorted: tuple[str, ...] = ()) -> str:
    """Write canonical JSON; answer its SHA-256."""
    return write_atomic_bytes(path, canonical_json(document, unsorted))


def yaml_bytes(document: Any) -> bytes:
    """YAML with sorted keys, plain values only."""
    return yaml.safe_dump(plain(document), sort_keys=True, allow_unicode=True, width=120).encode()


def write_atomic_yaml(path: Path, document: Any) -> str:
    """Write YAML with sorted keys, with the same guarantee as JSON; answer its SHA-256."""
    return write_atomic_bytes(path, yaml_bytes(document))
