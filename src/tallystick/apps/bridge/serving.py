"""The bridge of a workspace: its journal, the clock, and whether an engine is at work, joined."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from pathlib import Path

from tallystick.apps.assembly import journal_reader
from tallystick.apps.bridge.journal_reader import JournalDocuments
from tallystick.apps.bridge.server import DEFAULT_PORT, serve
from tallystick.artifacts.paths import Workspace


def engine_is_running(lock_path: Path) -> bool:
    """Whether a process holds the one-writer lock of a session: it dies with its process, so a killed engine does not seem alive."""
    try:
        with lock_path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def session_documents(workspace: Workspace, session_id: str | None) -> JournalDocuments:
    """The dashboard's documents of a session; without one, those of a stopped engine. Raises ArtifactError when its journal is missing."""
    if session_id is None:
        return JournalDocuments(None, now_ns=time.time_ns)
    lock = workspace.path("engine.session_config", session_id=session_id)
    return JournalDocuments(journal_reader(workspace, session_id), now_ns=time.time_ns, is_running=lambda: engine_is_running(lock))


def serve_bridge(root: Path, session_id: str | None, port: int = DEFAULT_PORT, announce: Callable[[str], None] = lambda _address: None) -> None:
    """Serve a session of the workspace at `root` on loopback until interrupted; `announce` gets the address."""
    serve(session_documents(Workspace(root), session_id), port=port, announce=announce)
