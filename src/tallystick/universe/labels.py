"""What the fitted scores learn: how a name of the universe did against the others of its day over the next 30, 60 and 90 days."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError
from tallystick.kernels.statistics import ranks

Values = NDArray[np.float64]
HORIZONS = (30, 60, 90)
BLEND: Mapping[int, float] = {30: 0.5, 60: 0.35, 90: 0.15}
LEADERS = 3
"""How many names of a day count as its leaders."""
_ONE_HORIZON = re.compile(r"^future_(rank_pct|return|topk_label)_(30|60|90)$")


@dataclass(frozen=True, slots=True)
class Label:
    """A label by its name: its kind, and the weight of each horizon in days."""

    name: str
    kind: str
    weights: Mapping[int, float]

    @property
    def purge_days(self) -> int:
        """Days after a row within which its label is still open: rows closer than this to a fit are left out of it."""
        return max(self.weights)


def parse_label(name: str) -> Label:
    """`blended_rank_pct`, `future_rank_pct_H`, `future_return_H` or `future_topk_label_H` with H of 30, 60, 90. Raises ConfigurationError for another."""
    if name == "blended_rank_pct":
        return Label(name, "rank_pct", BLEND)
    found = _ONE_HORIZON.match(name)
    if found is None:
        raise ConfigurationError(f"expected a label such as blended_rank_pct or future_topk_label_60, found {name!r}", where="universe settings")
    return Label(name, found.group(1), {int(found.group(2)): 1.0})


def label_values(label: Label, future: Mapping[int, Values]) -> Values:
    """Labels float64[N] of one day from `future[days]` float64[N], the forward returns of the names of the universe on that day.

    rank_pct = rank / n among the names with a value, average ties; topk_label = 1 for the best three; every horizon is required (decision 39): NaN else.
    """
    out = np.zeros(next(iter(future.values())).shape)
    for days in sorted(label.weights):
        values = np.ascontiguousarray(future[days])
        if label.kind == "return":
            part = values
        elif label.kind == "topk_label":
            part = np.where(np.isnan(values), math.nan, (ranks(-values) <= LEADERS).astype(np.float64))
        else:
            part = ranks(values) / max(1, int(np.count_nonzero(~np.isnan(values))))
        out = out + label.weights[days] * part
    return out
