"""The trading cycle, on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tallystick.contracts.dashboard import CilsStats
from tallystick.contracts.decision import Action, ActionType, Mandate, MandateType
from tallystick.contracts.observation import M4PrimitiveBundle, ObservationSnapshot, ObservationStatus, SystemCounters
from tallystick.contracts.positions import Position
from tallystick.contracts.risk import BreakerState, CircuitState, KillState, RiskConfig
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.contracts.venue_updates import VenueUpdate
from tallystick.decision.arbitration import arbitrate
from tallystick.decision.cils import Cils
from tallystick.decision.config import DecisionConfig
from tallystick.decision.gates import gate
from tallystick.decision.market_view import MarketView
from tallystick.decision.model_alpha import ModelAlpha
from tallystick.decision.sizing import SizedAction, size
from tallystick.engine import cycle_rows
from tallystick.engine.bar_feed import BarFeed, Turn
from tallystick.engine.controller import Controller, cycle_stats, execution_results
from tallystick.engine.market_facts import held_weights, market_view
from tallystick.engine.round_trips import ClosedTrade, Opener, RoundTrips
from tallystick.engine.session import Recorder
from tallystick.execution.client_ids import client_id
from tallystick.execution.exit_resends import exit_resends
from tallystick.execution.fill_tracker import FillTracker
from tallystick.execution.order_executor import OrderExecutor
from tallystick.execution.position_book import PositionBook
from tallystick.execution.reconciler import Reconciler
from tallystick.execution.simulated_venue import SimulatedVenue
from tallystick.observation.governance import Observation
from tallystick.observation.halt import SystemHalted
from tallystick.risk import circuit_breaker, kill_switch
from tallystick.risk.restraint import restrain
from tallystick.risk.review import Review, review_orders

STAGES = ("idle", "prediction", "blending", "arbitration", "gating", "sizing", "risk", "execution")


class Policy(Protocol):
    """What others call a strategy."""

    strategy_id: str

    def warm(self, view: MarketView) -> None:
        """Learn from a past bar without speaking."""
        ...

    def propose(self, view: MarketView, positions: Mapping[str, Position]) -> tuple[Mandate, ...]:
        """Mandates of this bar, at most one a symbol."""
        ...

    def to_bytes(self) -> bytes:
        """Everything that it remembers, for the digest of the state."""
        ...


@dataclass(slots=True)
class Latches:
    """What stops trading and stays until it is reset."""

    breaker: BreakerState = field(default_factory=BreakerState)
    kill: KillState = field(default_factory=KillState)


@dataclass(slots=True)
class TradingCycle:
    """An engine on stored bars and the simulated venue: every part it turns, joined by `apps/assembly.py`."""

    session_id: str
    feed: BarFeed
    observation: Observation
    policies: tuple[Policy, ...]
    venue: SimulatedVenue
    book: PositionBook
    instruments: Mapping[str, TradedInstrument]
    decision: DecisionConfig
    limits: RiskConfig
    spread_floor_bps: float
    on_stage: Callable[[str], None]
    latches: Latches = field(default_factory=Latches)
    trips: RoundTrips = field(default_factory=RoundTrips)
    reconciler: Reconciler = field(default_factory=Reconciler)
    controller: Controller = field(init=False)
    alphas: tuple[ModelAlpha, ...] = field(init=False)
    """The policies that forecast."""

    def __post_init__(self) -> None:
        self.alphas = tuple(policy for policy in self.policies if isinstance(policy, ModelAlpha))
        self.controller = Controller(self.book, OrderExecutor(self.venue), FillTracker())
        for turn in self.feed.past_turns():
            view = market_view(self.feed, turn, self.book.ledger.cash(), self.spread_floor_bps)
            for policy in self.policies:
                policy.warm(view)

    @property
    def cycles(self) -> int:
        """How many bars the session has."""
        return self.feed.cycles

    def run_cycle(self, cycle: int, recorder: Recorder | None) -> None:
        """Walk the trading path once. Only the recorder and the venue touch the world, and no order leaves before its intent is durable.

        recorder: None makes no row: for research on the simulated venue, where a crash costs a run and no money.
        """
        turn = self.feed.turn(cycle)
        updates = self.drain(turn)
        marks = self.venue.marks()
        account = self.book.account(marks, turn.now_ns)
        self.latches.kill = kill_switch.observe(self.latches.kill, account.equity, self.limits, turn.now_ns)
        positions = self.book.positions()
        failed = not self.observe(turn)
        snapshot = None if recorder is None else self.snapshot(turn, failed)

        self.on_stage("prediction")
        view = market_view(self.feed, turn, account.equity, self.spread_floor_bps)
        mandates = [mandate for policy in self.policies for mandate in policy.propose(view, positions)]
        self.on_stage("blending")
        breaker, kill = self.latches.breaker, self.latches.kill
        demands = restrain(account, positions, marks, self.limits, turn.now_ns, failed, breaker, kill, self.instruments, self.trips.opened_ns)
        mandates += demands
        resends = exit_resends(self.book, self.session_id, cycle)
        symbols: Iterable[str] = self.feed.symbols
        if recorder is None:
            # Nothing comes of a HOLD but its row.
            symbols = {mandate.symbol for mandate in mandates if mandate.type is not MandateType.HOLD} | {request.symbol for request in resends}
            mandates = [mandate for mandate in mandates if mandate.symbol in symbols]

        self.on_stage("arbitration")
        known = {symbol: self.book.position(symbol) for symbol in symbols}
        actions = arbitrate(mandates, known, now=view.now_s, identify=lambda symbol: f"{self.session_id}/{cycle:06d}/{symbol}")
        self.on_stage("gating")
        sigmas = {action.symbol: self._sigma(action) for action in actions}
        gated = gate(actions, view, self.decision, self._barriers(), sigmas)
        self.on_stage("sizing")
        weights = held_weights(self.feed.symbols, positions, marks, account.equity)
        sized = size(gated, view, positions, weights, account.equity, self.instruments, self.decision, sigmas=sigmas, identify=client_id)
        self.on_stage("risk")
        requests = [item.request for item in sized if item.request is not None] + resends
        pending, blocked = self.book.pending(), {**self.book.blocked, **self.reconciler.blocked}
        review = review_orders(requests, account, positions, marks, self.instruments, self.limits, breaker, kill, turn.now_ns, pending=pending, blocked=blocked)

        self.on_stage("execution")
        stopped = failed or kill.active or breaker.state is CircuitState.OPEN
        # A symbol of which risk wants no more, or less, takes no more of an entry from before either.
        restrained = {demand.symbol for demand in demands if demand.type in (MandateType.BLOCK, MandateType.REDUCE)}
        overtaken = self.controller.overtaken(actions, restrained | set(blocked), entries_stopped=stopped)
        self._note_openers(actions, review)
        if recorder is not None and (review.approved or overtaken):
            recorder.intend(cycle, cycle_rows.intent(cycle, turn, review, [order.client_id for order in overtaken]))
        before = self.controller.states(known)
        carried = self.controller.carry_out(review, overtaken, resends, turn.now_ns)
        if recorder is not None and snapshot is not None:
            # Sending moves no money: what becomes of an order is drained with the next bar.
            equities = (account.equity, account.equity)
            results = execution_results(sized, review, carried, resends, (before, self.controller.states(known)), equities, turn.now_ns)
            facts = cycle_rows.Facts(cycle, turn, updates, snapshot, account, positions, marks, self.limits, breaker, kill)
            stats = cycle_stats(len(mandates), results, len(sized))
            outcome = cycle_rows.Outcome(sized, review, results, stats, self._stages, self.state(), self.get_cils_stats())
            recorder.commit(cycle, cycle_rows.commit(facts, outcome))
        self.on_stage("idle")

    def drain(self, turn: Turn) -> tuple[VenueUpdate, ...]:
        """Let the bar happen at the venue, and apply what the venue reports before anything is decided; then compare the books."""
        before = self.venue.marks()
        self.venue.advance(turn.open_ns, self.feed.venue_bars(turn))
        elapsed = turn.now_ns - turn.open_ns
        self.latches.breaker = circuit_breaker.record_price_moves(self.latches.breaker, before, self.venue.marks(), elapsed, self.limits, turn.now_ns)
        updates = self.venue.drain()
        for update in updates:
            self.controller.tracker.apply(update)
            trade = self.trips.observe(self.book.ledger, update) if self.book.apply(update) else None
            if trade is not None:
                equity = self.book.account(self.venue.marks(), turn.now_ns).equity
                self.latches.breaker = circuit_breaker.record_trade(self.latches.breaker, trade.net, equity, self.limits, turn.now_ns)
                self._learn(trade)
        self.reconciler.compare(self.book.positions(), self.venue.positions())
        return updates

    def observe(self, turn: Turn) -> bool:
        """Hand the closed bar to observation; whether it runs. A room that failed states no fact and stops entries; exits go on (decision 13)."""
        times = np.full(len(self.feed.symbols), turn.now_ns, dtype=np.int64)
        try:
            self.observation.ingest_marks(turn.now_ns, self.feed.symbols, np.ascontiguousarray(turn.x[:, 3]), times)
        except SystemHalted:
            return False
        return True

    def snapshot(self, turn: Turn, failed: bool) -> ObservationSnapshot:
        """The facts of the closed bar, for the row."""
        if not failed:
            return self.observation.snapshot(turn.now_ns)
        silent = {symbol: M4PrimitiveBundle.empty(symbol) for symbol in self.feed.symbols}
        return ObservationSnapshot(ObservationStatus.FAILED, turn.now_ns / NS_PER_SECOND, self.feed.symbols, SystemCounters(0, 0), (), silent)

    def state(self) -> str:
        """SHA-256 over everything that the next cycle depends on."""
        memories = [policy.to_bytes() for policy in self.policies]
        return cycle_rows.state_sha256(self.book, self.venue, memories, self.trips, self.latches.breaker, self.latches.kill)

    def get_cils_stats(self) -> CilsStats | None:
        """Statistics of the online learner (document 2); None where no policy has one."""
        return next((alpha.learner.stats() for alpha in self.alphas if alpha.learner is not None), None)

    def _note_openers(self, actions: Sequence[Action], review: Review) -> None:
        by_symbol = {action.symbol: action for action in actions if action.type is ActionType.ENTRY}
        for order in review.approved:
            action = by_symbol.get(order.request.symbol)
            if action is not None:
                learner = self._learner(action.strategy_id)
                chance = None if learner is None or action.horizon is None else learner.chance(action.horizon)
                self.trips.entering(action.symbol, Opener(action.strategy_id, action.horizon, chance))

    def _learn(self, trade: ClosedTrade) -> None:
        opener = trade.opener
        learner = None if opener is None else self._learner(opener.strategy_id)
        if opener is not None and learner is not None and opener.horizon is not None and opener.chance is not None and trade.entered:
            learner.learn(opener.horizon, float(trade.net / trade.entered) * 1e4, trade.opened_ns, trade.closed_ns, opener.chance)

    def _learner(self, strategy_id: str | None) -> Cils | None:
        return next((alpha.learner for alpha in self.alphas if alpha.strategy_id == strategy_id), None)

    def _sigma(self, action: Action) -> float | None:
        if action.horizon is None:
            return None
        return next((alpha.sigma(action.symbol, action.horizon) for alpha in self.alphas if alpha.strategy_id == action.strategy_id), None)

    def _barriers(self) -> dict[str, tuple[float | None, float | None]]:
        return {symbol: pair for alpha in self.alphas for symbol, pair in alpha.barriers().items()}

    def _stages(self, item: SizedAction) -> dict[str, Any]:
        return {alpha.strategy_id: alpha.stages(item.action.symbol) for alpha in self.alphas}
