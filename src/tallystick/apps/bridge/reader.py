"""What the bridge asks for: documents of one session, encoded."""

from __future__ import annotations

from typing import Protocol


class BridgeReader(Protocol):
    """Documents of the dashboard as bytes, made and checked once for each state of the session."""

    def engine_state(self) -> bytes:
        """GET /api/state."""
        ...

    def positions(self) -> bytes:
        """GET /api/positions."""
        ...

    def trades(self, limit: int, offset: int, symbol: str | None, since: str | None) -> bytes:
        """GET /api/trades/history."""
        ...

    def risk_status(self) -> bytes:
        """GET /api/risk/status."""
        ...

    def cils_stats(self) -> bytes:
        """GET /api/cils/stats."""
        ...

    def recent_events(self, count: int) -> bytes:
        """GET /api/events/recent."""
        ...

    def health(self) -> bytes:
        """GET /health."""
        ...
