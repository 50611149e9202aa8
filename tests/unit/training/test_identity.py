from __future__ import annotations

import dataclasses

from tests.fakes.training_panels import reversal_panel

from tallystick.training.identity import compact_time, digest, identity_keys, panel_fingerprint, stable_seed


def test_stable_seed_is_the_documented_hash() -> None:
    assert stable_seed(42, "training", "x") == stable_seed(42, "training", "x")
    assert stable_seed(42, "training", "x") != stable_seed(43, "training", "x")
    assert 0 <= stable_seed("a") < 2**31 - 1


def test_decision_34_every_part_changes_the_key_and_the_seed_only_the_strict_one() -> None:
    parts = {name: digest(name) for name in ("dataset", "split", "target", "features", "hparams", "routing", "code")} | {"libraries": {"numpy": "2"}}
    strict, replicate, _ = identity_keys(parts, 1)
    assert identity_keys(parts, 2)[1] == replicate
    assert identity_keys(parts, 2)[0] != strict
    for name in parts:
        assert identity_keys({**parts, name: "other"}, 1)[0] != strict


def test_fingerprint_changes_with_one_bar() -> None:
    panel = reversal_panel(0, strength=0.0, symbols=2, bars=20)
    before = panel_fingerprint(panel)
    close = panel.close.copy()
    close[1, 7] += 1e-12
    assert panel_fingerprint(dataclasses.replace(panel, close=close)) != before
    assert panel_fingerprint(dataclasses.replace(panel, symbols=("A", "B"))) != before
    assert panel_fingerprint(panel) == before


def test_time_text_is_short_and_utc() -> None:
    assert compact_time(1_735_689_600_000_000_000) == "20250101_000000"
