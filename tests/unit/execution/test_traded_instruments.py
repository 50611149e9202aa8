from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tallystick.contracts.errors import DataError, InvariantViolation
from tallystick.contracts.market import Instrument
from tallystick.contracts.traded_instruments import MarginTier, TradedInstrument
from tallystick.execution.traded_instruments import traded_instrument


def row(**changes: Any) -> Instrument:
    document = {
        "id": "binance_usdm:BTCUSDT",
        "venue": "binance_usdm",
        "venue_symbol": "BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "multiplier": "1",
        "price_rule": {"kind": "tick", "tick": "0.1"},
        "lot": "0.001",
        "minimum_notional": "5",
        "margin_tiers": (
            {"lower_notional": "0", "max_leverage": 20, "maintenance_rate": "0.02"},
            {"lower_notional": "250000", "max_leverage": 10, "maintenance_rate": "0.04"},
            {"lower_notional": "1000000", "max_leverage": 5, "maintenance_rate": "0.08"},
        ),
        "funding_interval_minutes": 480,
        "listed": None,
        "delisted": None,
        "renamed_from": None,
        "calendar": "crypto_24_7",
        "adjustment": "none",
        "source": "assumed",
        "effective_from": "1970-01-01T00:00:00Z",
        "effective_to": None,
        **changes,
    }
    return Instrument.model_validate(document)


def test_takes_grid_unit_and_rules_from_the_instrument() -> None:
    found = traded_instrument(row())
    assert (found.symbol, found.tick, found.lot) == ("BTCUSDT", Decimal("0.1"), Decimal("0.001"))
    assert (found.unit_num, found.unit_den) == (100, 1)
    assert (found.min_notional, found.price_figures) == (5, None)
    assert found.funding_interval_ns == 8 * 3600 * 10**9


def test_maintenance_margin_is_continuous_over_the_tiers() -> None:
    tiers = traded_instrument(row()).tiers
    assert tiers[0] == MarginTier(0, 2_000_000, 0, 20)
    for before, after in pairwise(tiers):
        lower = after.lower_micro
        assert lower * before.rate_e8 // 10**8 - before.deduction_micro == lower * after.rate_e8 // 10**8 - after.deduction_micro


def test_leverage_falls_with_the_size_of_the_position_on_either_side() -> None:
    found = traded_instrument(row())
    sizes = (0, 249_999, 250_000, 999_999, 1_000_000, 50_000_000)
    assert [found.max_leverage(sign * size * 10**6) for size in sizes for sign in (1, -1)] == [20, 20, 20, 20, 10, 10, 10, 10, 5, 5, 5, 5]


def test_significant_figures_and_no_funding_are_kept() -> None:
    found = traded_instrument(row(price_rule={"kind": "significant_figures", "figures": 5, "max_decimals": 4}, funding_interval_minutes=None))
    assert (found.price_figures, found.tick, found.funding_interval_ns) == (5, Decimal("0.0001"), 0)


def test_grid_conversions_round_as_they_say() -> None:
    found = TradedInstrument.of("A", Decimal("0.5"), Decimal("0.1"))
    assert found.ticks(Decimal("1.5")) == 3
    assert found.nearest_ticks(1.7) == 3
    assert found.nearest_ticks(Decimal("0.01")) == 1
    assert found.ceiling_ticks(Decimal("1.51")) == 4
    assert found.whole_lots(Decimal("0.39")) == 3
    assert found.price(3) == Decimal("1.5")
    assert found.quantity(3) == Decimal("0.3")
    with pytest.raises(DataError, match="on its grid"):
        found.ticks(Decimal("1.6"))
    with pytest.raises(DataError, match="on its grid"):
        found.lots(Decimal("0.25"))


@pytest.mark.parametrize(
    "changes",
    [
        {"tick": Decimal(0)},
        {"lot": Decimal(-1)},
        {"unit_num": 0},
        {"symbol": ""},
        {"tiers": ()},
        {"tiers": (MarginTier(5, 1, 0),)},
        {"tiers": (MarginTier(0, 1, 0, 0),)},
        {"tiers": (MarginTier(0, 1, 0, 5), MarginTier(9, 2, 0, 10))},
    ],
)
def test_impossible_instrument_is_refused(changes: dict[str, Any]) -> None:
    good = {"symbol": "A", "tick": Decimal(1), "lot": Decimal(1), "unit_num": 1, "unit_den": 1}
    with pytest.raises(InvariantViolation):
        TradedInstrument(**{**good, **changes})
