from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tests.fakes.bar_panels import START_NS

from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import DataError
from tallystick.contracts.time import ns_from_iso
from tallystick.kernels.kernel import plain
from tallystick.kernels.market_simulation import simulate_symbol
from tallystick.market.bars import BarPanel
from tallystick.market.generator import DEFAULT_SYMBOLS, GeneratedMarket, generate, store_market
from tallystick.market.lake import Lake


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    return generate(7, start_ns=START_NS)


def information_coefficient(panel: BarPanel, lookback: int, horizon: int) -> tuple[float, float]:
    """Pooled correlation of trailing and next returns, and its t-statistic on samples that do not overlap."""
    close, estimates = panel.close, []
    past, after = np.full_like(close, np.nan), np.full_like(close, np.nan)
    past[:, lookback:] = close[:, lookback:] / close[:, :-lookback] - 1
    after[:, :-horizon] = close[:, horizon:] / close[:, :-horizon] - 1
    for start in range(horizon):
        x, y = past[:, start::horizon], after[:, start::horizon]
        known = ~np.isnan(x) & ~np.isnan(y)
        estimates.append((float(np.corrcoef(x[known], y[known])[0, 1]), int(known.sum())))
    mean = sum(value for value, _ in estimates) / horizon
    # all symbols of a bar share the factor, so half the rows count as independent
    return mean, mean * math.sqrt(estimates[0][1] / 2)


def test_same_seed_same_bytes(market: GeneratedMarket, tmp_path: Path) -> None:
    again = generate(7, start_ns=START_NS)
    assert sha256_bytes(again.panel.stacked().tobytes()) == sha256_bytes(market.panel.stacked().tobytes())
    assert (again.truth, again.instruments) == (market.truth, market.instruments)
    assert not np.array_equal(generate(8, start_ns=START_NS).panel.close, market.panel.close, equal_nan=True)
    small = generate(3, ("BTCUSDT", "AVOUSDT"), 20, 60, START_NS)
    hashes = {store_market(Lake(Workspace(tmp_path.joinpath(name))), small) for name in ("a", "b")}
    assert len(hashes) == 1


def test_bars_are_possible_and_connected(market: GeneratedMarket) -> None:
    panel = market.panel
    known = panel.present()
    assert panel.close.shape == (15, 21_600)
    low, high = panel.low[known], panel.high[known]
    for prices in (panel.open[known], panel.close[known]):
        assert ((low <= prices) & (prices <= high)).all()
    assert (low > 0).all()
    assert (panel.volume[known] > 0).all()
    later = known[:, 1:] & known[:, :-1]
    assert np.array_equal(panel.open[:, 1:][later], panel.close[:, :-1][later])


def test_prices_lie_on_the_tick_of_their_instrument(market: GeneratedMarket) -> None:
    for row in market.instruments:
        closes = market.panel.close[market.panel.row(row.venue_symbol)]
        for price in closes[~np.isnan(closes)][::997]:
            assert float(row.price_of(row.ticks_of(float(price)))) == price


def test_listings_and_delistings_are_in_bars_instruments_and_truth(market: GeneratedMarket) -> None:
    gone = [row for row in market.instruments if row.delisted is not None]
    assert len(gone) == 2
    assert sum(row.listed != market.truth.start for row in market.instruments) == 2
    for row in market.instruments:
        panel, life = market.panel, market.truth.lives[row.venue_symbol]
        have = np.flatnonzero(panel.present()[panel.row(row.venue_symbol)])
        assert int(panel.open_times_ns[have[0]]) == ns_from_iso(row.listed or "")
        assert int(panel.open_times_ns[have[-1]]) + panel.interval_ns == ns_from_iso(row.delisted or market.truth.end)
        assert (life.listed, life.delisted) == (row.listed, row.delisted)
        assert have.size == have[-1] - have[0] + 1


@pytest.mark.parametrize("seed", [7, 11])
def test_the_signal_is_weak_and_found_at_both_horizons(seed: int) -> None:
    panel = generate(seed, start_ns=START_NS).panel
    at_60, t_60 = information_coefficient(panel, 4, 1)
    at_240, t_240 = information_coefficient(panel, 4, 4)
    assert 0.02 < at_60 < 0.06
    assert 0.03 < at_240 < 0.085
    assert t_60 > 4
    assert t_240 > 4


@pytest.mark.parametrize("seed", [7, 11])
def test_most_symbols_are_liquid_enough_for_core_major(seed: int) -> None:
    daily = generate(seed, start_ns=START_NS).panel.resampled(1440)
    fit = 0
    for quote in daily.quote_volume:
        alive = not np.isnan(quote[-1])
        history = quote[~np.isnan(quote)]
        means = [history[-days:].mean() for days in (30, 90, 180)]
        liquid = all(mean >= least for mean, least in zip(means, (8e6, 12e6, 18e6), strict=True)) and min(means) / max(means) >= 0.55
        fit += alive and history.size >= 720 and liquid and (history[-90:] >= 1e7).sum() >= 70 and (history[-180:] >= 1e7).sum() >= 145
    assert fit >= 9


def test_volatility_clusters(market: GeneratedMarket) -> None:
    closes = market.panel.close[market.panel.row("BTCUSDT")]
    moves = np.abs(np.diff(np.log(closes)))
    assert np.corrcoef(moves[:-24], moves[24:])[0, 1] > 0.1


def test_the_compiled_loop_is_the_plain_one() -> None:
    normals = np.random.default_rng(3).standard_normal((50, 5))
    outs = []
    for function in (simulate_symbol, plain(simulate_symbol)):
        out = np.full((6, 50), np.nan)
        function(normals, normals[:, 0] * 0.01, 3, 48, True, 24.0, 12.5, 1e4, 10.0, 1.1, 0.008, 0.065, 6.0, 1e6, np.ones(24), out)
        outs.append(out)
    assert np.allclose(outs[0], outs[1], rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("interval", [5, 240, 1440])
def test_other_intervals_make_a_market_too(interval: int) -> None:
    made = generate(5, ("BTCUSDT", "AVOUSDT", "NEBOUSDT"), 12, interval, START_NS)
    assert made.panel.close.shape == (3, 12 * 1440 // interval)
    assert not np.isnan(made.panel.close).any()


def test_a_stored_market_is_read_back(tmp_path: Path) -> None:
    made = generate(5, DEFAULT_SYMBOLS, 40, 60, START_NS)
    lake = Lake(Workspace(tmp_path))
    sha256 = store_market(lake, made)
    found = lake.read("generated", 60)
    assert np.array_equal(found.stacked(), made.panel.stacked(), equal_nan=True)
    assert lake.coverage("generated", 60)[1] == sha256
    assert lake.instruments().at("BTCUSDT", START_NS).source == "generated"


@pytest.mark.parametrize(
    "arguments",
    [
        (1, DEFAULT_SYMBOLS, 0, 60, START_NS),
        (1, DEFAULT_SYMBOLS, 5, 7, START_NS),
        (1, DEFAULT_SYMBOLS, 5, 60, START_NS + 1),
        (-1, DEFAULT_SYMBOLS, 5, 60, START_NS),
    ],
)
def test_refuses_arguments_that_make_no_market(arguments: tuple[int, tuple[str, ...], int, int, int]) -> None:
    with pytest.raises(DataError, match="whole days from midnight"):
        generate(*arguments)


def test_refuses_a_market_without_its_benchmark() -> None:
    with pytest.raises(DataError, match="BTCUSDT among them"):
        generate(1, ("AVOUSDT",), 5, 60, START_NS)
