"""The page of a run: self-contained, the same bytes for the same run, small for long histories, and true to the report."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fakes.research_market import CODE, NOW_NS, START_NS, book_of, walk_panel

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import read_artifact
from tallystick.contracts.registry import contract
from tallystick.contracts.run_documents import RunReport
from tallystick.contracts.run_evidence import Overfitting
from tallystick.contracts.sweep_tables import LeaderboardRow, WalkforwardRow
from tallystick.contracts.time import NS_PER_HOUR, NS_PER_MINUTE
from tallystick.research.pictures.charts import TradedPrice, monthly_returns
from tallystick.research.report_page import Curve, run_html, sweep_html, walkforward_html
from tallystick.research.run import RunResult, run
from tallystick.research.run_config import RunConfig

PANEL = walk_panel(3, 900, seed=5)
VOID = {"meta", "path", "rect", "circle", "br"}


class Nesting(HTMLParser):
    """Every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def parsed(page: bytes) -> Nesting:
    found = Nesting()
    found.feed(page.decode())
    assert found.open == []
    return found


def made(place: Path, **config: Any) -> RunResult:
    return run(Workspace(place), PANEL, book_of(PANEL), RunConfig(**config), now_ns=NOW_NS, code_version=CODE)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return made(tmp_path_factory.mktemp("page"), fee=0.0005, spread_bps=2.0)


@pytest.fixture
def report(result: RunResult) -> RunReport:
    return result.report


@pytest.mark.clause("D3.06")
def test_page_lies_beside_the_report_and_needs_nothing_else(result: RunResult) -> None:
    page = result.folder.joinpath("report.html").read_text()
    assert not re.search(r"<script|<link|<img|@import|url\(|javascript:|\son\w+=", page)
    assert not re.search(r"https?://", page)
    assert page.startswith("<!doctype html>")


def test_page_is_well_formed_and_has_every_picture(result: RunResult) -> None:
    found = parsed(result.folder.joinpath("report.html").read_bytes())
    words = " ".join(found.words)
    headings = (
        "Equity",
        "Drawdown",
        "Monthly returns",
        "Exposure",
        "Where the money went",
        "Skill or luck",
        "Trades on price",
        "Results by symbol",
        "Settings",
    )
    assert [name for name in headings if name not in words] == []
    assert found.count["svg"] == 7 + len(PANEL.symbols)


def test_page_says_what_the_report_says(result: RunResult, report: RunReport) -> None:
    page = result.folder.joinpath("report.html").read_text()
    summary, costs = report.summary, report.costs
    assert summary.total_return is not None
    assert costs is not None
    assert f"{summary.total_return * 100:.2f} %" in page
    assert f"-{float(costs.fees):,.2f}" in page
    assert report.header.run_id in page
    assert report.reproduce is not None
    assert report.reproduce.config_hash[:7] in report.header.run_id


def test_same_run_gives_the_same_page(tmp_path: Path) -> None:
    pages = [made(tmp_path / name).folder.joinpath("report.html").read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]


def test_costs_add_up_from_the_result_before_costs_to_the_result(report: RunReport) -> None:
    costs, total = report.costs, report.summary.total_return
    assert costs is not None
    assert costs.spread is not None
    assert costs.slippage is not None
    assert float(costs.spread) + float(costs.slippage) == pytest.approx(float(costs.spread_and_slippage))
    assert 0 < float(costs.spread) < float(costs.slippage)
    assert total is not None


def test_names_from_outside_cannot_write_into_the_page(report: RunReport) -> None:
    evil = '<script>alert("1")</script>'
    hostile = report.model_copy(update={"universe_note": evil, "config_resolved": {**report.config_resolved, "strategy": evil, "ticker": f"A,{evil}"}})
    price = TradedPrice(evil, np.array([1.0, 2.0]), np.array([1]), np.array([2.0]), np.array([True]))
    curve = Curve(PANEL.open_times_ns[:2], np.array([1.0, 2.0]), 1.0)
    page = run_html(hostile, curve, [price])
    assert b"<script" not in page
    parsed(page)


def test_million_bars_stay_below_two_megabytes_and_half_a_second_each(report: RunReport) -> None:
    bars = 1_000_000
    random = np.random.default_rng(1)
    times = START_NS + NS_PER_MINUTE * np.arange(bars, dtype=np.int64)
    equity = 1e4 * np.cumprod(1 + 1e-4 * random.standard_normal(bars))
    curve = Curve(times, equity, 1e4, np.ones(bars), random.uniform(-1, 1, bars), equity[::-1].copy())
    fills = random.integers(0, bars, 200_000)
    price = TradedPrice("BTCUSDT", equity, fills, equity[fills], random.random(fills.size) < 0.5)
    began = time.process_time()
    page = run_html(report, curve, [price])
    assert time.process_time() - began < 5.0
    assert len(page) < 2_000_000
    parsed(page)


@pytest.mark.parametrize("bars", [0, 1, 2])
def test_shortest_curves_are_drawn_or_left_out(report: RunReport, bars: int) -> None:
    times = START_NS + NS_PER_HOUR * np.arange(bars, dtype=np.int64)
    parsed(run_html(report, Curve(times, np.full(bars, 100.0), 100.0, np.zeros(bars), np.zeros(bars)), ()))


def test_months_compound_to_years_and_to_the_whole() -> None:
    times = START_NS + 24 * NS_PER_HOUR * np.arange(800, dtype=np.int64)
    equity = 1000 * np.cumprod(1 + 0.02 * np.random.default_rng(3).standard_normal(800))
    found = monthly_returns(times, equity, 1000.0)
    for year, value in found.years.items():
        inside = [result for (at, _), result in found.months.items() if at == year]
        assert np.prod(1 + np.array(inside)) - 1 == pytest.approx(value)
    assert np.prod(1 + np.array(list(found.years.values()))) == pytest.approx(equity[-1] / 1000)
    assert len(found.months) == 27


def leaderboard(*names: str) -> list[LeaderboardRow]:
    rows = []
    for rank in range(1, 21):
        params = {name: float((rank * (place + 2)) % 7) for place, name in enumerate(names)}
        rows.append(
            LeaderboardRow(
                rank=rank, params=json.dumps(params), sharpe_simple=2.0 - 0.2 * rank, total_return=0.1, max_drawdown=-0.1, trades=rank, win_rate=None
            )
        )
    return rows


@pytest.mark.parametrize("names", [(), ("ma_bars",), ("ma_bars", "rsi_bars"), ("ma_bars", "rsi_bars", "cooldown_days")])
def test_sweep_page_draws_what_varies(report: RunReport, names: tuple[str, ...]) -> None:
    found = Overfitting(
        probability=0.3,
        probability_of_loss=0.4,
        median_logit=0.2,
        median_sharpe_in_sample=2.0,
        median_sharpe_out_of_sample=0.5,
        trials=20,
        blocks=8,
        choices=70,
    )
    page = sweep_html(report.model_copy(update={"overfitting": found}), leaderboard(*names))
    words = " ".join(parsed(page).words)
    assert ("Surface" in words) == bool(names)
    assert "Leaderboard" in words
    assert "Every way to take half of 8 blocks" in words


def test_sweep_without_any_result_is_a_page_still(report: RunReport) -> None:
    rows = [row.model_copy(update={"sharpe_simple": None}) for row in leaderboard("ma_bars", "rsi_bars")]
    assert "Surface" not in " ".join(parsed(sweep_html(report, rows)).words)
    parsed(sweep_html(report, []))


def test_walkforward_page_draws_each_split_once(report: RunReport) -> None:
    rows = [
        WalkforwardRow(
            split=f"split {number}",
            train_start=f"2023-0{number}-01T00:00:00Z",
            train_end=f"2023-0{number + 2}-01T00:00:00Z",
            test_start=f"2023-0{number + 2}-01T00:00:00Z",
            test_end=f"2023-0{number + 3}-01T00:00:00Z",
            params='{"ma_bars":20}',
            train_sharpe_simple=1.5,
            test_sharpe_simple=None if number == 2 else -0.5,
            test_trades=3,
        )
        for number in (1, 2, 3)
        for _ in range(2)
    ]
    page = walkforward_html(report, rows)
    assert page.decode().count("2023-03-01 to 2023-04-01") == 1
    parsed(page)


def test_page_is_a_known_file_of_the_run(result: RunResult) -> None:
    assert contract("runs.report_page").paths == ("outputs/runs/{run_id}/report.html",)
    config = read_artifact(contract("runs.config"), result.folder / "config.json")
    assert config.spread_bps == 2.0
