"""Addresses as people write them."""

from __future__ import annotations

import pytest

from tallystick.apps.store_addresses import StoreAddress, document_address, object_address
from tallystick.contracts.errors import ConfigurationError

POOL = "strategy/CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("gs://bucket", StoreAddress("gs", "bucket", "")),
        ("gs://bucket/", StoreAddress("gs", "bucket", "")),
        ("gs://bucket/a/b/", StoreAddress("gs", "bucket", "a/b")),
        ("s3://bucket/crypto-live-pool-pipelines", StoreAddress("s3", "bucket", "")),
        ("s3://bucket/a/crypto-live-pool-pipelines/", StoreAddress("s3", "bucket", "a")),
        ("file:///srv/pool/", StoreAddress("file", "", "/srv/pool")),
        ("file:///srv/crypto-live-pool-pipelines", StoreAddress("file", "", "/srv")),
        ("objects/local", StoreAddress("file", "", "objects/local")),
    ],
)
def test_object_addresses(text: str, address: StoreAddress) -> None:
    assert object_address(text) == address


@pytest.mark.clause("D5.27")
@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("firestore://project", StoreAddress("firestore", "project", POOL)),
        ("firestore://project/other/DOC", StoreAddress("firestore", "project", "other/DOC")),
        ("file:///srv/documents", StoreAddress("file", "", f"/srv/documents/{POOL}.json")),
        ("file:///srv/pool.json", StoreAddress("file", "", "/srv/pool.json")),
        ("documents", StoreAddress("file", "", f"documents/{POOL}.json")),
    ],
)
def test_document_addresses(text: str, address: StoreAddress) -> None:
    assert document_address(text) == address


@pytest.mark.parametrize("text", ["", "http://host/x", "gs://", "gs:///x", "s3://b", "gs://bucket/../x", "file://host/x", "firestore://project"])
def test_what_is_no_object_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        object_address(text)


@pytest.mark.parametrize("text", ["", "gs://bucket", "firestore://", "firestore://project/only", "firestore://p/a/b/c", "file://host/x"])
def test_what_is_no_document_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        document_address(text)
