"""Objects as files below a folder."""

from __future__ import annotations

from pathlib import Path

from tallystick.artifacts.atomic import write_atomic_bytes
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.folder_lock import locked
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ArtifactError
from tallystick.universe.ports import StoreConflict, StoredObject


class LocalObjects:
    """A folder as an object store. The folder is made by the first write; reading makes nothing."""

    def __init__(self, root: Path) -> None:
        self._root = Workspace(root.absolute())

    @property
    def url(self) -> str:
        """`file://` and the folder."""
        return f"file://{self._root.root.as_posix()}"

    def get(self, name: str) -> StoredObject | None:
        """The file's bytes; the revision is their SHA-256."""
        try:
            data = self._root.at(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ArtifactError(f"expected a readable file, found: {error.strerror}", where=f"{self.url}/{name}") from error
        return StoredObject(data, sha256_bytes(data))

    def put(self, name: str, data: bytes, revision: str | None) -> str:
        """Compare and rename under one lock for the whole store, so that no other process writes in between; a crash releases it."""
        with locked(self._root.root):
            found = self.get(name)
            if (None if found is None else found.revision) != revision:
                state = "none" if found is None else "other bytes"
                raise StoreConflict(f"expected {'no object' if revision is None else 'the object that was read'}, found {state}", where=f"{self.url}/{name}")
            return write_atomic_bytes(self._root.at(name), data)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Files below a folder, without what a killed writer left."""
        folder = self._root.at(prefix)
        found = (self._root.relative(path) for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".tmp"))
        return tuple(sorted(found))
