from __future__ import annotations

from dataclasses import fields

import pytest

from tallystick.contracts.observation import M4PrimitiveBundle


@pytest.mark.clause("D4.142", "D4.07", "D4.10")
def test_decision_8_an_empty_bundle_needs_only_its_symbol_and_every_primitive_defaults_to_none() -> None:
    bundle = M4PrimitiveBundle.empty("BTCUSDT")
    names = [item.name for item in fields(M4PrimitiveBundle) if item.name != "symbol"]
    assert len(names) == 23, "the document counts 24 with the symbol"
    assert bundle == M4PrimitiveBundle(symbol="BTCUSDT")
    assert [getattr(bundle, name) for name in names] == [None] * 23
