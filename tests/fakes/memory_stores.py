"""Stores in memory behind the universe's ports, and a wrapper that stops everything after a number of steps, as a kill would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tallystick.artifacts.canonical import plain
from tallystick.universe.ports import DocumentStore, ObjectStore, StoreConflict, StoredDocument, StoredObject, StoreUnavailable


class MemoryObjects:
    """Objects by name; a revision is a count that never comes back."""

    def __init__(self, url: str = "gs://memory") -> None:
        self.url, self.objects, self._count = url, dict[str, StoredObject](), 0

    def get(self, name: str) -> StoredObject | None:
        return self.objects.get(name)

    def put(self, name: str, data: bytes, revision: str | None) -> str:
        found = self.objects.get(name)
        if (None if found is None else found.revision) != revision:
            raise StoreConflict("expected the object as it was read, found that it has changed", where=name)
        self._count += 1
        self.objects[name] = StoredObject(data, str(self._count))
        return str(self._count)

    def names(self, prefix: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.objects if name.startswith(prefix)))


class MemoryDocument:
    """One document. Like Firestore it keeps the order of lists, and sorts the keys of maps."""

    def __init__(self, url: str = "firestore://memory") -> None:
        self.url, self.stored, self._count = url, None, 0
        self.stored: StoredDocument | None

    def get(self) -> StoredDocument | None:
        return self.stored

    def put(self, fields: Mapping[str, Any], revision: str | None) -> str:
        if (None if self.stored is None else self.stored.revision) != revision:
            raise StoreConflict("expected the document as it was read, found that it has changed", where=self.url)
        self._count += 1
        kept = {} if self.stored is None else dict(self.stored.fields)
        self.stored = StoredDocument(_sorted({**kept, **plain(fields)}), str(self._count))
        return str(self._count)


def _sorted(value: Any) -> Any:
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


class Killed(BaseException):
    """The process is gone."""


class Steps:
    """Counts the steps of a run over all its stores, and ends it at one: before the step happens, or after."""

    def __init__(self, last: int | None = None, *, after: bool = True, error: Callable[[], BaseException] = Killed) -> None:
        self.last, self.after, self.error, self.taken = last, after, error, 0

    def take(self, step: Callable[[], Any]) -> Any:
        self.taken += 1
        if self.taken == self.last and not self.after:
            raise self.error()
        found = step()
        if self.taken == self.last:
            raise self.error()
        return found


def network_gone() -> BaseException:
    """What a store says when its network is gone."""
    return StoreUnavailable("expected an answer of the store, found: connection refused")


class SteppedObjects:
    """An object store whose every operation is a step."""

    def __init__(self, store: ObjectStore, steps: Steps) -> None:
        self._store, self._steps = store, steps

    @property
    def url(self) -> str:
        return self._store.url

    def get(self, name: str) -> StoredObject | None:
        return self._steps.take(lambda: self._store.get(name))

    def put(self, name: str, data: bytes, revision: str | None) -> str:
        return str(self._steps.take(lambda: self._store.put(name, data, revision)))

    def names(self, prefix: str) -> tuple[str, ...]:
        return tuple(self._steps.take(lambda: self._store.names(prefix)))


class SteppedDocument:
    """A document store whose every operation is a step."""

    def __init__(self, store: DocumentStore, steps: Steps) -> None:
        self._store, self._steps = store, steps

    @property
    def url(self) -> str:
        return self._store.url

    def get(self) -> StoredDocument | None:
        return self._steps.take(self._store.get)

    def put(self, fields: Mapping[str, Any], revision: str | None) -> str:
        return str(self._steps.take(lambda: self._store.put(fields, revision)))
