"""Calendars: how many bars a year has, and which class of venue data belongs to (decision 35)."""

from __future__ import annotations

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.market import MINUTES_PER_DAY, Calendar

CRYPTO_DAYS_PER_YEAR = 365
EQUITY_SESSIONS_PER_YEAR = 252
"""Mean number of New York sessions in a year; the exchange's own calendar varies between 250 and 253."""
EQUITY_SESSION_MINUTES = 390
"""A regular session, 09:30 to 16:00 New York; half days count as whole ones."""
REST_DAYS_FROM = 5
VENUE_CLASS: dict[Calendar, str] = {"crypto_24_7": "crypto", "us_equities": "equities"}


def has_sessions(calendar: Calendar) -> bool:
    """Whether the market closes: then bars lie on a session grid."""
    return calendar != "crypto_24_7"


def days_per_year(calendar: Calendar) -> int:
    """Trading days in a year."""
    return EQUITY_SESSIONS_PER_YEAR if has_sessions(calendar) else CRYPTO_DAYS_PER_YEAR


def day_minutes(calendar: Calendar, interval_minutes: int) -> int:
    """Minutes that the bars of one trading day cover: all 1,440, or a regular session in whole bars. From one day upwards a bar is a whole day.

    Raises ConfigurationError for an interval below one minute.
    """
    if interval_minutes < 1:
        raise ConfigurationError(f"expected an interval of at least one minute, found {interval_minutes}")
    if not has_sessions(calendar) or interval_minutes >= MINUTES_PER_DAY:
        return MINUTES_PER_DAY
    # the last bar of a session may be cut short, it still is a bar
    return -(-EQUITY_SESSION_MINUTES // interval_minutes) * interval_minutes


def bars_per_year(calendar: Calendar, interval_minutes: int) -> float:
    """Bars in a year, for annualising.

    Crypto: 365 days of 1,440 minutes. Equities: 252 sessions of 390 minutes; from one day upwards one bar per session, or its share.
    Raises ConfigurationError for an interval below one minute.
    """
    return days_per_year(calendar) * day_minutes(calendar, interval_minutes) / interval_minutes


def calendar_of(*, weekend_share: float, span_days: float, interval_minutes: int, has_sessions: bool, crypto_quote: bool) -> Calendar:
    """Which calendar bars behave by.

    A column of regular trading hours means equities. A week or more of bars without (2 % at most) any on Saturday or Sunday means equities too.
    Where behaviour cannot tell (under a week of data, or bars of a week and more), a crypto quote asset decides.
    """
    if has_sessions:
        return "us_equities"
    if span_days >= 7 and interval_minutes <= MINUTES_PER_DAY:
        return "us_equities" if weekend_share <= 0.02 else "crypto_24_7"
    return "crypto_24_7" if crypto_quote or weekend_share > 0.02 else "us_equities"


def describe_year(calendar: Calendar, interval_minutes: int) -> str:
    """The sentence that a report states about its bars per year."""
    count = bars_per_year(calendar, interval_minutes)
    if calendar == "crypto_24_7":
        return f"{count:.10g} bars per year: 365 days of 24 hours"
    return f"{count:.10g} bars per year: 252 sessions of 390 minutes"
