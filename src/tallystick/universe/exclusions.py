"""Assets that never enter a pool, whatever their turnover (decision 38)."""

from __future__ import annotations

import re
from collections.abc import Collection

VENUE_AND_BENCHMARK = frozenset({"BTC", "BNB"})
STABLE = frozenset(
    {
        "USDT",
        "USDC",
        "FDUSD",
        "TUSD",
        "USDP",
        "DAI",
        "PAX",
        "BUSD",
        "UST",
        "USTC",
        "USDE",
        "USDS",
        "USDD",
        "GUSD",
        "FRAX",
        "PYUSD",
        "LUSD",
        "SUSD",
        "XUSD",
        "USD1",
        "BFUSD",
        "RLUSD",
        "AEUR",
        "EURI",
        "EURT",
        "EUR",
        "GBP",
        "TRY",
        "BRL",
        "AUD",
    }
)
WRAPPED = frozenset(
    {
        "WBTC",
        "WETH",
        "WBETH",
        "BETH",
        "BNSOL",
        "STETH",
        "WSTETH",
        "RETH",
        "CBBTC",
        "CBETH",
        "WBNB",
        "WSOL",
        "MSOL",
        "JITOSOL",
        "SOLVBTC",
        "TBTC",
        "RENBTC",
        "BTCB",
    }
)
PEGGED = frozenset({"PAXG", "XAUT", "DGX"})
LEVERAGED_SUFFIXES = ("UP", "DOWN", "BULL", "BEAR")
LEVERAGED = frozenset({"BULL", "BEAR", "ETHBULL", "ETHBEAR", "EOSBULL", "EOSBEAR", "BNBBULL", "BNBBEAR", "XRPBULL", "XRPBEAR"})
# Bases that had leveraged tokens; some are gone from today's lists, their tokens stay in histories.
LEVERAGED_BASES = frozenset(
    {
        "BTC",
        "ETH",
        "BNB",
        "ADA",
        "LINK",
        "XTZ",
        "XRP",
        "EOS",
        "TRX",
        "DOT",
        "LTC",
        "UNI",
        "SXP",
        "FIL",
        "YFI",
        "BCH",
        "AAVE",
        "SUSHI",
        "XLM",
        "1INCH",
    }
)
NOT_MAJOR = frozenset({"BANANAS31", "BONK", "NEIRO", "PEPE", "PENGU", "PUMP", "TRUMP", "TURBO", "WIF", "WLFI"})
_NUMBERED = re.compile(r"^([A-Z0-9]{2,}?)[2-5][LS]$")


def is_leveraged(base: str, known_bases: Collection[str]) -> bool:
    """Whether a base is a leveraged token: a known base of at least two letters, then UP, DOWN, BULL, BEAR, or 3L, 5S and the like.

    JUP, SUPER and SYRUP are coins: what stands before their ending is no asset.
    """
    if base in LEVERAGED:
        return True
    known = LEVERAGED_BASES | set(known_bases)
    for suffix in LEVERAGED_SUFFIXES:
        stem = base.removesuffix(suffix)
        if stem != base and len(stem) >= 2 and stem in known:
            return True
    match = _NUMBERED.match(base)
    return match is not None and match.group(1) in known


def excluded_because(base: str, known_bases: Collection[str], *, majors_only: bool) -> str | None:
    """The reason why an asset is never a member, or None."""
    for assets, reason in ((VENUE_AND_BENCHMARK, "benchmark or venue asset"), (STABLE, "stable asset"), (WRAPPED, "wrapped asset"), (PEGGED, "pegged asset")):
        if base in assets:
            return reason
    if is_leveraged(base, known_bases):
        return "leveraged token"
    return "not a major asset" if majors_only and base in NOT_MAJOR else None
