from __future__ import annotations

import pytest

from tallystick.universe.exclusions import excluded_because, is_leveraged

KNOWN = ("BTC", "ETH", "J", "S", "ADA")


@pytest.mark.parametrize("base", ["JUP", "SUPER", "SYRUP", "SUP", "UP", "DOWN", "PUMP", "BULLET", "ETH", "SOL3L"])
def test_decision_38_coins_that_merely_contain_the_letters_stay(base: str) -> None:
    assert not is_leveraged(base, KNOWN)


@pytest.mark.parametrize("base", ["BTCUP", "BTCDOWN", "ETHBULL", "ADABEAR", "BULL", "BEAR", "XRPBULL", "BTC3L", "ETH5S"])
def test_decision_38_leveraged_tokens_of_a_known_base_go(base: str) -> None:
    assert is_leveraged(base, KNOWN)


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("BTC", "benchmark or venue asset"),
        ("BNB", "benchmark or venue asset"),
        ("USDC", "stable asset"),
        ("WBTC", "wrapped asset"),
        ("WBETH", "wrapped asset"),
        ("BNSOL", "wrapped asset"),
        ("PAXG", "pegged asset"),
        ("BTCUP", "leveraged token"),
    ],
)
def test_stable_wrapped_and_pegged_assets_are_excluded_by_list(base: str, reason: str) -> None:
    assert excluded_because(base, KNOWN, majors_only=False) == reason


def test_meme_assets_are_kept_from_core_major_only() -> None:
    assert excluded_because("PEPE", KNOWN, majors_only=True) == "not a major asset"
    assert excluded_because("PEPE", KNOWN, majors_only=False) is None
