"""The numeric limits of an entry: the lemmas I-L1, I-L2, I-M1, I-LA1 and the rules R1 to R14 that are conditions on numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING
from math import inf

from tallystick.contracts.positions import Direction
from tallystick.contracts.quote_money import exact
from tallystick.contracts.risk import RiskConfig, ValidationResult
from tallystick.risk.exposures import Exposures, Limits

ENTRY_INVARIANTS = ("EQUITY", "I-L1", "I-L2", "I-M1", "I-LA1", "R1", "R13", "R14", "POSITION_LIMIT", "GROSS_EXPOSURE", "NET_LEVERAGE")
"""What an approval states that it passed. I-L1 is R2 and R5, I-L2 is R6, I-LA1 is R3; all are the same for a long and a short (R7)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An addition to one symbol, and the initial margin that it needs, in micro-quote."""

    symbol: str
    direction: Direction
    value: int
    margin: int


def check_limits(entry: Entry, exposures: Exposures, limits: Limits, config: RiskConfig) -> ValidationResult | None:
    """The first limit that the account would break with this entry in it, or None. Comparisons are between whole micro-quote, equality passes."""
    if limits.equity <= 0:
        return ValidationResult(False, "equity is not above 0, so nothing may be opened", "EQUITY", True, limits.equity / 1e6, 0.0)
    for found, limit, invariant, value, bound, reason in _rows(entry, exposures, limits, config):
        if found > limit:
            return ValidationResult(False, reason, invariant, True, value, bound)
    return None


def _rows(entry: Entry, exposures: Exposures, limits: Limits, config: RiskConfig) -> Iterator[tuple[int, int, str, float, float, str]]:
    """(found, limit) in micro-quote; then the invariant, the two numbers in its own unit, and the sentence."""
    symbol, equity = entry.symbol, limits.equity
    gross = exposures.gross + entry.value
    held = exposures.by_symbol.get(symbol, 0)
    position = held + entry.value
    leverage, symbol_leverage = gross / equity, position / equity
    yield gross, limits.total_leverage, "I-L1", leverage, config.L_max, f"leverage {leverage:.4f} with {symbol} would exceed L_max {config.L_max:g}"
    yield (
        position,
        limits.symbol_leverage,
        "I-L2",
        symbol_leverage,
        config.L_symbol_max,
        f"leverage {symbol_leverage:.4f} in {symbol} would exceed L_symbol_max {config.L_symbol_max:g}",
    )
    margin = exposures.margin_used + entry.margin
    yield (
        margin,
        limits.margin,
        "I-M1",
        margin / 1e6,
        limits.margin / 1e6,
        f"margin {margin / 1e6:.2f} with {symbol} would exceed the free {limits.margin / 1e6:.2f}",
    )
    # Distance 1/L − MMR ≥ D_min_safe is gross ≤ equity / (D_min_safe + MMR).
    rate = exposures.maintenance_rate(symbol, entry.value)
    apart = exact(config.D_min_safe) + rate
    distance = 1 / leverage - float(rate) if leverage > 0 else inf
    yield (
        gross,
        int(equity / apart) if apart > 0 else 2**62,
        "I-LA1",
        distance,
        config.D_min_safe,
        f"liquidation distance {distance:.4f} with {symbol} would be below D_min_safe {config.D_min_safe:g}",
    )
    yield from _rules(entry, exposures, limits, config)


def _rules(entry: Entry, exposures: Exposures, limits: Limits, config: RiskConfig) -> Iterator[tuple[int, int, str, float, float, str]]:
    """The rules and exposure limits that follow the lemmas, as rows of the same kind."""
    symbol, equity = entry.symbol, limits.equity
    gross = exposures.gross + entry.value
    held = exposures.by_symbol.get(symbol, 0)
    position = held + entry.value
    leverage, symbol_leverage = gross / equity, position / equity
    free = limits.margin - exposures.margin_used - entry.margin
    loss = int((position * exact(config.stop_loss_pct)).to_integral_value(ROUND_CEILING))
    yield (
        loss,
        limits.symbol_loss,
        "R13" if held else "R1",
        loss / equity,
        config.risk_fraction,
        f"loss at the stop {loss / equity:.4f} of equity in {symbol} would exceed risk_fraction {config.risk_fraction:g}",
    )
    yield (
        limits.free_margin,
        free,
        "R14",
        free / equity,
        config.min_free_margin,
        f"free margin {free / equity:.4f} of equity after {symbol} would be below min_free_margin {config.min_free_margin:g}",
    )
    yield (
        position,
        limits.symbol_position,
        "POSITION_LIMIT",
        symbol_leverage,
        config.max_position_frac,
        f"{symbol} would be {symbol_leverage:.4f} of equity, limit {config.max_position_frac:g}",
    )
    yield (
        gross,
        limits.gross_exposure,
        "GROSS_EXPOSURE",
        leverage,
        config.max_gross_exposure,
        f"gross exposure with {symbol} would be {leverage:.4f} of equity, limit {config.max_gross_exposure:g}",
    )
    net = exposures.worst_net(entry.direction, entry.value)
    yield (
        net,
        limits.net,
        "NET_LEVERAGE",
        net / equity,
        config.L_max_net,
        f"net leverage {net / equity:.4f} with {symbol} would exceed L_max_net {config.L_max_net:g}",
    )
