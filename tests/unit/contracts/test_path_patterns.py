from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.contracts.errors import ConfigurationError
from tallystick.contracts.path_patterns import fill, match

PATTERN = "RESULTS/runs/{run_id}/{run_instance_id}/targets/{target}/models/view={view}/model_meta.json"
names = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/"), min_size=1, max_size=9).filter(lambda name: name not in (".", ".."))


@given(names, names, names, names)
def test_matching_gives_back_what_was_filled_in(run_id, instance, target, view):
    parts = {"run_id": run_id, "run_instance_id": instance, "target": target, "view": view}
    assert match(PATTERN, fill(PATTERN, parts)) == parts


def test_a_starred_part_spans_folders_and_a_plain_one_does_not():
    assert match("{folder*}/SHA256SUMS", "a/b/SHA256SUMS") == {"folder": "a/b"}
    assert match("{folder}/SHA256SUMS", "a/b/SHA256SUMS") is None


def test_a_name_used_twice_must_be_the_same_twice():
    assert match("{id}/{id}.json", "a/a.json") == {"id": "a"}
    assert match("{id}/{id}.json", "a/b.json") is None


@pytest.mark.parametrize("parts", [{}, {"run_id": "a", "extra": "b"}])
def test_refuses_missing_and_extra_parts(parts):
    with pytest.raises(ConfigurationError, match="expected the path parts"):
        fill("runs/{run_id}", parts)
