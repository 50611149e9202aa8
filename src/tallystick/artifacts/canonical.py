"""Canonical JSON (RFC 8785): the same content gives the same bytes and so the same hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import rfc8785
from pydantic import BaseModel

from tallystick.contracts.errors import ArtifactError

_PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """Shapes, dataclasses, enums, tuples and decimals as plain JSON values; unset optional fields of a shape are left out.

    Raises ArtifactError for a value that JSON cannot carry.
    """
    # Most of every document is plain already; asking a shape's metaclass about each number costs more than all the rest.
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {key if type(key) is str else str(plain(key)): plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    return _made_plain(value)


def _made_plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="python", exclude_unset=True))
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "item"):
        return value.item()
    raise ArtifactError(f"expected a value that JSON can carry, found {type(value).__name__}")


def canonical_json(document: Any, unsorted: Sequence[str] = ()) -> bytes:
    """RFC 8785 bytes and a final newline. Keys of the fields named in `unsorted` (dotted) keep their order (decision 56).

    Raises ArtifactError for NaN, infinities, and integers above 2^53 − 1.
    """
    value = plain(document)
    try:
        body = _ordered(value, "", frozenset(unsorted)) if unsorted else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise ArtifactError(f"expected a document that canonical JSON can carry, found one it refuses: {error}") from error
    return body + b"\n"


def _ordered(value: Any, path: str, unsorted: frozenset[str]) -> bytes:
    # What no such field lies in or below is encoded at once.
    if isinstance(value, dict) and any(name == path or name.startswith(f"{path}." if path else "") for name in unsorted):
        keys = list(value) if path in unsorted else sorted(value, key=lambda key: key.encode("utf-16-be"))
        rows = (rfc8785.dumps(key) + b":" + _ordered(value[key], f"{path}.{key}" if path else key, unsorted) for key in keys)
        return b"{" + b",".join(rows) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(_ordered(item, path, unsorted) for item in value) + b"]"
    return rfc8785.dumps(value)


def _number(text: str) -> int | float:
    """RFC 8785 writes whole floats without a point, so digits beyond 2^53 − 1 can only have been a float."""
    value = int(text)
    return value if abs(value) < 2**53 else float(text)


def parse_json(data: bytes, where: str = "") -> Any:
    """The JSON value of the bytes, key order kept. Raises ArtifactError for text that is cut, has a key twice, or NaN."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            twice = sorted({key for key, _ in items if sum(key == other for other, _ in items) > 1})
            raise ArtifactError(f"expected each key once, found {', '.join(twice)} twice", where=where)
        return found

    def constant(name: str) -> Any:
        raise ArtifactError(f"expected a number, found {name}", where=where)

    try:
        return json.loads(data, object_pairs_hook=pairs, parse_constant=constant, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"expected a whole JSON document, found {len(data)} bytes that are not one: {error}", where=where) from error
