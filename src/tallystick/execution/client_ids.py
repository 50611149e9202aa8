"""Client order ids: derived from the decision, so that the same decision never makes a second order (decision 67)."""

from __future__ import annotations

import hashlib

LENGTH = 32


def client_id(decision_id: str, leg: str = "") -> str:
    """32 hexadecimal digits of the SHA-256 of the decision and the leg (for a decision that sends more than one order).

    Fits Hyperliquid's 128-bit `cloid` (with 0x before it) and Binance's 36 characters.
    """
    return hashlib.sha256(f"{len(decision_id)}:{decision_id}{leg}".encode()).hexdigest()[:LENGTH]
