"""Canonical JSON (RFC 8785): the same content gives the same bytes and so the same hash."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any

import rfc8785
from pydantic import BaseModel

from tallystick.contracts.errors import ArtifactError

_PLAIN = frozenset({str, int, float, bool, type(None)})
_WHOLE = 2**53
"""From here on a number need not be the whole number that its digits say."""


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
    try:
        body = _ordered(plain(document), "", frozenset(unsorted)) if unsorted else _text(document).encode()
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise ArtifactError(f"expected a document that canonical JSON can carry, found one it refuses: {error}") from error
    return body + b"\n"


def _text(value: Any) -> str:
    """What `rfc8785.dumps(plain(value))` writes. What is common is written here; unusual numbers and texts, and every refusal, are the library's."""
    return _WRITERS.get(type(value), _other)(value)


def _float(value: float) -> str:
    # Between these, Python's shortest form is ECMAScript's but for the point of a whole number.
    if 1e-4 <= value < _WHOLE or -_WHOLE < value <= -1e-4:
        text = repr(value)
        return text[:-2] if text.endswith(".0") else text
    return "0" if value == 0.0 else _unusual(value)


def _integer(value: int) -> str:
    return str(value) if -_WHOLE < value < _WHOLE else _unusual(value)


def _list(value: Sequence[Any]) -> str:
    return f"[{','.join([_WRITERS.get(type(item), _other)(item) for item in value])}]"


def _other(value: Any) -> str:
    members = _members(type(value))  # type: ignore[arg-type]  # a class is hashable, whatever its metaclass says
    if members is not None:
        starts, values_of = members
        return "{" + ",".join([start + _WRITERS.get(type(item), _other)(item) for start, item in zip(starts, values_of(value), strict=True)]) + "}"
    if isinstance(value, Mapping):
        return _object(value)
    made = _made_plain(value)
    # A number or text of a kind of its own, such as NumPy's float64, stays what it is.
    return _unusual(made) if type(made) is type(value) else _text(made)


def _object(found: Mapping[Any, Any]) -> str:
    value = {key if type(key) is str else str(plain(key)): item for key, item in found.items()}
    order = sorted(value, key=None if all(map(str.isascii, value)) else lambda key: key.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join([f"{_quoted(key)}:{_text(value[key])}" for key in order]) + "}"


def _quoted(text: str) -> str:
    plainly = text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plainly else _unusual(text)


def _unusual(value: Any) -> str:
    return rfc8785.dumps(value).decode()


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    float: _float,
    str: _quoted,
    int: _integer,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _value: "null",
    list: _list,
    tuple: _list,
    dict: _object,
}


@lru_cache(maxsize=512)
def _members(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]] | None:
    """What comes before each field of a dataclass in canonical order, and their values; None for any other type."""
    if not is_dataclass(kind) or issubclass(kind, BaseModel):
        return None
    names = sorted((item.name for item in fields(kind)), key=lambda name: name.encode("utf-16-be"))
    # Of a single name `attrgetter` gives the value alone.
    values_of = attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, name) for name in names)
    return tuple(f"{_quoted(name)}:" for name in names), values_of


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
