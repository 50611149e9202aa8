"""Compiling ahead: the kernels behind trades, books and levels, which a room of marks never calls."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.contracts.observation import RawMarketEvent
from tallystick.contracts.time import NS_PER_SECOND
from tallystick.kernels import primitives_room
from tallystick.kernels.kernel import is_compiled
from tallystick.observation.governance import Observation

NOTICE = "compiling the kernels of the observation, once: about fifteen seconds"


def warm_observation(tell: Callable[[str], None] | None = None) -> None:
    """Compile, or load from the cache, what a room with trades calls. tell: hears of it beforehand, when it takes longer than a moment."""
    if tell is not None and not is_compiled(primitives_room.replay):
        tell(NOTICE)
    room = Observation(("A",))
    room.ingest(NS_PER_SECOND, [RawMarketEvent("TRADE", "A", NS_PER_SECOND, {"price": 1.0, "quantity": 1.0, "side": "buy"}, "warming:1")])
    room.snapshot(2 * NS_PER_SECOND)
