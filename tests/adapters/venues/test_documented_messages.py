"""The page about the venues' messages names what their decoders know, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.adapters.venues.binance import answers as binance_answers
from tallystick.adapters.venues.binance import decoder as binance
from tallystick.adapters.venues.hyperliquid import answers as hyperliquid_answers
from tallystick.adapters.venues.hyperliquid import decoder as hyperliquid

PAGE = Path(__file__).parents[3].joinpath("docs", "venues.md")
HYPERLIQUID, BINANCE = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]


def table(section: str, head: str) -> set[str]:
    """Names in the first column of the table with this head."""
    rows = section.split(f"| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return {name.rsplit("/", 1)[-1] for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def paragraph(section: str, start: str) -> set[str]:
    """Names in the paragraph that begins so, up to its first sentence's end."""
    return set(re.findall(r"`(\w+)`", section.split(f"\n{start}: ", 1)[1].split("\n\n", 1)[0].split(". ", maxsplit=1)[0]))


@pytest.mark.parametrize(
    ("named", "known"),
    [
        pytest.param(table(HYPERLIQUID, "channel"), hyperliquid.NAMES, id="channels"),
        pytest.param(table(HYPERLIQUID, "answer to"), set(hyperliquid_answers.DECODED), id="questions"),
        pytest.param(paragraph(HYPERLIQUID, "Control channels"), hyperliquid.CONTROL_CHANNELS, id="control channels"),
        pytest.param(paragraph(HYPERLIQUID, "Control answers"), hyperliquid_answers.CONTROL, id="control questions"),
        pytest.param(table(BINANCE, "event type"), binance.NAMES, id="event types"),
        pytest.param(
            table(BINANCE, "answer of") | paragraph(BINANCE, "Control answers"),
            {*binance_answers.ENDPOINTS},
            id="endpoints",
        ),
        pytest.param(paragraph(BINANCE, "Control events"), binance.CONTROL_EVENTS, id="control events"),
        pytest.param(paragraph(BINANCE, "Control answers"), binance_answers.CONTROL - {"error", "result"}, id="control endpoints"),
    ],
)
def test_page_names_what_is_known(named: set[str], known: frozenset[str] | set[str]) -> None:
    assert named == known
