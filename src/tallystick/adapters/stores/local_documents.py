"""The summary document as a JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tallystick.artifacts.canonical import parse_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.folder_lock import locked
from tallystick.artifacts.store import read_bytes, write_artifact
from tallystick.contracts.errors import ArtifactError
from tallystick.contracts.registry import contract
from tallystick.universe.ports import StoreConflict, StoredDocument

_DAMAGED = "Delete this file: the next publish or rollback writes it anew"


class LocalDocument:
    """One file. The revision is the SHA-256 of its bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @property
    def url(self) -> str:
        """`file://` and the file."""
        return f"file://{self._path.as_posix()}"

    def get(self) -> StoredDocument | None:
        """The fields. Raises ArtifactError for a file that is no JSON object."""
        if not self._path.is_file():
            return None
        data = read_bytes(self._path)
        try:
            fields = parse_json(data, self.url)
        except ArtifactError as error:
            raise ArtifactError(error.message, where=self.url, hint=_DAMAGED) from error
        if not isinstance(fields, dict):
            raise ArtifactError(f"expected a JSON object, found {type(fields).__name__}", where=self.url, hint=_DAMAGED)
        return StoredDocument(fields, sha256_bytes(data))

    def put(self, fields: Mapping[str, Any], revision: str | None) -> str:
        """Compare and rename under a lock of the folder."""
        with locked(self._path.parent):
            found = sha256_bytes(read_bytes(self._path)) if self._path.is_file() else None
            if found != revision:
                raise StoreConflict(
                    f"expected {'no document' if revision is None else 'the document that was read'}, found {'none' if found is None else 'another'}",
                    where=self.url,
                )
            return write_artifact(contract("universe.summary_document"), self._path, dict(fields))
