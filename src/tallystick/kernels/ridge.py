"""Ridge regression by normal equations, summed row by row so that equal inputs give equal bits on any machine and thread count."""

from __future__ import annotations

import math

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from tallystick.kernels.kernel import kernel


@kernel
def cholesky_solve(gram: NDArray[float64], moment: NDArray[float64], out: NDArray[float64]) -> bool:
    """Solve gram · out = moment by Cholesky, gram[F, F] given by its lower triangle and overwritten; False, out untouched, unless positive definite."""
    columns = gram.shape[0]
    for f in range(columns):
        for g in range(f + 1):
            value = gram[f, g]
            for k in range(g):
                value -= gram[f, k] * gram[g, k]
            if f != g:
                gram[f, g] = value / gram[g, g]
            elif value > 0.0:
                gram[f, f] = math.sqrt(value)
            else:
                return False
    for f in range(columns):
        value = moment[f]
        for k in range(f):
            value -= gram[f, k] * out[k]
        out[f] = value / gram[f, f]
    for f in range(columns - 1, -1, -1):
        value = out[f]
        for k in range(f + 1, columns):
            value -= gram[k, f] * out[k]
        out[f] = value / gram[f, f]
    return True


@kernel
def ridge_fit(x: NDArray[float64], y: NDArray[float64], means: NDArray[float64], stds: NDArray[float64], alpha: float, out: NDArray[float64]) -> float:
    """Coefficients of y[N] on (x[N, F] − means) / stds with penalty alpha · |b|², written to out[F]; answers the intercept.

    x has no NaN. Columns are centred by `means`, so the intercept is the mean of y and is not penalised. Hoerl and Kennard (1970); solved by Cholesky.
    NaN coefficients when the system is not positive definite.
    """
    rows, columns = x.shape
    centre: float = 0.0
    for i in range(rows):
        centre += y[i]
    centre /= rows
    gram = np.zeros((columns, columns))
    moment = np.zeros(columns)
    z = np.empty(columns)
    for i in range(rows):
        for f in range(columns):
            z[f] = (x[i, f] - means[f]) / stds[f]
        residual = y[i] - centre
        for f in range(columns):
            moment[f] += z[f] * residual
            for g in range(f + 1):
                gram[f, g] += z[f] * z[g]
    for f in range(columns):
        gram[f, f] += alpha
    if not cholesky_solve(gram, moment, out):
        out[:] = math.nan
    return centre
