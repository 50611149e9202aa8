"""The three servers for tests, started once a test process: real processes on free loopback ports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripts.store_services import BUCKET, make_bucket, serving, settings_of

__all__ = ["BUCKET", "firestore_port", "google_port", "point_to", "s3_port"]


@pytest.fixture(scope="session")
def google_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Google Cloud Storage server with the bucket."""
    with serving("gcs", tmp_path_factory.mktemp("servers") / "gcs.log") as port:
        yield port


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An S3 server with the bucket."""
    with serving("s3", tmp_path_factory.mktemp("servers") / "s3.log") as port:
        make_bucket(port)
        yield port


@pytest.fixture(scope="session")
def firestore_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Firestore server."""
    with serving("firestore", tmp_path_factory.mktemp("servers") / "firestore.log") as port:
        yield port


def point_to(monkeypatch: pytest.MonkeyPatch, **ports: int) -> None:
    """Set the addresses that lead the clients to servers: gcs, s3, firestore."""
    for name, value in settings_of(ports).items():
        monkeypatch.setenv(name, value)
