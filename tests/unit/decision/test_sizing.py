"""Sizing over the portfolio: caps, bands, lots; every order that is not made says why, with its number."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decisions import SYMBOLS, instruments, position, view

from tallystick.contracts.decision import Action, ActionType, GateResult
from tallystick.contracts.errors import DataError, InvariantViolation
from tallystick.contracts.orders import OrderSide
from tallystick.contracts.positions import Direction
from tallystick.decision.config import DecisionConfig
from tallystick.decision.gates import GatedAction
from tallystick.decision.sizing import SizedAction, size

EQUITY = Decimal(100_000)
CONFIG = DecisionConfig()


def entry(symbol: str = "AAAUSDT", alpha: float | None = 0.01, weight: float | None = None, factor: float = 1.0) -> GatedAction:
    signed = alpha if alpha is not None else weight
    direction = Direction.LONG if (signed or 0.0) >= 0 else Direction.SHORT
    action = Action(
        ActionType.ENTRY, symbol, "model_alpha", direction, "forecast", decision_id=f"c1-{symbol}", alpha=alpha, horizon="60m", target_weight=weight
    )
    return GatedAction(action, (), factor)


def other(kind: ActionType, quantity: str | None = None) -> GatedAction:
    action = Action(kind, "AAAUSDT", "risk", reason="demanded", decision_id="c1", quantity=None if quantity is None else Decimal(quantity))
    return GatedAction(action, (), 1.0)


def sized(
    *gated: GatedAction, weights: tuple[float, ...] = (0.0,) * 5, config: DecisionConfig = CONFIG, sigma: float = 0.01, **more: object
) -> list[SizedAction]:
    positions = more.pop("positions", {})
    book = more.pop("instruments", instruments())
    sigmas = {item.action.symbol: sigma for item in gated}
    return list(size(gated, view(), positions, np.array(weights), EQUITY, book, config, sigmas=sigmas, **more))  # type: ignore[arg-type]


def test_full_conviction_gives_the_largest_weight() -> None:
    (item,) = sized(entry(alpha=0.01))
    assert item.sizing.final_weight == 0.05
    assert item.request is not None
    assert (item.request.side, item.request.quantity, item.request.reduce_only) == (OrderSide.BUY, Decimal("50.000"), False)
    assert item.decision.decision == "TRADE"


def test_short_is_the_mirror_of_long() -> None:
    long, short = sized(entry(alpha=0.002), entry("BBBUSDT", alpha=-0.002))
    assert long.request is not None
    assert short.request is not None
    assert long.request.quantity == short.request.quantity
    assert short.request.side is OrderSide.SELL
    assert short.decision.shares == -long.decision.shares


def test_gate_factor_shrinks_the_size() -> None:
    whole, half = (sized(entry(alpha=0.01, factor=factor))[0].sizing for factor in (1.0, 0.5))
    assert half.final_weight == pytest.approx(whole.final_weight / 2)
    assert half.raw_weight == whole.raw_weight


def test_no_trade_band_holds_with_its_number() -> None:
    (item,) = sized(entry(alpha=0.01), weights=(0.0425, 0, 0, 0, 0))
    assert item.request is None
    assert (item.decision.decision, item.decision.stage, item.decision.limit) == ("HOLD", "sizing", 0.008)
    assert item.decision.value == pytest.approx(0.0075)


def test_position_cap_binds() -> None:
    (item,) = sized(entry(alpha=None, weight=0.9))
    assert item.sizing.final_weight == 0.20


def test_decision_24_gross_target_scales_all_entries_down() -> None:
    items = sized(*(entry(symbol, alpha=None, weight=0.2) for symbol in SYMBOLS))
    assert sum(abs(item.sizing.final_weight) for item in items) == pytest.approx(0.5)
    assert len({item.sizing.final_weight for item in items}) == 1


def test_decision_24_what_is_held_counts_first() -> None:
    (item,) = sized(entry(alpha=None, weight=0.2), weights=(0, -0.45, 0, 0, 0))
    assert item.sizing.final_weight == pytest.approx(0.05)
    (none,) = sized(entry(alpha=None, weight=0.2), weights=(0, -0.5, 0, 0, 0))
    assert none.request is None
    assert "gross target" in none.decision.reason


def test_decision_24_never_scales_up() -> None:
    assert sized(entry(alpha=None, weight=0.02))[0].sizing.final_weight == 0.02


def test_room_of_a_leaving_position_is_free() -> None:
    leaving = GatedAction(Action(ActionType.EXIT, "BBBUSDT", "risk", reason="stop"), (), 1.0)
    items = sized(entry(alpha=None, weight=0.2), leaving, weights=(0, 0.5, 0, 0, 0), positions={"BBBUSDT": position("OPEN", "BBBUSDT")})
    assert items[0].sizing.final_weight == pytest.approx(0.2)


def test_entry_never_takes_off() -> None:
    (item,) = sized(entry(alpha=0.001), weights=(0.1, 0, 0, 0, 0))
    assert item.request is None
    assert "REDUCE" in item.decision.reason


def test_less_than_a_lot_holds_with_its_number() -> None:
    (item,) = sized(entry(alpha=0.01), instruments=instruments(lot="1000"))
    assert item.request is None
    assert item.decision.limit == 100_000.0
    assert item.decision.value == pytest.approx(5000.0)


def test_order_below_the_smallest_notional_holds_with_its_number() -> None:
    (item,) = sized(entry(alpha=0.01), instruments=instruments(min_notional="6000"))
    assert (item.request, item.decision.value, item.decision.limit) == (None, 5000.0, 6000.0)


def test_exit_takes_everything_off() -> None:
    (item,) = sized(other(ActionType.EXIT), positions={"AAAUSDT": position("OPEN", quantity="2.5")}, weights=(0.01, 0, 0, 0, 0))
    assert item.request is not None
    assert (item.request.side, item.request.quantity, item.request.reduce_only) == (OrderSide.SELL, Decimal("2.5"), True)
    assert item.decision.target_weight == 0.0


def test_exit_of_a_short_buys() -> None:
    (item,) = sized(other(ActionType.EXIT), positions={"AAAUSDT": position("OPEN", direction=Direction.SHORT)})
    assert item.request is not None
    assert item.request.side is OrderSide.BUY


@pytest.mark.parametrize(("quantity", "expected"), [("0.5", "0.500"), (None, "1.000"), ("99", "2"), ("0.0004", None)])
def test_reduction_takes_the_mandated_quantity_in_whole_lots(quantity: str | None, expected: str | None) -> None:
    (item,) = sized(other(ActionType.REDUCE, quantity), positions={"AAAUSDT": position("OPEN")}, weights=(0.1, 0, 0, 0, 0))
    assert (None if item.request is None else item.request.quantity) == (None if expected is None else Decimal(expected))
    assert item.request is None or item.request.reduce_only


def test_exit_with_nothing_held_makes_no_order() -> None:
    (item,) = sized(other(ActionType.EXIT), positions={"AAAUSDT": position("ENTERING", quantity="0")})
    assert (item.request, item.decision.stage) == (None, "sizing")


def test_refused_gate_is_blocked_with_its_number() -> None:
    refusal = GateResult("spread", False, 15.0, "spread 15 above 12", {}, 12.0)
    (item,) = sized(GatedAction(entry().action, (refusal,), 0.0))
    assert (item.decision.decision, item.decision.stage, item.decision.value, item.decision.limit) == ("BLOCKED", "gating", 15.0, 12.0)


def test_blocked_symbol_is_told_from_an_idle_one() -> None:
    blocked = GatedAction(Action(ActionType.NO_ACTION, "AAAUSDT", "risk.breaker", reason="blocked: open", stage="arbitration"), (), 1.0)
    idle = GatedAction(Action(ActionType.NO_ACTION, "BBBUSDT", None, reason="no mandate", stage="arbitration"), (), 1.0)
    assert [item.decision.decision for item in sized(blocked, idle)] == ["BLOCKED", "HOLD"]


def test_entry_without_forecast_or_weight_holds() -> None:
    (item,) = sized(entry(alpha=None))
    assert item.request is None
    assert "neither" in item.decision.reason


def test_weight_against_the_direction_is_an_error() -> None:
    action = Action(ActionType.ENTRY, "AAAUSDT", "x", Direction.SHORT, "y", target_weight=0.1)
    with pytest.raises(InvariantViolation, match="direction"):
        sized(GatedAction(action, (), 1.0))


def test_missing_instrument_or_price_is_an_error() -> None:
    with pytest.raises(DataError, match="instrument"):
        sized(entry(), instruments={})
    with pytest.raises(DataError, match="price"):
        size([entry("ZZZUSDT", alpha=None, weight=0.1)], view(), {}, np.zeros(5), EQUITY, instruments(("ZZZUSDT",)), CONFIG)


def test_decision_67_client_id_is_derived_from_the_decision() -> None:
    (item,) = sized(entry(), identify=lambda decision: decision[::-1])
    assert item.request is not None
    assert (item.request.client_id, item.request.decision_id) == ("TDSUAAA-1c", "c1-AAAUSDT")


@given(
    st.lists(st.floats(-0.05, 0.05), min_size=5, max_size=5),
    st.lists(st.floats(-0.2, 0.2), min_size=5, max_size=5),
    st.floats(0.05, 1.0),
    st.floats(0.2, 1.0),
)
@settings(max_examples=80, deadline=None)
def test_sizes_never_exceed_a_cap(alphas: list[float], weights: list[float], gross: float, factor: float) -> None:
    config = DecisionConfig(gross_target=gross, max_weight=0.15, position_cap=0.1)
    held = [weight if weight * alpha >= 0 else 0.0 for weight, alpha in zip(weights, alphas, strict=True)]
    items = sized(*(entry(symbol, alpha, factor=factor) for symbol, alpha in zip(SYMBOLS, alphas, strict=True)), weights=tuple(held), config=config)
    after = list(held)
    for row, item in enumerate(items):
        if item.request is None:
            assert item.decision.stage
            continue
        change = float(item.decision.shares * 100 / EQUITY)
        assert change * alphas[row] > 0
        # Truncated: never more than the weight that was wanted.
        assert abs(change) <= abs(item.sizing.final_weight - held[row]) + 1e-12
        assert abs(item.sizing.final_weight) <= config.position_cap + 1e-12
        after[row] += change
    moved = any(item.request is not None for item in items)
    assert not moved or sum(map(abs, after)) <= max(gross, sum(map(abs, held))) + 1e-9
