from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tallystick.artifacts.canonical import canonical_json, parse_json, plain
from tallystick.contracts.errors import ArtifactError

scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=12)


@pytest.mark.clause("D1.06")
@given(documents)
def test_bytes_are_rfc_8785_and_a_newline(document):
    assert canonical_json(document) == rfc8785.dumps(document) + b"\n"


@pytest.mark.clause("D1.06")
@given(st.dictionaries(st.text(max_size=5), scalars, max_size=6))
def test_same_content_in_another_order_gives_the_same_bytes(document):
    assert canonical_json(dict(reversed(document.items()))) == canonical_json(document)


@given(documents)
def test_parsing_gives_the_content_back(document):
    again = parse_json(canonical_json(document))
    assert canonical_json(again) == canonical_json(document)


class Side(Enum):
    UP = "up"


@dataclass(frozen=True)
class Inner:
    zeta: float
    alpha: str | None


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    several: tuple[Inner, ...]
    side: Side
    price: Decimal
    facts: Mapping[Any, Any]
    alone: object = None


@dataclass(frozen=True)
class Single:
    value: float


@pytest.mark.clause("D1.06")
@given(scalars, st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4))
def test_shapes_give_the_bytes_of_their_plain_values(scalar, number, text):
    inner = Inner(number, text or None)
    facts = MappingProxyType({"b": inner, "a": {Side.UP: number, text: scalar}})
    document = Outer(text, inner, (inner, inner), Side.UP, Decimal("1.50"), facts, [scalar, Single(number), np.float64(number), {3, 1, 2}])
    assert canonical_json(document) == rfc8785.dumps(plain(document)) + b"\n"


@pytest.mark.parametrize("number", [0.0, -0.0, 1e-4, 9.99e-5, 1e-6, 1e-7, 5e-324, 0.1, 2.0**53 - 1, 2.0**53, 2.0**53 + 2, 1e16, 1.5e20, 1e21, 1e300, 123.25])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_numbers_at_the_edges_are_as_ecmascript_writes_them(number, sign):
    assert canonical_json(sign * number) == rfc8785.dumps(sign * number) + b"\n"


def test_decimals_become_strings_and_whole_floats_lose_their_point():
    assert canonical_json({"price": Decimal("1.50"), "minutes": 1440.0}) == b'{"minutes":1440,"price":"1.50"}\n'


def test_named_fields_keep_their_key_order():
    document = {"symbol_map": {"ZZZ": {"b": 1, "a": 2}, "AAA": {}}, "as_of": "x"}
    assert canonical_json(document, ("symbol_map",)) == b'{"as_of":"x","symbol_map":{"ZZZ":{"a":2,"b":1},"AAA":{}}}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60])
def test_refuses_numbers_that_json_cannot_carry(value):
    with pytest.raises(ArtifactError, match="canonical JSON"):
        canonical_json({"x": value})


@pytest.mark.parametrize(("text", "sentence"), [('{"a":1,"a":2}', "a twice"), ('{"a":NaN}', "NaN"), ('{"a":1', "not one"), ("", "not one")])
def test_refuses_text_that_is_not_one_whole_document(text, sentence):
    with pytest.raises(ArtifactError, match=sentence):
        parse_json(text.encode())


def test_refuses_an_artifact_cut_at_any_byte():
    data = canonical_json({"name": "x", "values": [1, 2.5, None, "ü"]}).rstrip(b"\n")
    for length in range(len(data)):
        with pytest.raises(ArtifactError):
            parse_json(data[:length])
    assert parse_json(data) == json.loads(data)
