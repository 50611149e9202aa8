"""Messages of both venues, built field by field, for tests that break one of them."""

from __future__ import annotations

import json
from typing import Any

MS = 1_000_000
NOON_MS = 1_700_000_000_000
NOON_NS = NOON_MS * MS


def encoded(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def hyperliquid_trade(tid: int = 1, time_ms: int = NOON_MS, coin: str = "BTC", **changed: Any) -> dict[str, Any]:
    return {"coin": coin, "side": "B", "px": "60000.5", "sz": "0.01", "time": time_ms, "hash": "0x0", "tid": tid, "users": ["0xa", "0xb"], **changed}


def hyperliquid_trades(*trades: dict[str, Any]) -> bytes:
    return encoded({"channel": "trades", "data": list(trades)})


def hyperliquid_book(time_ms: int = NOON_MS, coin: str = "BTC") -> bytes:
    levels = [[{"px": "60000.0", "sz": "1.5", "n": 2}], [{"px": "60001.0", "sz": "0.5", "n": 1}]]
    return encoded({"channel": "l2Book", "data": {"coin": coin, "time": time_ms, "levels": levels}})


def account_state(time_ms: int = NOON_MS, price: float = 100.0, **sizes: str) -> dict[str, Any]:
    """An account of Hyperliquid with so much of each coin at one price; a long is liquidated one percent below it, a short one percent above."""
    positions = [
        {
            "coin": coin,
            "szi": size,
            "entryPx": f"{price:.1f}",
            "liquidationPx": f"{price * (1.01 if size.startswith('-') else 0.99):.1f}",
            "leverage": {"type": "cross", "value": 20},
            "marginUsed": "1.50",
            "positionValue": f"{abs(float(size)) * price:.1f}",
            "unrealizedPnl": "-0.10",
        }
        for coin, size in sizes.items()
    ]
    summary = {"accountValue": "1000.50", "totalNtlPos": "10.0", "totalRawUsd": "0.0", "totalMarginUsed": "1.50"}
    rows = [{"type": "oneWay", "position": position} for position in positions]
    return {"marginSummary": summary, "crossMarginSummary": summary, "withdrawable": "998.00", "assetPositions": rows, "time": time_ms}


def binance_trade(number: int = 1, time_ms: int = NOON_MS, symbol: str = "BTCUSDT", **changed: Any) -> bytes:
    data = {"e": "trade", "E": time_ms, "T": time_ms, "s": symbol, "t": number, "p": "60000.10", "q": "0.006", "X": "MARKET", "m": True, **changed}
    return encoded({"stream": f"{symbol.lower()}@trade", "data": data})


def depth_update(first: int, last: int, previous: int, symbol: str = "BTCUSDT", time_ms: int = NOON_MS) -> bytes:
    data = {
        "e": "depthUpdate",
        "E": time_ms,
        "T": time_ms,
        "s": symbol,
        "U": first,
        "u": last,
        "pu": previous,
        "b": [["60000.0", "1"]],
        "a": [["60001.0", "0"]],
    }
    return encoded({"stream": f"{symbol.lower()}@depth@100ms", "data": data})


def depth_snapshot(last: int, time_ms: int = NOON_MS) -> bytes:
    return encoded({"lastUpdateId": last, "E": time_ms, "T": time_ms, "bids": [["60000.0", "2"]], "asks": [["60001.0", "3"]]})
