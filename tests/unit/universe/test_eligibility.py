from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.daily_bars import NAMES, book_of, daily_panel
from tests.fakes.shared_data import shared_data

from tallystick.contracts.errors import DataError
from tallystick.contracts.time import NS_PER_DAY, date_from_ns
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.market.instruments import InstrumentBook
from tallystick.universe.config import UniverseConfig
from tallystick.universe.eligibility import Eligibility, UniverseJudge, choose_mode, judge_universe

CONFIG = UniverseConfig()
ALTS = tuple(name for name in NAMES if name != "BTCUSDT")


def last_day(panel: BarPanel) -> str:
    return date_from_ns(panel.end_ns - 1)


def judge(panel: BarPanel, book: InstrumentBook | None = None, mode: str = "core_major", as_of: str | None = None) -> Eligibility:
    return judge_universe(panel, book or book_of(panel), CONFIG, as_of or last_day(panel), mode)  # type: ignore[arg-type]


def reason(found: Eligibility, symbol: str) -> tuple[str, object, object]:
    row = next(row for row in found.refused if row.symbol == symbol)
    return row.reason, row.found, row.limit


def test_the_benchmark_is_never_a_member() -> None:
    found = judge(daily_panel())
    assert found.members == ALTS
    assert found.benchmark == "BTCUSDT"
    assert reason(found, "BTCUSDT")[0] == "benchmark or venue asset"


def test_a_refusal_names_its_rule_and_numbers() -> None:
    panel = daily_panel(turnover={"DOTUSDT": 9e6, "TRXUSDT": 1e6}, lives={"SOLUSDT": (500, 900)})
    found = judge(panel)
    assert reason(found, "SOLUSDT") == ("history_days", 400.0, 720.0)
    rule, value, limit = reason(found, "DOTUSDT")
    assert (rule, limit) == ("avg_quote_vol_90", 12e6)
    assert isinstance(value, float)
    assert 9e6 < value < 11e6
    assert reason(found, "TRXUSDT")[0] == "avg_quote_vol_30"


def test_turnover_that_collapsed_is_unstable() -> None:
    panel = daily_panel(turnover={"LINKUSDT": 200e6})
    panel.quote_volume[panel.row("LINKUSDT"), -30:] = 20e6
    found = judge(panel)
    # A member of many months stays through its first ineligible refresh.
    assert "LINKUSDT" in found.members
    panel.quote_volume[panel.row("LINKUSDT"), -90:] = 20e6
    assert reason(judge(panel), "LINKUSDT")[0] == "liquidity_stability"


def test_a_name_joins_core_major_only_at_its_second_eligible_refresh() -> None:
    panel = daily_panel(days=745)
    found = judge(panel, as_of="2024-12-31")
    assert found.members == ()
    assert reason(found, "ETHUSDT") == ("entry_confirmations", 1.0, 2.0)
    assert judge(panel).members == ALTS
    assert judge(panel, mode="broad_liquid", as_of="2024-12-31").members == ALTS


def test_nothing_after_the_day_is_read() -> None:
    panel = daily_panel()
    poisoned = daily_panel()
    for name in COLUMNS:
        getattr(poisoned, name)[:, 850:] = -1.0
    day = date_from_ns(panel.start_ns + 849 * NS_PER_DAY)
    assert judge(panel, as_of=day) == judge(poisoned, as_of=day)
    assert judge(panel.between(panel.start_ns, panel.start_ns + 850 * NS_PER_DAY), as_of=day).members == judge(panel, as_of=day).members


def test_decision_37_a_delisted_name_is_seen_while_it_lived_and_refused_with_its_date_after() -> None:
    panel = daily_panel(lives={"SOLUSDT": (0, 850)})
    book = book_of(panel, SOLUSDT=(0, 850))
    before = judge(panel, book, as_of=date_from_ns(panel.start_ns + 849 * NS_PER_DAY))
    assert "SOLUSDT" in before.members
    after = judge(panel, book)
    assert "SOLUSDT" not in after.members
    assert reason(after, "SOLUSDT") == ("delisted", date_from_ns(panel.start_ns + 850 * NS_PER_DAY), last_day(panel))
    assert "1 with a delisting date" in after.survivorship


def test_decision_37_names_of_the_day_without_bars_are_counted_as_unseen() -> None:
    panel = daily_panel()
    book = book_of(panel, SOLUSDT=(0, 800))
    seen = panel.select([name for name in NAMES if name not in ("ETHUSDT", "SOLUSDT")])
    found = judge(seen, book)
    assert found.unseen == ("ETHUSDT",)
    assert judge(seen, book, as_of=date_from_ns(panel.start_ns + 790 * NS_PER_DAY)).unseen == ("ETHUSDT", "SOLUSDT")


def test_decision_37_an_instrument_list_without_a_delisting_says_what_it_cannot_show() -> None:
    assert "cannot be seen" in judge(daily_panel()).survivorship


def test_a_gap_counts_as_days_without_turnover() -> None:
    panel = daily_panel()
    row = panel.row("XRPUSDT")
    for name in COLUMNS:
        getattr(panel, name)[row, 700:870] = np.nan
    assert reason(judge(panel), "XRPUSDT")[0] in ("avg_quote_vol_90", "avg_quote_vol_180", "liquidity_stability", "tradable_ratio_180")


def test_a_name_without_a_bar_on_the_day_is_refused_with_its_last_day() -> None:
    panel = daily_panel(lives={"ADAUSDT": (0, 899)})
    assert reason(judge(panel), "ADAUSDT") == ("no bar on the day", date_from_ns(panel.start_ns + 898 * NS_PER_DAY), last_day(panel))


def test_three_days_of_history_give_an_empty_universe_with_reasons() -> None:
    found = judge(daily_panel(days=3), mode="broad_liquid")
    assert found.members == ()
    assert reason(found, "ETHUSDT") == ("history_days", 3.0, 365.0)


def test_a_pair_in_another_quote_is_refused() -> None:
    panel = daily_panel(symbols=(*NAMES, "SOLUSDC"))
    assert reason(judge(panel), "SOLUSDC") == ("quote asset", "USDC", "USDT")


def test_hourly_bars_and_a_day_outside_the_bars_are_refused() -> None:
    panel = daily_panel(days=30)
    with pytest.raises(DataError, match="expected bars of 2030-01-01"):
        judge(panel, as_of="2030-01-01")
    hours = panel.start_ns + 3_600_000_000_000 * np.arange(30, dtype=np.int64)
    hourly = BarPanel("binance", 60, panel.symbols, hours, *(getattr(panel, name) for name in COLUMNS))
    with pytest.raises(DataError, match="expected daily bars"):
        judge(hourly, as_of="2023-01-02")


def test_choose_mode_says_why_it_falls_back() -> None:
    panel = daily_panel()
    assert choose_mode(UniverseJudge(panel, book_of(panel), CONFIG), last_day(panel), 5)[0].mode == "core_major"
    short = daily_panel(days=500)
    found, why = choose_mode(UniverseJudge(short, book_of(short), CONFIG), last_day(short), 5)
    assert found.mode == "broad_liquid"
    assert "720 days" in why
    assert "500 days" in why


def test_real_hourly_bars_give_at_least_five_core_majors() -> None:
    from tests.fakes.real_daily_bars import hourly_as_daily

    panel = hourly_as_daily(shared_data())
    found = judge(panel, as_of="2025-06-19")
    assert found.members == (
        *("ADAUSDT", "ATOMUSDT", "BCHUSDT", "DOGEUSDT", "DOTUSDT", "ETHUSDT", "LINKUSDT", "NEARUSDT", "SOLUSDT", "SUIUSDT", "TRXUSDT", "XRPUSDT"),
    )
    assert reason(found, "LTCUSDT")[0] == "liquidity_stability"
    assert reason(found, "BNBUSDT")[0] == "benchmark or venue asset"


def test_real_daily_bars_exclude_wrapped_and_pegged_assets() -> None:
    from tests.fakes.real_daily_bars import stored_daily

    panel = stored_daily(shared_data())
    found = judge(panel, mode="broad_liquid", as_of="2024-12-31")
    assert {"WBTCUSDT", "WBETHUSDT", "BNSOLUSDT", "PAXGUSDT"}.isdisjoint(found.members)
    assert len(found.members) == 21
    assert choose_mode(UniverseJudge(panel, book_of(panel), CONFIG), "2024-12-31", 5)[0].mode == "broad_liquid"
