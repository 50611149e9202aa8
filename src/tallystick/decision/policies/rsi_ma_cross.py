"""`rsi_ma_cross_v2`: buy when the close crosses above its moving average and is not overbought, sell on the way down or when overbought. Long or flat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.contracts.decision import Mandate, MandateType
from tallystick.contracts.errors import ConfigurationError, StrategyError
from tallystick.contracts.positions import Direction, Position
from tallystick.decision.market_view import MarketView
from tallystick.kernels.decisions import cross_signal, cross_weights

Floats = NDArray[float64]
NAME = "rsi_ma_cross_v2"


@dataclass(frozen=True, slots=True)
class RsiMaCrossParameters:
    """ma_bars, rsi_bars: windows. max_entry_rsi, exit_rsi: 0–100. cooldown_bars: bars without a signal after one. weight: fraction of equity when long.

    Raises ConfigurationError naming the first number outside its bounds.
    """

    ma_bars: int = 20
    rsi_bars: int = 14
    max_entry_rsi: float = 60.0
    exit_rsi: float = 75.0
    cooldown_bars: int = 0
    weight: float = 0.05
    authority: float = 5.0

    def __post_init__(self) -> None:
        bounds = {
            "ma_bars": (self.ma_bars, 2, 500),
            "rsi_bars": (self.rsi_bars, 2, 500),
            "max_entry_rsi": (self.max_entry_rsi, 0.0, 100.0),
            "exit_rsi": (self.exit_rsi, 0.0, 100.0),
            "cooldown_bars": (self.cooldown_bars, 0, 10_000),
            "weight": (self.weight, 0.0, 1.0),
            "authority": (self.authority, 0.0, 1000.0),
        }
        for name, (value, low, high) in bounds.items():
            if not low <= value <= high:
                raise ConfigurationError(f"expected a value from {low:g} to {high:g}, found {value}", where=f"{NAME}.{name}")

    @property
    def feature_names(self) -> tuple[str, str]:
        """Close over its moving average, and the relative strength index, as the catalogue names them."""
        return f"ma_ratio_{self.ma_bars}", f"rsi_{self.rsi_bars}"


def target_weights(ma_ratio: Floats, rsi: Floats, parameters: RsiMaCrossParameters) -> Floats:
    """The rule over history: weight wanted after each bar, float64[S, T], from close / MA − 1 and RSI, both float64[S, T].

    A position follows its signal before the next bar is judged, which is what a fill at the next open gives.
    """
    out = np.zeros(ma_ratio.shape)
    cross_weights(
        np.ascontiguousarray(ma_ratio),
        np.ascontiguousarray(rsi),
        float(parameters.max_entry_rsi),
        float(parameters.exit_rsi),
        parameters.cooldown_bars,
        float(parameters.weight),
        out,
    )
    return out


class RsiMaCross:
    """The rule bar by bar. Remembers the last ratio and the bar of the last signal; whether it is long it takes from the positions."""

    strategy_id = NAME

    def __init__(self, symbols: tuple[str, ...], parameters: RsiMaCrossParameters | None = None) -> None:
        self.parameters = parameters or RsiMaCrossParameters()
        self.symbols = symbols
        self._before = np.full(len(symbols), np.nan)
        self._signal_bar: dict[str, int] = {}
        self._last_bar = -1

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the market view must carry."""
        return self.parameters.feature_names

    def warm(self, view: MarketView) -> None:
        """Remember a past bar without speaking."""
        self._check(view)
        self._remember(view, view.columns(self.feature_names)[:, 0])

    def propose(self, view: MarketView, positions: Mapping[str, Position]) -> tuple[Mandate, ...]:
        """ENTRY LONG on a buy, EXIT on a sell, else HOLD. Raises StrategyError for a view of other symbols or not later than the last."""
        self._check(view)
        values, rule = view.columns(self.feature_names), self.parameters
        # A cross needs the bar just before: after a gap there is none.
        follows = view.bar_number == self._last_bar + 1
        mandates = []
        for row, symbol in enumerate(self.symbols):
            position = positions.get(symbol)
            holding = position is not None and position.quantity > 0 and position.direction is Direction.LONG
            ratio, rsi = float(values[row, 0]), float(values[row, 1])
            before = float(self._before[row]) if follows else float("nan")
            waited = view.bar_number - self._signal_bar.get(symbol, -1 - rule.cooldown_bars)
            signal = int(cross_signal(holding, waited, before, ratio, rsi, float(rule.max_entry_rsi), float(rule.exit_rsi), rule.cooldown_bars))
            if signal:
                self._signal_bar[symbol] = view.bar_number
            mandates.append(self._mandate(view, symbol, signal, before, ratio, rsi))
        self._remember(view, values[:, 0])
        return tuple(sorted(mandates, key=lambda mandate: mandate.symbol))

    def to_bytes(self) -> bytes:
        """The last bar and its ratios, and the bar of each symbol's last signal."""
        bars = [self._last_bar, *(self._signal_bar.get(symbol, -1) for symbol in self.symbols)]
        return np.array(bars, dtype="<i8").tobytes() + self._before.astype("<f8").tobytes()

    def _mandate(self, view: MarketView, symbol: str, signal: int, before: float, ratio: float, rsi: float) -> Mandate:
        rule = self.parameters
        said = f"close / MA{rule.ma_bars} − 1 from {before:+.5f} to {ratio:+.5f}, RSI {rsi:.1f}"
        kind = {1: MandateType.ENTRY, -1: MandateType.EXIT, 0: MandateType.HOLD}[signal]
        return Mandate(
            symbol=symbol,
            type=kind,
            authority=rule.authority,
            timestamp=view.now_s,
            strategy_id=NAME,
            direction=Direction.LONG if signal > 0 else None,
            reason=said if signal else f"no signal: {said}",
            target_weight=rule.weight if signal > 0 else None,
            stage="prediction",
            value=rsi if np.isfinite(rsi) else None,
            limit=float(rule.exit_rsi if signal < 0 else rule.max_entry_rsi),
        )

    def _check(self, view: MarketView) -> None:
        if view.symbols != self.symbols or view.bar_number <= self._last_bar:
            raise StrategyError(f"expected a later bar of {len(self.symbols)} symbols than {self._last_bar}, found {view.bar_number}", where=NAME)

    def _remember(self, view: MarketView, ratios: Floats) -> None:
        self._before, self._last_bar = ratios.copy(), view.bar_number
