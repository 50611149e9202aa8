"""A machine request for a paper session: `command: "run"` with `params.paper` (document 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.apps.paper_trading import TradeRequest, trade_on_paper
from tallystick.artifacts.canonical import plain
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.paper_sessions import SESSIONS_ROOT
from tallystick.contracts.registry import contract


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """A finished paper session as an envelope wants it: the run id is the session id, and no index lists it."""

    run_id: str
    artifacts_path: str
    report_path: str
    runs_index: str | None
    summary: Mapping[str, Any]


def answer_paper(call: dict[str, Any]) -> PaperAnswer:
    """Run or recover the session that a request describes. Raises what `tallystick trade` raises, ConfigurationError for a value that is no text."""
    workspace, params = Workspace(call["workspace"]), call["params"]
    request = TradeRequest(
        venue=_text(params, "venue") or "paper",
        models=_text(params, "models"),
        start=_text(params, "start"),
        end=_text(params, "end"),
        symbols=_text(params, "ticker"),
        market_venue=_text(params, "market_venue"),
        interval=_text(params, "interval") or "1h",
        session_id=_text(params, "session_id"),
        ungated=params.get("ungated") is True,
    )
    outcome = trade_on_paper(workspace, request, now_ns=call["now_ns"], progress=lambda _done, _total: None)
    report = read_artifact(contract("paper_sessions.report"), workspace.path("paper_sessions.report", session_id=outcome.session_id))
    folder = f"{SESSIONS_ROOT}/{outcome.session_id}"
    return PaperAnswer(outcome.session_id, folder, f"{folder}/report.json", None, plain(report.summary))


def _text(params: Mapping[str, Any], name: str) -> str | None:
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"expected {name} as text, found {value!r}", where="params")
    return value
