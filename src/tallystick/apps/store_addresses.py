"""Addresses of object stores and of the summary document, as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.pool import COLLECTION, DOCUMENT
from tallystick.contracts.pool_rules import NAMESPACE

_URL = re.compile(r"^([a-z][a-z0-9+.-]*)://([^/]*)/?(.*)$")
_BUCKET = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")
_PART = re.compile(r"^(?!\.{1,2}$)(?!__.*__$)[^/\x00-\x1f]+$")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """`path`: a folder or file for `file`, a prefix below the bucket for `gs` and `s3`, `collection/document` for `firestore`; `host`: bucket or project."""

    scheme: Literal["file", "gs", "s3", "firestore"]
    host: str
    path: str


def object_address(text: str) -> StoreAddress:
    """`gs://bucket[/prefix]`, `s3://bucket[/prefix]`, `file:///folder` or a folder; a final namespace of the layout is taken off, as it is always added.

    Raises ConfigurationError for anything else.
    """
    match = _URL.match(text)
    scheme = match.group(1) if match else "file"
    if scheme == "file":
        path = _local(text, match)
        return StoreAddress("file", "", path.removesuffix(f"/{NAMESPACE}") or "/")
    if match is None or scheme not in ("gs", "s3"):
        raise ConfigurationError(f"expected an address file://, gs:// or s3://, found {text!r}")
    bucket, prefix = match.group(2), match.group(3).rstrip("/")
    if not _BUCKET.match(bucket):
        raise ConfigurationError(f"expected the name of a bucket after {scheme}://, found {bucket!r}", where=text)
    prefix = f"/{prefix}".removesuffix(f"/{NAMESPACE}").lstrip("/")
    if prefix and not all(_PART.match(part) for part in prefix.split("/")):
        raise ConfigurationError(f"expected a prefix of plain names, found {prefix!r}", where=text)
    return StoreAddress("gs" if scheme == "gs" else "s3", bucket, prefix)


def document_address(text: str) -> StoreAddress:
    """`firestore://PROJECT[/collection/document]`, `file:///folder`, a folder, or a file that ends in `.json`.

    A folder holds `<collection>/<document>.json`; collection and document are document 5's by default. Raises ConfigurationError for anything else.
    """
    match = _URL.match(text)
    scheme = match.group(1) if match else "file"
    if scheme == "file":
        path = _local(text, match)
        return StoreAddress("file", "", path if path.endswith(".json") else f"{path.rstrip('/')}/{COLLECTION}/{DOCUMENT}.json")
    if match is None or scheme != "firestore":
        raise ConfigurationError(f"expected an address file:// or firestore://PROJECT, found {text!r}")
    project, path = match.group(2), match.group(3).rstrip("/") or f"{COLLECTION}/{DOCUMENT}"
    if not _PART.match(project) or len(path.split("/")) != 2 or not all(_PART.match(part) for part in path.split("/")):
        raise ConfigurationError(f"expected firestore://PROJECT or firestore://PROJECT/collection/document, found {text!r}")
    return StoreAddress("firestore", project, path)


def _local(text: str, match: re.Match[str] | None) -> str:
    if not text:
        raise ConfigurationError("expected an address, found an empty text")
    if match is None:
        return text.rstrip("/") or "/"
    if match.group(2):
        raise ConfigurationError(
            f"expected file:// and an absolute path, found {text!r}", hint=f"Write file:///{match.group(2)}/…, or a folder without file://"
        )
    return f"/{match.group(3).rstrip('/')}"
