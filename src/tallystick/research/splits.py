"""The splits of a walk-forward: named by hand, or cut anchored or rolling; between training and test lies a gap that the strategy's memory dictates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.time import NS_PER_DAY
from tallystick.contracts.workflows import SplitPeriod, SplitScheme, WalkforwardSplit
from tallystick.market.bars import BarPanel
from tallystick.research.run_config import RunConfig
from tallystick.research.search_spaces import SearchSpace
from tallystick.research.strategies import find_strategy, in_bars
from tallystick.research.trials import Window

MOST_SPLITS = 1000


@dataclass(frozen=True, slots=True)
class Split:
    """A training window and the test window after it."""

    name: str
    train: Window
    test: Window

    def document(self) -> WalkforwardSplit:
        """As the resolved configuration says it."""
        train, test = self.train.text, self.test.text
        return WalkforwardSplit(name=self.name, train=SplitPeriod(start=train[0], end=train[1]), test=SplitPeriod(start=test[0], end=test[1]))


def memory_bars(panel: BarPanel, config: RunConfig, space: SearchSpace) -> int:
    """The longest window that the strategy names in bars, over everything that is searched, plus the bar in which a decision fills.

    Training and test periods lie so far apart that no window of one reaches into the other. The fading tail of a recursion (Wilder's RSI) is not counted:
    it holds no outcome of a trade, only old prices, which live trading knows as well.
    """
    strategy = find_strategy(config.strategy)
    longest = in_bars({**strategy.defaults, **config.parameters}, panel.interval_minutes, panel.day_minutes)
    for name in space.names:
        ends = space.choices(name) or (space.ranges[name].high,)
        longest |= in_bars({name: max(ends)}, panel.interval_minutes, panel.day_minutes)
    looks_back = config.model.memory_bars if config.model is not None else 0
    return int(max((value for name, value in longest.items() if name.endswith("_bars")), default=looks_back)) + 1


def purged(panel: BarPanel, splits: Sequence[Split], gap_bars: int) -> tuple[Split, ...]:
    """Splits whose training ends at least `gap_bars` bars before their test begins.

    Raises ConfigurationError for splits out of order or of one name, or a training that ends after its test began; DataError where no training is left.
    """
    names = [split.name for split in splits]
    if not splits or len(set(names)) != len(names):
        raise ConfigurationError(f"expected at least one split, each named once, found {names}", where="splits")
    found = []
    for split in splits:
        train, test = split.train, split.test
        if not train.start_ns < train.end_ns <= test.start_ns < test.end_ns:
            raise ConfigurationError(f"expected training before testing in split {split.name}, found {train.text} and {test.text}", where="splits")
        first_test = int(np.searchsorted(panel.open_times_ns, test.start_ns))
        last = first_test - gap_bars
        latest = int(panel.open_times_ns[last]) if 0 <= last < panel.bars else train.start_ns
        end = min(train.end_ns, latest)
        if end <= train.start_ns:
            raise DataError(
                f"expected training bars in split {split.name} beyond the gap of {gap_bars} bars before its test, found none",
                where="splits",
                hint="Choose a longer training period",
            )
        found.append(Split(split.name, Window(train.start_ns, end), test))
    return tuple(found)


def cut_splits(times_ns: NDArray[np.int64], window: Window, scheme: SplitScheme, *, train_days: float, test_days: float, step_days: float) -> tuple[Split, ...]:
    """Splits of a window: the first training takes train_days, each test test_days, the next one begins step_days later; anchored training begins at the start.

    A last test that would not fit whole is left out. Raises ConfigurationError for lengths that are not positive, or a window too short for one split.
    """
    for name, days in (("train_days", train_days), ("test_days", test_days), ("step_days", step_days)):
        if not 0 < days <= 36_500:
            raise ConfigurationError(f"expected {name} above 0, found {days:g}", where=name)
    train, test, step = (int(days * NS_PER_DAY) for days in (train_days, test_days, step_days))
    end_ns = min(window.end_ns, int(times_ns[-1]) + 1) if times_ns.size else window.end_ns
    found: list[Split] = []
    while len(found) < MOST_SPLITS:
        shift = len(found) * step
        border = window.start_ns + train + shift
        if border + test > window.end_ns or border >= end_ns:
            break
        start = window.start_ns if scheme == "anchored" else window.start_ns + shift
        found.append(Split(f"split_{len(found) + 1:02d}", Window(start, border), Window(border, border + test)))
    if not found:
        raise ConfigurationError(
            f"expected a period of at least {train_days + test_days:g} days for one split, found {' to '.join(window.text)}",
            where="train_days",
            hint="Give a longer period, or shorter train_days and test_days",
        )
    return tuple(found)
