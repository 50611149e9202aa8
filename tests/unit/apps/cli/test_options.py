"""Options that every command shares: an empty text, as of a variable that is not set, is refused and never taken for an option that was left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.quickstart_workspace import call
from tests.fakes.venue_messages import hyperliquid_trade, hyperliquid_trades


@pytest.mark.parametrize("option", ["--database", "--at"])
@pytest.mark.parametrize("given", ["", " "])
def test_an_empty_option_is_refused(tmp_path: Path, option: str, given: str) -> None:
    path = tmp_path / "trades.jsonl"
    path.write_bytes(hyperliquid_trades(hyperliquid_trade()))
    answer = call("observe", "replay", path, "--venue", "hyperliquid", option, given, "--workspace", tmp_path / "w")
    assert answer.code == 2
    assert option in answer.err
    assert not (tmp_path / "w").exists()
