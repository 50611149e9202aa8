"""History: columns of events through the same kernels that a live room calls, measured at given instants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from tallystick.contracts.errors import InvariantViolation
from tallystick.kernels import primitives, primitives_room
from tallystick.kernels.primitives_room import EventColumns, RoomMemory
from tallystick.observation.config import ObservationConfig
from tallystick.observation.evidence import empty_marks, empty_room


@dataclass(frozen=True, slots=True)
class MeasuredHistory:
    """marks[I, S, COLUMNS] and facts[I, S, ROOM_COLUMNS] at I instants, the number of promoted trades, and the memories at the end."""

    marks: NDArray[float64]
    facts: NDArray[float64]
    promoted: int
    room: RoomMemory


def measure_history(
    symbols: int, events: EventColumns, arrivals_ns: NDArray[int64], instants_ns: NDArray[int64], config: ObservationConfig | None = None
) -> MeasuredHistory:
    """Events in the order of arrival, times of one kind and symbol not falling, as M1 gives them.

    Raises InvariantViolation for arrivals or instants that fall, or columns of unequal length.
    """
    config = config or ObservationConfig()
    count = arrivals_ns.shape[0]
    if any(column.shape[0] != count for column in events[:-1]):
        raise InvariantViolation(f"expected columns of {count} events, found {[column.shape[0] for column in events[:-1]]}", where="observation.history")
    for name, times in (("arrivals", arrivals_ns), ("instants", instants_ns)):
        if np.any(times[1:] < times[:-1]):
            raise InvariantViolation(f"expected {name} in order of time, found one before its predecessor", where="observation.history")
    room, marks = empty_room(symbols, config), empty_marks(symbols, config.marks_kept)
    mark_out = np.full((instants_ns.shape[0], symbols, primitives.COLUMNS), np.nan)
    out = np.full((instants_ns.shape[0], symbols, primitives_room.ROOM_COLUMNS), np.nan)
    promoted = primitives_room.replay(room, marks, config.rules, events, arrivals_ns, instants_ns, config.window_ns, config.presence_ns, mark_out, out)
    return MeasuredHistory(mark_out, out, int(promoted), room)
