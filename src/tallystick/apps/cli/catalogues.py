"""The catalogues: instruments, features, strategies."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, WorkspaceOption, workspace_root
from tallystick.apps.cli.output import emit, table

instruments_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="What can be traded: ticks, lots, dates.",
    epilog="Example: tallystick instruments list",
)
features_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="The feature catalogue.", epilog="Example: tallystick features list"
)
strategies_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="The policies in the box.", epilog="Example: tallystick strategies list"
)


def commands() -> dict[str, Any]:
    """The groups of this module."""
    groups = {"instruments": instruments_app, "features": features_app, "strategies": strategies_app}
    for app in groups.values():
        app.callback()(lambda: None)
    return {name: typer.main.get_command(app) for name, app in groups.items()}


@instruments_app.command("list", epilog="Example: tallystick instruments list")
def list_instruments(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Every instrument of the lake with its grid and dates."""
    from tallystick.artifacts.paths import Workspace
    from tallystick.market.lake import Lake

    rows = Lake(Workspace(workspace_root(workspace))).instruments().document().instruments
    emit(
        {"instruments": [row.model_dump(mode="json") for row in rows]},
        as_json,
        lambda: table(
            "instruments",
            ("symbol", "venue", "base", "tick", "lot", "listed", "delisted", "source"),
            [(row.venue_symbol, row.venue, row.base, f"{row.tick:f}", row.lot, (row.listed or "")[:10], (row.delisted or "")[:10], row.source) for row in rows],
        ),
    )
    return 0


@instruments_app.command("show", epilog="Example: tallystick instruments show BTCUSDT")
def show_instrument(symbol: Annotated[str, typer.Argument(help="Venue symbol.")], workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Every field of one instrument, each period of its life."""
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.errors import DataError
    from tallystick.market.lake import Lake

    rows = [row for row in Lake(Workspace(workspace_root(workspace))).instruments().document().instruments if row.venue_symbol == symbol]
    if not rows:
        raise DataError(f"expected an instrument of the lake, found none named {symbol}", hint="See: tallystick instruments list")
    documents = [row.model_dump(mode="json") for row in rows]
    emit(
        {"instruments": documents},
        as_json,
        lambda: table(symbol, ("field", "value"), [(name, str(value)) for item in documents for name, value in item.items()]),
    )
    return 0


@features_app.command("list", epilog="Example: tallystick features list")
def list_features(as_json: JsonOption = False) -> int:
    """Families of features: name pattern, inputs, memory, what it says."""
    from tallystick.apps.catalogue_rows import feature_rows

    rows = feature_rows()
    emit(
        {"features": rows},
        as_json,
        lambda: table("features", ("name", "inputs", "memory", "says"), [(row["name"], row["inputs"], row["memory"], row["says"]) for row in rows]),
    )
    return 0


@strategies_app.command("list", epilog="Example: tallystick strategies list")
def list_strategies(as_json: JsonOption = False) -> int:
    """Strategies by name with their parameters and bounds."""
    from tallystick.apps.catalogue_rows import strategy_rows

    rows = strategy_rows()
    emit(
        {"strategies": rows},
        as_json,
        lambda: table("strategies", ("name", "says", "parameters"), [(row["name"], row["says"], row["parameters"]) for row in rows]),
    )
    return 0
