from __future__ import annotations

import math

import numpy as np

from tallystick.kernels.kernel import plain
from tallystick.kernels.turnover import MEASURES, turnover_measures


def brute_force(turnover: list[float], first: int, day: int, daily: float) -> list[float]:
    """The measures of one name on one day, from their definitions."""
    if first < 0 or day < first:
        return [math.nan] * MEASURES
    age = day - first + 1
    averages = [sum(turnover[day - n + 1 : day + 1]) / n if age >= n else math.nan for n in (30, 90, 180)]
    stability = math.nan if age < 180 else (min(averages) / max(averages) if max(averages) > 0 else 0.0)
    window = turnover[max(first, day - 179) : day + 1]
    tradable = sum(value > 0 for value in window) / len(window) if len(window) >= 30 else math.nan
    return [age, *averages, stability, tradable, sum(value >= daily for value in window[-90:]), sum(value >= daily for value in window)]


def test_measures_equal_their_definitions_and_the_compiled_loop_equals_plain_python() -> None:
    rng = np.random.default_rng(3)
    turnover = np.where(rng.random((5, 400)) < 0.1, 0.0, rng.lognormal(2.0, 1.0, (5, 400)))
    turnover[4] = 0.0
    first = np.array([0, 120, 395, -1, 10])
    columns = np.array([0, 29, 89, 179, 180, 250, 399])
    compiled, interpreted = np.empty((5, 7, MEASURES)), np.empty((5, 7, MEASURES))
    turnover_measures(turnover, first, columns, 8.0, compiled)
    plain(turnover_measures)(turnover, first, columns, 8.0, interpreted)
    np.testing.assert_array_equal(compiled, interpreted)
    for s in range(5):
        for c, day in enumerate(columns.tolist()):
            np.testing.assert_allclose(compiled[s, c], brute_force(turnover[s].tolist(), int(first[s]), day, 8.0), rtol=1e-13)
