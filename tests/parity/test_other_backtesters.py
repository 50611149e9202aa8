"""Our simulation beside backtesting.py, vectorbt and empyrical on real bars: the same signals, fees and bars give the same trades and equity, to 1e-9."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.fakes.shared_data import shared_data

pytestmark = pytest.mark.filterwarnings("ignore")
BARS = 1500


@pytest.fixture(scope="module")
def peers() -> ModuleType:
    """`benchmarks/compare_backtests.py`, which writes the table in the docs."""
    shared_data()
    spec = importlib.util.spec_from_file_location("compare_backtests", Path(__file__).parents[2] / "benchmarks" / "compare_backtests.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cases(peers: ModuleType) -> list[Any]:
    peers.shared = lambda: shared_data().parent
    found = [case for case in peers.cases() if case.name in ("BTCUSDT long", "ETHUSDT long and short")]
    return [replace(case, panel=case.panel.columns(0, BARS), units=np.concatenate([case.units[: BARS - 3], np.zeros(3)])) for case in found]


def test_orders_and_equity_equal_vectorbt(peers: ModuleType, cases: list[Any]) -> None:
    for case in cases:
        found = peers.ours(case)
        orders, equity = peers.by_vectorbt(case)
        assert len(orders) > 30
        assert peers.difference(peers.our_fills(found, case), orders) < 1e-9
        assert peers.difference(found.curve[:, 0] / 1e6, equity) < 1e-9


def test_trades_and_equity_equal_backtesting_py(peers: ModuleType, cases: list[Any]) -> None:
    for case in cases:
        found = peers.ours(case)
        trades, equity = peers.by_backtesting(case)
        assert len(trades) > 15
        assert peers.difference(peers.our_trades(found, case), trades) < 1e-9
        assert peers.difference(found.curve[:, 0] / 1e6, equity) < 1e-9


def test_metrics_equal_empyrical_where_both_define_the_same(peers: ModuleType, cases: list[Any]) -> None:
    for case in cases:
        found = peers.metrics(np.ascontiguousarray(peers.ours(case).curve[:, 0]), 8760.0)
        assert len(found) == 7
        for name, (mine, theirs) in found.items():
            assert mine == pytest.approx(theirs, rel=1e-9), name
