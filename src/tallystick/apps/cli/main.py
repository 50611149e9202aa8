"""`tallystick`: the commands, and the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from tallystick.contracts.errors import ArtifactError, ConfigurationError, Interrupted, TallystickError

# name → (module, one line of help). A module is imported when its command is called, so that `--help` answers at once.
COMMANDS: dict[str, tuple[str, str]] = {
    "quickstart": ("tallystick.apps.cli.quickstart", "The whole chain: market → pool → run → train → gate → paper session → verify → trace → replay"),
    "market": ("tallystick.apps.cli.market", "Bars into the lake, generated bars, coverage"),
    "instruments": ("tallystick.apps.cli.catalogues", "What can be traded: ticks, lots, dates"),
    "features": ("tallystick.apps.cli.catalogues", "The feature catalogue"),
    "strategies": ("tallystick.apps.cli.catalogues", "The policies in the box"),
    "pool": ("tallystick.apps.cli.pool", "Build, validate, publish, roll back and resolve the live pool"),
    "run": ("tallystick.apps.cli.runs", "A research run of a strategy, with report.json"),
    "sweep": ("tallystick.apps.cli.searches", "Many parameter sets on one period, ranked: grid, random, Optuna"),
    "walkforward": ("tallystick.apps.cli.searches", "Choose on one period, test on the next, split by split"),
    "forward": ("tallystick.apps.cli.searches", "Frozen parameters on bars that nobody had seen; resumable"),
    "portfolio": ("tallystick.apps.cli.searches", "Forward runs under one capital"),
    "runs": ("tallystick.apps.cli.runs", "List, show, rank and compare research runs"),
    "train": ("tallystick.apps.cli.training", "Rank and route targets, fit models, write their artifacts"),
    "models": ("tallystick.apps.cli.training", "List, show and verify trained models"),
    "trade": ("tallystick.apps.cli.sessions", "An engine session on paper; the same session id again recovers and goes on"),
    "paper": ("tallystick.apps.cli.paper", "Start paper sessions and watch them: list, show, health, alerts, promotion"),
    "pretrade": ("tallystick.apps.cli.pretrade", "Check trade plans that a planner outside hands over"),
    "status": ("tallystick.apps.cli.sessions", "The sessions of this workspace and where they stand"),
    "why": ("tallystick.apps.cli.sessions", "Why a symbol did or did not trade: the stage and the number that decided"),
    "trace": ("tallystick.apps.cli.sessions", "One order back to the bars, each hash checked"),
    "replay": ("tallystick.apps.cli.sessions", "Run a recorded session again and compare every decision"),
    "journal": ("tallystick.apps.cli.sessions", "Verify the hash chain of a journal, or export it"),
    "bridge": ("tallystick.apps.cli.sessions", "Serve state, positions, trades and risk of a session over HTTP"),
    "observe": ("tallystick.apps.cli.observe", "Venue messages to facts: collect live, replay recordings"),
    "label": ("tallystick.apps.cli.label", "Label liquidation cascades, and count hypotheses over them"),
    "verify": ("tallystick.apps.cli.verify", "Check every artifact below a path"),
    "contracts": ("tallystick.apps.cli.contracts", "The registry of contracts: list, show, export, diff"),
    "doctor": ("tallystick.apps.cli.doctor", "Preflight: versions, workspace, disk"),
}
_DEBUG = "--debug"


class UnexpectedError(TallystickError):
    """Something that no part of the house foresaw."""

    code = "UNEXPECTED_ERROR"


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and imports the one that is called."""

    called: str | None = None

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of a newcomer's path."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Remember which command is about to run."""
        self.called = args[0] if args else None
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself when it is about to run; a light stand-in with its help line when it is only listed."""
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        if cmd_name != self.called:
            return TyperCommand(cmd_name, short_help=line, help=line)
        return importlib.import_module(module).commands()[cmd_name]


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
    epilog="Example: tallystick quickstart",
)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    debug: bool = typer.Option(False, _DEBUG, help="With any command: show the traceback of an error."),
) -> None:
    """Contract-first quantitative trading: from bars to an order, every hand-off a checked contract."""
    if version:
        from tallystick import __version__
        from tallystick.apps.cli.output import say

        say(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script: exit codes 0 ok, 1 general, 2 usage, 3 data, 4 strategy, 5 refused by a safety rule."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no arrows shows question marks: better than an error about the answer.
            stream.reconfigure(errors="replace")
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line; answer its exit code. Errors become one sentence, unless `--debug` asks for the traceback."""
    from tallystick.apps.cli.output import report_error

    as_json = "--json" in arguments
    debug = _DEBUG in arguments or bool(os.environ.get("TALLYSTICK_DEBUG"))
    group = typer.main.get_command(app)
    try:
        with group.make_context("tallystick", [item for item in arguments if item != _DEBUG]) as context:
            result: Any = group.invoke(context)
    except typer.Exit as error:
        return error.exit_code
    except typer.TyperException as error:
        return _usage(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return report_error(Interrupted("stopped by the user; nothing is half-written", hint="Run the same command again to go on"), as_json)
    except BrokenPipeError:
        return _reader_left()
    except TallystickError as error:
        if debug:
            raise
        return report_error(error, as_json)
    except BaseException as error:  # a panic of a compiled library is no Exception
        if debug or isinstance(error, SystemExit):
            raise
        return report_error(_unexpected(error), as_json)
    return result if isinstance(result, int) else 0


def _usage(error: Any, as_json: bool) -> int:
    """A wrong command line; for a group without a command, its help."""
    from tallystick.apps.cli.output import report_error, say

    context = getattr(error, "ctx", None)
    # The parser reports a group without a command as an error whose text is the group's help.
    if context is not None and error.message == context.get_help():
        say(error.message)
        return ConfigurationError.exit_code
    path = context.command_path if context is not None else "tallystick"
    return report_error(ConfigurationError(error.format_message().rstrip("."), hint=f"See: {path} --help"), as_json)


def _unexpected(error: BaseException) -> TallystickError:
    if isinstance(error, OSError) and error.filename is not None:
        return ArtifactError(f"expected to read or write {Path(str(error.filename)).name}, found: {error.strerror}", where=str(error.filename))
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    text = " ".join(str(error).split())
    return UnexpectedError(f"{type(error).__name__}{f': {text}' if text else ''}", where=where, hint="Run it again with --debug to see the traceback")


def _reader_left() -> int:
    """The reader of the output is gone (`… | head`): end quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
