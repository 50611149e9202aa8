"""`tallystick pretrade`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, now_ns, workspace_root
from tallystick.apps.cli.output import emit, say, table

pretrade_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Check trade plans that a planner outside hands over.",
    epilog="Example: tallystick pretrade example",
)
REFUSED = 5


def commands() -> dict[str, Any]:
    """The commands of this module."""
    return {"pretrade": typer.main.get_command(pretrade_app)}


@pretrade_app.command("example", epilog="Example: tallystick pretrade example")
def example() -> int:
    """Print a hand-off that `validate` accepts, to begin from."""
    import json

    document = {
        "machineContract": {"contractType": "calculadora_riesgo.quantlab_handoff", "contractVersion": "1.0"},
        "handoffId": "handoff-1",
        "generatedAt": "2025-07-01T00:00:00Z",
        "source": {"planner": "example", "tradePlanContractType": "example.trade_plan", "tradePlanContractVersion": "1.0", "tradePlanId": "plan-1"},
        "pretradeContext": {"symbol": "BTCUSDT", "venue": "paper", "side": "buy", "accountId": "account-1", "strategyId": "rsi_ma_cross_v2"},
        "quantlabHints": {},
        "tradePlan": {"quantity": "0.01", "notional": "600"},
    }
    say(json.dumps(document, indent=2))
    return 0


@pretrade_app.command("validate", epilog="Example: tallystick pretrade validate handoff.json")
def validate(
    handoff: Annotated[Path, typer.Argument(help="The planner's JSON file.")],
    max_notional: Annotated[str | None, typer.Option(help="Highest notional in quote units.")] = None,
    allowed_symbols: Annotated[str | None, typer.Option(help="Comma-separated [default: any].")] = None,
    kill_switch: Annotated[bool, typer.Option("--kill-switch", help="Refuse everything.")] = False,
    allow_missing_account_id: Annotated[bool, typer.Option("--allow-missing-account-id", help="Accept plans without an account.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Accept a plan for review, or refuse it with every reason (exit code 5). Nothing is sent either way."""
    from decimal import Decimal, InvalidOperation

    from tallystick.artifacts.canonical import plain
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.errors import ConfigurationError
    from tallystick.research.pretrade import PretradePolicy, validate_handoff

    try:
        limit = None if max_notional is None else Decimal(max_notional)
    except InvalidOperation as error:
        raise ConfigurationError(f"expected --max-notional as a number, found {max_notional!r}", where="--max-notional") from error
    symbols = tuple(name.strip() for name in (allowed_symbols or "").split(",") if name.strip())
    policy = PretradePolicy(limit, symbols, kill_switch, allow_missing_account_id)
    found = validate_handoff(Workspace(workspace_root(workspace)), handoff, policy, now_ns=now_ns(now))
    checked = found.validation

    def show() -> None:
        table(f"hand-off {checked.handoff_id}", ("", "value"), [("symbol", checked.symbol), ("side", checked.side), ("venue", checked.venue)])
        say("accepted for review" if checked.accepted else f"refused: {', '.join(checked.reasons)}")
        say(f"{found.path}  sha256 {found.seal_sha256}")

    emit({**plain(checked), "path": str(found.path), "sha256": found.seal_sha256}, as_json, show)
    return 0 if checked.accepted else REFUSED
