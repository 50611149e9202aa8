"""The feature catalogue: families of names, each a row of data over one kernel kind. One definition for research, training and live."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tallystick.contracts.errors import DataError
from tallystick.kernels.kind_table import BENCHMARK, CLOSE, HIGH, KIND_BY_NAME, LOW, QUOTE_VOLUME, VOLUME

INPUTS = ("open", "high", "low", "close", "volume", "quote_volume")
"""Rows of x[S, 6, T]. Features relative to a benchmark read a seventh row, the benchmark symbol's close."""

LONGEST_WINDOW = 2000
RANK_PREFIX = "cs_rank_"

_INPUT_NAMES = (*INPUTS, "benchmark_close")
_PRICE, _BAR, _RELATIVE = (CLOSE,), (HIGH, LOW, CLOSE), (CLOSE, BENCHMARK)


@dataclass(frozen=True, slots=True)
class FeatureFamily:
    """A pattern of names, `ret_{n}`, and how its numbers become the parameters of a kernel kind.

    smallest: the least value of each number in the name; all are at most 2000.
    """

    pattern: str
    kind: str
    reads: tuple[int, ...]
    parameters: Callable[..., tuple[int, ...]]
    smallest: tuple[int, ...]
    example: str
    says: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input rows it reads."""
        return tuple(_INPUT_NAMES[row] for row in self.reads)


@dataclass(frozen=True, slots=True)
class Feature:
    """One catalogue row: `memory_bars` is how many bars, this one included, a value depends on; every kind's memory is finite."""

    name: str
    kind: str
    parameters: tuple[int, ...]
    inputs: tuple[str, ...]
    memory_bars: int
    says: str
    ranks: str | None = None


def _same(*numbers: int) -> tuple[int, ...]:
    return numbers


def _on(column: int) -> Callable[..., tuple[int, ...]]:
    return lambda *numbers: (column, *numbers)


def _ratio_on(column: int, offset: int) -> Callable[..., tuple[int, ...]]:
    return lambda n: (column, n, offset)


def _wilder(n: int) -> tuple[int, ...]:
    # 10 / α bars leave a recursion's opening value e⁻¹⁰ of its weight.
    return n, 10 * n


def _macd(part: int) -> Callable[..., tuple[int, ...]]:
    return lambda fast, slow, signal: (fast, slow, signal, 5 * (slow + 1) + 5 * (signal + 1), part)


def _family(
    pattern: str, kind: str, reads: tuple[int, ...], parameters: Callable[..., tuple[int, ...]], smallest: tuple[int, ...], example: str, says: str
) -> FeatureFamily:
    return FeatureFamily(pattern, kind, reads, parameters, smallest, example, says)


_RETURNS = (
    _family("ret_{n}", "change", _PRICE, _on(CLOSE), (1,), "ret_5", "close over the close of n bars ago, minus 1"),
    _family("mom_{n}", "momentum", _PRICE, _same, (2,), "mom_20", "n-bar return over its own noise: ret_n / (vol_n · √n)"),
    _family("vol_{n}", "volatility", _PRICE, _same, (2,), "vol_20", "sample standard deviation (n − 1) of the last n one-bar simple returns, per bar"),
    _family(
        "downside_vol_{n}", "downside_volatility", _PRICE, _same, (2,), "downside_vol_60",
        "sample standard deviation (n − 1) of the last n one-bar returns with gains counted as 0, per bar",
    ),
    _family("up_share_{n}", "up_share", _PRICE, _same, (1,), "up_share_20", "share of the last n one-bar returns above 0"),
    _family("rsi_{n}", "rsi", _PRICE, _wilder, (2,), "rsi_14", "Wilder's relative strength index, 0 to 100, restarted at aligned blocks"),
    _family(
        "illiquidity_{n}", "illiquidity", (CLOSE, QUOTE_VOLUME), _same, (1,), "illiquidity_20",
        "mean of |one-bar return| per million of quote volume over n bars",
    ),
)  # fmt: skip

_AVERAGES = (
    _family("sma_{n}", "mean", _PRICE, _on(CLOSE), (1,), "sma_200", "simple mean of the last n closes"),
    _family("ma_ratio_{n}", "mean_ratio", _PRICE, _ratio_on(CLOSE, 1), (1,), "ma_ratio_20", "close over its n-bar mean, minus 1"),
    _family("price_vs_sma_{n}", "mean_ratio", _PRICE, _ratio_on(CLOSE, 1), (1,), "price_vs_sma_200", "ma_ratio_n under the live pool's name"),
    _family("zscore_{n}", "zscore", _PRICE, _on(CLOSE), (2,), "zscore_20", "(close − mean) / sample standard deviation of n closes"),
    _family("bb_position_{n}", "band_position", _PRICE, _same, (2,), "bb_position_20", "place of the close between the Bollinger bands, 0 lower, 1 upper"),
    _family("bb_width_{n}", "band_width", _PRICE, _same, (2,), "bb_width_20", "distance of the Bollinger bands over their mean"),
    _family("sma_slope_{n}_{k}", "mean_slope", _PRICE, _same, (1, 1), "sma_slope_200_20", "n-bar mean of closes over itself k bars ago, minus 1"),
    _family(
        "share_above_sma_{m}_{n}", "share_above", _PRICE, lambda m, n: (n, m), (1, 1), "share_above_sma_90_200",
        "share of the last m bars whose close lay above its own n-bar mean",
    ),
    _family(
        "macd_{fast}_{slow}_{signal}", "macd", _PRICE, _macd(0), (1, 2, 1), "macd_12_26_9",
        "MACD line over the close, averages restarted at aligned blocks",
    ),
    _family("macd_signal_{fast}_{slow}_{signal}", "macd", _PRICE, _macd(1), (1, 2, 1), "macd_signal_12_26_9", "MACD signal over the close"),
    _family("macd_hist_{fast}_{slow}_{signal}", "macd", _PRICE, _macd(2), (1, 2, 1), "macd_hist_12_26_9", "MACD line minus its signal, over the close"),
)  # fmt: skip

_VOLUMES = (
    _family("close", "level", _PRICE, _on(CLOSE), (), "close", "close"),
    _family("volume", "level", (VOLUME,), _on(VOLUME), (), "volume", "volume in base units"),
    _family("quote_volume", "level", (QUOTE_VOLUME,), _on(QUOTE_VOLUME), (), "quote_volume", "volume in quote units"),
    _family("mean_volume_{n}", "mean", (VOLUME,), _on(VOLUME), (1,), "mean_volume_20", "mean volume of n bars"),
    _family("mean_quote_volume_{n}", "mean", (QUOTE_VOLUME,), _on(QUOTE_VOLUME), (1,), "mean_quote_volume_90", "mean quote volume of n bars"),
    _family("volume_ratio_{n}", "mean_ratio", (VOLUME,), _ratio_on(VOLUME, 0), (1,), "volume_ratio_20", "volume over its n-bar mean"),
    _family("volume_change_{n}", "change", (VOLUME,), _on(VOLUME), (1,), "volume_change_1", "volume over the volume of n bars ago, minus 1"),
    _family("volume_zscore_{n}", "zscore", (VOLUME,), _on(VOLUME), (2,), "volume_zscore_20", "(volume − mean) / sample standard deviation of n bars"),
    _family(
        "valid_bars_{n}", "valid_bars", (CLOSE, QUOTE_VOLUME), _same, (1,), "valid_bars_180",
        "how many of the last n bars had a close and some quote volume",
    ),
)  # fmt: skip

_EXTREMES = (
    _family("close_to_high_{n}", "to_high", _PRICE, _same, (1,), "close_to_high_60", "close over the highest close of n bars, minus 1"),
    _family("close_to_low_{n}", "to_low", _PRICE, _same, (1,), "close_to_low_60", "close over the lowest close of n bars, minus 1"),
    _family("drawdown_{n}", "drawdown", _PRICE, _same, (1,), "drawdown_180", "close over the highest close present in up to n bars, minus 1"),
    _family("ulcer_{n}", "ulcer", _PRICE, _same, (1,), "ulcer_50", "root mean square over n bars of the percentage below the n-bar high"),
    _family("high_low_range_{n}", "range", _BAR, _same, (1,), "high_low_range_20", "(highest high − lowest low) of n bars over the close"),
    _family("atr_{n}", "atr", _BAR, _same, (1,), "atr_14", "simple mean of the true range of n bars over the close"),
)

_RELATIVES = (
    _family("rs_{n}", "excess_change", _RELATIVE, _same, (1,), "rs_20", "n-bar return minus the benchmark's"),
    _family("beta_{n}", "beta", _RELATIVE, _same, (2,), "beta_60", "covariance of one-bar returns with the benchmark's over the benchmark's variance, n bars"),
    _family("corr_{n}", "correlation", _RELATIVE, _same, (2,), "corr_60", "correlation of one-bar returns with the benchmark's over n bars"),
)

CATALOGUE: dict[str, FeatureFamily] = {family.pattern: family for family in (*_RETURNS, *_AVERAGES, *_VOLUMES, *_EXTREMES, *_RELATIVES)}
"""Families by pattern. Any of them may be ranked across symbols: `cs_rank_` and a name is (rank − 0.5) / n, average ties, among valid symbols (≥ 2)."""

STANDARD_FEATURES: tuple[str, ...] = (
    "ret_1", "ret_5", "ret_10", "ret_20", "ret_60", "vol_5", "vol_10", "vol_20", "vol_60", "rsi_7", "rsi_14", "rsi_21",
    "ma_ratio_10", "ma_ratio_20", "ma_ratio_50", "bb_position_20", "bb_width_20", "macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9",
    "mom_5", "mom_10", "mom_20", "atr_14", "high_low_range_1", "volume_ratio_20", "volume_change_1", "close_to_high_252", "close_to_low_252",
)  # fmt: skip
"""The 29 features of the live document's builder, under this catalogue's names; windows are bars."""


def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", r"([1-9]\\d*)", pattern))


_MATCHERS = tuple((_matcher(pattern), family) for pattern, family in CATALOGUE.items())


def find_feature(name: str) -> Feature:
    """The catalogue row of a name. Raises DataError for a name that no family gives."""
    if name.startswith(RANK_PREFIX):
        ranked = find_feature(name.removeprefix(RANK_PREFIX))
        if ranked.ranks is not None:
            raise _unknown(name, "a rank of a rank is the rank itself")
        says = f"(rank − 0.5) / n across valid symbols of: {ranked.says}"
        return Feature(name, "rank", (), ranked.inputs, ranked.memory_bars, says, ranks=ranked.name)
    for matcher, family in _MATCHERS:
        if found := matcher.fullmatch(name):
            return _row(name, family, tuple(int(number) for number in found.groups()))
    raise _unknown(name, "no family of names matches")


def _row(name: str, family: FeatureFamily, numbers: tuple[int, ...]) -> Feature:
    for number, smallest in zip(numbers, family.smallest, strict=True):
        if not smallest <= number <= LONGEST_WINDOW:
            raise _unknown(name, f"expected windows from {smallest} to {LONGEST_WINDOW} bars, found {number}")
    if family.kind == "macd" and numbers[0] >= numbers[1]:
        raise _unknown(name, f"expected the fast window below the slow one, found {numbers[0]} and {numbers[1]}")
    parameters = family.parameters(*numbers)
    memory = KIND_BY_NAME[family.kind].memory(*parameters)
    return Feature(name, family.kind, parameters, family.inputs, memory, family.says)


def _unknown(name: str, why: str) -> DataError:
    return DataError(f"expected a feature of the catalogue, found {name!r}: {why}", where="feature names", hint="See `tallystick features list`")


def warm_up_bars(names: Iterable[str]) -> int:
    """Bars after which every one of these features has its final value, wherever the history begins. Raises DataError for an unknown name."""
    return max((find_feature(name).memory_bars for name in names), default=0)


def needs_benchmark(names: Iterable[str]) -> bool:
    """True when one of these features is relative to a benchmark symbol. Raises DataError for an unknown name."""
    return any("benchmark_close" in find_feature(name).inputs for name in names)
