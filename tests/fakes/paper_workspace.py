"""A workspace with a generated lake and the configuration of a paper session on it, without any training: the engine is a fake's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.engine_session import CASH, SESSION_BAR, SYMBOLS, THIN, Setting, engine, generated

from tallystick.apps import sessions
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.session import ArtifactReference, GateRecord, SessionConfig
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.training import CodeVersion
from tallystick.market.lake import Lake

NOW_NS = 1_740_000_000_000_000_000
CYCLES = 20
CODE = CodeVersion(version="0.1.0", source_sha256="5f" * 32, git_sha="unknown")


def lake_at(root: Path) -> Workspace:
    """A workspace with stored bars and instruments."""
    workspace, lake = Workspace(root), Lake(Workspace(root))
    lake.write(generated().panel, calendar="crypto_24_7", source="generator, seed 7")
    lake.write_instruments(generated().instruments)
    return workspace


def paper_config(workspace: Workspace, session_id: str = "paper-1", symbols: tuple[str, ...] = SYMBOLS) -> SessionConfig:
    """A session of twenty bars with every stored input by hash and no model."""
    times = generated().panel.open_times_ns
    parts = {"venue": "generated", "interval": "1h"}
    places = [
        ("market.coverage", workspace.path("market.coverage", **parts)),
        ("market.instruments", workspace.path("market.instruments")),
        *(("market.bars", workspace.path("market.bars", **parts, symbol=symbol)) for symbol in symbols),
    ]
    return SessionConfig(
        session_id=session_id,
        created_at=iso_from_ns(NOW_NS),
        venue="paper",
        network="paper",
        market_venue="generated",
        interval_minutes=60.0,
        symbols=symbols,
        start=iso_from_ns(int(times[SESSION_BAR])),
        end=iso_from_ns(int(times[SESSION_BAR + CYCLES])),
        starting_cash=float(CASH),
        degraded=False,
        universe_source="static",
        pool_version=None,
        gate=GateRecord(passed=True, overridden=False, reasons=()),
        code=CODE,
        inputs=tuple(ArtifactReference(contract=name, path=workspace.relative(path), sha256=sha256_file(path)) for name, path in places),
        models=(),
        settings={"decision": {}, "risk": {}, "costs": {"taker_fee_e8": 50_000, "slippage_e8": 20_000}, "engine": {"spread_floor_bps": 2.0}},
    )


def use_fake_engine(
    monkeypatch: pytest.MonkeyPatch,
    on_cycle: Callable[[int], None] = lambda _cycle: None,
    on_config: Callable[[SessionConfig], None] = lambda _config: None,
) -> None:
    """Sessions run the fake's engine; inputs are checked as ever. `on_cycle` is called before each cycle and may raise; `on_config` sees what is obeyed."""

    def build(workspace: Workspace, config: SessionConfig, *, verified: bool = True) -> object:
        if verified:
            sessions.check_inputs(workspace, config)
        on_config(config)
        made = engine(Setting(cycles=CYCLES, costs=THIN, session_id=config.session_id))
        walk = type(made).run_cycle

        class Watched:
            cycles = made.cycles

            def run_cycle(self, cycle: int, recorder: object) -> None:
                on_cycle(cycle)
                walk(made, cycle, recorder)  # type: ignore[arg-type]

        return Watched()

    monkeypatch.setattr(sessions, "build_engine", build)
