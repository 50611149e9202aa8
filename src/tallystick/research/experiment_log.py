"""Finished experiments of a search that is under way, one line each, so that the same command after a crash repeats none of them."""

from __future__ import annotations

import os
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tallystick.artifacts.atomic import make_folder, write_atomic_bytes, write_error
from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import encode_artifact, parse_artifact, read_bytes
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.research.trials import Trial, TrialPart, Window

_LOG = "research.experiment_log"
Wanted = tuple[str, str, str]


def search_key(facts: Mapping[str, Any]) -> str:
    """SHA-256 over everything that decides an experiment's result: configuration, data, code."""
    return sha256_bytes(canonical_json(facts))


class ExperimentLog:
    """`state/searches/<key>.jsonl`. A line that a crash cut off is dropped; lines of the same key are believed, since the key names data and code."""

    def __init__(self, workspace: Workspace, key: str) -> None:
        self._key = key
        self.path: Path = workspace.path(_LOG, key=key)
        self._known: dict[Wanted, Trial] = {}

    @property
    def known(self) -> int:
        """How many finished experiments were found or written."""
        return len(self._known)

    def load(self) -> int:
        """Read what an earlier process left; answer how many experiments it had finished. Raises ArtifactError for a file that cannot be read."""
        if not self.path.is_file():
            return 0
        data = read_bytes(self.path)
        whole = []
        for line in data.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                record = parse_artifact(contract(_LOG), line, str(self.path))
            except ArtifactError:
                break
            if record.key != self._key:
                break
            error = None if record.error is None else (record.error[0], record.error[1])
            try:
                trial = Trial(dict(record.params), dict(record.figures), _unpacked(record.period_returns), error)
            except (ValueError, struct.error):
                break
            whole.append(line)
            self._known[record.start, record.end, _text(record.params)] = trial
        if sum(map(len, whole)) != len(data):
            write_atomic_bytes(self.path, b"".join(whole))
        return len(self._known)

    def find(self, window: Window, proposal: Mapping[str, float]) -> Trial | None:
        """The finished experiment, or None."""
        return self._known.get((*window.text, _text(proposal)))

    def add(self, part: TrialPart, trials: Sequence[Trial]) -> None:
        """Write finished experiments, durably. Raises ArtifactError when the disk refuses."""
        start, end = part.window.text
        lines = b""
        for trial in trials:
            self._known[start, end, _text(trial.proposal)] = trial
            record = {
                "key": self._key,
                "start": start,
                "end": end,
                "params": dict(trial.proposal),
                "figures": dict(trial.figures),
                "period_returns": _packed(trial.period_returns),
                "error": None if trial.error is None else list(trial.error),
            }
            lines += encode_artifact(contract(_LOG), record)
        make_folder(self.path.parent)
        try:
            with self.path.open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise write_error(self.path, error) from error

    def remove(self) -> None:
        """The search has ended: its run folder says everything."""
        self.path.unlink(missing_ok=True)


def _packed(values: Sequence[float]) -> str:
    return b64encode(struct.pack(f"<{len(values)}d", *values)).decode()


def _unpacked(text: str) -> tuple[float, ...]:
    data = b64decode(text, validate=True)
    return struct.unpack(f"<{len(data) // 8}d", data)


def _text(params: Mapping[str, Any]) -> str:
    return canonical_json({name: float(value) for name, value in params.items()}).decode()
