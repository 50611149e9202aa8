"""`tallystick contracts list/show/export/diff`: the registry, for people and machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.apps.cli.options import DebugOption, JsonOption
from tallystick.apps.cli.output import emit, say, table

if TYPE_CHECKING:
    from tallystick.contracts.compatibility import Comparison

REFUSED = 5

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="The registry of contracts: who makes what, who reads which field, and what a change breaks.",
    epilog="Example: tallystick contracts list",
)


def commands() -> dict[str, Any]:
    """The commands of this module, by name."""
    return {"contracts": typer.main.get_command(app)}


@app.command("list", epilog="Example: tallystick contracts list")
def list_contracts(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Every contract with its version, producer and consumers."""
    from tallystick.contracts.export import contract_row
    from tallystick.contracts.registry import CONTRACT_SET_VERSION, contracts

    rows = [contract_row(item) for item in contracts()]
    document = {"contract_set_version": CONTRACT_SET_VERSION, "contracts": rows}
    emit(document, as_json, lambda: _render_list(rows))


def _render_list(rows: list[dict[str, Any]]) -> None:
    cells = [(row["name"], row["version"], row["producer"], len(row["consumers"])) for row in rows]
    table("Contracts", ("name", "version", "producer", "readers"), cells)
    say("tallystick contracts show NAME tells fields, readers and rules of one")


@app.command("show", epilog="Example: tallystick contracts show training.model_meta")
def show_contract(
    name: Annotated[str, typer.Argument(help="A contract's name, as listed.")],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """One contract: purpose, location, fields, readers, rules."""
    from tallystick.contracts.export import contract_row, contract_schema
    from tallystick.contracts.registry import contract

    item = contract(name)
    row, schema = contract_row(item), contract_schema(item)
    emit({**row, "json_schema": schema}, as_json, lambda: _render_contract(row, schema))


def _render_contract(row: dict[str, Any], schema: dict[str, Any]) -> None:
    from tallystick.contracts.compatibility import readers
    from tallystick.contracts.schema_fields import inline, schema_fields

    say(f"{row['name']} {row['version']} ({row['status']}): {row['purpose']}")
    say(f"producer: {row['producer']}; encoding: {row['encoding']}")
    for path in row["paths"]:
        say(f"location: {path}")
    cells = [
        (item.path, "required" if item.required else "optional", " or ".join(item.types), ", ".join(readers(row, item.path)))
        for item in schema_fields(inline(schema)).values()
        if item.path
    ]
    table("Fields", ("field", "", "type", "read by"), cells)
    if row["rules"]:
        table("Rules", ("rule", "says"), [(rule["name"], rule["says"]) for rule in row["rules"]])


@app.command("export", epilog="Example: tallystick contracts export registry-now")
def export_contracts(
    folder: Annotated[Path, typer.Argument(help="Where the schemas and registry.json go.")],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write registry.json and one JSON Schema for each contract."""
    from tallystick.apps.registry_folder import write_registry

    written = write_registry(folder)
    document = {"folder": str(folder), "artifacts": [{"path": path, "sha256": digest} for path, digest in written.items()]}
    emit(document, as_json, lambda: table(f"Written below {folder}", ("path", "sha256"), list(written.items())))


@app.command("diff", epilog="Example: tallystick contracts diff registry-then registry-now")
def diff_contracts(
    old: Annotated[Path, typer.Argument(help="A folder made by `contracts export`.")],
    new: Annotated[Path | None, typer.Argument(help="Another one; without it, the installed registry.")] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> int:
    """What changed, what breaks, and for whom. Exit code 5 when anything breaks."""
    from tallystick.apps.registry_folder import installed_registry, read_registry
    from tallystick.contracts.compatibility import compare

    comparison = compare(read_registry(old), read_registry(new) if new else installed_registry())
    document = {"breaking": comparison.breaking, "changes": [change.as_document() for change in comparison.changes]}
    emit(document, as_json, lambda: _render_diff(comparison))
    return REFUSED if comparison.breaking else 0


def _render_diff(comparison: Comparison) -> None:
    cells = [
        (change.path, change.kind.replace("_", " "), "breaking" if change.breaking else "", ", ".join(change.consumers), change.detail)
        for change in comparison.changes
    ]
    if cells:
        table("Changes", ("path", "change", "", "consumers", "detail"), cells)
    broken = sum(change.breaking for change in comparison.changes)
    say(f"{len(cells)} changes, {broken} breaking")
