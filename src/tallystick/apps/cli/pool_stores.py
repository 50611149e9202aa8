"""`tallystick pool publish`, `rollback` and `resolve`: the live pool in its stores."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.apps.cli.options import JsonOption, NowOption, WorkspaceOption, asked_time, now_ns, workspace_root
from tallystick.apps.cli.output import emit, say, table

ToOption = Annotated[str, typer.Option("--to", help="Object store: a folder, file:///folder, gs://bucket or s3://bucket, each with a prefix if wanted.")]
DocumentOption = Annotated[
    str | None, typer.Option("--document", help="Summary document: a folder, file:///folder or firestore://PROJECT [default: the workspace's documents/].")
]
ModeOption = Annotated[list[str] | None, typer.Option("--mode", help="A mode to accept; may be repeated [default: core_major].")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the group."""
    app.command(epilog="Example: tallystick pool publish --to objects/local --allow-stale")(publish)
    app.command(epilog="Example: tallystick pool rollback 2025-05-31-core_major --to objects/local")(rollback)
    app.command(epilog="Example: tallystick pool resolve --from objects/local --at 2025-07-01")(resolve)


def publish(
    folder: Annotated[Path | None, typer.Argument(help="A release folder [default: data/output of the workspace].")] = None,
    to: ToOption = "",
    document: DocumentOption = None,
    enable: Annotated[bool, typer.Option("--enable", help="Publish; without it this is a dry run.")] = False,
    size: Annotated[int, typer.Option(help="How many symbols the pool must have; 0 takes any number.")] = 5,
    max_age_days: Annotated[int, typer.Option(help="An older snapshot is not published.")] = 45,
    allow_stale: Annotated[bool, typer.Option("--allow-stale", help="Publish an older snapshot all the same.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Put a release into the stores: releases/, then current/, then the summary document. A dry run unless enabled; again it goes on where it stopped."""
    from tallystick.apps.cli.progress import ChainProgress
    from tallystick.apps.pool_publication import publish_pool
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.errors import ConfigurationError

    if not to:
        raise ConfigurationError("expected --to with the address of an object store, found none", hint="For instance --to objects/local")
    with ChainProgress(enabled=enable and sys.stderr.isatty()) as progress:
        found = publish_pool(
            Workspace(workspace_root(workspace)),
            folder,
            to=to,
            document=document,
            enable=enable,
            now_ns=now_ns(now),
            expected_pool_size=size or None,
            max_age_days=max_age_days,
            require_fresh=not allow_stale,
            on_step=progress.step,
        )
    done, plan = found.done, dict(found.check.manifest or {})

    def show() -> None:
        title = f"{'published' if done else 'dry run of'} {found.check.version}"
        rows = [(name, row["release_uri"], row["current_uri"]) for name, row in plan["artifacts"].items()]
        table(title, ("file", "release", "current"), rows)
        for text in found.check.warnings:
            say(f"warning  {text}")
        if done:
            say(f"{len(done.uploaded)} release objects and {len(done.current)} current objects written; before: {done.previous or 'nothing'}")
        else:
            say("nothing was written to a store; publish with --enable")
        if found.manifest_path:
            say(f"{found.manifest_path}  sha256 {found.manifest_sha256}")

    body: dict[str, Any] = {
        "version": found.check.version,
        "dry_run": done is None,
        "uploaded": list(done.uploaded) if done else [],
        "current": list(done.current) if done else [],
        "document_written": bool(done and done.document_written),
        "previous": done.previous if done else None,
        "warnings": list(found.check.warnings),
        "plan": plan,
        "manifest_path": str(found.manifest_path) if found.manifest_path else None,
        "manifest_sha256": found.manifest_sha256,
    }
    emit(body, as_json, show)
    return 0


def rollback(
    version: Annotated[str, typer.Argument(help="A version under releases/, for instance 2025-05-31-core_major.")],
    to: ToOption = "",
    document: DocumentOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """Point current/ (all five files) and the summary document at an earlier release, verified after; again it changes nothing."""
    from tallystick.apps.cli.progress import ChainProgress
    from tallystick.apps.pool_publication import rollback_pool
    from tallystick.artifacts.paths import Workspace
    from tallystick.contracts.errors import ConfigurationError

    if not to:
        raise ConfigurationError("expected --to with the address of an object store, found none", hint="For instance --to objects/local")
    with ChainProgress(enabled=sys.stderr.isatty()) as progress:
        done = rollback_pool(Workspace(workspace_root(workspace)), version, to=to, document=document, now_ns=now_ns(now), on_step=progress.step)

    def show() -> None:
        say(f"{done.version} is current again, before: {done.previous or 'nothing'}")
        say(f"{len(done.current)} current objects written, summary document {'written' if done.document_written else 'as it was'}")

    body = {"version": done.version, "previous": done.previous, "current": list(done.current), "document_written": done.document_written}
    emit(body, as_json, show)
    return 0


def resolve(
    objects: Annotated[str | None, typer.Option("--from", help="The one object store that the document may point into [default: wherever it points].")] = None,
    document: DocumentOption = None,
    at: Annotated[str | None, typer.Option("--at", help="The reader's clock: 2025-07-01 [default: now].", callback=asked_time)] = None,
    local_file: Annotated[Path | None, typer.Option(help="live_pool.json or live_pool_legacy.json, the third tier [default: none].")] = None,
    static: Annotated[str | None, typer.Option(help="Comma-separated symbols of the emergency list, the fourth tier.")] = None,
    mode: ModeOption = None,
    size: Annotated[int, typer.Option(help="How many symbols the pool must have; 0 takes any number.")] = 5,
    max_age_days: Annotated[int, typer.Option(help="An older snapshot is stale.")] = 45,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> int:
    """What a reader of the live pool gets: fresh_upstream, last_known_good, local_file or static, and why not a better one."""
    from tallystick.apps.pool_resolution import follow_pool, reader_settings
    from tallystick.artifacts.paths import Workspace

    settings = reader_settings(max_age_days=max_age_days, modes=mode, pool_size=size or None, local_file=local_file, static=static)
    found = follow_pool(Workspace(workspace_root(workspace)), now_ns=now_ns(at or now), objects=objects, document=document, settings=settings)
    pool = found.pool

    def show() -> None:
        for text in (*pool.errors, *pool.messages):
            say(text)
        title = f"pool {pool.version or 'without a version'} from {pool.source}{', degraded' if pool.degraded else ''}"
        table(title, ("rank", "symbol", "base"), [(rank, symbol, base) for rank, (symbol, base) in enumerate(pool.symbol_map.items(), 1)])
        if found.manifest_path:
            say(f"{found.manifest_path}  sha256 {pool.manifest_sha256}")

    body = {
        "source": pool.source,
        "source_kind": pool.source,
        "degraded": pool.degraded,
        "is_fresh": pool.is_fresh,
        "version": pool.version,
        "as_of_date": pool.as_of_date,
        "age_days": pool.age_days,
        "symbols": list(pool.symbol_map),
        "symbol_map": {symbol: {"base_asset": base} for symbol, base in pool.symbol_map.items()},
        "messages": list(pool.messages),
        "errors": list(pool.errors),
        "loaded_at": pool.loaded_at,
        "manifest_path": str(found.manifest_path) if found.manifest_path else None,
        "manifest_sha256": pool.manifest_sha256,
    }
    emit(body, as_json, show)
    return 0
