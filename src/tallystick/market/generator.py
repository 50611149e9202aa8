"""The seeded market generator: a market with a known truth, made without any data. Same seed, same bytes.

The signal is weak on purpose (a pooled information coefficient of a few per cent): an honest router finds it at one and at four hours,
and a strategy that ignores costs does not live off it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from tallystick.contracts.errors import DataError
from tallystick.contracts.instruments import Instrument, MarginTier, TickRule
from tallystick.contracts.market import GeneratorTruth, Life, Regime, RegimeName, Signal
from tallystick.contracts.time import NS_PER_DAY, NS_PER_MINUTE, iso_from_ns
from tallystick.kernels.market_simulation import FACTOR_DRAWS, SYMBOL_DRAWS, simulate_factor, simulate_regimes, simulate_symbol
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import CRYPTO_TIERS, assumed_lot, plain_text, power_of_ten_at_most, sorted_rows
from tallystick.market.lake import Lake
from tallystick.market.symbols import split_symbol

VENUE = "generated"
GENERATOR_VERSION = "1"
BENCHMARK = "BTCUSDT"
DEFAULT_SYMBOLS = (
    "AVOUSDT",
    "BRIMUSDT",
    "BTCUSDT",
    "CEDRUSDT",
    "DRIFUSDT",
    "EMBRUSDT",
    "FJRDUSDT",
    "GLENUSDT",
    "HARBUSDT",
    "IRISUSDT",
    "JUNIUSDT",
    "KELPUSDT",
    "LARKUSDT",
    "MOSSUSDT",
    "NEBOUSDT",
)
DEFAULT_DAYS = 900
SIGNAL_STRENGTH = 0.065
SIGNAL_HALF_LIFE_MINUTES = 360.0
REGIME_DAYS = 25.0
REGIME_NAMES: tuple[RegimeName, ...] = ("range", "bull", "bear", "volatile")
REGIME_DRIFT_PER_DAY = (0.0, 0.004, -0.0035, 0.0)
REGIME_VOLATILITY = (0.75, 1.0, 1.25, 1.8)
FACTOR_VOLATILITY_PER_HOUR = 0.0045
FACTOR_CLUSTERING = 0.35
SEASON = (0.9, 0.8, 0.75, 0.7, 0.7, 0.75, 0.85, 0.95, 1.0, 1.0, 1.0, 1.05, 1.15, 1.3, 1.4, 1.4, 1.3, 1.2, 1.1, 1.05, 1.0, 0.95, 0.9, 0.9)


@dataclass(frozen=True, slots=True)
class GeneratedMarket:
    """The bars, the instruments with their listing dates, and what is true of them."""

    panel: BarPanel
    instruments: tuple[Instrument, ...]
    truth: GeneratorTruth


@dataclass(frozen=True, slots=True)
class SymbolPlan:
    """How one symbol is made: open bar index and end (exclusive), price and units, beta, own volatility per hour, quote volume per day (USD)."""

    symbol: str
    first_bar: int
    end_bar: int
    delisted: bool
    price: float
    tick: Decimal
    lot: Decimal
    beta: float
    volatility: float
    daily_quote_volume: float


def generate(
    seed: int,
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS,
    days: int = DEFAULT_DAYS,
    interval_minutes: int = 60,
    start_ns: int = 0,
    *,
    benchmark: str = BENCHMARK,
) -> GeneratedMarket:
    """A market of `days` days from `start_ns` (midnight UTC). The benchmark must be one of the symbols; it is never delisted.

    Of other symbols, one in seven is delisted in the second half, one in seven listed late, and one is too thin for a liquid pool; with fewer than
    four of them all live from start to end. Raises DataError for arguments that do not make a market.
    """
    if days < 1 or interval_minutes < 1 or 1440 % interval_minutes or start_ns % NS_PER_DAY or start_ns < 0 or seed < 0:
        raise DataError(
            f"expected a seed, whole days from midnight UTC and an interval that divides a day, found seed {seed}, "
            f"{days} days of {interval_minutes} minutes from {iso_from_ns(max(0, start_ns))}"
        )
    names = tuple(sorted(set(symbols)))
    if len(names) != len(symbols) or benchmark not in names:
        raise DataError(f"expected different symbols, {benchmark} among them, found {', '.join(symbols)}")
    rng = Generator(PCG64(seed))
    bars_per_day = 1440 // interval_minutes
    count = days * bars_per_day
    plans = _plans(rng, names, benchmark, days, bars_per_day)
    hours = interval_minutes / 60.0
    scale = math.sqrt(hours)
    regime = np.zeros(count, dtype=np.int64)
    simulate_regimes(rng.random(count), 1.0 / (REGIME_DAYS * bars_per_day), regime)
    factor = np.empty(count)
    drift = np.array(REGIME_DRIFT_PER_DAY) / bars_per_day
    volatility = FACTOR_VOLATILITY_PER_HOUR * scale
    draws = rng.standard_normal((count, FACTOR_DRAWS))
    simulate_factor(draws, regime, drift, np.array(REGIME_VOLATILITY), volatility, 2.0 * bars_per_day, FACTOR_CLUSTERING, factor)
    columns = np.full((len(names), 6, count), np.nan)
    for row, plan in enumerate(plans):
        _simulate(rng, plan, factor, bars_per_day, scale, SIGNAL_HALF_LIFE_MINUTES / interval_minutes, columns[row])
    times = start_ns + interval_minutes * NS_PER_MINUTE * np.arange(count, dtype=np.int64)
    ordered = np.ascontiguousarray(np.swapaxes(columns, 0, 1))
    panel = BarPanel(VENUE, interval_minutes, names, times, *ordered)
    return GeneratedMarket(panel, _instruments(panel, plans), _truth(seed, panel, plans, regime, benchmark))


def _simulate(
    rng: Generator, plan: SymbolPlan, factor: NDArray[np.float64], bars_per_day: int, scale: float, half_life_bars: float, out: NDArray[np.float64]
) -> None:
    simulate_symbol(
        rng.standard_normal((factor.size, SYMBOL_DRAWS)),
        factor,
        plan.first_bar,
        plan.end_bar,
        plan.delisted,
        float(bars_per_day),
        plan.price,
        float(1 / plan.tick),
        float(1 / plan.lot),
        plan.beta,
        plan.volatility * scale,
        SIGNAL_STRENGTH,
        half_life_bars,
        plan.daily_quote_volume / bars_per_day,
        np.array(SEASON),
        out,
    )


def _plans(rng: Generator, names: tuple[str, ...], benchmark: str, days: int, bars_per_day: int) -> tuple[SymbolPlan, ...]:
    others = [name for name in names if name != benchmark]
    order = [others[index] for index in rng.permutation(len(others))]
    few = len(others) < 4
    special = 0 if few else max(1, len(others) // 7)
    gone, late = order[:special], order[special : 2 * special]
    thin = () if few else (order[2 * special],)
    plans = []
    for name in names:
        place = others.index(name) if name != benchmark else 0
        draw = rng.random(6)
        first_day = int(days * (0.08 + 0.42 * late.index(name) / max(1, special - 1))) if name in late else 0
        end_day = max(first_day + 1, int(days * (0.55 + 0.35 * draw[0]))) if name in gone else days
        if name == benchmark:
            price, beta, volatility, quote_volume = 20_000.0 + 1000.0 * int(draw[1] * 10), 1.0, 0.0018, 8e9
        else:
            # two significant figures between 0.05 and 500, spread over four powers of ten
            price = (10 + int(draw[1] * 90)) / 10.0 * (0.05, 0.5, 5.0, 50.0)[place % 4]
            beta, volatility = 0.75 + 0.7 * draw[2], 0.0062 + 0.0036 * draw[3]
            quote_volume = 3.5e6 if name in thin else 4.5e7 + 1.4e9 * draw[4] * draw[4] * draw[5]
        tick = min(Decimal(1), power_of_ten_at_most(Decimal(repr(price)) / 20_000))
        price = float((Decimal(repr(price)) / tick).to_integral_value() * tick)
        lot = assumed_lot(price)
        plans.append(SymbolPlan(name, first_day * bars_per_day, end_day * bars_per_day, name in gone, price, tick, lot, beta, volatility, quote_volume))
    return tuple(plans)


def _instruments(panel: BarPanel, plans: tuple[SymbolPlan, ...]) -> tuple[Instrument, ...]:
    tiers = tuple(MarginTier(lower_notional=lower, max_leverage=leverage, maintenance_rate=rate) for lower, leverage, rate in CRYPTO_TIERS)
    rows = []
    for plan in plans:
        parts, life = split_symbol(plan.symbol), _life(panel, plan)
        rows.append(
            Instrument(
                id=f"{panel.venue}:{plan.symbol}",
                venue=panel.venue,
                venue_symbol=plan.symbol,
                base=parts.base,
                quote=parts.quote or "USDT",
                multiplier=str(parts.multiplier),
                price_rule=TickRule(kind="tick", tick=plain_text(plan.tick)),
                lot=plain_text(plan.lot),
                minimum_notional="5",
                margin_tiers=tiers,
                funding_interval_minutes=480,
                listed=life.listed,
                delisted=life.delisted,
                renamed_from=None,
                calendar="crypto_24_7",
                adjustment="none",
                source="generated",
                effective_from="1970-01-01T00:00:00Z",
                effective_to=None,
            )
        )
    return sorted_rows(rows)


def _life(panel: BarPanel, plan: SymbolPlan) -> Life:
    listed = panel.start_ns + plan.first_bar * panel.interval_ns
    delisted = iso_from_ns(panel.start_ns + plan.end_bar * panel.interval_ns) if plan.delisted else None
    return Life(listed=iso_from_ns(listed), delisted=delisted, beta=plan.beta)


def _truth(seed: int, panel: BarPanel, plans: tuple[SymbolPlan, ...], regime: NDArray[np.int64], benchmark: str) -> GeneratorTruth:
    edges = [0, *(int(place) + 1 for place in np.flatnonzero(np.diff(regime))), panel.bars]
    regimes = tuple(
        Regime(
            from_at=iso_from_ns(panel.start_ns + low * panel.interval_ns),
            to_at=iso_from_ns(panel.start_ns + high * panel.interval_ns),
            regime=REGIME_NAMES[int(regime[low])],
        )
        for low, high in pairwise(edges)
    )
    signal = Signal(
        kind="idiosyncratic_momentum",
        strength=SIGNAL_STRENGTH,
        half_life_minutes=SIGNAL_HALF_LIFE_MINUTES,
        seen_in=("ret_4", "mom_20", "zscore_20", "cs_rank_ret_5"),
        horizons_minutes=(60, 240),
    )
    return GeneratorTruth(
        seed=seed,
        generator_version=GENERATOR_VERSION,
        venue=panel.venue,
        interval_minutes=panel.interval_minutes,
        start=iso_from_ns(panel.start_ns),
        end=iso_from_ns(panel.end_ns),
        benchmark=benchmark,
        signal=signal,
        regimes=regimes,
        lives={plan.symbol: _life(panel, plan) for plan in plans},
    )


def store_market(lake: Lake, market: GeneratedMarket) -> str:
    """Put a generated market into the lake, with its instruments and its truth; answer the coverage's SHA-256."""
    coverage_sha256 = lake.write(market.panel, calendar="crypto_24_7", source=f"generated, seed {market.truth.seed}, version {market.truth.generator_version}")
    lake.write_instruments(market.instruments)
    lake.write_truth(market.truth)
    return coverage_sha256
