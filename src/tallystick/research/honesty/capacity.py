"""How large an account a strategy could carry, from the volume of the bars in which it traded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.run_evidence import Capacity
from tallystick.kernels.statistics import quantile

Floats = NDArray[np.float64]
PARTICIPATION = 0.01


def capacity_of(notionals: Floats, volumes: Floats, initial_cash: float, participation: float = PARTICIPATION) -> Capacity:
    """notionals, volumes: float64[N], quote units of each fill and of the bar it happened in (NaN or 0: a bar without volume); initial_cash: quote units.

    Notionals grow in proportion to the account, so an account of initial_cash · participation · volume / notional makes that fill reach the limit.
    """
    traded = np.isfinite(volumes) & (volumes > 0.0)
    shares = notionals[traded] / volumes[traded]
    accounts = np.ascontiguousarray(initial_cash * (participation / shares[shares > 0.0]))
    known = accounts.size > 0
    return Capacity(
        participation_frac=participation,
        largest_equity=float(accounts.min()) if known else None,
        largest_equity_95=float(quantile(accounts, 0.05)) if known else None,
        highest_participation_frac=float(shares.max()) if known else None,
        fills_without_volume=int(volumes.size - np.count_nonzero(traded)),
    )
