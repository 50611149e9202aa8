"""One kernel, two clocks: the compiled history, live ingestion and the same source run as plain Python give the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tallystick.contracts.observation import MarketEvent, RawMarketEvent
from tallystick.contracts.observation_events import BookEvent, RawStateEvent
from tallystick.kernels import primitives, primitives_room
from tallystick.kernels.kernel import plain
from tallystick.observation.config import ObservationConfig
from tallystick.observation.evidence import WaitingEvents, empty_marks, empty_room
from tallystick.observation.governance import Observation
from tallystick.observation.history import measure_history

S = 1_000_000_000
START = 1_700_000_000 * S
SYMBOLS = ("A", "B")
CONFIG = ObservationConfig(trades_kept=4, marks_kept=16, liquidations_kept=2, books_kept=3, nodes_kept=6, nodes_archived=4, promoted_kept=3)


def raw_events(count: int, seed: int) -> list[tuple[int, RawMarketEvent | RawStateEvent]]:
    rng = np.random.default_rng(seed)
    now, price, found = START, [100.0, 0.00002], []
    for place in range(count):
        now += int(rng.choice([0, 50, 900, 4_000, 30_000])) * 1_000_000
        s = int(rng.integers(2))
        price[s] *= 1.0 + float(rng.normal(0.0, 4e-4))
        kind = str(rng.choice(["TRADE", "TRADE", "TRADE", "TRADE", "LIQUIDATION", "MARK", "BOOK"]))
        source = f"r:{place}"
        if kind == "BOOK":
            size = rng.uniform(0.01, 3.0, (2, 5)).tolist()
            bids = [(price[s] * (1 - 1e-4 * (level + 1)), size[0][level]) for level in range(5)]
            asks = [(price[s] * (1 + 1e-4 * (level + 1)), size[1][level]) for level in range(int(rng.integers(1, 6)))]
            found.append((now, RawStateEvent("BOOK", SYMBOLS[s], now, {"bids": bids, "asks": asks}, source)))
        elif kind == "MARK":
            now += 1_000_000
            found.append((now, RawMarketEvent("MARK", SYMBOLS[s], now, {"price": price[s]}, source)))
        else:
            values: dict[str, Any] = {
                "price": price[s],
                "quantity": float(rng.lognormal(2.0, 1.0)) * (100.0 / price[s]),
                "side": str(rng.choice(["buy", "sell"])),
            }
            found.append((now, RawMarketEvent(kind, SYMBOLS[s], now, values, source)))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.clause("D4.04", "D4.07")
def test_history_live_and_plain_python_give_the_same_bits(seed: int) -> None:
    events = raw_events(160, seed)
    instants = np.array([START + 1, *[now + 1 for now, _ in events[19::35]], events[-1][0] + 100 * S], dtype=np.int64)
    live, taken, rows = Observation(SYMBOLS, CONFIG), WaitingEvents(), []
    at = 0
    for now, event in events:
        while instants[at] < now:
            live.advance_time(int(instants[at]))
            rows.append(None if live._evidence is None else live._evidence.measure(int(instants[at])))
            at += 1
        (answer,) = live.ingest(now, [event])
        assert isinstance(answer, MarketEvent | BookEvent)
        taken.add(SYMBOLS.index(answer.symbol), answer, now)
    assert live._evidence is not None
    for instant in instants[at:].tolist():
        live.advance_time(instant)
        rows.append(live._evidence.measure(instant))
    columns, times = taken.take()
    history = measure_history(2, columns, times, instants, CONFIG)
    for mine, row in zip(history.facts, rows, strict=True):
        assert row is None or mine.tobytes() == row.tobytes()
    for ours, theirs in zip(history.room, live._evidence.room, strict=True):
        assert [column.tobytes() for column in ours] == [column.tobytes() for column in theirs]
    room, marks = empty_room(2, CONFIG), empty_marks(2, CONFIG.marks_kept)
    mark_out = np.full((len(instants), 2, primitives.COLUMNS), np.nan)
    out = np.full((len(instants), 2, primitives_room.ROOM_COLUMNS), np.nan)
    promoted = plain(primitives_room.replay)(room, marks, CONFIG.rules, columns, times, instants, CONFIG.window_ns, CONFIG.presence_ns, mark_out, out)
    assert promoted == history.promoted
    assert (mark_out.tobytes(), out.tobytes()) == (history.marks.tobytes(), history.facts.tobytes())
    for ours, theirs in zip(history.room, room, strict=True):
        assert [column.tobytes() for column in ours] == [column.tobytes() for column in theirs]
    assert live.counters().overwritten > 0


def test_a_symbol_is_not_touched_by_the_events_of_another() -> None:
    events = raw_events(200, 7)
    both, alone = Observation(SYMBOLS, CONFIG), Observation(("B",), CONFIG)
    for now, event in events:
        both.ingest(now, [event])
        alone.ingest(now, [event] if event.symbol == "B" else [])
    assert both.query("B") == alone.query("B")
    assert both.nodes("B") == alone.nodes("B")
