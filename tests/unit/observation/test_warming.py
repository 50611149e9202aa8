"""The room's kernels compiled ahead."""

from __future__ import annotations

import pytest

from tallystick.kernels import primitives_room
from tallystick.kernels.kernel import is_compiled, kernel
from tallystick.observation import warming
from tallystick.observation.warming import NOTICE, warm_observation


def test_leaves_nothing_to_compile_for_the_first_trade() -> None:
    warm_observation()
    assert primitives_room.replay.signatures
    assert primitives_room.measure.signatures
    assert primitives_room.advance.signatures


@pytest.mark.parametrize(("compiled", "said"), [(False, [NOTICE]), (True, [])])
def test_says_what_takes_long_and_only_then(compiled: bool, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(warming, "is_compiled", lambda _: compiled)
    warm_observation(heard.append)
    assert heard == said


def test_kernel_is_known_as_compiled_once_it_was_called() -> None:
    twice = kernel(doubled)
    assert twice(2.0) == 4.0
    assert is_compiled(twice)
    # Another process would find what this one kept.
    assert is_compiled(kernel(doubled))
    assert not is_compiled(kernel(never_called))


def doubled(value: float) -> float:
    return 2.0 * value


def never_called(value: float) -> float:
    return value
