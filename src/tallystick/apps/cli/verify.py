"""`tallystick verify PATH`: every file below a path is known and good, known and bad, or unknown and listed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.apps.cli.options import DebugOption, JsonOption
from tallystick.apps.cli.output import emit, say, table

if TYPE_CHECKING:
    from tallystick.artifacts.verification import VerificationReport

_SHOWN = 50
_STATES = {"being_written": "being written now", "left_open": "left open: its writer was stopped, the next one goes on with it"}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def commands() -> dict[str, Any]:
    """The commands of this module, by name."""
    return {"verify": typer.main.get_command(app)}


@app.command(epilog="Example: tallystick verify .")
def verify(
    path: Annotated[Path, typer.Argument(help="An artifact, or a folder of them.")] = Path(),
    public_key: Annotated[Path | None, typer.Option("--public-key", help="Demand a signature by this Ed25519 key on every seal.")] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> int:
    """Check every artifact below PATH: shape, rules, canonical bytes, seals, checksums, journals, and what files say of each other.

    Exit code 0 when all is good, 3 when any file fails. Unknown files, and what is still written, are listed and do not fail.
    """
    from tallystick.artifacts.signature import load_public_key
    from tallystick.artifacts.verification import verify as verify_tree

    key = load_public_key(public_key) if public_key else None
    report = verify_tree(path, verifiers=_verifiers(), public_key=key)
    emit(report.as_document(), as_json, lambda: _render(report))
    return 0 if report.is_good else 3


def _verifiers() -> dict[str, Any]:
    """Readers from outside the artifacts room: the hash chain of journals."""
    from tallystick.apps.verifiers import VERIFIERS

    return dict(VERIFIERS)


def _render(report: VerificationReport) -> None:
    if report.failures:
        rows = [(item.path, item.rule, item.expected[:100], item.found[:100]) for item in report.failures[:_SHOWN]]
        table("Failures", ("path", "rule", "expected", "found"), rows)
    if report.unknown:
        table("Unknown: no contract names these files", ("path",), [(name,) for name in report.unknown[:_SHOWN]])
    if report.open:
        lines = [(item.path, _STATES[item.state]) for item in report.open[:_SHOWN]]
        table("Open: not finished, so no seal stands for them yet", ("path", "state"), lines)
    hidden = max(len(report.failures) - _SHOWN, 0) + max(len(report.unknown) - _SHOWN, 0) + max(len(report.open) - _SHOWN, 0)
    if hidden:
        say(f"… and {hidden} more; --json lists all")
    counts = f"{report.checked} files checked, {len(report.failures)} failures, {len(report.unknown)} unknown"
    say(f"{counts}, {len(report.unprotected)} without checksum, {len(report.open)} open ({report.root})")
