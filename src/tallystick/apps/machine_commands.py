"""What a machine request may ask: run, sweep, forward, portfolio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.apps.machine_surface import Answer, Dispatch
from tallystick.apps.research_forwards import research_forward, research_portfolio
from tallystick.apps.research_runs import research_run
from tallystick.apps.research_searches import research_sweep
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError


def machine_commands(paper: Callable[[dict[str, Any]], Answer] | None = None) -> Dispatch:
    """Every command of document 3's machine request. paper: what answers a run with `params.paper`, a paper session."""

    def answer_run(call: dict[str, Any]) -> Answer:
        if call["params"].get("paper"):
            if paper is None:
                raise ConfigurationError("expected a plain run, found params.paper: this version starts paper sessions by `tallystick trade`")
            return paper(call)
        return research_run(*_place(call), **_facts(call))

    return {
        "run": answer_run,
        "sweep": lambda call: research_sweep(*_place(call), **_facts(call), progress=lambda _done, _total: None),
        "forward": lambda call: research_forward(*_place(call), **_facts(call)),
        "portfolio": lambda call: research_portfolio(*_place(call), **_facts(call)),
    }


def _place(call: dict[str, Any]) -> tuple[Workspace, dict[str, Any]]:
    return Workspace(call["workspace"]), call["params"]


def _facts(call: dict[str, Any]) -> dict[str, Any]:
    config_path = call["params"].get("config_path")
    if config_path is not None and not isinstance(config_path, str):
        raise ConfigurationError(f"expected config_path as text, found {config_path!r}", where="params")
    return {"now_ns": call["now_ns"], "request_id": call["request_id"], "config_path": config_path}
