"""The trades table of a session agrees with the fill model of research."""

from __future__ import annotations

from decimal import Decimal

from tests.fakes.research_market import NOW_NS, instruments_of, random_weights, walk_panel

from tallystick.contracts.order_kinds import OrderSide
from tallystick.contracts.quote_money import MICRO, amount_of
from tallystick.contracts.run_documents import TradeRow
from tallystick.contracts.time import iso_from_ns
from tallystick.contracts.venue_updates import VenueFill, VenueFunding, VenueUpdate
from tallystick.kernels.simulation_books import FEE, LOTS, PRICE, SIDE, SYMBOL
from tallystick.research.evaluation import trade_rows
from tallystick.research.session_trades import session_summary, session_trades
from tallystick.research.simulation import FillTerms, simulate_targets, slippage_rows


def fill(number: int, side: OrderSide, quantity: str, price: str, fee: str = "0", symbol: str = "BTCUSDT", at_ns: int = NOW_NS) -> VenueFill:
    return VenueFill(f"v{number}", symbol, "0" * 32, "o", side, Decimal(quantity), Decimal(price), Decimal(fee), "taker", Decimal(0), at_ns)


def test_rows_are_those_of_the_fill_model() -> None:
    panel = walk_panel(3, 200, seed=8)
    rows = instruments_of(panel)
    weights = random_weights(panel, seed=9, most=0.25)
    terms = FillTerms(50_000, 0, 10_000, 10_000 * MICRO)
    found = simulate_targets(panel, rows, weights, slippage_rows("fixed", 2.0, 0.0, None, weights.shape), terms)
    updates = [
        fill(
            number,
            OrderSide.BUY if item[SIDE] > 0 else OrderSide.SELL,
            str(rows[item[SYMBOL]].quantity_of(item[LOTS])),
            str(rows[item[SYMBOL]].price_of(item[PRICE])),
            str(amount_of(item[FEE])),
            rows[item[SYMBOL]].venue_symbol,
            int(found.open_times_ns[item[0]]),
        )
        for number, item in enumerate(found.fills.tolist())
    ]
    again = session_trades(updates, Decimal(10_000))
    wanted = trade_rows(found, rows)
    assert [numbers(row.model_dump()) for row in again.rows] == [numbers(row) for row in wanted]
    assert list(again.closed) == found.trades[:, 3].tolist()


def numbers(row: dict[str, object]) -> dict[str, object]:
    exact = ("price", "qty", "notional", "fee", "cash", "position", "realized_pnl")
    return {name: Decimal(str(value)) if name in exact else value for name, value in row.items()}


def test_fill_across_flat_ends_one_trade_and_begins_another() -> None:
    found = session_trades([fill(1, OrderSide.BUY, "2", "100", "0.2"), fill(2, OrderSide.SELL, "5", "110", "0.55")], Decimal(1000))
    assert [(row.qty, row.position, row.trade_id) for row in found.rows] == [("2", "2", 0), ("2", "0", 0), ("3", "-3", 1)]
    assert sum(Decimal(row.fee) for row in found.rows) == Decimal("0.75")
    assert found.closed == (20_000_000 - 200_000 - 220_000,)


def test_funding_moves_the_cash_between_fills() -> None:
    paid: VenueUpdate = VenueFunding("f1", "BTCUSDT", Decimal("0.0001"), Decimal("1.5"), NOW_NS)
    found = session_trades([fill(1, OrderSide.BUY, "1", "100"), paid, fill(2, OrderSide.SELL, "1", "100")], Decimal(1000))
    assert [row.cash for row in found.rows] == ["900.000000", "998.500000"]
    assert found.closed == (-1_500_000,), "what funding took is part of the trade, as in the ledger and in research: this one lost"
    assert isinstance(found.rows[0], TradeRow)
    assert found.rows[0].timestamp == iso_from_ns(NOW_NS)


def test_summary_of_a_session() -> None:
    found = session_summary([101, 99, 105], 100, 8760.0, [5, -1, 3])
    assert (found.total_return, found.trades, found.win_rate) == (105 / 100 - 1, 3, 2 / 3)
    empty = session_summary([], 100, 8760.0, [])
    assert (empty.total_return, empty.sharpe_simple, empty.trades, empty.win_rate) == (None, None, 0, None)
