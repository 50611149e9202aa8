"""What a venue reports after an order was sent: fills, cancels, rejects, funding, liquidations. Facts, each with its own id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tallystick.contracts.contract import Consumer, Contract, Rule
from tallystick.contracts.errors import ContractViolation, InvariantViolation
from tallystick.contracts.messages import message_of
from tallystick.contracts.order_kinds import OrderSide, TimestampNs


@dataclass(frozen=True, slots=True)
class VenueFill:
    """Part or all of an order was filled. quantity: unsigned base units; price, fee: quote currency; remaining: what the order still asks for.

    reference_price: the price before spread and slippage, None where the venue does not say.
    """

    update_id: str
    symbol: str
    client_id: str
    order_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    liquidity: Literal["maker", "taker"]
    remaining: Decimal
    timestamp_ns: TimestampNs
    reference_price: Decimal | None = None
    kind: Literal["fill"] = "fill"

    def __post_init__(self) -> None:
        _positive(self.symbol, self.quantity, self.price)


@dataclass(frozen=True, slots=True)
class VenueCanceled:
    """An order ended with `remaining` unfilled."""

    update_id: str
    symbol: str
    client_id: str
    order_id: str
    remaining: Decimal
    reason: str
    timestamp_ns: TimestampNs
    kind: Literal["canceled"] = "canceled"


@dataclass(frozen=True, slots=True)
class VenueRejected:
    """An order was not accepted."""

    update_id: str
    symbol: str
    client_id: str
    reason: str
    timestamp_ns: TimestampNs
    kind: Literal["rejected"] = "rejected"


@dataclass(frozen=True, slots=True)
class VenueFunding:
    """Funding of one position. payment: quote currency, above 0 when the holder paid; rate: fraction of the notional for one interval."""

    update_id: str
    symbol: str
    rate: Decimal
    payment: Decimal
    timestamp_ns: TimestampNs
    kind: Literal["funding"] = "funding"


@dataclass(frozen=True, slots=True)
class VenueLiquidation:
    """The venue, or a hand on it, changed a position without an order of ours. side is the side of that fill."""

    update_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    cause: Literal["LIQUIDATION", "ADL", "SETTLEMENT", "MANUAL"]
    timestamp_ns: TimestampNs
    kind: Literal["liquidation"] = "liquidation"

    def __post_init__(self) -> None:
        _positive(self.symbol, self.quantity, self.price)


VenueUpdate = VenueFill | VenueCanceled | VenueRejected | VenueFunding | VenueLiquidation

_KINDS: dict[str, type[Any]] = {
    "fill": VenueFill,
    "canceled": VenueCanceled,
    "rejected": VenueRejected,
    "funding": VenueFunding,
    "liquidation": VenueLiquidation,
}


def parse_update(document: Mapping[str, Any]) -> VenueUpdate:
    """The update that a journal row holds (written by `messages.document_of`). Raises ContractViolation when it is none."""
    kind = _KINDS.get(str(document.get("kind")))
    if kind is None:
        raise ContractViolation(f"expected a venue update of a known kind, found {document.get('kind')!r}")
    return message_of(kind, document)  # type: ignore[no-any-return]


def _positive(symbol: str, quantity: Decimal, price: Decimal) -> None:
    if not (symbol and quantity > 0 and price > 0):
        raise InvariantViolation(f"expected a fill of a named symbol with quantity and price above 0, found {symbol!r}, {quantity}, {price}")


def _remaining_is_not_negative(update: VenueFill | VenueCanceled) -> str | None:
    return None if update.remaining >= 0 else f"remaining {update.remaining}"


def _says_why(update: VenueRejected) -> str | None:
    return None if update.reason else "no reason"


def _payment_needs_a_rate(update: VenueFunding) -> str | None:
    return None if update.rate != 0 or update.payment == 0 else f"payment {update.payment} at rate 0"


def _venue_charges_no_negative_fee(update: VenueLiquidation) -> str | None:
    return None if update.fee >= 0 else f"fee {update.fee}"


def _update(name: str, purpose: str, shape: type[Any], rule: Rule) -> Contract:
    return Contract(
        name=name,
        version="1.0",
        purpose=purpose,
        producer="execution.simulated_venue",
        consumers=(
            Consumer("execution.position_book", ("*",), "money and positions"),
            Consumer("engine.cycle", ("*",), "journal"),
            *(Consumer("execution.fill_tracker", (name,), "order status") for name in ("client_id",) if name in shape.__dataclass_fields__),
        ),
        shape=shape,
        encoding="memory",
        rules=(rule,),
    )


CONTRACTS: tuple[Contract, ...] = (
    _update(
        "execution.venue_fill",
        "Part or all of an order was filled.",
        VenueFill,
        Rule("remaining_is_not_negative", "what remains of the order is not negative", _remaining_is_not_negative, ("D4.95",)),
    ),
    _update(
        "execution.venue_canceled",
        "An order ended unfilled, or partly filled.",
        VenueCanceled,
        Rule("remaining_is_not_negative", "what remains of the order is not negative", _remaining_is_not_negative, ("D4.95",)),
    ),
    _update(
        "execution.venue_rejected",
        "An order was not accepted.",
        VenueRejected,
        Rule("says_why", "a rejection has its reason", _says_why, ("D4.136",)),
    ),
    _update(
        "execution.venue_funding",
        "Funding of one position.",
        VenueFunding,
        Rule("payment_needs_a_rate", "a payment has a rate other than 0", _payment_needs_a_rate),
    ),
    _update(
        "execution.venue_liquidation",
        "A position changed without an order of ours.",
        VenueLiquidation,
        Rule("venue_charges_no_negative_fee", "the fee is not negative", _venue_charges_no_negative_fee),
    ),
)
