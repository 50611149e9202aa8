"""Engine sessions for the front doors: plan, run or recover, replay, trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tallystick.apps.assembly import journal_path, journal_reader, predictor_loaders, session_journal
from tallystick.apps.code_identity import code_identity
from tallystick.apps.session_inputs import GRID, check_inputs, grid_settings
from tallystick.apps.trainings import find_run, training_end_ns, verdicts
from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace, get_manifest_path, get_session_dir, get_sessions_dir
from tallystick.artifacts.seal import break_seal, check_seal, is_sealed, seal_folder, seal_sha256
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.errors import DataError, SafetyRefusal
from tallystick.contracts.market import interval_text
from tallystick.contracts.registry import contract
from tallystick.contracts.risk import RiskConfig
from tallystick.contracts.session import ArtifactReference, GateRecord, SessionConfig
from tallystick.contracts.time import NS_PER_DAY, iso_from_ns, ns_from_iso
from tallystick.decision.config import DecisionConfig
from tallystick.decision.model_alpha import ModelAlpha
from tallystick.decision.model_loading import LoadedModels, load_models
from tallystick.engine.bar_feed import BarFeed
from tallystick.engine.cycle import TradingCycle
from tallystick.engine.replay import ReplayReport, compare_sessions
from tallystick.engine.session import Progress, SessionIdentity, rerun, run_session
from tallystick.engine.trace import Link, find_order, trace_order
from tallystick.execution.position_book import PositionBook
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts
from tallystick.execution.traded_instruments import traded_instrument
from tallystick.market.lake import Lake
from tallystick.observation.governance import Observation

# Bars of an hour outlive the seed's time stop of fifteen minutes, which is meant for ticks.
PAPER_LIMITS = RiskConfig(time_stop_s=0.0)
# What the policies' longest rolling windows look back on.
PAST_BARS = 120


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a session is asked to be. symbols keep the order of the pool; run_root: the training run whose models trade.

    pool_manifest: of a release that was pulled from upstream; universe_degraded: the pool came from a lower tier than fresh upstream;
    universe_facts: what a reader was told about the pool that it follows.
    """

    market_venue: str
    interval_minutes: int
    symbols: tuple[str, ...]
    start_ns: int
    end_ns: int
    run_root: Path
    gate: GateRecord
    universe_source: str
    pool_version: str | None
    session_id: str | None = None
    starting_cash: Decimal = Decimal(100_000)
    decision: DecisionConfig = field(default_factory=DecisionConfig)
    limits: RiskConfig = PAPER_LIMITS
    costs: VenueCosts = field(default_factory=VenueCosts)
    spread_floor_bps: float = 2.0
    pool_manifest: Path | None = None
    universe_degraded: bool = False
    universe_facts: Mapping[str, Any] | None = None

    def manifest_path(self, workspace: Workspace) -> Path | None:
        """The manifest of the release that the symbols come from: a pulled one, else the workspace's own; None without a release."""
        return self.pool_manifest or (workspace.path("universe.artifact_manifest") if self.pool_version is not None else None)


def plan_session(workspace: Workspace, request: SessionRequest, *, now_ns: int) -> SessionConfig:
    """Resolve a request into a configuration with every input by hash.

    Raises SafetyRefusal when no model may trade, and when the models or the pool have seen the days of the session.
    """
    _refuse_known_future(workspace, request)
    models = load_models(
        request.run_root, predictor_loaders(), request.interval_minutes, verdicts=verdicts(workspace, request.run_root), ungated=request.gate.overridden
    )
    inputs = [*_market_inputs(workspace, request), *_model_inputs(workspace, request.run_root, models)]
    manifest = request.manifest_path(workspace)
    if manifest is not None:
        inputs.append(_reference(workspace, "universe.artifact_manifest", manifest))
    start, end = iso_from_ns(request.start_ns), iso_from_ns(request.end_ns)
    return SessionConfig(
        session_id=request.session_id or f"paper-{start[:10].replace('-', '')}-{request.run_root.name[-8:]}",
        created_at=iso_from_ns(now_ns),
        venue="paper",
        network="paper",
        market_venue=request.market_venue,
        interval_minutes=float(request.interval_minutes),
        symbols=request.symbols,
        start=start,
        end=end,
        starting_cash=float(request.starting_cash),
        degraded=models.degraded or request.universe_degraded,
        universe_source=request.universe_source,
        pool_version=request.pool_version,
        gate=request.gate,
        code=code_identity(),
        inputs=tuple(sorted(inputs, key=lambda item: (item.contract, item.path))),
        models=tuple(model.meta_path for model in models),
        settings={
            "decision": request.decision.document(),
            "risk": asdict(request.limits),
            "costs": asdict(request.costs),
            "engine": {"spread_floor_bps": request.spread_floor_bps},
            **grid_settings(workspace, request.market_venue, request.interval_minutes, request.start_ns),
            **({} if request.universe_facts is None else {"universe": dict(request.universe_facts)}),
        },
    )


def _refuse_known_future(workspace: Workspace, request: SessionRequest) -> None:
    start = iso_from_ns(request.start_ns)
    last_ns = training_end_ns(workspace, request.run_root)
    if request.start_ns <= last_ns:
        raise SafetyRefusal(
            f"expected a session after the bars of its models, which end at {iso_from_ns(last_ns)}, found one that starts at {start}",
            where=request.run_root.name,
            hint="Train with --end, or start the session later",
        )
    manifest = request.manifest_path(workspace)
    if manifest is not None:
        pool = read_artifact(contract("universe.artifact_manifest"), manifest)
        if request.start_ns < ns_from_iso(pool.as_of_date) + NS_PER_DAY:
            raise SafetyRefusal(
                f"expected a session after the day of its pool, {pool.as_of_date}, found one that starts at {start}",
                where=str(pool.version),
                hint="Build the pool with an earlier --as-of, or name --symbols",
            )


def _reference(workspace: Workspace, name: str, path: Path) -> ArtifactReference:
    return ArtifactReference(contract=name, path=workspace.relative(path), sha256=sha256_file(path))


def _market_inputs(workspace: Workspace, request: SessionRequest) -> list[ArtifactReference]:
    interval = interval_text(request.interval_minutes)
    parts: dict[str, Any] = {"venue": request.market_venue, "interval": interval}
    found = [
        _reference(workspace, "market.coverage", workspace.path("market.coverage", **parts)),
        _reference(workspace, "market.instruments", workspace.path("market.instruments")),
    ]
    return found + [_reference(workspace, "market.bars", workspace.path("market.bars", **parts, symbol=symbol)) for symbol in request.symbols]


def _model_inputs(workspace: Workspace, run_root: Path, models: LoadedModels) -> list[ArtifactReference]:
    found = [_reference(workspace, "training.manifest", get_manifest_path(run_root))]
    for model in models:
        meta = workspace.at(model.meta_path)
        found.append(_reference(workspace, "training.model_meta", meta))
        found += [_reference(workspace, "training.model_file", path) for path in sorted(meta.parent.glob("model.*"))]
    return found


def build_engine(workspace: Workspace, config: SessionConfig, *, verified: bool = True, on_stage: Callable[[str], None] = lambda _stage: None) -> TradingCycle:
    """The engine of a configuration. `verified=False` takes inputs as they lie, for a replay that must see what was altered."""
    if verified:
        check_inputs(workspace, config)
    start_ns, end_ns = ns_from_iso(config.start), ns_from_iso(config.end)
    settings = config.settings
    decision = DecisionConfig.from_document(settings["decision"])
    lake = Lake(workspace)
    panel = lake.read(config.market_venue, int(config.interval_minutes), config.symbols, end_ns=end_ns, verified=verified)
    book = lake.instruments()
    instruments = {symbol: traded_instrument(book.at(symbol, start_ns, config.market_venue)) for symbol in config.symbols}
    run_root = workspace.at(next(item.path for item in config.inputs if item.contract == "training.manifest")).parent
    models = load_models(
        run_root, predictor_loaders(), config.interval_minutes, verdicts=verdicts(workspace, run_root), ungated=config.gate.overridden, compare=verified
    )
    alpha = ModelAlpha(models.models, config.symbols, int(config.interval_minutes), decision)
    cash, costs = Decimal(repr(config.starting_cash)), VenueCosts(**settings["costs"])
    return TradingCycle(
        session_id=config.session_id,
        feed=BarFeed(panel, alpha.feature_names, start_ns, end_ns, PAST_BARS),
        observation=Observation(config.symbols),
        policies=(alpha,),
        venue=SimulatedVenue(instruments, costs, cash),
        book=PositionBook(instruments, cash, costs.leverage_e4),
        instruments=instruments,
        decision=decision,
        limits=RiskConfig(**settings["risk"]),
        spread_floor_bps=float(settings["engine"]["spread_floor_bps"]),
        on_stage=on_stage,
    )


@dataclass(frozen=True, slots=True)
class SessionOutcome:
    """How a session ended: "completed" or "already completed", and where it lies."""

    session_id: str
    status: str
    folder: Path
    seal_sha256: str


def start_session(workspace: Workspace, config: SessionConfig, *, now_ns: int, progress: Progress, begun: Callable[[], None] = lambda: None) -> SessionOutcome:
    """Run a session to its end, or recover it and go on. The folder is sealed when it has ended.

    begun: called once this process is the session's one writer, before anything runs. Raises SafetyRefusal when another process is at work on the
    session, or when its id stands for another configuration.
    """
    folder = get_session_dir(workspace, config.session_id)
    path = workspace.path("engine.session_config", session_id=config.session_id)
    if path.exists():
        config = _recorded(workspace, load_config(workspace, config.session_id), config)
    else:
        write_artifact(contract("engine.session_config"), path, config)
        # As a recovery reads it: canonical JSON knows no 2.0, and a session that was cut must write the same bytes as one that was not.
        config = load_config(workspace, config.session_id)
    if is_sealed(folder) and journal_reader(workspace, config.session_id).last("end") is not None:
        changed = check_seal(folder)
        if changed:
            raise SafetyRefusal(
                f"expected the completed session as it was sealed, found {changed[0].path.name} with {changed[0].found}",
                where=config.session_id,
                hint="See: tallystick verify",
            )
        return SessionOutcome(config.session_id, "already completed", folder, seal_sha256(folder))
    with session_journal(workspace, config.session_id) as journal:
        begun()
        config = _recorded(workspace, load_config(workspace, config.session_id), config)
        break_seal(folder)
        engine = build_engine(workspace, config)
        identity = SessionIdentity(config.session_id, sha256_file(path), iso_from_ns(now_ns))
        status = run_session(engine, journal, identity, progress)
    return SessionOutcome(config.session_id, status, folder, seal_folder(folder))


def _recorded(workspace: Workspace, recorded: SessionConfig, asked: SessionConfig) -> SessionConfig:
    """The recorded configuration, when what is asked differs in nothing but its time and the code: replay compares what the code does."""
    theirs, ours = (json.loads(canonical_json(config)) for config in (recorded, asked))
    if GRID not in theirs["settings"]:
        # Planned by a version that did not record it.
        ours["settings"].pop(GRID, None)
    other = sorted(name for name in theirs.keys() | ours.keys() if name not in ("created_at", "code") and theirs.get(name) != ours.get(name))
    if "inputs" in other:
        check_inputs(workspace, recorded)
    if other:
        raise SafetyRefusal(
            f"expected the configuration under which {recorded.session_id} was recorded, found other {', '.join(other)}",
            where=recorded.session_id,
            hint="Choose another --session-id, or name only the --session-id to go on with the recorded one",
        )
    return recorded


def load_config(workspace: Workspace, session_id: str) -> SessionConfig:
    """The configuration of a session. Raises ArtifactError when there is no such session."""
    config: SessionConfig = read_artifact(contract("engine.session_config"), workspace.path("engine.session_config", session_id=session_id))
    return config


def session_ids(workspace: Workspace) -> list[str]:
    """Sessions of the workspace, in the order of their start and then their name."""
    found = [path.parent.name for path in get_sessions_dir(workspace).glob("*/config.json")]
    return sorted(found, key=lambda name: (load_config(workspace, name).created_at, name))


def has_journal(workspace: Workspace, session_id: str) -> bool:
    """Whether a session got as far as its first row; one that was cut before it has a configuration only."""
    return journal_path(workspace, session_id).is_file()


def find_session(workspace: Workspace, session_id: str | None) -> str:
    """The named session, else the newest. Raises DataError when there is none."""
    known = session_ids(workspace)
    if session_id is not None and session_id in known:
        return session_id
    if session_id is not None or not known:
        raise DataError(f"expected a session{f' named {session_id}' if session_id else ''}, found {', '.join(known) or 'none'}", where=str(workspace.root))
    return known[-1]


def replay_session(workspace: Workspace, session_id: str, progress: Progress) -> ReplayReport:
    """Run a recorded session again from the inputs as they lie now, and compare every decision."""
    config = load_config(workspace, session_id)
    recorded = list(journal_reader(workspace, session_id).rows())
    cycles = max((row.cycle for row in recorded if row.kind == "commit"), default=0)
    engine = build_engine(workspace, config, verified=False)
    return compare_sessions(recorded, rerun(engine, cycles, progress))


def trace(workspace: Workspace, order_id: str, session_id: str | None = None) -> tuple[str, tuple[Link, ...]]:
    """The session of an order and its chain. Raises DataError when no session has it."""
    for name in [session_id] if session_id else reversed(session_ids(workspace)):
        if not has_journal(workspace, name):
            continue
        reader = journal_reader(workspace, name)
        if find_order(reader, order_id) is not None:
            config = load_config(workspace, name)
            config_path = workspace.relative(workspace.path("engine.session_config", session_id=name))
            place = workspace.relative(journal_path(workspace, name))
            return name, trace_order(workspace, config, config_path, reader, place, order_id, code_identity())
    raise DataError(f"expected an order of a session here, found none with id {order_id}", hint="See: tallystick status --json")


def newest_run(workspace: Workspace, name: str | None) -> Path:
    """The training run whose models trade."""
    return find_run(workspace, name)
