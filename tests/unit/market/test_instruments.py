from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from tests.fakes.bar_panels import START_NS, panel_of
from tests.fakes.contract_examples import example_paths

from tallystick.contracts.checking import parse_bytes
from tallystick.contracts.errors import DataError
from tallystick.contracts.instruments import Instrument
from tallystick.contracts.registry import contract
from tallystick.contracts.time import ns_from_iso
from tallystick.market.instruments import NO_TICKS, InstrumentBook, assumed_instruments, assumed_lot, assumed_tick, ticks_of_prices
from tallystick.market.symbols import split_symbol


def book() -> InstrumentBook:
    item = contract("market.instruments")
    return InstrumentBook(parse_bytes(item, example_paths(item)[0].read_bytes()).instruments)


def at(text: str) -> int:
    return ns_from_iso(text)


def test_the_row_is_the_one_effective_at_the_instant() -> None:
    assert book().at("BTCUSDT", at("2023-05-31T23:59:59Z")).tick == Decimal("0.01")
    assert book().at("BTCUSDT", at("2023-06-01T00:00:00Z")).tick == Decimal("0.1")


def test_1000pepe_and_kpepe_are_one_asset() -> None:
    rows = book().of_asset("PEPE", at("2024-01-01"))
    assert [(row.venue, row.venue_symbol, row.multiplier) for row in rows] == [("binance", "1000PEPEUSDT", "1000"), ("hyperliquid", "kPEPE", "1000")]


def test_a_renamed_instrument_is_followed_both_ways() -> None:
    assert book().names_of("MATICUSDT") == book().names_of("POLUSDT") == ("MATICUSDT", "POLUSDT")
    assert book().names_of("BTCUSDT") == ("BTCUSDT",)
    with pytest.raises(DataError, match="renamed to POLUSDT"):
        book().at("MATICUSDT", at("2025-01-01"))


def test_decision_37_delisted_instruments_stay_with_their_dates() -> None:
    row = book().at("MATICUSDT", at("2024-01-01"))
    assert row.delisted == "2024-09-11T00:00:00Z"
    assert book().listed("MATICUSDT", at("2024-01-01"))
    assert not book().listed("MATICUSDT", at("2024-09-12"))
    assert not book().listed("POLUSDT", at("2024-09-12"))


def test_refuses_unknown_and_ambiguous_names() -> None:
    with pytest.raises(DataError, match="found DOGEUSDT"):
        book().at("DOGEUSDT", 0)
    with pytest.raises(DataError, match="found DOGEUSDT"):
        book().names_of("DOGEUSDT")
    row = book().at("BTCUSDT", at("2024-01-01"))
    twin = Instrument.model_validate_json(json.dumps({**row.model_dump(), "venue": "bybit", "id": "bybit:BTCUSDT"}))
    both = book().merged([twin])
    with pytest.raises(DataError, match="binance, bybit"):
        both.at("BTCUSDT", at("2024-01-01"))
    assert both.at("BTCUSDT", at("2024-01-01"), "bybit").venue == "bybit"


def test_units_are_exact() -> None:
    row = book().at("BTCUSDT", at("2024-01-01"))
    assert (row.unit_num, row.unit_den) == (100, 1)
    assert row.ticks_of(43_250.15) == 432_502
    assert row.ticks_of(Decimal("43250.25")) == 432_502
    assert row.price_of(432_502) == Decimal("43250.2")
    assert row.lots_of(0.0129999) == 12
    assert row.lots_of(-0.0129999) == -12
    assert row.quantity_of(12) == Decimal("0.012")
    pepe = book().at("1000PEPEUSDT", at("2024-01-01"))
    assert (pepe.unit_num, pepe.unit_den) == (1, 10)
    figures = book().at("kPEPE", at("2024-01-01"))
    assert (figures.tick, figures.figures) == (Decimal("0.000001"), 5)
    with pytest.raises(DataError, match="finite"):
        row.ticks_of(float("nan"))


def test_arrays_of_prices_become_the_same_ticks() -> None:
    row = book().at("BTCUSDT", at("2024-01-01"))
    prices = np.array([43_250.15, 0.1, np.nan, 99_999.9])
    assert ticks_of_prices(row, prices).tolist() == [432_502, 1, NO_TICKS, 999_999]
    with pytest.raises(DataError, match="ticks"):
        ticks_of_prices(row, np.array([1e30]))


@pytest.mark.parametrize(
    ("symbol", "parts"),
    [
        ("1000PEPEUSDT", ("PEPE", "USDT", 1000)),
        ("kPEPE", ("PEPE", "", 1000)),
        ("PEPEUSDC", ("PEPE", "USDC", 1)),
        ("1000000BABYDOGEUSDT", ("BABYDOGE", "USDT", 1_000_000)),
        ("1MBABYDOGEUSDT", ("BABYDOGE", "USDT", 1_000_000)),
        ("SHIB1000USDT", ("SHIB", "USDT", 1000)),
        ("1INCHUSDT", ("1INCH", "USDT", 1)),
        ("BTC", ("BTC", "", 1)),
        ("BTC-USD", ("BTC", "USD", 1)),
        ("AAPL", ("AAPL", "", 1)),
    ],
)
def test_symbols_are_taken_apart(symbol: str, parts: tuple[str, str, int]) -> None:
    found = split_symbol(symbol)
    assert (found.base, found.quote, found.multiplier) == parts


@pytest.mark.parametrize(("price", "tick"), [(105_000.0, "1"), (99_999.0, "0.1"), (2.5, "0.00001"), (0.000012, "0.00000001"), (5e7, "1")])
def test_assumed_tick_is_a_hundred_thousandth_at_most(price: float, tick: str) -> None:
    assert assumed_tick(price) == Decimal(tick)


@pytest.mark.parametrize(("price", "lot"), [(105_000.0, "0.000001"), (100.0, "0.01"), (1.0, "1"), (0.00001, "1"), (99.0, "0.01")])
def test_assumed_lot_is_worth_a_dollar_at_most(price: float, lot: str) -> None:
    assert assumed_lot(price) == Decimal(lot)


def test_assumed_instruments_say_so() -> None:
    panel = panel_of(np.ones((2, 4), dtype=bool))
    crypto = assumed_instruments(panel, "crypto_24_7")
    assert {row.source for row in crypto} == {"assumed"}
    assert [(row.base, row.quote, row.funding_interval_minutes) for row in crypto] == [("AAA", "USDT", 480), ("BBB", "USDT", 480)]
    equities = assumed_instruments(panel, "us_equities")
    assert [(row.tick, row.lot, row.quote, row.funding_interval_minutes) for row in equities] == [(Decimal("0.01"), "1", "USD", None)] * 2
    assert InstrumentBook(crypto).at("AAAUSDT", START_NS).id == "testing:AAAUSDT"
    with pytest.raises(DataError, match="bars of AAAUSDT"):
        assumed_instruments(panel_of(np.zeros((1, 4), dtype=bool)), "crypto_24_7")
