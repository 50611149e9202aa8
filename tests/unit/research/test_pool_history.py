"""The pool of the time: who may be traded when, against a plain oracle, and in a whole run."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.research_market import CODE, NAMES, NOW_NS, START_NS, book_of, walk_panel

from tallystick.analysis.features import compute_history
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.store import write_artifact
from tallystick.contracts.errors import DataError
from tallystick.contracts.pool import INDEX_COLUMNS
from tallystick.contracts.registry import contract
from tallystick.contracts.tables import table_bytes
from tallystick.contracts.time import NS_PER_DAY, NS_PER_HOUR, date_from_ns, ns_from_iso
from tallystick.research.pool_history import ActiveRelease, PoolHistory, describe, features_of_the_time, local_history, pool_weights
from tallystick.research.run import decided_weights, run
from tallystick.research.run_config import RunConfig
from tallystick.research.simulation import rows_of, simulate_targets
from tallystick.research.trials import Window, trial_job

DAY = NS_PER_DAY


def history(*releases: tuple[int, tuple[str, ...]]) -> PoolHistory:
    """Releases by the day of their activation, counted from the start of the panel."""
    return PoolHistory(tuple(ActiveRelease(f"v{day}", START_NS + day * DAY, symbols) for day, symbols in releases), "history", "a test")


@given(st.data())
@pytest.mark.clause("D5.39")
def test_membership_is_what_a_plain_reading_of_the_releases_says(data: st.DataObject) -> None:
    days = data.draw(st.lists(st.integers(0, 30), min_size=1, max_size=5, unique=True).map(sorted))
    pools = [tuple(data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))) for _ in days]
    times = np.array(sorted(data.draw(st.lists(st.integers(-2 * 24, 40 * 24), min_size=1, max_size=30))), np.int64) * NS_PER_HOUR + START_NS
    found = history(*zip(days, pools, strict=True))
    members = found.members(NAMES, times)
    weights = pool_weights(np.ones(members.shape), found, NAMES, times)
    for column, time in enumerate(times.tolist()):
        active: tuple[str, ...] = ()
        for day, pool in zip(days, pools, strict=True):
            if START_NS + day * DAY <= time:
                active = pool
        for row, symbol in enumerate(NAMES):
            assert members[row, column] == (symbol in active)
            assert weights[row, column] == (1.0 / len(active) if symbol in active else 0.0)


def test_the_names_of_a_period_are_those_that_were_active_in_it() -> None:
    found = history((0, ("ADAUSDT",)), (10, ("BTCUSDT", "ETHUSDT")), (20, ("PEPEUSDT",)))
    assert found.symbols(START_NS + 10 * DAY, START_NS + 20 * DAY) == ("BTCUSDT", "ETHUSDT")
    assert found.symbols(START_NS + 9 * DAY, START_NS + 21 * DAY) == ("ADAUSDT", "BTCUSDT", "ETHUSDT", "PEPEUSDT")
    assert found.symbols(START_NS - 5 * DAY, START_NS) == ()
    other = history((0, ("ADAUSDT",)), (10, ("BTCUSDT", "PEPEUSDT")), (20, ("PEPEUSDT",)))
    first, second = (item.identity(START_NS, START_NS + 30 * DAY) for item in (found, other))
    assert first.startswith("v20 (3 releases, sha256 ")
    assert first != second
    assert found.identity(START_NS, START_NS + DAY) == other.identity(START_NS, START_NS + DAY)
    with pytest.raises(DataError, match="active before 2024-01-01"):
        found.identity(START_NS - DAY, START_NS)
    text = describe(found, START_NS - DAY, START_NS + 5 * DAY, ["X"])
    assert text == "1 releases by activation date (a test); nothing is traded before 2024-01-01; no bars of X."


@pytest.mark.parametrize("releases", [(), ((1, ("ADAUSDT",)), (1, ("BTCUSDT",))), ((2, ("ADAUSDT",)), (1, ("BTCUSDT",)))])
def test_releases_without_an_order_are_refused(releases: tuple[tuple[int, tuple[str, ...]], ...]) -> None:
    with pytest.raises(DataError, match="oldest first"):
        history(*releases)


@pytest.mark.clause("D5.39")
def test_decision_44_no_symbol_trades_before_its_activation_or_after_it_left(tmp_path: Path) -> None:
    panel = walk_panel(4, 24 * 30, seed=11)
    pools = {5: ("BTCUSDT", "ETHUSDT"), 12: ("ETHUSDT", "ADAUSDT"), 21: ("PEPEUSDT", "BTCUSDT")}
    found = history(*pools.items())
    config = RunConfig(symbols=NAMES, parameters={"cooldown_days": 0.0, "rsi_buy_max": 100.0})
    made = run(Workspace(tmp_path), panel, book_of(panel), config, now_ns=NOW_NS, code_version=CODE, universe_source="live_pool", pool_history=found)
    rows = list(csv.DictReader(io.StringIO((made.folder / "trades.csv").read_text())))
    assert {row["symbol"] for row in rows} == set(NAMES)
    ends = {5: 12, 12: 21, 21: 10**6}
    for row in rows:
        if row["side"] == "buy":
            day = (ns_from_iso(row["timestamp"]) - START_NS) / DAY
            assert any(start <= day < ends[start] and row["symbol"] in pool for start, pool in pools.items()), row
        else:
            # Who leaves the pool is sold when the next release becomes active, at its first open.
            day = (ns_from_iso(row["timestamp"]) - START_NS) / DAY
            assert any(start <= day <= ends[start] and row["symbol"] in pool for start, pool in pools.items()), row
    assert min(ns_from_iso(row["timestamp"]) for row in rows) >= START_NS + 5 * DAY
    assert made.report.benchmark is None
    assert made.report.reproduce is not None
    assert "--pool-from history" in str(made.report.reproduce.command)
    assert "--ticker" not in str(made.report.reproduce.command)


def index_row(day: int, symbols: tuple[str, ...]) -> dict[str, object]:
    as_of = date_from_ns(START_NS + (day - 1) * DAY)
    version = f"{as_of}-core_major"
    row: dict[str, object] = dict.fromkeys(INDEX_COLUMNS)
    files = {name: f"{version}/{name.removesuffix('_path')}.json" for name in ("live_pool_path", "live_pool_legacy_path", "release_manifest_path")}
    facts = {"version": version, "as_of_date": as_of, "activation_date": date_from_ns(START_NS + day * DAY), "mode": "core_major"}
    return {**row, **facts, "source_project": "crypto-live-pool-pipelines", "pool_size": len(symbols), "symbols": "|".join(symbols), **files}


@pytest.mark.clause("D5.38", "D5.39")
def test_the_local_history_is_read_from_its_index_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(DataError, match=r"expected the local release history.*release_index\.csv"):
        local_history(workspace)
    rows = [index_row(5, ("ETHUSDT", "ADAUSDT")), index_row(12, ("BTCUSDT",))]
    write_artifact(contract("universe.release_index"), workspace.path("universe.release_index"), table_bytes(INDEX_COLUMNS, rows))
    found = local_history(workspace)
    assert [(item.activation_ns, item.symbols) for item in found.releases] == [
        (START_NS + 5 * DAY, ("ETHUSDT", "ADAUSDT")),
        (START_NS + 12 * DAY, ("BTCUSDT",)),
    ]
    assert "release_index.csv, sha256 " in found.evidence


def test_decision_44_a_rank_is_among_the_members_of_the_time() -> None:
    """A name that joins the pool on day ten must not move the ranks of day nine: that it was to join was not known."""
    panel = walk_panel(4, 24 * 20, seed=4)
    found = history((0, ("ADAUSDT", "BTCUSDT", "ETHUSDT")), (10, ("BTCUSDT", "PEPEUSDT")))
    config = RunConfig(strategy="cross_sectional_momentum", parameters={"lookback_bars": 5.0, "top_share": 0.4})
    weights, _ = decided_weights(panel, panel, config, found)
    job = trial_job(panel, book_of(panel), config, found)
    names = ("cs_rank_ret_5", "ret_5")
    features = features_of_the_time(panel, names, found)
    for symbols, first, last in ((("ADAUSDT", "BTCUSDT", "ETHUSDT"), 0, 10), (("BTCUSDT", "PEPEUSDT"), 10, 20)):
        # A decision is made when its bar closes: the bar before midnight already follows the new pool.
        bars, rows = slice(max(24 * first - 1, 0), 24 * last - 1), [NAMES.index(symbol) for symbol in symbols]
        alone = compute_history(panel.select(symbols), names)
        assert np.array_equal(features[rows][:, :, bars], alone[:, :, bars], equal_nan=True)
        others = [row for row in range(4) if row not in rows]
        assert np.isnan(features[others, 0][:, bars]).all()
        assert not weights[others, bars].any()
        assert weights[rows, bars].any()
    simulated = job.simulate(Window(panel.start_ns, panel.end_ns), {})
    again = simulate_targets(panel, rows_of(panel, book_of(panel)), weights, job.slippage(Window(panel.start_ns, panel.end_ns)), config.terms)
    assert np.array_equal(simulated.fills, again.fills), "a search sees the same ranks as a run"
