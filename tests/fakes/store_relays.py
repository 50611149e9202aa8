"""Relays in front of the servers for tests: they record what a client puts on the wire, and enforce the preconditions that those servers ignore."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import grpc
from google.cloud.firestore_v1.types import firestore as messages


@dataclass(slots=True)
class Wire:
    """What passed: the address of the relay, each upload's name with its ifGenerationMatch (None where it had none), or each commit's precondition."""

    address: str = ""
    uploads: list[tuple[str, str | None]] = field(default_factory=list)
    preconditions: list[str] = field(default_factory=list)


@contextmanager
def google_relay(port: int) -> Iterator[Wire]:
    """In front of a storage server at a loopback port: an upload whose ifGenerationMatch does not hold gets 412, as from Google."""
    wire, lock = Wire(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: two of them would wait for each other's acknowledgement.
        wbufsize = 1 << 16
        disable_nagle_algorithm = True

        def _relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                status, headers, content = self._refused(body) or _ask(port, self.command, self.path, body, dict(self.headers))
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _relay

        def _refused(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
            parts = urlsplit(self.path)
            if self.command != "POST" or not parts.path.startswith("/upload/"):
                return None
            query = parse_qs(parts.query)
            wanted = query.get("ifGenerationMatch", [None])[0]
            name = query["name"][0] if "name" in query else str(json.loads(body.split(b"\r\n\r\n", 2)[1].split(b"\r\n")[0])["name"])
            wire.uploads.append((name, wanted))
            place = parts.path.removeprefix("/upload") + "/" + quote(name, safe="")
            status, _, content = _ask(port, "GET", place, b"", {})
            found = str(json.loads(content)["generation"]) if status == 200 else "0"
            if wanted is None or wanted == found:
                return None
            return 412, {"Content-Type": "application/json"}, b'{"error": {"code": 412, "message": "conditionNotMet"}}'

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    wire.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield wire
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _ask(port: int, command: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(command, path, body, {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@contextmanager
def firestore_relay(port: int) -> Iterator[Wire]:
    """In front of a Firestore server: a commit whose update-time precondition does not hold is refused, as by Google."""
    wire, lock = Wire(), threading.Lock()
    upstream = grpc.insecure_channel(f"127.0.0.1:{port}")
    service = "/google.firestore.v1.Firestore"

    def batch_get(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from upstream.unary_stream(f"{service}/BatchGetDocuments")(request, timeout=10)

    def commit(request: bytes, context: grpc.ServicerContext) -> bytes:
        with lock:
            parsed = messages.CommitRequest.deserialize(request)
            for write in parsed.writes:
                condition = write.current_document._pb.WhichOneof("condition_type") or "none"
                wire.preconditions.append(condition)
                if condition == "update_time" and _update_time(parsed.database, write.update.name) != write.current_document._pb.update_time:
                    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the stored version does not match the required base version")
            try:
                return bytes(upstream.unary_unary(f"{service}/Commit")(request, timeout=10))
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
                raise

    def _update_time(database: str, name: str) -> object:
        request = messages.BatchGetDocumentsRequest(database=database, documents=[name])
        for answer in upstream.unary_stream(f"{service}/BatchGetDocuments")(messages.BatchGetDocumentsRequest.serialize(request), timeout=10):
            found = messages.BatchGetDocumentsResponse.deserialize(answer)
            if found.found.name:
                return found.found._pb.update_time
        return None

    handlers = {"BatchGetDocuments": grpc.unary_stream_rpc_method_handler(batch_get), "Commit": grpc.unary_unary_rpc_method_handler(commit)}
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", handlers),))
    wire.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield wire
    finally:
        server.stop(None).wait()
        upstream.close()
