"""Cassettes: recorded HTTP exchanges as YAML, in the two dialects that are common (Python's and Go's)."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tallystick.adapters.recordings.recorded_message import RecordedMessage, in_64_bits
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_SECOND

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_cassette(path: Path, name: str) -> Iterator[RecordedMessage]:
    """The answers of a cassette of this name in order, each with what was asked and the time of its Date header. Raises DataError for another kind of file."""
    try:
        document = yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506 - both loaders are safe ones
    except (OSError, yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        raise DataError(f"expected a cassette, found a file that cannot be read: {error}", where=str(path)) from error
    exchanges = document.get("interactions") if isinstance(document, dict) else None
    if not isinstance(exchanges, list):
        raise DataError("expected a cassette with interactions, found none", where=str(path))
    for number, exchange in enumerate(exchanges, 1):
        try:
            request, response = exchange["request"], exchange["response"]
            body = response["body"]
            content = body["string"] if isinstance(body, dict) else body
            asked = _text(request.get("body")) or _target(request)
            at_ns = _date(response.get("headers"))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataError(f"expected interaction {number} with a request and a response, found another: {error!r}", where=str(path)) from error
        message = content if isinstance(content, bytes) else str(content or "").encode()
        yield RecordedMessage(message, at_ns, f"{name}:{number}", asked)


def _text(body: Any) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")


def _target(request: dict[str, Any]) -> str:
    parts = urlsplit(str(request.get("uri") or request.get("url") or ""))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _date(headers: Any) -> int:
    values = next((value for name, value in (headers or {}).items() if str(name).lower() == "date"), None)
    text = values[0] if isinstance(values, list) and values else values
    try:
        return in_64_bits(int(parsedate_to_datetime(str(text)).timestamp()) * NS_PER_SECOND) or 0
    except (ValueError, TypeError, OverflowError):
        return 0
