"""Replay: a recorded session is run again and compared, cycle by cycle, stage by stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.contracts.session import JournalRow
from tallystick.engine.journal import decode_body

# Field of a commit → the stage that a person would look at first, in the order in which a cycle makes them.
_STAGES = (
    ("now", "clock"),
    ("bar_open", "clock"),
    ("inputs_sha256", "bars"),
    ("features_sha256", "features"),
    ("observation", "observation"),
    ("updates", "execution"),
    ("decisions", "decision"),
    ("orders", "risk"),
    ("refused", "risk"),
    ("account", "ledger"),
    ("positions", "ledger"),
    ("risk", "risk status"),
    ("stats", "counts"),
    ("cils", "learning"),
    ("state_sha256", "state"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the recorded and the recomputed session differ."""

    cycle: int
    symbol: str | None
    stage: str
    recorded: Any
    recomputed: Any

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        return {"cycle": self.cycle, "symbol": self.symbol, "stage": self.stage, "recorded": self.recorded, "recomputed": self.recomputed}


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How many cycles and decisions were compared, and every difference in order."""

    cycles: int
    decisions: int
    differences: tuple[Difference, ...]


def compare_commits(recorded: Mapping[str, Any], recomputed: Mapping[str, Any]) -> Iterator[Difference]:
    """Every difference of one cycle, in the order of its stages."""
    cycle = int(recorded["cycle"])
    for field, stage in _STAGES:
        left, right = recorded.get(field), recomputed.get(field)
        if left == right:
            continue
        if field == "decisions":
            yield from _compare_decisions(cycle, left or (), right or ())
        else:
            yield Difference(cycle, None, stage, _brief(left), _brief(right))


def _compare_decisions(cycle: int, left: Iterable[Mapping[str, Any]], right: Iterable[Mapping[str, Any]]) -> Iterator[Difference]:
    ours, theirs = {row["symbol"]: row for row in left}, {row["symbol"]: row for row in right}
    for symbol in sorted(ours.keys() | theirs.keys()):
        one, two = ours.get(symbol), theirs.get(symbol)
        if one == two:
            continue
        if one is None or two is None:
            yield Difference(cycle, symbol, "decision", one and one["decision"], two and two["decision"])
            continue
        fields = [name for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)]
        stage = _stage_of_numbers(one["stages"], two["stages"]) if "stages" in fields else str(one.get("stage"))
        shown = next((name for name in fields if name != "stages"), "stages")
        yield Difference(cycle, symbol, stage, {shown: _brief(one.get(shown))}, {shown: _brief(two.get(shown))})


def _stage_of_numbers(left: Mapping[str, Any], right: Mapping[str, Any]) -> str:
    """Numbers of a policy come before what became of the order."""
    policies = [name for name in sorted(left.keys() | right.keys()) if name != "execution" and left.get(name) != right.get(name)]
    return "prediction" if policies else "execution"


def _brief(value: Any) -> Any:
    text = str(value)
    return value if len(text) <= 200 else f"{text[:200]}…"


def compare_sessions(recorded: Iterable[JournalRow], recomputed: Iterable[JournalRow]) -> ReplayReport:
    """Compare the commits of two journals. A cycle that only one of them has is a difference too."""
    ours = {row.cycle: decode_body(row) for row in recorded if row.kind == "commit"}
    theirs = {row.cycle: decode_body(row) for row in recomputed if row.kind == "commit"}
    found: list[Difference] = []
    for cycle in sorted(ours.keys() | theirs.keys()):
        if cycle in ours and cycle in theirs:
            found += compare_commits(ours[cycle], theirs[cycle])
        else:
            found.append(Difference(cycle, None, "cycle", "recorded" if cycle in ours else "absent", "recomputed" if cycle in theirs else "absent"))
    return ReplayReport(len(ours), sum(len(body["decisions"]) for body in ours.values()), tuple(found))
