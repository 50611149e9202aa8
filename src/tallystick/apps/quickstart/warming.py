"""Compiling beside the chain: another process readies the kernels of the run and the session, while this one compiles those it needs first and goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import TallystickError
from tallystick.contracts.time import NS_PER_HOUR
from tallystick.decision.config import DecisionConfig
from tallystick.decision.market_view import MarketView
from tallystick.decision.model_alpha import ModelAlpha
from tallystick.decision.model_loading import LoadedModel
from tallystick.decision.policies.rsi_ma_cross import RsiMaCrossParameters, target_weights
from tallystick.kernels.alpha import score_all
from tallystick.kernels.fees import fee
from tallystick.kernels.kernel import CACHE_FOLDER, is_compiled
from tallystick.kernels.primitives import mark_primitives
from tallystick.kernels.simulation import simulate
from tallystick.kernels.track_record import bootstrap
from tallystick.kernels.warm import warm_money
from tallystick.market.bars import BarPanel
from tallystick.market.instruments import assumed_instruments
from tallystick.observation.governance import Observation
from tallystick.research.evaluation import account_returns, evaluate
from tallystick.research.honesty.track_record import evidence_of
from tallystick.research.run_config import RunConfig
from tallystick.research.simulation import simulate_targets, slippage_rows

BESIDE = ("run", "session", "replay")
"""The steps whose kernels the other process compiles, in this order; it says each name when they are in the cache."""

_SYMBOLS = ("A", "B")
_BARS = 96
# One kernel of each part below: where all of them are in the cache there is nothing to compile.
_COMPILED: tuple[Callable[..., object], ...] = (simulate, bootstrap, score_all, mark_primitives, fee)

WaitFor = Callable[[str], None]


@contextmanager
def compiling_beside() -> Iterator[WaitFor]:
    """Compile for the steps of `BESIDE` in another process, which ends with the block. Gives what waits until a step's kernels are ready.

    That raises TallystickError when the other process fails. Nothing is started, and nothing waits, where all is in the cache or nothing can be kept.
    """
    if CACHE_FOLDER is None or all(is_compiled(kernel) for kernel in _COMPILED):
        yield lambda _: None
        return
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as other:  # noqa: S603 - our own module
        assert other.stdout is not None
        try:
            yield _waiter(other.stdout)
        finally:
            other.kill()


def _waiter(said: IO[str]) -> WaitFor:
    ready: set[str] = set()

    def wait_for(step: str) -> None:
        last = "no message"
        while step in BESIDE and step not in ready:
            line = said.readline()
            if not line:
                raise TallystickError(f"expected the kernels of the step {step} to compile, found: {last}", hint="See: tallystick doctor")
            last = line.strip() or last
            ready.add(last)

    return wait_for


def warm_run() -> None:
    """What the step `run` calls, on a tiny market."""
    panel, terms = _panel(), RunConfig().terms
    weights = np.zeros(panel.close.shape)
    weights[:, 1::2] = 0.5
    target_weights(weights, np.full(weights.shape, 50.0), RsiMaCrossParameters())
    slippage = slippage_rows("fixed", 2.0, 0.0, None, (len(panel.symbols), panel.bars))
    made = simulate_targets(panel, assumed_instruments(panel, "crypto_24_7"), weights, slippage, terms)
    evaluate(made, terms, 8760.0)
    evidence_of(account_returns(made, terms), 8760.0, 0)


def warm_session() -> None:
    """What a session's deciding and observing rooms and its venue call, without features: the chain needs those before."""
    panel = _panel()
    alpha = ModelAlpha((_model(),), panel.symbols, panel.interval_minutes, DecisionConfig())
    observation = Observation(panel.symbols)
    for column in (-2, -1):
        now_ns = int(panel.open_times_ns[column]) + panel.interval_ns
        close, ones = np.ascontiguousarray(panel.close[:, column]), np.ones(len(panel.symbols))
        number = panel.first_bar_number + panel.bars + column
        columns = (close, 1e6 * ones, 0.01 * ones, ones, 0 * ones)
        view = MarketView(now_ns, number, panel.interval_minutes, panel.symbols, *columns, ("ret_1",), np.zeros((2, 1)), 1e5)
        alpha.propose(view, {})
        observation.ingest_marks(now_ns, panel.symbols, close, np.full(len(panel.symbols), now_ns, dtype=np.int64))
        observation.snapshot(now_ns)
    warm_money()


def _panel() -> BarPanel:
    close = 100.0 + np.arange(2.0 * _BARS).reshape(2, _BARS) % 7.0
    return BarPanel("warming", 60, _SYMBOLS, NS_PER_HOUR * np.arange(_BARS, dtype=np.int64), close, close + 1.0, close - 1.0, close, 1e6 * close, 1e8 * close)


class _Flat:
    """Predicts nothing of interest."""

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """A constant for every row."""
        return np.full(len(features), 0.001)


def _model() -> LoadedModel:
    return LoadedModel(
        target="fwd_ret_60m",
        kind="fwd_ret",
        horizon_minutes=60,
        view="CROSS_SECTIONAL",
        family="none",
        symbol=None,
        feature_list=("ret_1",),
        predictor=_Flat(),
        prior_ic=0.0,
        ranks=False,
        meta_path="",
        meta_sha256="",
        model_sha256="",
    )


def main() -> None:
    """Ready the kernels of each step of `BESIDE`, and say so."""
    for warm, steps in ((warm_run, BESIDE[:1]), (warm_session, BESIDE[1:])):
        warm()
        for step in steps:
            # The process that started this one reads it.
            sys.stdout.write(f"{step}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
