"""From a simulation to the series that the page of a run draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.contracts.instruments import Instrument
from tallystick.contracts.quote_money import MICRO
from tallystick.kernels.simulation_books import BAR, PRICE, SIDE, SYMBOL
from tallystick.market.bars import BarPanel
from tallystick.research.pictures.charts import TradedPrice
from tallystick.research.report_page import Curve
from tallystick.research.simulation import Simulation


def curve_of(simulation: Simulation, start: float, held: Simulation | None = None) -> Curve:
    """Equity, exposure and the benchmark's equity, in quote units and shares of equity. start: quote units before the first bar."""
    equity = simulation.curve[:, 0]
    worth = np.where(equity > 0, equity, 1)
    return Curve(
        open_times_ns=simulation.open_times_ns,
        equity=equity / MICRO,
        start=start,
        gross=simulation.curve[:, 2] / worth,
        net=(equity - simulation.curve[:, 1]) / worth,
        benchmark=held.curve[:, 0] / MICRO if held is not None else None,
    )


def traded_prices(panel: BarPanel, instruments: Sequence[Instrument], simulation: Simulation) -> list[TradedPrice]:
    """Closes and fills of every symbol with a fill, those with the most fills first."""
    found = []
    for row, instrument in enumerate(instruments):
        fills = simulation.fills[simulation.fills[:, SYMBOL] == row]
        if len(fills):
            prices = fills[:, PRICE] * float(instrument.tick)
            found.append(TradedPrice(panel.symbols[row], panel.close[row], fills[:, BAR], prices, fills[:, SIDE] > 0))
    return sorted(found, key=lambda item: (-item.columns.size, item.symbol))
