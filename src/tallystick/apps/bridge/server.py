"""The bridge: read-only HTTP answers for the dashboard, on loopback.

| path | query | body |
|---|---|---|
| GET /health | | status, session_id, journal_rows |
| GET /api/state | | dashboard.engine_state |
| GET /api/positions | | dashboard.positions |
| GET /api/trades/history | limit (100), offset (0), symbol, since (ISO time, inclusive) | dashboard.trades |
| GET /api/cils/stats | | dashboard.cils_stats |
| GET /api/risk/status | | dashboard.risk_status |
| GET /api/events/recent | count (50) | events (dashboard.event, newest first), total |
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tallystick.apps.bridge.reader import BridgeReader
from tallystick.contracts.errors import ArtifactError, ConfigurationError, DataError, SafetyRefusal, TallystickError

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8765
# A page in the user's browser that resolves its own name to loopback must not read the account.
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def status_code(error: TallystickError) -> int:
    """400 for a question that cannot be answered, 503 for a session that cannot be read, 500 for the rest."""
    if isinstance(error, ArtifactError):
        return 503
    return 400 if isinstance(error, ConfigurationError | DataError) else 500


def create_bridge(reader: BridgeReader) -> FastAPI:
    """The web application over one reader. Every answer's bytes come from the reader as they are."""
    app = FastAPI(title="Tallystick bridge", openapi_url="/api/openapi.json")
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=ALLOWED_HOSTS)

    @app.exception_handler(TallystickError)
    def refuse(_request: Request, error: TallystickError) -> JSONResponse:
        return JSONResponse({"error": error.as_document()}, status_code=status_code(error))

    @app.get("/health")
    def health() -> Response:
        return _json(reader.health())

    @app.get("/api/state")
    def state() -> Response:
        return _json(reader.engine_state())

    @app.get("/api/positions")
    def positions() -> Response:
        return _json(reader.positions())

    @app.get("/api/trades/history")
    def trades(
        limit: Annotated[int, Query(ge=0, le=10_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
        symbol: str | None = None,
        since: str | None = None,
    ) -> Response:
        return _json(reader.trades(limit, offset, symbol, since))

    @app.get("/api/cils/stats")
    def cils() -> Response:
        return _json(reader.cils_stats())

    @app.get("/api/risk/status")
    def risk() -> Response:
        return _json(reader.risk_status())

    @app.get("/api/events/recent")
    def events(count: Annotated[int, Query(ge=0, le=1000)] = 50) -> Response:
        return _json(reader.recent_events(count))

    return app


def require_loopback(host: str) -> str:
    """The host, when it is this machine's loopback. Raises SafetyRefusal for any other: that would need a token for reads too (decision 17)."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SafetyRefusal(f"expected a loopback address for the bridge, found {host}", where="--host", hint="Use 127.0.0.1 and reach it through a tunnel")
    return host


def serve(reader: BridgeReader, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT, announce: Callable[[str], None] = lambda _address: None) -> None:
    """Answer until interrupted; `announce` gets the address once requests can come in. Port 0 takes any free one.

    Raises SafetyRefusal for a host that is not loopback, ConfigurationError for a port that is taken.
    """
    family = socket.AF_INET6 if ":" in require_loopback(host) else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(f"expected a free port, found {port}: {error.strerror}", where=host, hint="Name another with --port") from error
    with listener:
        announce(f"http://{host}:{listener.getsockname()[1]}")
        uvicorn.Server(uvicorn.Config(create_bridge(reader), log_level="warning", access_log=False)).run(sockets=[listener])
