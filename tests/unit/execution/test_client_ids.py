from __future__ import annotations

import re

from tallystick.execution.client_ids import client_id


def test_decision_67_client_id_is_32_hex_digits_of_the_decision() -> None:
    made = client_id("paper-1/000042/BTCUSDT")
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert made == client_id("paper-1/000042/BTCUSDT")


def test_other_decision_or_leg_gives_another_id() -> None:
    ids = [client_id("a"), client_id("b"), client_id("a", "stop"), client_id("as", "top"), client_id("")]
    assert len(set(ids)) == len(ids)
