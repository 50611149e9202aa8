"""Checking a document against its contract: shape first, then rules; on writing, unknown fields too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from tallystick.contracts.contract import Contract, Finding
from tallystick.contracts.errors import ContractViolation, TallystickError

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def adapter(shape: type[Any]) -> TypeAdapter[Any]:
    """The pydantic adapter of a shape, built once."""
    if shape not in _ADAPTERS:
        _ADAPTERS[shape] = TypeAdapter(shape)
    return _ADAPTERS[shape]


def shape_of(contract: Contract) -> type[Any]:
    """The shape of a contract. Raises ContractViolation for a contract whose bytes are not ours to parse."""
    if contract.shape is None:
        raise ContractViolation(f"{contract.name} has no document shape: its bytes belong to a library", where=contract.name)
    return contract.shape


def parse_bytes(contract: Contract, data: bytes, where: str = "") -> Any:
    """The JSON document as its shape, strictly (integers are accepted for floats). Raises ContractViolation naming the first field that is wrong."""
    try:
        return adapter(shape_of(contract)).validate_json(data, strict=True)
    except ValidationError as error:
        raise _violation(contract, error, where) from error
    except TallystickError as error:
        raise ContractViolation(f"{contract.name}: {error.message}", where=where or contract.name) from error


def parse(contract: Contract, document: object, where: str = "") -> Any:
    """As `parse_bytes`, for a document in memory."""
    try:
        data = json.dumps(document, allow_nan=True).encode()
    except (TypeError, ValueError) as error:
        raise ContractViolation(f"{contract.name}: expected plain values, found another: {error}", where=where or contract.name) from error
    return parse_bytes(contract, data, where)


def shape_problems(contract: Contract, data: bytes) -> list[str]:
    """Every field in which the JSON bytes are not of the contract's shape, in words; none for bytes that are."""
    try:
        adapter(shape_of(contract)).validate_json(data, strict=True)
    except ValidationError as error:
        return [_problem(item) for item in error.errors(include_url=False, include_context=False)]
    return []


def _violation(contract: Contract, error: ValidationError, where: str) -> ContractViolation:
    problems = error.errors(include_url=False, include_context=False)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return ContractViolation(f"{contract.name}: {_problem(problems[0])}{more}", where=where or contract.name)


def _problem(item: ErrorDetails) -> str:
    field = ".".join(str(part) for part in item["loc"]) or "document"
    found = "nothing" if item["type"] == "missing" else _short(item.get("input"))
    return f"field {field}: {item['msg'].lower()}, found {found}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def findings(contract: Contract, instance: Any) -> list[Finding]:
    """Every rule of the contract that the parsed document breaks."""
    found = []
    for rule in contract.rules:
        try:
            answer = rule.holds(instance)
        except (TallystickError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A rule that cannot be computed on a damaged document is broken by it.
            answer = f"a document on which the rule cannot be computed: {error}"
        if answer is not None:
            found.append(Finding(rule=rule.name, expected=rule.says, found=answer))
    return found


def unknown_fields(contract: Contract, instance: Any) -> list[str]:
    """Dotted names of fields that the shape does not know and no open map admits (decision 5)."""
    return sorted(name for container, name in _extras(instance, ()) if not _is_open(contract.open_maps, container))


def _extras(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            yield path, ".".join((*path, name))
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _extras(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _extras(item, (*path, str(index)))


def _is_open(open_maps: tuple[str, ...], container: tuple[str, ...]) -> bool:
    for pattern in open_maps:
        parts = pattern.split(".")
        if len(parts) <= len(container) and all(part in ("*", have) for part, have in zip(parts, container, strict=False)):
            return True
    return False


def check(contract: Contract, instance: Any, where: str = "") -> None:
    """Raise ContractViolation with the first broken rule, and the count of the others."""
    broken = findings(contract, instance)
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise ContractViolation(f"{contract.name}: {broken[0]}{more}", where=where or contract.name)
