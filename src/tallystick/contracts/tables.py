"""CSV artifacts as documents: a header, then one row per line; each row has a shape, so a table is checked like any other document.

The shape of a CSV contract has two fields, `columns` (the header, in order) and `rows`. Text becomes a number or a flag as the row's shape says;
an empty cell is null. Floats are written in their shortest exact form, flags as `true` and `false`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from tallystick.contracts.contract import Shape
from tallystick.contracts.errors import ArtifactError

_FLAGS = {"true": True, "false": False}


def row_shape(table: type[Shape]) -> type[Shape]:
    """The shape of one row. Raises ArtifactError for a shape that is no table."""
    field = table.model_fields.get("rows")
    parts = get_args(field.annotation) if field is not None else ()
    if not parts:
        raise ArtifactError(f"expected a table with rows, found the shape {table.__name__}")
    found: type[Shape] = parts[0]
    return found


def _kinds(annotation: Any) -> Iterator[type[Any]]:
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    elif annotation in (NoneType, float, int, bool, str):
        yield annotation
    else:
        for part in get_args(annotation)[:1]:
            yield from _kinds(part) if isinstance(part, type) else [type(part)]


def _value(kinds: Sequence[type[Any]], text: str) -> object:
    if text == "" and NoneType in kinds:
        return None
    try:
        if bool in kinds:
            return _FLAGS[text]
        if int in kinds:
            return int(text)
        return float(text) if float in kinds else text
    except (ValueError, KeyError):
        # The text stays: the shape refuses it and names the field.
        return text


def table_document(table: type[Shape], data: bytes, where: str = "") -> dict[str, object]:
    """The bytes of a CSV file as `{"columns": […], "rows": [{…}]}`, not yet checked. Raises ArtifactError for bytes that are no whole table."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"expected UTF-8 text, found bytes that are not: {error}", where=where) from error
    if not text.endswith("\n") or "\r" in text:
        raise ArtifactError("expected a CSV table whose lines end in a line feed, found one that is cut or written otherwise", where=where)
    try:
        columns, *lines = list(csv.reader(text.split("\n")[:-1], strict=True))
    except csv.Error as error:
        raise ArtifactError(f"expected a CSV table, found text that is not one: {error}", where=where) from error
    kinds = {name: tuple(_kinds(field.annotation)) for name, field in row_shape(table).model_fields.items()}
    rows: list[dict[str, object]] = []
    for number, line in enumerate(lines, start=2):
        if len(line) != len(columns):
            raise ArtifactError(f"expected {len(columns)} cells in line {number}, found {len(line)}", where=where)
        rows.append({name: _value(kinds.get(name, (str,)), cell) for name, cell in zip(columns, line, strict=True)})
    return {"columns": columns, "rows": rows}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # A number needs no quotes; a float's shortest exact form is its repr.
    if isinstance(value, int | float):
        return repr(value) if isinstance(value, float) else str(value)
    text = str(value)
    if "\n" in text or "\r" in text:
        raise ArtifactError(f"expected a cell on one line, found {text!r}")
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if "," in text or '"' in text else text


def table_bytes(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> bytes:
    """The CSV bytes of a table: the header, then each row in the header's order, lines ended by a line feed."""
    lines = [",".join(columns), *(",".join(_cell(row.get(name)) for name in columns) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()
