"""The reconciler: our positions against the venue's. It recommends; it never closes, syncs or invents anything (decision 16)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tallystick.contracts.positions import Position, ReconciliationAction, ReconciliationResult

TOLERANCE = Decimal("0.01")
MISMATCHES_TO_FLAG = 2


class Reconciler:
    """Compares, remembers how often in a row a symbol differed, and recommends from the second time on.

    tolerance: largest difference as a fraction of the larger size. A position of the opposite direction, or one that we know nothing of, recommends
    EMERGENCY_CLOSE; any other difference SYNC_LOCAL.
    """

    def __init__(self, tolerance: Decimal = TOLERANCE, mismatches_to_flag: int = MISMATCHES_TO_FLAG) -> None:
        self._tolerance = tolerance
        self._mismatches_to_flag = mismatches_to_flag
        self._in_a_row: dict[str, int] = {}

    def compare(self, local: Mapping[str, Position], venue: Mapping[str, Position]) -> tuple[ReconciliationResult, ...]:
        """One result per symbol that either side holds or that differed before, in symbol order."""
        results = []
        for symbol in sorted({*local, *venue, *self._in_a_row}):
            expected = local[symbol].signed_quantity if symbol in local else Decimal(0)
            actual = venue[symbol].signed_quantity if symbol in venue else Decimal(0)
            if actual == expected or abs(actual - expected) <= self._tolerance * max(abs(actual), abs(expected)):
                self._in_a_row.pop(symbol, None)
                action = ReconciliationAction.NONE
            else:
                self._in_a_row[symbol] = self._in_a_row.get(symbol, 0) + 1
                action = self._recommend(symbol, expected, actual)
            ours, theirs = float(expected), float(actual)
            results.append(ReconciliationResult(symbol, ours, theirs, action, theirs - ours))
        return tuple(results)

    def _recommend(self, symbol: str, expected: Decimal, actual: Decimal) -> ReconciliationAction:
        if self._in_a_row[symbol] < self._mismatches_to_flag:
            return ReconciliationAction.NONE
        unknown = expected == 0 and actual != 0
        return ReconciliationAction.EMERGENCY_CLOSE if unknown or expected * actual < 0 else ReconciliationAction.SYNC_LOCAL

    @property
    def blocked(self) -> dict[str, str]:
        """Symbols that differ now, from the first time on, with the reason: their entries wait."""
        return {symbol: f"position differs from the venue's, {count} time(s) in a row" for symbol, count in sorted(self._in_a_row.items())}
