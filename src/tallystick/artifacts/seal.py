"""Seals: `SHA256SUMS` in a finished folder covers every file below it, except sub-folders with a seal of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.artifacts.atomic import sync_folder, write_atomic_bytes
from tallystick.artifacts.checksum import sha256_bytes, sha256_file
from tallystick.artifacts.store import read_bytes

SEAL_NAME = "SHA256SUMS"
SIGNATURE_NAME = "SHA256SUMS.sig"
_LINE = re.compile(r"^([0-9a-f]{64})  ([^\n]+)$")


@dataclass(frozen=True, slots=True)
class SealFailure:
    """One way in which a folder is not what was sealed."""

    path: Path
    expected: str
    found: str


def sealed_files(folder: Path) -> Iterator[Path]:
    """The files that a seal of this folder covers, sorted by relative path."""
    found: list[Path] = []
    for parent, names, files in os.walk(folder):
        here = Path(parent)
        if here != folder and SEAL_NAME in files:
            names.clear()
            continue
        names.sort()
        found.extend(here.joinpath(name) for name in files if not (here == folder and name in (SEAL_NAME, SIGNATURE_NAME)))
    yield from sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def seal_text(folder: Path, written: Mapping[str, str] | None = None) -> bytes:
    """What the seal of a folder must say now. written: SHA-256 by relative path of files whose writer knows it, so that they are not read again."""
    known, rows = written or {}, []
    for path in sealed_files(folder):
        name = path.relative_to(folder).as_posix()
        if not name.endswith(".tmp"):
            rows.append(f"{known.get(name) or sha256_file(path)}  {name}\n")
    return "".join(rows).encode()


def seal_folder(folder: Path, written: Mapping[str, str] | None = None) -> str:
    """Seal a finished folder; answer the seal's own SHA-256, which stands for the whole folder. written: as in `seal_text`."""
    return write_atomic_bytes(folder.joinpath(SEAL_NAME), seal_text(folder, written))


def break_seal(folder: Path) -> None:
    """Take a seal off before the folder is worked on again, so that a crash in between cannot pass for finished."""
    seal, signature = folder.joinpath(SEAL_NAME), folder.joinpath(SIGNATURE_NAME)
    if seal.exists():
        signature.unlink(missing_ok=True)
        seal.unlink()
        sync_folder(folder)


def is_sealed(folder: Path) -> bool:
    """Whether the folder carries a seal."""
    return folder.joinpath(SEAL_NAME).is_file()


def seal_sha256(folder: Path) -> str:
    """The SHA-256 of the seal, which stands for the whole folder. Raises ArtifactError when there is none."""
    return sha256_bytes(read_bytes(folder.joinpath(SEAL_NAME)))


def check_seal(folder: Path) -> list[SealFailure]:
    """Every difference between the folder and its seal: changed, missing or added files, or a damaged seal."""
    seal = folder.joinpath(SEAL_NAME)
    recorded: dict[str, str] = {}
    failures: list[SealFailure] = []
    for line in read_bytes(seal).decode("utf-8", "replace").split("\n")[:-1]:
        match = _LINE.match(line)
        if match is None:
            failures.append(SealFailure(seal, "lines of a checksum, two spaces and a path", repr(line[:80])))
            continue
        recorded[match.group(2)] = match.group(1)
    present = {path.relative_to(folder).as_posix(): path for path in sealed_files(folder)}
    for name in sorted(recorded.keys() | present.keys()):
        if name not in present:
            failures.append(SealFailure(folder.joinpath(name), "a sealed file", "none"))
        elif name not in recorded:
            failures.append(SealFailure(present[name], "only sealed files", "a file added after sealing"))
        elif (found := sha256_file(present[name])) != recorded[name]:
            failures.append(SealFailure(present[name], f"SHA-256 {recorded[name]}", found))
    if not failures and seal_text(folder) != read_bytes(seal):
        failures.append(SealFailure(seal, "the sorted, canonical form of a seal", "another form"))
    return failures
