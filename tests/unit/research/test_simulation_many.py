"""Many variants at once: the same bits as a run of each, whatever the threads; and strategies that give changes instead of dense weights."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.research_market import book_of, instruments_of, random_weights, walk_panel

from tallystick.contracts.errors import ConfigurationError, DataError, StrategyError
from tallystick.kernels.kernel import plain
from tallystick.kernels.strategy_rules import list_crosses, rule_targets, tick_sums
from tallystick.research.evaluation import evaluate
from tallystick.research.simulation import MANY_FIGURES, FillTerms, Simulation, decisions_of, simulate_many, simulate_targets, slippage_rows
from tallystick.research.strategies import STRATEGIES, StrategyVariants, TickCrosses, find_strategy

TERMS = FillTerms(fee_e8=100_000, spread_e8=10_000, leverage_e4=20_000, cash_micro=50_000_000_000, funding_e8=10_000, volume_share=0.01)


def test_every_figure_has_the_bits_of_a_run_of_its_own() -> None:
    panel = walk_panel(3, 700, seed=4, gaps=0.03)
    rows, slippage = instruments_of(panel), slippage_rows("fixed", 5.0, 0.0, None, panel.close.shape)
    weights = [random_weights(panel, seed=seed, most=0.6) for seed in range(5)]
    one, two = (simulate_many(panel, rows, 5, weights.__getitem__, slippage, TERMS, 8760.0, threads=threads) for threads in (1, 2))
    assert one.tobytes() == two.tobytes()
    for k in range(5):
        found = evaluate(simulate_targets(panel, rows, weights[k], slippage, TERMS), TERMS, 8760.0).summary
        assert one[k].tolist() == [getattr(found, name) for name in MANY_FIGURES]


def test_a_variant_that_loses_everything_is_one_row_and_stops_no_other() -> None:
    panel = walk_panel(1, 200, seed=1)
    wild = panel.close * np.where(np.arange(200) < 100, 1.0, 30.0)
    panel = type(panel)(panel.venue, 60, panel.symbols, panel.open_times_ns, wild, wild, wild, wild, panel.volume, panel.quote_volume)
    short, long = np.full((1, 200), -0.9), np.full((1, 200), 0.9)
    terms = FillTerms(0, 0, 10_000, 10**9)
    found = simulate_many(panel, instruments_of(panel), 2, [short, long].__getitem__, slippage_rows("fixed", 0.0, 0.0, None, (1, 200)), terms, 8760.0)
    assert found[0, [0, 2]].tolist() == [-1.0, -1.0]
    assert np.isnan(found[0, 1])
    assert found[1, 0] > 10


def test_memory_does_not_grow_with_the_variants() -> None:
    panel = walk_panel(1, 20_000, seed=2)
    rows, slippage = instruments_of(panel), slippage_rows("fixed", 0.0, 0.0, None, panel.close.shape)
    terms = FillTerms(0, 0, 10_000, 10**9)
    peaks = []
    for count in (4, 40):
        tracemalloc.start()
        simulate_many(panel, rows, count, lambda k: random_weights(panel, seed=k, shorts=False), slippage, terms, 8760.0, threads=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.integers(95, 105).map(lambda tick: tick / 10), st.just(float("nan"))), min_size=25, max_size=70), st.integers(2, 4), st.integers(1, 5)
)
def test_crosses_from_ticks_are_those_of_the_features(closes: list[float], fast: int, more: int) -> None:
    """Prices on few ticks, so that averages are often equal; gaps; and a period that begins inside the bars."""
    base = walk_panel(1, len(closes), seed=1)
    close = np.array([closes])
    panel = type(base)(base.venue, 60, base.symbols, base.open_times_ns, close, close, close, close, base.volume, base.quote_volume)
    if np.isnan(closes).all():
        return
    row = instruments_of(walk_panel(1, 30))[0]
    row = row.model_copy(update={"price_rule": row.price_rule.model_copy(update={"tick": "0.1"})})
    sets = [{"fast_bars": float(fast), "slow_bars": float(fast + more), "shorts": 0.0}]
    period = panel.columns(8, len(closes))
    if np.isnan(period.close).all():
        return
    dense = StrategyVariants(panel, period, find_strategy("ma_cross"), sets)(0)
    quick = StrategyVariants(panel, period, find_strategy("ma_cross"), sets, (row,))(0)
    assert isinstance(quick, tuple)
    assert isinstance(dense, np.ndarray)
    slow = decisions_of(dense, period)
    assert [column.tolist() for column in quick] == [column.tolist() for column in slow]


def test_averages_that_cross_at_every_bar_have_room() -> None:
    """A price that jumps to and fro crosses at each bar: as many changes as bars, twice as many as rows were once kept for."""
    panel = walk_panel(1, 2000, seed=1)
    panel.close[0] = 100.0 + np.arange(2000) % 2
    bars, _, targets = TickCrosses(panel, instruments_of(panel)).decisions(2, 3, 1.0)
    assert bars.tolist() == list(range(int(bars[0]), 2000))
    assert len(bars) > 1990
    assert targets.tolist() == [1.0, 0.0] * (len(bars) // 2) + [1.0] * (len(bars) % 2)


def test_cross_and_rule_kernels_equal_their_plain_source() -> None:
    closes = np.random.default_rng(3).integers(90, 110, 600) / 10
    closes[[40, 41, 200]] = np.nan
    read = [(np.zeros(601, np.int64), np.zeros(600, np.int64)) for _ in range(2)]
    gaps, most = tick_sums(closes, 10.0, 0.1, *read[0])
    assert (gaps, most) == plain(tick_sums)(closes, 10.0, 0.1, *read[1]) == (3, 109)
    assert [column.tolist() for column in read[0]] == [column.tolist() for column in read[1]]
    sums, missing = read[0][0], read[0][1][:gaps]
    compiled, slow = [(np.zeros(600, np.int64), np.zeros(600)) for _ in range(2)]
    count = list_crosses(sums, missing, 12, 3, 9, 0.5, *compiled)
    assert count == plain(list_crosses)(sums, missing, 12, 3, 9, 0.5, *slow) > 10
    assert [column[:count].tolist() for column in compiled] == [column[:count].tolist() for column in slow]
    features = np.random.default_rng(4).normal(0, 1, (2, 2, 200))
    for kind in range(5):
        outs = [np.zeros((2, 200)) for _ in range(2)]
        rule_targets(kind, features, np.array([0.8, 0.1, 1.0]), 0.5, outs[0])
        plain(rule_targets)(kind, features, np.array([0.8, 0.1, 1.0]), 0.5, outs[1])
        assert outs[0].tolist() == outs[1].tolist()


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "model_forecast"])
def test_every_strategy_runs_with_its_defaults_and_knows_its_bounds(name: str) -> None:
    panel, strategy = walk_panel(4, 400, seed=6), find_strategy(name)
    variants = StrategyVariants(panel, panel, strategy, [{}, {}])
    weights = variants(0)
    assert isinstance(weights, np.ndarray)
    assert weights.shape == panel.close.shape
    assert 0 < np.nanmax(np.abs(weights)) <= 0.25
    for parameter, (low, high) in strategy.bounds.items():
        with pytest.raises(ConfigurationError):
            StrategyVariants(panel, panel, strategy, [{parameter: high + 1.0}])
        assert low <= strategy.defaults[parameter] <= high
    assert book_of(panel).at(panel.symbols[0], panel.start_ns, panel.venue)


def test_a_model_strategy_without_a_model_says_so() -> None:
    panel = walk_panel(1, 120)
    with pytest.raises(ConfigurationError, match="trained model"):
        StrategyVariants(panel, panel, find_strategy("model_forecast"), [{}])


# Bad input


def simulated(closes: list[float], weights: list[float], *, volume: float = 1e6, terms: FillTerms | None = None, in_quantities: bool = False) -> Simulation:
    base = walk_panel(1, len(closes), seed=1)
    close = np.array([closes])
    columns = (close, close, close, close, np.full(close.shape, volume), close)
    panel = type(base)(base.venue, 60, base.symbols, base.open_times_ns, *columns)
    row = instruments_of(walk_panel(1, 30))[0].model_copy(update={"lot": "0.001"})
    slippage = slippage_rows("fixed", 0.0, 0.0, None, close.shape)
    return simulate_targets(panel, (row,), np.array([weights]), slippage, terms or FillTerms(0, 0, 10_000, 10**9), in_quantities=in_quantities)


def test_signals_that_are_nan_throughout_trade_nothing() -> None:
    found = simulated([10.0] * 5, [float("nan")] * 5)
    assert len(found.fills) == 0
    assert found.curve[:, 0].tolist() == [10**9] * 5


def test_infinite_signals_and_prices_are_refused() -> None:
    with pytest.raises(StrategyError, match="between -1 and 1"):
        simulated([10.0] * 3, [float("inf"), 0.0, 0.0])
    with pytest.raises(DataError, match="below 2\\^53 ticks"):
        simulated([10.0, float("inf"), 10.0], [0.5, 0.0, 0.0])
    with pytest.raises(DataError, match="at least one tick"):
        simulated([10.0, -1.0, 10.0], [0.5, 0.0, 0.0])


def test_zero_volume_fills_nothing_and_the_order_waits() -> None:
    terms = FillTerms(0, 0, 10_000, 10**9, volume_share=0.1)
    assert len(simulated([10.0] * 6, [0.5] * 6, volume=0.0, terms=terms).fills) == 0
    assert len(simulated([10.0] * 6, [0.5] * 6, volume=float("nan"), terms=terms).fills) == 0
    parts = simulated([10.0] * 6, [0.5] * 6, volume=200.0, terms=terms)
    assert parts.fills[:, 3].tolist() == [20_000, 20_000, 10_000]


def test_a_fall_of_99_percent_loses_what_was_held_and_no_more() -> None:
    found = simulated([10.0, 10.0, 0.1, 0.1], [1.0, float("nan"), float("nan"), float("nan")])
    assert found.curve[-1, 0] == 10**7
    assert found.liquidated == 0


def test_a_gap_of_99_percent_against_leverage_takes_the_account_and_says_when() -> None:
    with pytest.raises(StrategyError, match="wiped out at 2024-01-01T02:00:00Z"):
        simulated([10.0, 10.0, 0.1, 0.1], [400.0] * 4, terms=FillTerms(0, 0, 50_000, 10**9), in_quantities=True)


def test_leverage_beyond_the_instrument_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="leverage of at most 20"):
        simulated([10.0] * 3, [0.5] * 3, terms=FillTerms(0, 0, 210_000, 10**9))


def test_more_fills_than_decisions_find_room() -> None:
    """One decision that fills over a thousand bars."""
    terms = FillTerms(0, 0, 10_000, 10**9, volume_share=0.1)
    found = simulated([10.0] * 1500, [0.9] * 1500, volume=0.5, terms=terms)
    assert len(found.fills) == 1499
    assert found.fills[:, 0].tolist() == list(range(1, 1500))


def test_a_position_stays_within_the_tiers_that_allow_the_leverage() -> None:
    """From 250,000 on the instrument allows 10, so an account at 15 stops just below."""
    found = simulated([10.0] * 4, [40_000.0] * 4, terms=FillTerms(0, 0, 150_000, 10**11), in_quantities=True)
    assert found.cut_to_margin == 1
    assert 249_000_000_000 < found.curve[-1, 2] < 250_000_000_000
    free = simulated([10.0] * 4, [40_000.0] * 4, terms=FillTerms(0, 0, 50_000, 10**11), in_quantities=True)
    assert free.curve[-1, 2] == 400_000_000_000
