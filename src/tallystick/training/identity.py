"""What determines a model, as hashes and seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_bytes
from tallystick.market.bars import BarPanel

SCHEMA = "tallystick.training.1"


def stable_seed(*parts: object) -> int:
    """First 12 hexadecimal digits of the SHA-256 of the parts joined by `::`, below 2^31 − 1."""
    return int(hashlib.sha256("::".join(str(part) for part in parts).encode()).hexdigest()[:12], 16) % (2**31 - 1)


def digest(document: Any) -> str:
    """SHA-256 of a document's canonical JSON."""
    return sha256_bytes(canonical_json(document))


def panel_fingerprint(panel: BarPanel) -> str:
    """SHA-256 over symbols, times, bar numbers where they do not follow from the times, and every value of a panel."""
    header = {"venue": panel.venue, "interval_minutes": panel.interval_minutes, "symbols": list(panel.symbols)}
    out = hashlib.sha256(canonical_json(header if panel.first_number is None else {**header, "first_number": panel.first_number}))
    out.update(panel.open_times_ns.astype("<i8").tobytes())
    for values in (panel.open, panel.high, panel.low, panel.close, panel.volume, panel.quote_volume):
        out.update(values.astype("<f8").tobytes())
    return out.hexdigest()


def identity_keys(parts: Mapping[str, Any], seed: int) -> tuple[str, str, str]:
    """Strict key (with the seed), replicate key (without), and a readable key of 8-digit prefixes, over data, split, target, features, hyper-parameters,
    routing, code and libraries (decision 34).
    """
    replicate = digest({"schema": SCHEMA, **parts})
    strict = digest({"schema": SCHEMA, **parts, "seed": seed})
    readable = "_".join(f"{name}-{str(value)[:8]}" for name, value in sorted(parts.items()) if isinstance(value, str))
    return strict, replicate, readable


def compact_time(ns: int) -> str:
    """`20250101_000000` of an instant, UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 1_000_000_000)).strftime("%Y%m%d_%H%M%S")
