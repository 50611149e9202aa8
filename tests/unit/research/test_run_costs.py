"""What a run's settings charge: funding, partial fills, liquidation; and what a model may be tested on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes.research_lake import rows
from tests.fakes.research_market import CODE, NOW_NS, START_NS, book_of, forecast, walk_panel

from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ConfigurationError, SafetyRefusal
from tallystick.contracts.time import NS_PER_HOUR
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.research.run import run
from tallystick.research.run_config import RunConfig
from tallystick.research.run_folder import RunResult
from tallystick.research.search_spaces import SearchSpace
from tallystick.research.splits import memory_bars

PANEL = walk_panel(2, 400, seed=5)
HELD: dict[str, Any] = {"symbols": ("BTCUSDT",), "strategy": "buy_and_hold"}


def start(place: Path, panel: BarPanel = PANEL, **config: Any) -> RunResult:
    return run(Workspace(place), panel, book_of(panel), RunConfig(**config), now_ns=NOW_NS, code_version=CODE)


@pytest.mark.clause("D3.08", "D3.10")
@pytest.mark.parametrize("rate", [0.0001, -0.0003])
def test_funding_is_the_rate_on_the_last_price_at_each_funding_time(tmp_path: Path, rate: float) -> None:
    result = start(tmp_path, **HELD, funding_rate=rate)
    costs = result.report.costs
    assert costs is not None
    assert (costs.funding_included, result.report.config_resolved["funding_rate"]) == (True, rate)
    (fill,) = rows(result.folder / "trades.csv")
    close = PANEL.close[PANEL.symbols.index("BTCUSDT")]
    due = [bar for bar in range(2, PANEL.bars) if int(PANEL.open_times_ns[bar]) % (8 * NS_PER_HOUR) == 0]
    paid = sum(rate * float(fill["qty"]) * float(np.round(close[bar - 1], 1)) for bar in due)
    assert float(costs.funding or 0) == pytest.approx(paid, rel=1e-4)
    free = start(tmp_path / "free", **HELD).report.summary.total_return
    assert result.report.summary.total_return == pytest.approx(free - paid / 10_000, abs=1e-6)


def test_run_without_a_rate_says_that_funding_is_not_included(tmp_path: Path) -> None:
    result = start(tmp_path, **HELD)
    assert result.report.costs is not None
    assert (result.report.costs.funding_included, result.report.costs.funding) == (False, None)
    assert "Funding payments are not included." in result.folder.joinpath("run_report.md").read_text()


def test_a_rate_for_instruments_that_pay_none_is_refused(tmp_path: Path) -> None:
    spot = InstrumentBook(row.model_copy(update={"funding_interval_minutes": None}) for row in book_of(PANEL).rows)
    with pytest.raises(ConfigurationError, match=r"no funding_rate for instruments that pay no funding, found 0\.0001"):
        run(Workspace(tmp_path), PANEL, spot, RunConfig(funding_rate=0.0001), now_ns=NOW_NS, code_version=CODE)


def test_volume_share_fills_in_parts(tmp_path: Path) -> None:
    thin = replace(PANEL, volume=np.full_like(PANEL.volume, 1.0))
    result = start(tmp_path, thin, **HELD, volume_share=0.05)
    fills = [float(row["qty"]) for row in rows(result.folder / "trades.csv")]
    assert len(fills) > 2
    assert max(fills) == 0.05
    assert result.report.config_resolved["volume_share"] == 0.05


def test_a_short_that_runs_away_is_taken_away_and_pays_the_liquidation_fee(tmp_path: Path) -> None:
    # A fall of 5 % is sold short, all of the account; then the price goes up by 98.5 %, which leaves less than the maintenance margin.
    price = np.concatenate([np.full(50, 100.0), np.full(10, 95.0), np.full(340, 95.0 * 1.985)])[None, :]
    columns = dict.fromkeys(("open", "high", "low", "close"), price)
    panel = replace(walk_panel(1, 400), **columns, volume=np.full_like(price, 1e6), quote_volume=price * 1e6)
    asked: dict[str, Any] = {"strategy": "time_series_momentum", "parameters": {"lookback_bars": 20.0, "shorts": 1.0}, "fee": 0.0005, "slippage_bps": 0.0}
    fees = {}
    for name, extra in (("plain", 0.0), ("dearer", 0.005)):
        result = start(tmp_path / name, panel, **asked, initial_cash=100_000.0, liquidation_fee=extra)
        assert result.report.costs is not None
        assert result.report.costs.liquidated == 1
        assert "taken away by liquidation: 1" in result.folder.joinpath("run_report.md").read_text()
        fees[name] = [(float(row["fee"]), float(row["notional"])) for row in rows(result.folder / "trades.csv")]
    taken = next(after for before, after in zip(fees["plain"], fees["dearer"], strict=True) if before != after)
    assert taken[0] / taken[1] == pytest.approx(0.0055, rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"funding_rate": 0.2}, "funding_rate from -0.1 to 0.1"),
        ({"volume_share": -0.1}, "volume_share from 0 to 1"),
        ({"liquidation_fee": 0.6}, "liquidation_fee from 0 to 0.5"),
        ({"strategy": "ma_cross", "parameters": {"shorts": 0.5}}, "expected shorts true or false, found 0.5"),
        ({"strategy": "ma_cross", "parameters": {"fast_bars": 5.5}}, "fast_bars from 2 to 1000, whole, found 5.5"),
        ({"strategy": "ma_cross", "parameters": {"rsi_bars": 5}}, r"fast_bars \(from 2 to 1000, whole\), .* of ma_cross, found rsi_bars"),
        ({"strategy": "buy_and_hold", "parameters": {"x": 5}}, "no parameters of buy_and_hold, found x"),
    ],
)
def test_setting_out_of_bounds_is_refused_with_what_is_allowed(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        RunConfig(**wrong)


@pytest.mark.parametrize("until", [100, 399, None])
def test_a_model_is_not_tested_on_bars_that_it_has_seen_or_may_have_seen(tmp_path: Path, until: int | None) -> None:
    begin = START_NS + 100 * NS_PER_HOUR
    with pytest.raises(SafetyRefusal, match="after the bars that the model was trained on"):
        start(tmp_path, strategy="model_forecast", model=forecast(until), start_ns=begin)
    assert not list(tmp_path.iterdir())
    marked = start(tmp_path, strategy="model_forecast", model=forecast(until, allowed=True), start_ns=begin)
    assert [line.split(":")[0] for line in marked.report.warnings or ()] == ["In-sample"]
    unseen = start(tmp_path / "unseen", strategy="model_forecast", model=forecast(99), start_ns=begin)
    assert unseen.report.warnings is None
    assert unseen.report.summary == marked.report.summary


def test_a_model_belongs_to_its_strategy_and_its_features_widen_the_gap_of_a_walkforward() -> None:
    with pytest.raises(ConfigurationError, match="a trained model with model_forecast only, found one with ma_cross"):
        RunConfig(strategy="ma_cross", model=forecast(0))
    space = SearchSpace({"enter_return": (0.001,)})
    assert memory_bars(PANEL, RunConfig(strategy="model_forecast", model=forecast(0)), space) >= 24 + 1
