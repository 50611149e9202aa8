from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.contracts.errors import DataError
from tallystick.contracts.time import date_from_ns, iso_from_ns, ns_from_iso


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_text_and_nanoseconds_are_each_others_inverse(ns):
    assert ns_from_iso(iso_from_ns(ns)) == ns


@given(st.integers(31_536_000, 3_786_912_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_agrees_with_the_standard_library(moment):
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1)
    assert ns_from_iso(moment.replace(microsecond=0).isoformat()) == seconds * 1_000_000_000


@pytest.mark.parametrize(("text", "seconds"), [("2025-01-01", 1735689600), ("2025-01-01T02:00:00+02:00", 1735689600), ("2025-01-01 00:00:00", 1735689600)])
def test_reads_dates_and_zones(text, seconds):
    assert ns_from_iso(text) == seconds * 1_000_000_000
    assert date_from_ns(seconds * 1_000_000_000) == "2025-01-01"


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "2025-01-01T25:00:00Z", "1735689600", "9999-12-31", "0001-01-01"])
def test_refuses_what_is_no_time(text):
    with pytest.raises(DataError, match="ISO-8601"):
        ns_from_iso(text)
