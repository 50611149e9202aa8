from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.bar_panels import START_NS, panel_of

from tallystick.contracts.errors import ConfigurationError, DataError, InvariantViolation
from tallystick.contracts.market import interval_text, minutes_of
from tallystick.market.bars import BarPanel
from tallystick.market.calendars import bars_per_year, calendar_of, describe_year


def test_stacked_gives_the_inputs_of_features_in_order() -> None:
    panel = panel_of(np.ones((2, 5), dtype=bool))
    stacked = panel.stacked()
    assert stacked.flags.c_contiguous
    for index, name in enumerate(("open", "high", "low", "close", "volume", "quote_volume")):
        assert np.array_equal(stacked[:, index], getattr(panel, name))
    assert panel.first_bar_number == START_NS // panel.interval_ns
    assert panel.end_ns - panel.start_ns == 5 * panel.interval_ns


def test_refuses_a_grid_with_a_hole() -> None:
    panel = panel_of(np.ones((1, 3), dtype=bool))
    times = panel.open_times_ns.copy()
    times[2] += panel.interval_ns
    with pytest.raises(InvariantViolation, match="every 60 minutes"):
        BarPanel("testing", 60, panel.symbols, times, panel.open, panel.high, panel.low, panel.close, panel.volume, panel.quote_volume)
    with pytest.raises(InvariantViolation, match="close of shape"):
        BarPanel("testing", 60, panel.symbols, panel.open_times_ns, panel.open, panel.high, panel.low, panel.close[:, :2], panel.volume, panel.quote_volume)


def test_refuses_a_symbol_it_does_not_have() -> None:
    with pytest.raises(DataError, match=r"AAAUSDT.*found XRPUSDT"):
        panel_of(np.ones((1, 3), dtype=bool)).select(["XRPUSDT"])


def test_an_empty_panel_has_no_first_bar() -> None:
    empty = panel_of(np.ones((1, 3), dtype=bool)).between(0, 1)
    assert empty.bars == 0
    assert empty.resampled(240).bars == 0
    with pytest.raises(DataError, match="at least one bar"):
        assert empty.start_ns


def test_half_days_at_the_edges_are_dropped_and_holes_inside_are_counted() -> None:
    present = np.ones((1, 60), dtype=bool)
    present[0, 30] = False
    panel = panel_of(present, start_ns=START_NS + 12 * 60 * 60_000_000_000)
    daily, counts = panel.resampled_counting(1440)
    assert daily.bars == 2
    assert counts.dropped.tolist() == [1]
    assert counts.incomplete.tolist() == [1]


@pytest.mark.parametrize("minutes", [30, 90, 2880, 420])
def test_refuses_an_interval_that_cannot_be_built(minutes: int) -> None:
    with pytest.raises(ConfigurationError, match="divides a day"):
        panel_of(np.ones((1, 4), dtype=bool)).resampled(minutes)


@pytest.mark.parametrize(("minutes", "text"), [(1, "1m"), (5, "5m"), (60, "1h"), (240, "4h"), (1440, "1d"), (90, "90m")])
def test_interval_text_goes_both_ways(minutes: int, text: str) -> None:
    assert interval_text(minutes) == text
    assert minutes_of(text) == minutes


@pytest.mark.parametrize("text", ["", "h", "0m", "-1h", "1w", "1.5h", "²m"])
def test_refuses_text_that_is_no_interval(text: str) -> None:
    with pytest.raises(DataError, match="such as 5m, 1h or 1d"):
        minutes_of(text)
    with pytest.raises(DataError, match="at least one minute"):
        interval_text(0)


def test_decision_35_bars_per_year_come_from_the_calendar() -> None:
    assert bars_per_year("crypto_24_7", 1440) == 365
    assert bars_per_year("crypto_24_7", 60) == 8760
    assert bars_per_year("us_equities", 1440) == 252
    assert bars_per_year("us_equities", 5) == 252 * 78
    assert bars_per_year("us_equities", 60) == 252 * 7
    assert "365 days" in describe_year("crypto_24_7", 60)
    assert "252 sessions of 390 minutes" in describe_year("us_equities", 5)
    with pytest.raises(ConfigurationError):
        bars_per_year("crypto_24_7", 0)


def test_calendar_follows_behaviour_and_falls_back_to_the_quote() -> None:
    def decide(**changes: object) -> str:
        facts: dict[str, object] = {"weekend_share": 0.0, "span_days": 30.0, "interval_minutes": 60, "has_sessions": False, "crypto_quote": False}
        return calendar_of(**{**facts, **changes})  # type: ignore[arg-type]

    assert decide() == "us_equities"
    assert decide(weekend_share=0.28) == "crypto_24_7"
    assert decide(weekend_share=0.28, has_sessions=True) == "us_equities"
    assert decide(span_days=3.0, crypto_quote=True) == "crypto_24_7"
    assert decide(span_days=3.0) == "us_equities"
    assert decide(interval_minutes=10_080, crypto_quote=True) == "crypto_24_7"
