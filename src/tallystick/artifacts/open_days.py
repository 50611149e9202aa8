"""Event stores that are not finished: the newest day has no seal until it ends, and its next segment is in no index yet. Said as such, not as damage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tallystick.artifacts.atomic import is_temporary_of_living
from tallystick.artifacts.folder_lock import is_held
from tallystick.artifacts.paths import get_event_days, get_event_segment_paths

# left_open: whoever wrote it ended without sealing; the next writer goes on with it.
OpenState = Literal["being_written", "left_open"]


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that no seal stands for yet, because its writer is at work or was stopped."""

    path: str
    state: OpenState


def is_newest_day(index: Path) -> bool:
    """Whether no later day of its store has an index: only the last day may be without a seal."""
    days = get_event_days(index.parent.parent)
    return not days or index >= days[-1]


def next_segment(index: Path, indexed: int) -> tuple[Path, Path]:
    """The files that an unsealed day may hold beyond the segments of its index: they are written first, and their records are in the tail until then."""
    return get_event_segment_paths(index, f"{indexed + 1:06d}")


def state_of(index: Path) -> OpenState:
    """Whether a writer holds the store of a day now, or left the day open."""
    return "being_written" if is_held(index.parent.parent) else "left_open"


def written_now(files: Iterable[Path]) -> set[Path]:
    """Files that a living process is writing beside the ones that they will replace."""
    return {file for file in files if is_temporary_of_living(file)}
