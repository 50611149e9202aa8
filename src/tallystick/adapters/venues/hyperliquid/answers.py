"""Hyperliquid's answers to info and exchange calls. An answer does not say what was asked; where the caller does not either, its fields tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from tallystick.adapters.venues.hyperliquid import facts, wire
from tallystick.adapters.venues.message_decoder import Fact, Reading
from tallystick.adapters.venues.refusals import MessageRefused

ACCOUNT = "clearinghouseState"
# What is asked about an account → the type of its answer, and the facts in it, given the account.
FILLS: dict[str, tuple[Any, Callable[[Any, str | None], list[Fact]]]] = {
    "userFills": (tuple[wire.Fill, ...], facts.fills),
    "userFillsByTime": (tuple[wire.Fill, ...], facts.fills),
    "userTwapSliceFills": (tuple[wire.SliceFill, ...], facts.slice_fills),
    "userTwapSliceFillsByTime": (tuple[wire.SliceFill, ...], facts.slice_fills),
}
# What is asked → the type of its answer, and the facts in it.
DECODED: dict[str, tuple[Any, Callable[..., list[Fact]]]] = {
    "allMids": (dict[str, str], facts.mids),
    "l2Book": (wire.Book, facts.book),
    "recentTrades": (tuple[wire.Trade, ...], facts.trades),
    "candleSnapshot": (tuple[wire.Candle, ...], facts.candles),
    "meta": (wire.Universe, facts.instruments),
    "metaAndAssetCtxs": (tuple[wire.Universe, tuple[wire.AssetContext, ...]], facts.universe_and_contexts),
    "allPerpMetas": (tuple[wire.Universe, ...], lambda items: [fact for item in items for fact in facts.instruments(item)]),
    ACCOUNT: (wire.ClearinghouseState, facts.account),
    **FILLS,
    "spotMetaAndAssetCtxs": (tuple[Any, tuple[wire.NamedContext, ...]], lambda item: facts.named_contexts(item[1])),
    "fundingHistory": (tuple[wire.FundingPoint, ...], facts.funding),
}
# Understood, and no fact about a market's present or past.
CONTROL = frozenset(
    {
        "activeAssetData",
        "alignedQuoteTokenInfo",
        "delegations",
        "delegatorHistory",
        "delegatorRewards",
        "delegatorSummary",
        "exchange",
        "exchangeStatus",
        "extraAgents",
        "frontendOpenOrders",
        "historicalOrders",
        "isVip",
        "leadingVaults",
        "legalCheck",
        "liquidatable",
        "marginTable",
        "maxBuilderFee",
        "openOrders",
        "orderStatus",
        "perpDeployAuctionStatus",
        "perpDexLimits",
        "perpDexStatus",
        "perpDexs",
        "perpsAtOpenInterestCap",
        "portfolio",
        "predictedFundings",
        "referral",
        "spotClearinghouseState",
        "spotDeployState",
        "spotMeta",
        "spotPairDeployAuctionStatus",
        "subAccounts",
        "tokenDetails",
        "twapHistory",
        "userAbstraction",
        "userDexAbstraction",
        "userFees",
        "userFunding",
        "userNonFundingLedgerUpdates",
        "userRateLimit",
        "userRole",
        "userToMultiSigSigners",
        "userVaultEquities",
        "vaultDetails",
        "vaultSummaries",
        "webData2",
    }
)
BY_FIELDS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"coin", "levels"}), "l2Book"),
    (frozenset({"universe", "tokens"}), "spotMeta"),
    (frozenset({"universe"}), "meta"),
    (frozenset({"assetPositions"}), ACCOUNT),
    (frozenset({"balances"}), "spotClearinghouseState"),
    (frozenset({"status", "response"}), "exchange"),
    (frozenset({"role"}), "userRole"),
)
BY_ENTRY: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"px", "dir"}), "userFills"),
    (frozenset({"fill", "twapId"}), "userTwapSliceFills"),
    (frozenset({"order", "statusTimestamp"}), "historicalOrders"),
    (frozenset({"px", "tid"}), "recentTrades"),
    (frozenset({"t", "T", "o"}), "candleSnapshot"),
    (frozenset({"fundingRate", "coin"}), "fundingHistory"),
    (frozenset({"universe"}), "allPerpMetas"),
    (frozenset({"triggerPx", "limitPx"}), "frontendOpenOrders"),
    (frozenset({"limitPx"}), "openOrders"),
    (frozenset({"delta"}), "userNonFundingLedgerUpdates"),
    (frozenset({"vaultAddress"}), "userVaultEquities"),
    (frozenset({"validUntil"}), "extraAgents"),
    (frozenset({"fullName"}), "perpDexs"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. name: its `type`, empty where it is not known. account, exchange: whom it asks about, as `facts.account` wants them."""

    name: str
    account: str | None = None
    exchange: str | None = None


def what_was_asked(body: str) -> Asked:
    """The question in a posted info body; `exchange` for an action. Raises MessageRefused for a body that is neither."""
    document = msgspec.json.decode(body) if body.startswith("{") else body
    asked: dict[str, Any] = {}
    if isinstance(document, dict):
        asked = document
        document = "exchange" if "action" in document else document.get("type")
    if not isinstance(document, str) or (document not in DECODED and document not in CONTROL):
        raise MessageRefused("unknown_channel", f"expected the answer to a known question, found one to {document!r:.60}", str(document))
    account, exchange = asked.get("user"), asked.get("dex")
    return Asked(document, account if isinstance(account, str) else None, exchange if isinstance(exchange, str) else None)


def told_by_fields(document: object) -> str:
    """What an answer answers, from its fields; empty for an empty one. Raises MessageRefused for one that nothing recognises."""
    found: str | None = None
    if isinstance(document, dict):
        found = next((name for keys, name in BY_FIELDS if keys <= document.keys()), None)
        if found is None and document and all(isinstance(value, str) for value in document.values()):
            found = "allMids"
    elif isinstance(document, list):
        entry: object = next((item for item in document if item is not None), {})
        if not document:
            return ""
        if isinstance(entry, dict):
            is_pair = len(document) == 2 and "universe" in entry and isinstance(document[1], list)
            pair = "spotMetaAndAssetCtxs" if "tokens" in entry else "metaAndAssetCtxs"
            found = pair if is_pair else next((name for keys, name in BY_ENTRY if keys <= entry.keys()), None)
    if found is None:
        raise MessageRefused("unknown_channel", f"expected an answer with known fields, found {_outline(document)}")
    return found


def read_answer(document: object, question: Asked) -> Reading:
    """The facts of an answer, already parsed. Raises msgspec.ValidationError or MessageRefused, with the question as its channel."""
    name = question.name
    if not name:
        return Reading("answer", None, detail="an empty answer")
    if name in CONTROL:
        return Reading(name, None, detail=_outline(document))
    shape, entries = DECODED[name]
    parsed = msgspec.convert(document, shape, strict=True)
    if name == ACCOUNT:
        found = facts.account(parsed, question.account, question.exchange)
    else:
        found = entries(parsed, question.account) if name in FILLS else entries(parsed)
    return Reading(name, found, history=True)


def _outline(document: object) -> str:
    if isinstance(document, dict):
        return f"fields {', '.join(str(key)[:20] for key in list(document)[:5])}" if document else "an empty object"
    return f"{len(document)} entries" if isinstance(document, list) else f"a {type(document).__name__}"
