"""Every leak in many disguises is found and named; honest pipelines raise no alarm."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from tests.fakes import leak_accounts, leak_variants
from tests.fakes.leak_variants import Variant
from tests.fakes.research_market import START_NS, book_of, forecast, walk_panel

from tallystick.contracts.time import NS_PER_HOUR
from tallystick.research.leaks.canaries import run_canaries
from tallystick.research.leaks.findings import LINES
from tallystick.research.leaks.of_run import pipeline_of_run
from tallystick.research.run_config import RunConfig

VARIANTS = 21
GENERATORS: dict[str, Callable[[int], Variant]] = {
    "future_shift": leak_variants.future_shift,
    "whole_sample": leak_variants.whole_sample,
    "short_warm_up": leak_variants.short_warm_up,
    "same_bar_fill": leak_accounts.same_bar_fill,
    "todays_universe": leak_accounts.todays_universe,
    "merge_offset": leak_accounts.merge_offset,
    "future_label": leak_accounts.future_label,
}
# Invented code is careless about windows without a value, as people's is.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_every_variant_of_a_leak_is_found_and_named(kind: str) -> None:
    missed = []
    for seed in range(VARIANTS):
        variant = GENERATORS[kind](seed)
        found = run_canaries(variant.pipeline)
        if kind not in {name for leak in found.leaks for name in leak.kinds}:
            missed.append((variant.says, [leak.says for leak in found.leaks]))
    assert not missed


def test_no_alarm_on_invented_honest_pipelines() -> None:
    alarms = [(seed, leak.says) for seed in range(30) for leak in run_canaries(leak_variants.clean(seed).pipeline).leaks]
    alarms += [(seed, leak.says) for seed in range(10) for leak in run_canaries(leak_accounts.honest_account(seed)).leaks]
    assert not alarms


def any_config(seed: int) -> RunConfig:
    random = np.random.default_rng(seed)
    parameters = {
        "ma_bars": float(random.integers(3, 30)),
        "rsi_bars": float(random.integers(3, 6)),
        "rsi_buy_max": float(random.integers(40, 100)),
        "rsi_sell_min": float(random.integers(50, 100)),
        "cooldown_days": float(random.choice([0.0, 0.2, 1.0])),
    }
    return RunConfig(
        symbols=("BTCUSDT",) if seed % 5 == 0 else (),
        start_ns=None if seed % 3 == 0 else START_NS + int(random.integers(60, 200)) * NS_PER_HOUR,
        parameters=parameters,
        fee=float(random.choice([0.0, 0.0005, 0.002])),
        slippage_mode="atr" if seed % 4 == 0 else "fixed",
        spread_bps=float(random.integers(0, 5)),
        leverage=float(random.choice([1.0, 2.0])),
    )


def test_no_alarm_on_runs_of_the_house() -> None:
    alarms = []
    for seed in range(60):
        panel = walk_panel(1 + seed % 4, 340, seed=seed, gaps=0.01 * (seed % 2)) if seed % 5 else walk_panel(3, 340, seed=seed)
        found = run_canaries(pipeline_of_run(panel, book_of(panel), any_config(seed)))
        alarms += [(seed, leak.says) for leak in found.leaks]
    assert not alarms


def test_finding_says_where_the_line_and_what_it_would_be_without_the_leak() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (leak, *_) = run_canaries(leak_variants.future_shift(4).pipeline).leaks
    assert leak.line == LINES["future_shift"] == "summary.total_return"
    assert leak.reported is not None
    assert leak.without is not None
    assert leak.reported > leak.without + 0.1
    assert 0 < leak.changed <= leak.compared
    assert leak.reach_bars in (2, 3, 5, 8, 12)


def test_same_seed_gives_the_same_findings() -> None:
    pipeline = leak_accounts.merge_offset(3).pipeline
    assert run_canaries(pipeline, 5) == run_canaries(pipeline, 5)


def test_what_cannot_be_tested_is_said_and_is_no_clean_bill() -> None:
    panel = walk_panel(2, 300, seed=1)
    flat = pipeline_of_run(panel, book_of(panel), RunConfig(parameters={"rsi_buy_max": 0.0}))
    found = run_canaries(flat)
    assert set(found.not_tested) == {"future_label", "short_warm_up", "same_bar_fill"}
    assert found.is_clean


@pytest.mark.parametrize(("until_bar", "kinds"), [(99, []), (100, ["future_label"]), (None, ["future_label"])])
def test_model_that_was_fitted_to_traded_bars_is_a_leak_and_one_fitted_before_is_none(until_bar: int | None, kinds: list[str]) -> None:
    panel = walk_panel(2, 300, seed=1)
    config = RunConfig(strategy="model_forecast", model=forecast(until_bar), start_ns=START_NS + 100 * NS_PER_HOUR)
    found = run_canaries(pipeline_of_run(panel, book_of(panel), config))
    assert [leak.kind for leak in found.leaks] == kinds
    assert "future_label" not in found.not_tested
