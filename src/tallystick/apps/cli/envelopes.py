"""How a finished research run is shown: its envelope for machines, a table and its folder for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.apps.cli.output import emit, say, table

CORE = ("total_return", "sharpe_simple", "max_drawdown", "trades", "win_rate")
_WIDEST = 40


def shown(value: object) -> str:
    """A cell for a person: four decimals, a dash for nothing, and no more than fits."""
    if value is None:
        return "–"
    text = f"{value:.4f}" if isinstance(value, float) else f"{value}"
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def parameters(values: dict[str, Any]) -> str:
    """Parameters on one line."""
    return ", ".join(f"{name} {value:g}" if isinstance(value, int | float) else f"{name} {value}" for name, value in values.items())


def emit_run(result: Any, request_id: str | None, as_json: bool, more: Callable[[], None] | None = None) -> None:
    """Print a run's envelope, or its core results, what `more` shows, and where it lies."""
    report = result.report
    envelope = {
        "schema_version": "1.0",
        "request_id": request_id,
        "status": result.status,
        "run_id": result.run_id,
        "artifacts_path": result.artifacts_path,
        "summary": dict(result.summary),
        "sha256": result.seal_sha256,
    }

    def show() -> None:
        rows = [(name, shown(getattr(report.summary, name))) for name in CORE]
        if report.benchmark is not None:
            rows.append(("buy_and_hold", shown(report.benchmark.total_return)))
        if report.evidence is not None:
            rows.append(("deflated_sharpe", shown(report.evidence.deflated_sharpe)))
        if report.overfitting is not None:
            rows.append(("overfitting", shown(report.overfitting.probability)))
        table(f"{report.header.mode} {result.run_id}", ("result", "value"), rows)
        if more is not None:
            more()
        for warning in report.warnings or ():
            say(warning)
        if report.universe_note:
            say(report.universe_note)
        if not result.is_new:
            say("The same run was there before: nothing new was written.")
        say(f"{result.folder}  sha256 {result.seal_sha256}")

    emit(envelope, as_json, show)
