"""A loopback server that gives the recorded answers of a venue, for its official clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def question(body: Mapping[str, Any]) -> str:
    """What a posted info body asks: its type, and the coin where it names one."""
    coin = body.get("coin") or body.get("req", {}).get("coin", "")
    return f"{body['type']}:{coin}" if coin else str(body["type"])


@contextmanager
def venue_server(answers: Mapping[str, bytes]) -> Iterator[str]:
    """Serve on a free loopback port; gives the base URL. Keys: `question` of a posted body, or `<path>?symbol=<symbol>` of a GET; others answer 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            self._answer(answers.get(question(body)) or answers.get(str(body["type"])))

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(answers.get(f"{parts.path}?symbol={parse_qs(parts.query).get('symbol', [''])[0]}"))

        def _answer(self, content: bytes | None) -> None:
            found = content if content is not None else b'{"code":-1,"msg":"not recorded"}'
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
