"""Messages as journal documents and back: Decimals as text, enums as values, nanoseconds as digits (decision 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from pydantic import ValidationError

from tallystick.contracts.checking import adapter
from tallystick.contracts.errors import ContractViolation

Message = TypeVar("Message")

LARGEST_JSON_INTEGER = 2**53 - 1


def document_of(message: Any) -> Any:
    """A message, or any part of one, as JSON values that canonical JSON can carry."""
    if is_dataclass(message) and not isinstance(message, type):
        return {item.name: document_of(getattr(message, item.name)) for item in fields(message)}
    if isinstance(message, Enum):
        return message.value
    if isinstance(message, Decimal):
        return format(message, "f")
    if isinstance(message, Mapping):
        return {str(key): document_of(value) for key, value in message.items()}
    if isinstance(message, tuple | list):
        return [document_of(item) for item in message]
    if isinstance(message, int) and abs(message) > LARGEST_JSON_INTEGER:
        return str(message)
    return message


def message_of(kind: type[Message], document: Any) -> Message:
    """The message that a document holds, strictly. Raises ContractViolation when it is none."""
    try:
        return adapter(kind).validate_json(json.dumps(document).encode(), strict=True)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise ContractViolation(f"expected a {getattr(kind, '__name__', 'message')}, found another document: {error.errors()[0]['msg']}") from error
