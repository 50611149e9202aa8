"""What a venue symbol says: base asset, quote asset, multiplier."""

from __future__ import annotations

import re
from dataclasses import dataclass

QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDE", "USD", "EUR", "BTC", "ETH", "BNB")
_PREFIX = re.compile(r"^(1000000|100000|10000|1000|1M)(?=[A-Z]{2})")
_SUFFIX = re.compile(r"(?<=[A-Z]{3})(1000000|10000|1000)$")
_KILO = re.compile(r"^k(?=[A-Z]{2,})")


@dataclass(frozen=True, slots=True)
class SymbolParts:
    """`base` is the asset itself; one unit of the venue's base is `multiplier` of it. `quote` is empty where the symbol does not say."""

    base: str
    quote: str
    multiplier: int


def split_symbol(symbol: str) -> SymbolParts:
    """1000PEPEUSDT → PEPE, USDT, 1000; kPEPE → PEPE, no quote, 1000; BTC → BTC; SHIB1000USDT → SHIB, USDT, 1000."""
    quote = next((name for name in QUOTES if symbol.endswith(name) and len(symbol) > len(name)), "")
    base = symbol.removesuffix(quote).rstrip("-_")
    for pattern in (_PREFIX, _SUFFIX, _KILO):
        found = pattern.search(base)
        if found is not None:
            rest = base[: found.start()] + base[found.end() :]
            return SymbolParts(rest, quote, {"1M": 1_000_000, "k": 1000}.get(found.group()) or int(found.group()))
    return SymbolParts(base, quote, 1)
