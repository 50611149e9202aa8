"""Documents of a session, read from its journal: only new rows are parsed, and a document is encoded once until a new row comes."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.store import encode_artifact
from tallystick.contracts.registry import contract
from tallystick.contracts.risk import RiskConfig
from tallystick.contracts.time import iso_from_ns, ns_from_iso
from tallystick.engine.ports import JournalReader
from tallystick.monitoring.bodies import decision_ids_of, empty_positions, engine_state_body, entry_times_of, no_session_risk, trade_row, trades_body
from tallystick.monitoring.events import events_of_row

Document = dict[str, Any]
EVENTS_KEPT = 1000


class JournalDocuments:
    """A `BridgeReader` over one journal, or over none.

    now_ns: the clock, for uptime. is_running: whether an engine holds the session now: the journal alone cannot tell a live one from a killed one.
    risk_config: limits that are shown before the first cycle. Safe to share between threads.
    """

    def __init__(
        self,
        journal: JournalReader | None,
        *,
        now_ns: Callable[[], int],
        is_running: Callable[[], bool] = lambda: False,
        risk_config: RiskConfig | None = None,
    ) -> None:
        self._journal, self._now_ns, self._is_running = journal, now_ns, is_running
        self._risk_config = risk_config or RiskConfig()
        self._opened_ns = now_ns()
        self._lock = threading.Lock()
        self._sequence = 0
        self._trades: list[Document] = []
        self._decisions: dict[str, str] = {}
        self._events: deque[Document] = deque(maxlen=EVENTS_KEPT)
        self._commit: Document | None = None
        self._cycles = 0
        self._start: Document | None = None
        self._end: Document | None = None
        self._encoded: dict[object, bytes] = {}

    def _refresh(self) -> None:
        last = self._journal.last() if self._journal is not None else None
        if self._journal is None or last is None or last.sequence == self._sequence:
            return
        # Every document may depend on any row, so one new row makes all of them anew; between cycles nothing is built twice.
        self._encoded.clear()
        for row in self._journal.rows():
            if row.sequence > self._sequence:
                self._take(row.kind, json.loads(row.body))
                self._sequence = row.sequence

    def _take(self, kind: str, body: Document) -> None:
        # A recovery is a new start of the same session: the end before it no longer holds.
        if kind in ("session", "recovery"):
            self._start, self._end = body, None
        elif kind == "end":
            self._end = body
        else:
            self._decisions.update(decision_ids_of(body["orders"]))
        if kind == "commit":
            self._commit, self._cycles = body, self._cycles + 1
            for update in body["updates"]:
                row = trade_row(update, self._decisions)
                if row is not None:
                    self._trades.append(row)
        self._events.extend(events_of_row(kind, body))

    def _once(self, key: object, name: str, build: Callable[[], Document]) -> bytes:
        with self._lock:
            self._refresh()
            if key not in self._encoded:
                self._encoded[key] = encode_artifact(contract(f"dashboard.{name}"), build(), name)
            return self._encoded[key]

    def engine_state(self) -> bytes:
        """Where the engine stands now; never kept, because its uptime moves."""
        with self._lock:
            self._refresh()
            return encode_artifact(contract("dashboard.engine_state"), self._state(), "engine_state")

    def _state(self) -> Document:
        now = self._now_ns()
        if self._start is None:
            return engine_state_body(
                status="stopped", current_stage="idle", last_cycle=iso_from_ns(self._opened_ns), started_ns=now, now_ns=now, cycle_count=0, symbols_active=0
            )
        started, running = ns_from_iso(self._start["recorded_at"]), self._end is None and self._is_running()
        error = None if running or self._end is not None else "The engine is not running, and its journal has no end: run the session again to recover it"
        until = now if running else ns_from_iso(self._end["recorded_at"]) if self._end is not None else started
        commit = self._commit
        return engine_state_body(
            status="running" if running else "stopped",
            current_stage="idle",
            last_cycle=self._start["recorded_at"] if commit is None else commit["now"],
            started_ns=started,
            now_ns=until,
            cycle_count=self._cycles,
            symbols_active=0 if commit is None else commit["stats"]["symbols_processed"],
            last_error=error,
        )

    def positions(self) -> bytes:
        """What is held after the last cycle."""
        return self._once("positions", "positions", self._positions)

    def _positions(self) -> Document:
        if self._commit is None:
            return empty_positions()
        opened = entry_times_of(self._trades)
        body: Document = self._commit["positions"]
        rows = [{**row, "entry_time": opened[row["symbol"]]} if row["symbol"] in opened else row for row in body["positions"]]
        return {**body, "positions": rows}

    def trades(self, limit: int, offset: int, symbol: str | None, since: str | None) -> bytes:
        """A page of fills, newest first."""
        return self._once(
            ("trades", limit, offset, symbol, since), "trades", lambda: trades_body(self._trades, limit=limit, offset=offset, symbol=symbol, since=since)
        )

    def risk_status(self) -> bytes:
        """Limits and their use at the last cycle."""
        empty = no_session_risk(self._risk_config, iso_from_ns(self._opened_ns))
        return self._once("risk", "risk_status", lambda: empty if self._commit is None else self._commit["risk"])

    def cils_stats(self) -> bytes:
        """The online learner's statistics, as the last cycle recorded them; `{"enabled": false}` where none is configured (decision 59)."""
        return self._once("cils", "cils_stats", lambda: (self._commit or {}).get("cils") or {"enabled": False})

    def recent_events(self, count: int) -> bytes:
        """The newest events, newest first; each is checked against its contract."""
        with self._lock:
            self._refresh()
            newest = [item for item, _ in zip(reversed(self._events), range(count), strict=False)]
            item = contract("dashboard.event")
            lines = [encode_artifact(item, found, "event").rstrip(b"\n") for found in newest]
            return b'{"events":[' + b",".join(lines) + b'],"total":' + str(len(self._events)).encode() + b"}\n"

    def health(self) -> bytes:
        """That the bridge answers, and which session it reads."""
        with self._lock:
            self._refresh()
            session = None if self._start is None else self._start["session_id"]
            return canonical_json({"status": "ok", "session_id": session, "journal_rows": self._sequence})
