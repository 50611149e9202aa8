"""Credentials that are missing or wrong, a bucket that is missing, a network that is gone: one sentence each, with what to do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.fakes.store_servers import point_to

from tallystick.adapters.stores.firestore_documents import FirestoreDocument
from tallystick.adapters.stores.google_objects import GoogleObjects
from tallystick.apps.assembly import document_store, object_store
from tallystick.contracts.errors import ArtifactError, ConfigurationError
from tallystick.universe.ports import StoreUnavailable

NOBODY = 9
"""A port on which nothing listens."""


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that answers every request with one status."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_PUT = do_POST = _answer

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def refusing(code: grpc.StatusCode) -> Iterator[int]:
    """A Firestore server that refuses every request."""

    def refuse(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.abort(code, "no")
        yield b""

    def refuse_one(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(code, "no")
        return b""

    handlers = {"BatchGetDocuments": grpc.unary_stream_rpc_method_handler(refuse), "Commit": grpc.unary_unary_rpc_method_handler(refuse_one)}
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def both(open_store: Callable[[], Any], error: type[Exception], says: str) -> None:
    """Reading and writing fail alike."""
    for act in (lambda store: store.get("a"), lambda store: store.put("a", b"x", None)):
        with pytest.raises(error, match=says):
            act(open_store())


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_s3_credentials(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(status) as port:
        point_to(monkeypatch, s3=port)
        both(lambda: object_store("s3://some-bucket"), ConfigurationError, "credentials that may do this.*AWS_ACCESS_KEY_ID")


def test_missing_s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, s3=NOBODY)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{NOBODY}")
    with pytest.raises(ConfigurationError, match=r"expected credentials, found none.*AWS_ACCESS_KEY_ID"):
        object_store("s3://some-bucket").get("a")


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_google_credentials(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(status) as port:
        point_to(monkeypatch, gcs=port)
        both(lambda: object_store("gs://some-bucket"), ConfigurationError, r"expected credentials.*GOOGLE_APPLICATION_CREDENTIALS")


@pytest.mark.parametrize("address", ["gs://some-bucket", "firestore://some-project"])
@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_missing_or_broken_google_credentials(address: str, content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    key = tmp_path / "key.json"
    if content is not None:
        key.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    opened: Callable[[str], object] = object_store if address.startswith("gs") else document_store
    with pytest.raises(ConfigurationError, match="expected credentials, found none that work"):
        opened(address)


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED])
def test_wrong_firestore_credentials(code: grpc.StatusCode, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing(code) as port:
        point_to(monkeypatch, firestore=port)
        document = document_store("firestore://some-project")
        with pytest.raises(ConfigurationError, match="credentials that may do this"):
            document.get()
        with pytest.raises(ConfigurationError, match="credentials that may do this"):
            document.put({"a": 1}, None)


def test_a_missing_bucket_is_named_as_such(s3_port: int, google_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, s3=s3_port, gcs=google_port)
    for address in ("s3://no-such-bucket", "gs://no-such-bucket"):
        with pytest.raises(ConfigurationError, match="expected the bucket, found none of that name"):
            object_store(address).put("a", b"x", None)


def test_a_network_that_is_gone_is_unavailable_and_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, s3=NOBODY, gcs=NOBODY, firestore=NOBODY)
    both(lambda: object_store("s3://some-bucket"), StoreUnavailable, "expected an answer of the store")
    both(lambda: GoogleObjects("some-bucket", "", patience_s=0.3), StoreUnavailable, "expected an answer of the store")
    document = FirestoreDocument("some-project", "c", "d", patience_s=0.3)
    with pytest.raises(StoreUnavailable, match="expected an answer of the store"):
        document.get()
    with pytest.raises(StoreUnavailable, match="expected an answer of the store"):
        document.put({"a": 1}, None)


def test_a_client_of_google_starts_no_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", raising=False)
    point_to(monkeypatch, gcs=NOBODY)
    before = set(threading.enumerate())
    with pytest.raises(StoreUnavailable):
        GoogleObjects("some-bucket", "", patience_s=0.3).get("a")
    assert set(threading.enumerate()) <= before


def test_a_server_that_fails_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(500) as port, refusing(grpc.StatusCode.UNAVAILABLE) as firestore:
        point_to(monkeypatch, s3=port, gcs=port, firestore=firestore)
        with pytest.raises(StoreUnavailable):
            object_store("s3://some-bucket").get("a")
        with pytest.raises(StoreUnavailable):
            GoogleObjects("some-bucket", "", patience_s=0.3).get("a")
        with pytest.raises(StoreUnavailable):
            FirestoreDocument("some-project", "c", "d", patience_s=0.3).get()


@pytest.mark.parametrize(
    ("address", "module", "library"),
    [("gs://some-bucket", "google_objects", "google-cloud-storage"), ("firestore://some-project", "firestore_documents", "google-cloud-firestore")],
)
def test_a_library_that_is_not_installed_is_said_loud(address: str, module: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"tallystick.adapters.stores.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    monkeypatch.setitem(sys.modules, "google.cloud.firestore", None)
    monkeypatch.delattr("google.cloud.firestore", raising=False)
    opened: Callable[[str], object] = object_store if address.startswith("gs") else document_store
    with pytest.raises(ConfigurationError, match=f"expected the library {library}, found it is not installed.*tallystick\\[gcp\\]"):
        opened(address)


def test_a_folder_that_cannot_be_read_or_written_is_an_artifact_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ArtifactError, match="readable file"):
        object_store(str(tmp_path)).get("a")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError):
        object_store(str(tmp_path / "file")).put("a", b"x", None)
