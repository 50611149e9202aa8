"""Portfolios: the parts are the whole, every filter keeps what it says, and contradictions are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.research_lake import PANEL, STATIC, provenance, rows
from tests.fakes.research_market import CODE, NOW_NS, book_of

from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.run_index import refresh_index
from tallystick.artifacts.verification import verify
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.quote_money import MICRO
from tallystick.contracts.time import NS_PER_HOUR, NS_PER_SECOND
from tallystick.research.candidates import choose_candidate
from tallystick.research.forward import first_request, forward
from tallystick.research.portfolio import PortfolioRequest, Source, choose_sources, joined, portfolio, read_sources, weights_of
from tallystick.research.run import run
from tallystick.research.run_config import RunConfig
from tallystick.research.run_folder import RunResult

BORDER_NS = PANEL.start_ns + 400 * NS_PER_HOUR


def forwards(place: Path) -> list[RunResult]:
    """Two forward runs of each of two plain runs, the second a little longer, with different cash."""
    found = []
    workspace = Workspace(place)
    for number, ticker in enumerate(("ADAUSDT", "ETHUSDT")):
        config = RunConfig(symbols=(ticker,), fee=0.0005, end_ns=BORDER_NS, parameters={"ma_bars": 10.0})
        source = run(workspace, PANEL, book_of(PANEL), config, now_ns=NOW_NS, code_version=CODE)
        candidate = choose_candidate(workspace, source.run_id, "sharpe_simple")
        for part, end_bar in enumerate((600, 700)):
            request = first_request(candidate, start_ns=None, end_ns=PANEL.start_ns + end_bar * NS_PER_HOUR, initial_cash=1_000.0 * (1 + number))
            now_ns = NOW_NS + (1 + part) * NS_PER_SECOND
            found.append(forward(workspace, PANEL, book_of(PANEL), candidate, request, provenance(now_ns=now_ns), universe=STATIC, now_ns=now_ns))
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[RunResult], list[Source]]:
    root = tmp_path_factory.mktemp("portfolio")
    results = forwards(root)
    sources = read_sources(Workspace(root), refresh_index(Workspace(root), now_ns=NOW_NS).index.runs)
    return Workspace(root), results, sources


Place = tuple[Workspace, list[RunResult], list[Source]]


def test_raw_capital_is_the_sum_of_the_curves(place: Place) -> None:
    _, _, sources = place
    whole = joined(sources, weights_of(sources, "raw_capital", None))
    for place_, time in enumerate(whole.times_ns.tolist()):
        wanted = 0
        for source in sources:
            before = [moment for moment in source.curve if moment <= time]
            wanted += source.curve[max(before)][0] if before else source.cash_micro
        assert whole.equity[place_] == wanted
    assert whole.capital == tuple(source.cash_micro for source in sources)


@given(st.lists(st.integers(1, 1000), min_size=4, max_size=4))
def test_parts_are_the_whole_whatever_the_weights(place: Place, numbers: list[int]) -> None:
    _, _, sources = place
    weights = [number / sum(numbers) for number in numbers]
    whole = joined(sources, weights)
    assert whole.start_micro == sum(source.cash_micro for source in sources) == 6_000 * MICRO
    assert sum(whole.ends) == whole.equity[-1]
    assert all(part >= 0 for part in whole.capital)


@pytest.mark.clause("D3.05", "D3.06")
def test_portfolio_folder_is_whole_and_shows_every_way_to_split(tmp_path: Path) -> None:
    results = forwards(tmp_path)
    workspace = Workspace(tmp_path)
    rows_ = refresh_index(workspace, now_ns=NOW_NS).index.runs
    weights = {results[1].run_id: 0.25, results[3].run_id: 0.75}
    result = portfolio(workspace, rows_, PortfolioRequest(mode="custom_weight", weights=weights), provenance(), now_ns=NOW_NS)
    report = verify(tmp_path)
    assert (report.failures, report.unknown, report.unprotected) == ((), (), ())
    assert [row["mode"] for row in rows(result.folder / "portfolio_modes.csv")] == ["raw_capital", "equal_weight", "custom_weight"]
    components = rows(result.folder / "portfolio_components.csv")
    assert {row["run_id"]: float(row["weight"]) for row in components} == weights
    gained = sum(float(row["weight"]) * float(row["total_return"]) for row in components)
    assert result.summary["total_return"] == pytest.approx(gained, abs=1e-8)
    assert result.summary["trades"] == sum(int(row["trades"]) for row in components)
    page = result.folder.joinpath("report.html").read_text()
    assert all(words in page for words in ("Equity over time", "Drawdown over time", "Ways to split the capital", *weights))
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    again = portfolio(workspace, rows_, PortfolioRequest(mode="custom_weight", weights=weights), provenance(), now_ns=NOW_NS)
    assert (again.run_id, again.is_new) == (result.run_id, False)


def test_filters_keep_what_they_say(place: Place) -> None:
    _, results, sources = place

    def kept(**more: Any) -> list[int]:
        chosen = {source.row.run_id for source in choose_sources(sources, PortfolioRequest(**more))}
        return [number for number, result in enumerate(results) if result.run_id in chosen]

    returns = [result.summary["total_return"] for result in results]
    best = max(range(4), key=lambda number: returns[number])
    assert kept() == [0, 1, 2, 3]
    assert kept(latest_per_source_run=True) == [1, 3]
    assert kept(include_tickers=("ETHUSDT",)) == [2, 3]
    assert kept(exclude_tickers=("ETHUSDT",)) == [0, 1]
    assert kept(include_strategies=("rsi_ma_cross_v2",)) == [0, 1, 2, 3]
    assert kept(top_n=1) == [best]
    assert kept(min_return=max(returns)) == [best]
    worst = min(result.summary["max_drawdown"] for result in results)
    assert kept(max_drawdown=-worst) == [0, 1, 2, 3]
    with pytest.raises(DataError, match="passes the filters"):
        kept(exclude_strategies=("rsi_ma_cross_v2",))
    with pytest.raises(DataError, match="passes the filters"):
        kept(min_return=1e9)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"mode": "lucky"}, "a portfolio mode among"),
        ({"mode": "custom_weight"}, "weights exactly with"),
        ({"weights": {"a": 1.0}}, "weights exactly with"),
        ({"mode": "custom_weight", "weights": {"a": 0.5}}, "sum to 1"),
        ({"mode": "custom_weight", "weights": {"a": 1.5, "b": -0.5}}, "sum to 1"),
        ({"rank_metric": "beauty"}, "rank metric among"),
        ({"top_n": 0}, "top_n of at least 1"),
        ({"max_drawdown": 20.0}, "fraction from 0 to 1"),
        ({"include_tickers": ("A",), "exclude_tickers": ("A",)}, "included or excluded"),
    ],
)
def test_contradictions_are_refused(request_: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        PortfolioRequest(**request_)


def test_weight_of_a_run_that_is_not_there_is_refused(place: Place) -> None:
    _, _, sources = place
    with pytest.raises(ConfigurationError, match="found nobody"):
        choose_sources(sources, PortfolioRequest(mode="custom_weight", weights={"nobody": 1.0}))


def test_sources_of_two_intervals_are_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, _, sources = place
    other = replace(sources[0], config=sources[0].config.model_copy(update={"interval": "1d"}))
    monkeypatch.setattr("tallystick.research.portfolio.read_sources", lambda *_: [other, *sources[1:]])
    with pytest.raises(ConfigurationError, match="one interval and calendar"):
        portfolio(workspace, (), PortfolioRequest(), provenance(), now_ns=NOW_NS)
