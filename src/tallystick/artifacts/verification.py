"""Verification of a tree: every file below a path is known and good, known and bad, or unknown and listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tallystick.artifacts.cross_checks import cross_check, is_published
from tallystick.artifacts.document_check import UNREADABLE, Failure, check_document
from tallystick.artifacts.open_days import OpenFile, OpenState, is_newest_day, next_segment, state_of, written_now
from tallystick.artifacts.seal import SEAL_NAME, SealFailure, check_seal, is_sealed, sealed_files
from tallystick.artifacts.signature import check_seal_signature
from tallystick.artifacts.store import parse_artifact, read_bytes
from tallystick.contracts.contract import Contract
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract as contract_of
from tallystick.contracts.registry import match

Verifier = Callable[[Path], list[Failure]]
_SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")
_SEAL = "artifacts.seal"
_DAY = "observation.event_day"
_OF_A_DAY = frozenset({_DAY, "observation.stored_event", "observation.stored_message"})
# What a writer at work takes away again: the tail when it becomes a segment, a seal before its folder changes.
_PASSING = frozenset({_SEAL, "observation.event_tail"})


FINAL_FILES = (
    "market.coverage",
    "market.instruments",
    "model_runs.training_summary",
    "runs.report",
    "training.manifest",
    "universe.artifact_manifest",
)
"""Contracts of the files that are written last in their folders."""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """How the files below a path stand.

    unprotected: known and good in form, but no seal, checksum or chain vouches for their bytes. open: not finished, so that nothing can vouch for them yet.
    """

    root: str
    checked: int
    unknown: tuple[str, ...]
    failures: tuple[Failure, ...]
    unprotected: tuple[str, ...]
    open: tuple[OpenFile, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def as_document(self) -> dict[str, Any]:
        """What `verify --json` prints."""
        return {
            "root": self.root,
            "checked": self.checked,
            "unknown": list(self.unknown),
            "failures": [item.as_document() for item in self.failures],
            "unprotected": list(self.unprotected),
            "open": [{"path": item.path, "state": item.state} for item in self.open],
        }


@dataclass(slots=True)
class _Walk:
    """What the walk has found so far."""

    checked: int = 0
    unknown: list[Path] = field(default_factory=list)
    failures: set[Failure] = field(default_factory=set)
    known: set[Path] = field(default_factory=set)
    vouched: set[Path] = field(default_factory=set)
    open: dict[Path, OpenState] = field(default_factory=dict)


def verify(path: Path, *, verifiers: Mapping[str, Verifier] | None = None, public_key: Ed25519PublicKey | None = None) -> VerificationReport:
    """Check every file at or below a path.

    verifiers: for contracts whose bytes need a reader from outside this room (a journal's hash chain), by contract name.
    public_key: when configured, every seal must carry a signature by its private half.
    Raises ArtifactError when there is nothing at the path.
    """
    root = path.resolve()
    if not root.exists():
        raise ArtifactError("expected a file or a folder to verify, found none", where=str(path), hint="Check the path")
    walk = _Walk()
    for file in _files(root):
        _one_file(file, walk, verifiers or {}, public_key)
    _enclosing_seal(root, walk)
    _unsealed(walk)
    _unfinished(walk, public_key)
    shown = root if root.is_dir() else root.parent
    return VerificationReport(
        root=str(root),
        checked=walk.checked,
        unknown=tuple(_relative(file, shown) for file in sorted(walk.unknown)),
        failures=tuple(
            sorted(
                (Failure(_relative(Path(item.path), shown), item.rule, item.expected, item.found) for item in walk.failures),
                key=lambda item: (item.path, item.rule, item.expected),
            )
        ),
        unprotected=tuple(_relative(file, shown) for file in sorted(walk.known - walk.vouched - walk.open.keys())),
        open=tuple(OpenFile(_relative(file, shown), state) for file, state in sorted(walk.open.items())),
    )


def _unsealed(walk: _Walk) -> None:
    """A folder is finished by its last file, and sealed by its producer: the last file without a seal means that one was lost, or never made."""
    for file in sorted(walk.known - walk.vouched):
        found = locate(file)
        if found is not None and found[0].name in FINAL_FILES and not is_published(file):
            walk.failures.add(Failure(str(file), "sealed", "a seal over the finished folder", "none: it was lost, or its producer was stopped"))


def _unfinished(walk: _Walk, public_key: Ed25519PublicKey | None) -> None:
    """What is written while it is verified, or was left open: the newest day of an event store, its next segment, files that replace others in a moment."""
    days = {file.with_name("day.json") for file in walk.known - walk.vouched if (found := locate(file)) is not None and found[0].name in _OF_A_DAY}
    for index in sorted(days):
        # Before the question for its seal: a later day begins when this one is sealed.
        newest = is_newest_day(index)
        if not _seal(index.with_name(SEAL_NAME), walk, public_key):
            _open_day(index, newest, walk)
    temporary = written_now(walk.unknown)
    walk.unknown = [file for file in walk.unknown if file not in temporary]
    walk.open |= {file: "being_written" for file in temporary if file.exists()}


def _open_day(index: Path, newest: bool, walk: _Walk) -> None:
    """A day without a seal: its index is read again, since it may name more segments than the walk saw in it."""
    segments = 0
    if index.is_file():
        try:
            document = parse_artifact(contract_of(_DAY), read_bytes(index), str(index))
        except ArtifactError:
            return  # the walk has said so
        segments = len(document.segments)
        found = cross_check(_DAY, index, document, {})
        walk.failures.update(found.failures)
        walk.vouched |= found.vouched
    mine = {file for file in walk.known - walk.vouched if file.parent == index.parent}
    if newest:
        state = state_of(index)
        walk.open |= dict.fromkeys(mine & {index, *next_segment(index, segments)}, state)
    elif index in mine:
        walk.failures.add(Failure(str(index), "sealed", "a seal over a day that has ended", "none: it was lost"))


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        return [root]
    return sorted(file for file in root.rglob("*") if not file.is_dir())


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def locate(file: Path) -> tuple[Contract, dict[str, str]] | None:
    """The contract of a file and the named parts of its path, wherever its workspace lies: the longest tail of the path that fits."""
    parts = file.parts[1:]
    sealing: tuple[Contract, dict[str, str]] | None = None
    for start in range(len(parts)):
        found = match("/".join(parts[start:]))
        if found is not None and found[0].name.startswith(_SEAL):
            sealing = sealing or found
        elif found is not None:
            return found
    return sealing


def _one_file(file: Path, walk: _Walk, verifiers: Mapping[str, Verifier], public_key: Ed25519PublicKey | None) -> None:
    found = locate(file)
    if found is None:
        companion = next((end for end in _SQLITE_COMPANIONS if file.name.endswith(end)), None)
        owner = locate(file.with_name(file.name.removesuffix(companion))) if companion else None
        if owner is None or owner[0].encoding != "sqlite":
            walk.unknown.append(file)
        return
    contract, parts = found
    if contract.name == _SEAL:
        _seal(file, walk, public_key)
        return
    try:
        data = read_bytes(file)
    except ArtifactError as error:
        if contract.name in _PASSING and isinstance(error.__cause__, FileNotFoundError):
            return
        data = None
        walk.failures.add(Failure(str(file), "readable", "a readable file", error.message))
    walk.checked += 1
    walk.known.add(file)
    if data is None:
        return
    checked = check_document(contract, data, str(file))
    walk.failures.update(checked.failures)
    neighbours = cross_check(contract.name, file, checked.instance, parts)
    walk.failures.update(neighbours.failures)
    walk.vouched |= neighbours.vouched
    if contract.name in verifiers:
        walk.failures.update(_outside(verifiers[contract.name], file))
        walk.vouched.add(file)


def _outside(verifier: Verifier, file: Path) -> list[Failure]:
    """What a verifier from outside this room finds; damage that it cannot even read is a finding too, never a crash of the check."""
    try:
        return verifier(file)
    except UNREADABLE as error:
        return [Failure(str(file), "readable", "bytes that its verifier can read", f"{type(error).__name__}: {error}")]


def _seal(seal: Path, walk: _Walk, public_key: Ed25519PublicKey | None) -> bool:
    """Judge a folder by its seal; False where it has none, or none any more.

    A writer takes the seal off before it changes anything, so what does not agree with a seal that is gone proves nothing.
    """
    folder, broken = seal.parent, _disagreements(seal)
    if broken is None:
        return False
    walk.checked += seal not in walk.known
    walk.known.add(seal)
    walk.failures.update(Failure(str(item.path), "seal", item.expected, item.found) for item in broken)
    if broken:
        # Which of the two was changed cannot be told, so both are named.
        walk.failures.add(Failure(str(seal), "seal", "a seal that says what lies in its folder", f"{len(broken)} lines or files that do not agree"))
    if public_key is not None:
        walk.failures.update(Failure(str(item.path), "signature", item.expected, item.found) for item in check_seal_signature(folder, public_key))
    # The seal of a folder vouches for its own form: any other text than the recomputed one is a failure.
    walk.vouched |= {seal, *sealed_files(folder)}
    return True


def _disagreements(seal: Path) -> list[SealFailure] | None:
    """What does not agree with a seal, looked at once more where it was written anew meanwhile; None where there is none, or none any more."""
    try:
        while (before := _bytes_of(seal)) is not None:
            broken = _broken(seal)
            if not broken or _bytes_of(seal) == before:
                return broken
    except ArtifactError as error:
        return [SealFailure(seal, "a readable file", error.message)]
    return None


def _broken(seal: Path) -> list[SealFailure]:
    try:
        return check_seal(seal.parent)
    except ArtifactError as error:
        return [SealFailure(seal, "a folder of readable files", error.message)]


def _bytes_of(seal: Path) -> bytes | None:
    """None where there is no such file. Raises ArtifactError where it cannot be read."""
    try:
        return read_bytes(seal)
    except ArtifactError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _enclosing_seal(root: Path, walk: _Walk) -> None:
    """A path inside a sealed folder is judged by that seal too, as far as it speaks of the path."""
    if root.is_dir() and is_sealed(root):
        return
    for folder in root.parents:
        if is_sealed(folder):
            broken = [item for item in check_seal(folder) if item.path == root or item.path.is_relative_to(root)]
            walk.failures.update(Failure(str(item.path), "seal", item.expected, item.found) for item in broken)
            walk.vouched |= {file for file in sealed_files(folder) if file == root or file.is_relative_to(root)}
            return
