"""Market views, models and mandates for the tests of the decision room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.positions import Direction, Position, PositionState
from tallystick.contracts.time import NS_PER_MINUTE
from tallystick.contracts.traded_instruments import TradedInstrument
from tallystick.decision.market_view import MarketView
from tallystick.decision.model_loading import LoadedModel

SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT", "EEEUSDT")


@dataclass
class FakePredictor:
    """Predicts what a function of the features says."""

    rule: Callable[[NDArray[float64]], NDArray[float64]]
    calls: int = 0

    def predict(self, features: NDArray[float64]) -> NDArray[float64]:
        self.calls += 1
        return np.asarray(self.rule(features), dtype=np.float64)


def model(
    family: str = "LightGBM",
    target: str = "fwd_ret_60m",
    rule: Callable[[NDArray[float64]], NDArray[float64]] = lambda x: x[:, 0],
    features: tuple[str, ...] = ("signal",),
    symbol: str | None = None,
    prior_ic: float = 0.05,
) -> LoadedModel:
    words = target.split("_")
    kind, minutes = "_".join(words[:2]), next(word for word in words if word.endswith("m") and word[0].isdigit())
    view = "SYMBOL_SPECIFIC" if symbol else "CROSS_SECTIONAL"
    digest = f"{family}-{target}-{symbol}"
    return LoadedModel(target, kind, int(minutes[:-1]), view, family, symbol, features, FakePredictor(rule), prior_ic, False, f"{digest}.json", digest, digest)


def view(
    bar: int = 100,
    symbols: tuple[str, ...] = SYMBOLS,
    close: NDArray[float64] | None = None,
    features: Mapping[str, NDArray[float64]] | None = None,
    interval: int = 5,
    spread: float = 1.0,
    age_ms: float = 0.0,
    volatility: float = 0.002,
    equity: float = 100_000.0,
) -> MarketView:
    count, columns = len(symbols), features if features is not None else {"signal": np.zeros(len(symbols))}
    return MarketView(
        now_ns=(bar + 1) * interval * NS_PER_MINUTE,
        bar_number=bar,
        interval_minutes=interval,
        symbols=symbols,
        close=np.full(count, 100.0) if close is None else close,
        adv_usd=np.full(count, 1e9),
        volatility=np.full(count, volatility),
        spread_bps=np.full(count, spread),
        quote_age_ms=np.full(count, age_ms),
        feature_names=tuple(columns),
        features=np.stack(list(columns.values()), axis=1) if columns else np.empty((count, 0)),
        equity_usd=equity,
    )


def mandate(kind: str, symbol: str = "AAAUSDT", authority: float = 5.0, direction: Direction | None = None, **more: object) -> Mandate:
    chosen = MandateType[kind]
    side = direction or (Direction.LONG if chosen is MandateType.ENTRY else None)
    fields = {"timestamp": 1000.0, "strategy_id": "policy", "reason": kind.lower(), **more}
    return Mandate(symbol=symbol, type=chosen, authority=authority, direction=side, **fields)  # type: ignore[arg-type]


def position(state: str, symbol: str = "AAAUSDT", direction: Direction = Direction.LONG, quantity: str = "2") -> Position:
    if state == "FLAT":
        return Position.flat(symbol)
    return Position(symbol, PositionState[state], direction, Decimal(quantity), Decimal(100))


def instruments(symbols: tuple[str, ...] = SYMBOLS, lot: str = "0.001", min_notional: str = "5") -> dict[str, TradedInstrument]:
    return {symbol: TradedInstrument.of(symbol, Decimal("0.01"), Decimal(lot), min_notional=Decimal(min_notional)) for symbol in symbols}
