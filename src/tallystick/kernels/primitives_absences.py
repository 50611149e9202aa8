"""Expected events that did not come."""

from __future__ import annotations

from numpy import int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel


@kernel
def observed_among(expected: NDArray[int64], seen: NDArray[int64]) -> int:
    """How many of the expected numbers were seen; both ascending, each number once."""
    found = 0
    place = 0
    for i in range(expected.shape[0]):
        while place < seen.shape[0] and seen[place] < expected[i]:
            place += 1
        if place < seen.shape[0] and seen[place] == expected[i]:
            found += 1
    return found
