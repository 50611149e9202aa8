"""A research run as a pipeline: the same features, the same strategy, the same fill model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.analysis.features import warm_up_bars
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.quote_money import MICRO
from tallystick.kernels.simulation_books import BAR, PRICE, SIDE, SYMBOL
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.research.leaks.pipeline import MAIN, Floats, Inputs, Pipeline, Trade, Traded
from tallystick.research.pool_history import PoolHistory, features_of_the_time
from tallystick.research.run import decided_weights, strategy_parameters
from tallystick.research.run_config import RunConfig
from tallystick.research.simulation import FillTerms, Ints, rows_of, simulate_targets, slippage_rows


def pipeline_of_run(
    panel: BarPanel,
    book: InstrumentBook,
    config: RunConfig,
    *,
    pool: PoolHistory | None = None,
    universe_known_ns: int | None = None,
    candidates: BarPanel | None = None,
) -> Pipeline:
    """The stages of `research.run` over these bars, which may begin before the period; pool: its releases by activation. Raises what a run would raise."""
    used = panel.select(config.symbols or panel.symbols)
    end = used.end_ns if config.end_ns is None else config.end_ns
    used = used.between(used.start_ns, end)
    start = used.start_ns if config.start_ns is None else max(config.start_ns, used.start_ns)
    strategy, parameters = config.decides, strategy_parameters(config, used)
    names = strategy.features(parameters)

    def decide(inputs: Inputs, start_ns: int) -> Floats:
        bars = inputs[MAIN]
        weights, _ = decided_weights(bars, bars.between(start_ns, bars.end_ns), config, pool)
        return np.concatenate([np.full((len(bars.symbols), bars.bars - weights.shape[1]), np.nan), weights], axis=1)

    period = used.between(start, end)
    _, atr = decided_weights(used, period, config, pool)
    slippage = np.broadcast_to(slippage_rows(config.slippage_mode, config.slippage_bps, config.k_atr, atr, period.close.shape), period.close.shape)
    trade = house_fills(rows_of(period, book), slippage, config.terms)
    return Pipeline(
        inputs={MAIN: used},
        start_ns=int(period.start_ns),
        decide=decide,
        trade=trade,
        reference=trade,
        features=(lambda inputs: features_of_the_time(inputs[MAIN], names, pool)) if names else None,
        warm_up_bars=warm_up_bars(names),
        universe_known_ns=universe_known_ns,
        candidates=candidates,
        # Of a training run that does not say what it has seen, the worst.
        model_seen_ns=None if config.model is None else config.model.trained_until_ns or int(period.open_times_ns[-1]),
    )


def house_fills(instruments: Sequence[Instrument], slippage_e8: Ints, terms: FillTerms) -> Trade:
    """The fill model of the house. slippage_e8: int64[S, T], held fixed while prices are changed; a shorter panel takes its last columns."""

    def trade(panel: BarPanel, weights: Floats) -> Traded:
        slippage = np.ascontiguousarray(slippage_e8[:, slippage_e8.shape[1] - panel.bars :])
        found = simulate_targets(panel, instruments, weights, slippage, terms)
        columns, rows, sides, prices = (found.fills[:, name] for name in (BAR, SYMBOL, SIDE, PRICE))
        return Traded(columns, rows, sides, prices.astype(np.float64), found.curve[:, 0] / MICRO)

    return trade
