from __future__ import annotations

from pathlib import Path

from tallystick.contracts.checking import shape_problems
from tallystick.contracts.registry import contract

EXAMPLE = Path(__file__).parents[2] / "contracts" / "examples" / "universe.live_pool" / "v1" / "example.json"


def test_every_problem_of_a_shape_is_named_with_what_was_found() -> None:
    item = contract("universe.live_pool")
    assert shape_problems(item, EXAMPLE.read_bytes()) == []
    found = shape_problems(item, b'{"as_of_date":"2025-02-30","mode":"core_major","pool_size":"5","symbols":[],"symbol_map":{},"version":"v"}')
    assert {problem.split(":")[0] for problem in found} == {
        "field as_of_date",
        "field pool_size",
        "field symbols",
        "field symbol_map",
        "field source_project",
    }
    assert [problem for problem in found if problem.endswith("found '5'")]
    assert [problem for problem in found if problem.startswith("field source_project") and problem.endswith("found nothing")]
