"""A small engine on generated bars: a market of four symbols, policies that need no training, a venue that can be told how much it takes.

A session of sixty cycles runs in well under a second. Everything is a function of its arguments: two engines of one call are equal.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from tests.fakes.decisions import model

from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.risk import RiskConfig
from tallystick.contracts.session import JournalRow
from tallystick.contracts.time import ns_from_iso
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.decision.config import DecisionConfig
from tallystick.decision.market_view import MarketView
from tallystick.decision.model_alpha import ModelAlpha
from tallystick.decision.policies.rsi_ma_cross import RsiMaCross, RsiMaCrossParameters
from tallystick.engine.bar_feed import BarFeed
from tallystick.engine.cycle import Policy, TradingCycle
from tallystick.engine.journal import MemoryJournal, decode_body
from tallystick.engine.ports import Journal
from tallystick.engine.session import SessionIdentity, run_session
from tallystick.execution.position_book import PositionBook
from tallystick.execution.simulated_venue import SimulatedVenue, VenueCosts
from tallystick.execution.traded_instruments import traded_instrument
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.market.generator import GeneratedMarket, generate
from tallystick.observation.governance import Observation

SYMBOLS = ("AVOUSDT", "BRIMUSDT", "BTCUSDT", "CEDRUSDT")
MARKET_START_NS = ns_from_iso("2025-01-01")
SESSION_BAR = 560
"""First bar of a session: what lies before warms the longest feature, the 480 bars of the average volume."""
PAST_BARS = 60
CASH = Decimal(100_000)
IDENTITY = SessionIdentity("test-session", "c0" * 32, "2025-02-01T00:00:00Z")
# Entries are never stopped by losses unless a test asks for it: the sessions are about orders.
CALM = RiskConfig(
    time_stop_s=0.0,
    daily_loss_limit_pct=100.0,
    max_drawdown_limit_pct=100.0,
    breaker_single_loss_frac=1.0,
    breaker_session_loss_frac=1.0,
    breaker_consecutive_losses=0,
)
# Thin: most orders outgrow a bar's volume, so positions are seen in every state.
THIN = VenueCosts(volume_share=2e-5, funding_rate_e8=10_000)


@cache
def generated(seed: int = 7) -> GeneratedMarket:
    """Hourly bars of 27 days, prices on their grids."""
    return generate(seed, SYMBOLS, 27, 60, MARKET_START_NS)


@cache
def instruments(seed: int = 7) -> dict[str, TradedInstrument]:
    """What is traded, by symbol."""
    return {row.venue_symbol: traded_instrument(row) for row in generated(seed).instruments}


def without_bars(panel: BarPanel, symbol: str, first: int, last: int | None = None) -> BarPanel:
    """The panel without the bars [first, last) of a symbol, counted from the session's first bar."""
    row, cut = panel.symbols.index(symbol), slice(SESSION_BAR + first, None if last is None else SESSION_BAR + last)
    columns = {name: getattr(panel, name).copy() for name in COLUMNS}
    for column in columns.values():
        column[row, cut] = np.nan
    return replace(panel, **columns)


def crash(panel: BarPanel, symbol: str, at: int, factor: float) -> BarPanel:
    """The panel with the price of a symbol times `factor` from a bar of the session on; a range that held its ends holds them still."""
    row, columns = panel.symbols.index(symbol), {name: getattr(panel, name).copy() for name in COLUMNS}
    tick = float(instruments()[symbol].tick)
    for name in ("open", "high", "low", "close"):
        moved = np.maximum(np.rint(columns[name][row, SESSION_BAR + at :] * factor / tick), 1.0) * tick
        columns[name][row, SESSION_BAR + at :] = moved
    return replace(panel, **columns)


@dataclass
class Scripted:
    """Says what it was told for a cycle and a symbol, else HOLD. A line is (kind, direction or None, weight or None)."""

    lines: Mapping[tuple[int, str], tuple[str, Direction | None, float | None]]
    strategy_id: str = "scripted"
    authority: float = 5.0
    cycle: int = 0

    def warm(self, view: MarketView) -> None:
        """Nothing to learn."""

    def to_bytes(self) -> bytes:
        return self.cycle.to_bytes(8, "little")

    def propose(self, view: MarketView, positions: Mapping[str, Position]) -> tuple[Mandate, ...]:
        self.cycle += 1
        return tuple(self._mandate(view, symbol, self.lines.get((self.cycle, symbol), ("HOLD", None, None))) for symbol in view.symbols)

    def _mandate(self, view: MarketView, symbol: str, line: tuple[str, Direction | None, float | None]) -> Mandate:
        kind, direction, weight = line
        return Mandate(
            symbol, MandateType[kind], self.authority, view.now_s, strategy_id=self.strategy_id, direction=direction, target_weight=weight, reason=kind.lower()
        )


@dataclass
class Restless:
    """Random mandates, long and short, that follow from the seed, the bar and the symbol alone: it remembers nothing."""

    seed: int
    strategy_id: str = "restless"

    def warm(self, view: MarketView) -> None:
        """Nothing to learn."""

    def to_bytes(self) -> bytes:
        return b""

    def propose(self, view: MarketView, positions: Mapping[str, Position]) -> tuple[Mandate, ...]:
        found = []
        for symbol in view.symbols:
            dice, position = random.Random(f"{self.seed}/{view.bar_number}/{symbol}"), positions.get(symbol)
            state = PositionState.FLAT if position is None else position.state
            kind, direction, weight = "HOLD", None, None
            if state is PositionState.FLAT and dice.random() < 0.5:
                direction = dice.choice((Direction.LONG, Direction.SHORT))
                kind, weight = "ENTRY", direction.sign * dice.uniform(0.02, 0.1)
            elif state is PositionState.ENTERING and dice.random() < 0.25:
                kind = "EXIT"
            elif position is not None and state is PositionState.OPEN:
                kind = dice.choice(("HOLD", "EXIT", "REDUCE", "ENTRY"))
                direction = position.direction if kind == "ENTRY" else None
                weight = position.direction.sign * 0.12 if kind == "ENTRY" and position.direction else None
            found.append(
                Mandate(
                    symbol, MandateType[kind], 5.0, view.now_s, strategy_id=self.strategy_id, direction=direction, target_weight=weight, reason=kind.lower()
                )
            )
        return tuple(found)


def rsi_policy(panel: BarPanel, **parameters: Any) -> RsiMaCross:
    """The classical baseline."""
    return RsiMaCross(panel.symbols, RsiMaCrossParameters(**parameters))


def model_policy(panel: BarPanel, config: DecisionConfig) -> ModelAlpha:
    """Two horizons of fake models on real features: momentum over one hour, reversal over four."""
    models = (
        model("Fake", "fwd_ret_60m", lambda x: 0.2 * x[:, 0], ("ret_4",)),
        model("Fake", "fwd_ret_240m", lambda x: -0.1 * x[:, 0] + 1e-3 * x[:, 1], ("ret_4", "zscore_20")),
    )
    return ModelAlpha(models, panel.symbols, panel.interval_minutes, config)


DECISION = DecisionConfig(min_ranked_symbols=2, max_spread_bps=50.0, score_base_bps=0.0, score_spread_share=0.0, ic_floor=0.0, gross_target=0.8)


@dataclass(frozen=True, eq=False)
class Setting:
    """What an engine is built from. policies: from the panel; venue: makes the venue, so that a test can put a faulty one there."""

    policies: Callable[[BarPanel], tuple[Policy, ...]] = lambda panel: (Restless(1),)
    cycles: int = 60
    seed: int = 7
    panel: BarPanel | None = None
    costs: VenueCosts = THIN
    limits: RiskConfig = CALM
    decision: DecisionConfig = DECISION
    venue: Callable[..., SimulatedVenue] = SimulatedVenue
    on_stage: Callable[[str], None] = lambda _stage: None
    session_id: str = field(default=IDENTITY.session_id)


def engine(setting: Setting | None = None) -> TradingCycle:
    """A fresh engine, every part joined as `apps/assembly.py` does it."""
    setting = setting or Setting()
    panel, traded = setting.panel or generated(setting.seed).panel, instruments(setting.seed)
    start_ns = int(panel.open_times_ns[SESSION_BAR])
    policies = setting.policies(panel)
    names = sorted({name for policy in policies for name in getattr(policy, "feature_names", ())})
    return TradingCycle(
        session_id=setting.session_id,
        feed=BarFeed(panel, names, start_ns, start_ns + setting.cycles * panel.interval_ns, PAST_BARS),
        observation=Observation(panel.symbols),
        policies=policies,
        venue=setting.venue(traded, setting.costs, CASH),
        book=PositionBook(traded, CASH, setting.costs.leverage_e4),
        instruments=traded,
        decision=setting.decision,
        limits=setting.limits,
        spread_floor_bps=2.0,
        on_stage=setting.on_stage,
    )


def run(setting: Setting | None = None, journal: Journal | None = None, identity: SessionIdentity = IDENTITY) -> tuple[TradingCycle, list[JournalRow]]:
    """Run or recover a session to its end; the engine afterwards and every row."""
    made, kept = engine(setting), journal or MemoryJournal()
    run_session(made, kept, identity, lambda _done, _total: None)
    return made, list(kept.rows())


def bodies(rows: list[JournalRow], kind: str = "commit") -> list[dict[str, Any]]:
    """The documents of the rows of a kind, in their order."""
    return [decode_body(row) for row in rows if row.kind == kind]


def exported(rows: list[JournalRow]) -> bytes:
    """What `tallystick journal export` prints."""
    return b"".join(row.body + b"\n" for row in rows if row.kind == "commit")
