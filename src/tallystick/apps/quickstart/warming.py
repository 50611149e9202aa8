"""Compiling ahead: the kernels of a run and of a session, in a process of its own, while this one compiles those of features and money."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import TallystickError
from tallystick.decision.config import DecisionConfig
from tallystick.decision.market_view import MarketView
from tallystick.decision.model_alpha import ModelAlpha
from tallystick.decision.model_loading import LoadedModel
from tallystick.decision.policies.rsi_ma_cross import RsiMaCrossParameters, target_weights
from tallystick.kernels.warm import warm_kernels
from tallystick.market.generator import BENCHMARK, generate
from tallystick.observation.governance import Observation
from tallystick.research.evaluation import account_returns, evaluate
from tallystick.research.honesty.track_record import evidence_of
from tallystick.research.run_config import RunConfig
from tallystick.research.simulation import simulate_targets, slippage_rows

_SYMBOLS = ("AVOUSDT", BENCHMARK)
_DAYS = 4


class _Flat:
    """Predicts nothing of interest."""

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """A constant for every row."""
        return np.full(len(features), 0.001)


@functools.cache
def warm_everything() -> None:
    """Compile, or load from the cache, what the whole chain calls, on two cores; once in a process. Raises TallystickError when the other one fails."""
    other = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603 - our own module
    try:
        warm_kernels()
        _, errors = other.communicate()
    except BaseException:
        other.kill()
        other.wait()
        raise
    if other.returncode:
        said = errors.decode(errors="replace").strip().splitlines()
        raise TallystickError(f"expected the kernels to compile, found: {said[-1] if said else 'no message'}", hint="See: tallystick doctor")


def warm_run_and_session() -> None:
    """A simulation and two turns of the deciding and observing rooms on a tiny generated market, without features: the parent compiles those."""
    market = generate(0, _SYMBOLS, _DAYS)
    panel, terms = market.panel, RunConfig().terms
    weights = np.zeros(panel.close.shape)
    weights[:, 1::2] = 0.5
    target_weights(weights, np.full(weights.shape, 50.0), RsiMaCrossParameters())
    simulation = simulate_targets(panel, market.instruments, weights, slippage_rows("fixed", 2.0, 0.0, None, (len(panel.symbols), panel.bars)), terms)
    evaluate(simulation, terms, 8760.0)
    evidence_of(account_returns(simulation, terms), 8760.0, 0)
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


if __name__ == "__main__":
    warm_run_and_session()
