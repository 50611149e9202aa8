"""What a fill paid for crossing the spread, and what for slippage."""

from __future__ import annotations

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel
from tallystick.kernels.money import E8, mul_div


@kernel
def spread_parts(notionals: NDArray[int64], sides: NDArray[int64], shortfalls: NDArray[int64], spread_e8: int) -> NDArray[int64]:
    """Of each shortfall against the reference price, the part that half the spread explains; the rest is slippage and rounding to ticks.

    notionals, shortfalls: micro-quote, unsigned; sides: +1 bought, −1 sold; spread_e8: the full spread in 1e-8.
    """
    out = np.empty(notionals.shape[0], np.int64)
    for k in range(out.shape[0]):
        ideal = notionals[k] - sides[k] * shortfalls[k]
        out[k] = min(shortfalls[k], mul_div(ideal, spread_e8, 2 * E8))
    return out
