from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.engine.journal import Chain, MemoryJournal, check_chain, decode_body


def chained(count: int) -> MemoryJournal:
    journal = MemoryJournal()
    chain = Chain(journal)
    for cycle in range(count):
        chain.append([("intent", cycle, {"cycle": cycle}), ("commit", cycle, {"cycle": cycle, "value": cycle / 3})])
    return journal


def test_rows_link_to_the_row_before_and_a_new_chain_goes_on():
    journal = chained(3)
    Chain(journal).append([("end", 3, {"status": "completed"})])
    assert check_chain(journal.rows()) == (7, None)
    assert decode_body(journal.last("end")) == {"status": "completed"}


@given(st.integers(0, 7), st.sampled_from(["edit", "drop", "swap", "cycle", "kind"]))
def test_the_chain_locates_any_edited_dropped_or_swapped_row(index, damage):
    rows = list(chained(5).rows())
    if damage == "edit":
        rows[index] = replace(rows[index], body=rows[index].body.replace(b"}", b" }"))
    elif damage == "drop":
        del rows[index]
    elif damage == "swap":
        rows[index], rows[index + 1] = rows[index + 1], rows[index]
    elif damage == "cycle":
        rows[index] = replace(rows[index], cycle=rows[index].cycle + 1)
    else:
        rows[index] = replace(rows[index], kind="recovery")
    count, fault = check_chain(rows)
    assert count == index
    assert fault is not None


def test_refuses_a_body_with_a_number_that_is_none():
    with pytest.raises(ValueError, match="JSON compliant"):
        Chain(MemoryJournal()).append([("commit", 0, {"value": float("nan")})])
