"""One experiment: a parameter set on a period, to figures. Many of them share features, and run in parts wherever a fan-out puts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tallystick.contracts.errors import ConfigurationError, DataError, StrategyError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.run_documents import RunSummary
from tallystick.contracts.time import iso_from_ns
from tallystick.kernels import performance
from tallystick.market.bars import BarPanel
from tallystick.market.calendars import bars_per_year
from tallystick.market.instruments import InstrumentBook
from tallystick.research.pool_history import PoolHistory, features_of_the_time, pool_weights
from tallystick.research.run_config import RunConfig
from tallystick.research.simulation import Floats, Ints, Simulation, figures, rows_of, simulate_targets, slippage_rows
from tallystick.research.strategies import in_bars

ATR = "atr_14"
MOST_PERIODS = 240
"""Into how many returns an experiment is summed up: enough for sixteen blocks of a cross-validation, small enough to keep thousands of them."""
_CACHE_BYTES = 512_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """Open times from start_ns, included, to end_ns, excluded."""

    start_ns: int
    end_ns: int

    @property
    def text(self) -> tuple[str, str]:
        """Both ends as ISO-8601."""
        return iso_from_ns(self.start_ns), iso_from_ns(self.end_ns)


@dataclass(frozen=True, slots=True)
class TrialPart:
    """Parameter sets to be tried on one window."""

    window: Window
    proposals: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one parameter set. figures: by name, null where one does not exist; empty where it failed, and then error is [code, message].

    period_returns: simple returns over at most `MOST_PERIODS` equal parts of the window.
    """

    proposal: Mapping[str, float]
    figures: Mapping[str, float | None]
    period_returns: tuple[float, ...]
    error: tuple[str, str] | None = None

    @property
    def trades(self) -> int:
        """Closed trades."""
        return int(self.figures.get("trades") or 0)

    @property
    def summary(self) -> RunSummary:
        """The core results."""
        found = {name: self.figures.get(name) for name in ("total_return", "sharpe_simple", "max_drawdown", "win_rate")}
        return RunSummary(
            total_return=found["total_return"],
            sharpe_simple=found["sharpe_simple"],
            max_drawdown=found["max_drawdown"],
            trades=self.trades,
            win_rate=found["win_rate"],
        )


METRICS = ("trades", *performance.CURVE_FIGURES, *performance.TRADE_FIGURES)
"""What a search may be sorted by."""


@dataclass(slots=True, eq=False)
class TrialJob:
    """Experiments over one panel. panel may begin before every window: what lies before warms the features and is never traded.

    config: everything but the searched parameters. history: the pool at each time, where members may change; None for a fixed list.
    """

    panel: BarPanel
    instruments: tuple[Instrument, ...]
    config: RunConfig
    history: PoolHistory | None = None
    _features: dict[str, Floats] = field(init=False, default_factory=dict)
    _latest: tuple[tuple[object, ...], Floats] | None = field(init=False, default=None)

    def prepare(self) -> None:
        """Nothing beyond the imports that unpickling has done."""

    def run(self, part: TrialPart) -> tuple[Trial, ...]:
        """Each proposal of the part on its window. An account that is lost fails its own experiment only. Raises DataError for a window without bars."""
        return tuple(self._trial(part.window, proposal) for proposal in part.proposals)

    def simulate(self, window: Window, proposal: Mapping[str, float]) -> Simulation:
        """The simulation of one parameter set. Raises StrategyError where the account is lost."""
        strategy = self.config.decides
        parameters = in_bars({**strategy.defaults, **self.config.parameters, **proposal}, self.panel.interval_minutes, self.panel.day_minutes)
        wanted = strategy.features(parameters)
        period = self.period(window)
        key = (*wanted, period.start_ns, period.bars)
        if self._latest is None or self._latest[0] != key:
            # The same array as long as experiments read the same features: what a strategy makes of them alone, it makes once.
            self._latest = None
            self._latest = (key, self._history(wanted, period))
        history = self._latest[1]
        positions = strategy.targets(history, parameters)
        if positions.shape != period.close.shape:
            raise StrategyError(f"expected positions of shape {period.close.shape}, found {positions.shape}", where=self.config.strategy)
        if self.history is None:
            weights = positions / len(period.symbols)
        else:
            # A decision is made when its bar closes: that is the time at which a release must be active.
            weights = pool_weights(positions, self.history, period.symbols, period.open_times_ns + period.interval_ns)
        return simulate_targets(period, self.instruments, weights, self.slippage(window), self.config.terms)

    def period(self, window: Window) -> BarPanel:
        """The bars of a window. Raises DataError where there are fewer than two."""
        period = self.panel.between(window.start_ns, window.end_ns)
        if period.bars < 2:
            start, end = window.text
            raise DataError(f"expected bars from {start} to {end}, found {period.bars}", where=f"{self.panel.venue} at {self.panel.interval_minutes} minutes")
        return period

    def evaluate(self, simulation: Simulation) -> Mapping[str, float | None]:
        """Every figure of a simulation, by name."""
        equity = np.ascontiguousarray(simulation.curve[:, 0])
        year = bars_per_year(self.instruments[0].calendar, self.panel.interval_minutes)
        curve = figures(performance.CURVE_FIGURES, performance.curve_figures(self.config.terms.cash_micro, equity, year))
        trades = figures(performance.TRADE_FIGURES, performance.trade_figures(simulation.trades))
        return {"trades": float(len(simulation.trades)), **curve, **trades}

    def _trial(self, window: Window, proposal: Mapping[str, float]) -> Trial:
        try:
            simulation = self.simulate(window, proposal)
        except (StrategyError, ConfigurationError) as error:
            return Trial(dict(proposal), {}, (), (error.code, error.message))
        return Trial(dict(proposal), self.evaluate(simulation), period_returns(self.config.terms.cash_micro, np.ascontiguousarray(simulation.curve[:, 0])))

    def slippage(self, window: Window) -> Ints:
        """Slippage known at each close of a window, in 1e-8."""
        config, period = self.config, self.period(window)
        atr = self._history((ATR,), period)[:, 0] if config.slippage_mode == "atr" else None
        return slippage_rows(config.slippage_mode, config.slippage_bps, config.k_atr, atr, period.close.shape)

    def _history(self, names: Sequence[str], period: BarPanel) -> Floats:
        missing = [name for name in dict.fromkeys(names) if name not in self._features]
        if missing:
            held = sum(column.nbytes for column in self._features.values())
            if held + len(missing) * self.panel.close.nbytes > _CACHE_BYTES:
                self._features.clear()
                missing = list(dict.fromkeys(names))
            found = features_of_the_time(self.panel, missing, self.history)
            self._features.update({name: np.ascontiguousarray(found[:, place]) for place, name in enumerate(missing)})
        # Features are computed over all bars and then cut, so that they are warm where the period begins; the policy itself begins flat there.
        first = int(np.searchsorted(self.panel.open_times_ns, period.start_ns))
        return np.stack([self._features[name][:, first : first + period.bars] for name in names], axis=1)


def trial_job(panel: BarPanel, book: InstrumentBook, config: RunConfig, history: PoolHistory | None = None) -> TrialJob:
    """Experiments on the symbols of a configuration. Raises DataError for missing bars, ConfigurationError for symbols of two calendars."""
    used = panel.select(config.symbols or panel.symbols)
    rows = rows_of(used, book)
    calendars = sorted({row.calendar for row in rows})
    if len(calendars) > 1:
        raise ConfigurationError(f"expected symbols of one calendar, found {' and '.join(calendars)}", hint="Run them apart")
    return TrialJob(used, rows, config, history)


def period_returns(start_micro: int, equity_micro: Ints) -> tuple[float, ...]:
    """Simple returns over equal parts of a curve, at most `MOST_PERIODS`; each is one division of two integers."""
    bars = equity_micro.size
    parts = min(MOST_PERIODS, bars)
    ends = [bars * (place + 1) // parts - 1 for place in range(parts)]
    levels = [start_micro, *(int(equity_micro[end]) for end in ends)]
    return tuple(after / before - 1.0 for before, after in pairwise(levels))


def parts_of(window: Window, proposals: Sequence[Mapping[str, float]], size: int) -> Iterator[TrialPart]:
    """Proposals of one window in parts of at most `size`, in order."""
    for first in range(0, len(proposals), size):
        yield TrialPart(window, tuple(proposals[first : first + size]))


def score(trial: Trial, sort_by: str, *, ascending: bool, min_trades: int) -> float | None:
    """What a search maximises: the figure, its negative where low is good; None where the experiment cannot be ranked."""
    value = trial.figures.get(sort_by)
    if trial.error is not None or value is None or trial.trades < min_trades:
        return None
    return -value if ascending else value


def ranked(trials: Sequence[Trial], sort_by: str, *, ascending: bool, min_trades: int) -> list[int]:
    """Places of the experiments that can be ranked, best first: by the figure, then total return, then the order of proposal."""
    scores = [score(trial, sort_by, ascending=ascending, min_trades=min_trades) for trial in trials]
    able = [place for place, value in enumerate(scores) if value is not None]
    return sorted(able, key=lambda place: (-(scores[place] or 0.0), -(trials[place].figures.get("total_return") or 0.0), place))
