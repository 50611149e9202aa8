"""The theorems of arbitration, over every subset of mandate types, every state and every order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decisions import mandate, position

from tallystick.contracts.decision import ActionType, Mandate
from tallystick.contracts.positions import Direction
from tallystick.decision.arbitration import ADMITTED, arbitrate

KINDS = ("EXIT", "BLOCK", "REDUCE", "ENTRY", "HOLD")
STATES = ("FLAT", "ENTERING", "OPEN", "REDUCING", "CLOSING")
SUBSETS = [subset for size in range(6) for subset in itertools.combinations(KINDS, size)]

mandates = st.builds(
    lambda kind, symbol, authority, timestamp, strategy, short: mandate(
        kind,
        symbol,
        authority,
        Direction.SHORT if short and kind == "ENTRY" else None,
        timestamp=timestamp,
        strategy_id=strategy,
    ),
    st.sampled_from(KINDS),
    st.sampled_from(("A", "B")),
    st.sampled_from((0.0, 5.0, 9.5)),
    st.sampled_from((1.0, 2.0)),
    st.sampled_from((None, "x", "y")),
    st.booleans(),
)
states = st.dictionaries(st.sampled_from(("A", "B", "C")), st.sampled_from(STATES), max_size=3)


@pytest.mark.clause("D4.54", "D4.55")
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_theorem_6_1_every_subset_has_one_answer(subset: tuple[str, ...], state: str) -> None:
    (action,) = arbitrate([mandate(kind) for kind in subset], {"AAAUSDT": position(state)})
    rest = [kind for kind in ("EXIT", "REDUCE", "ENTRY", "HOLD") if kind in subset and not (kind == "ENTRY" and "BLOCK" in subset)]
    expected = rest[0] if rest and ActionType[rest[0]] in ADMITTED[position(state).state] else "NO_ACTION"
    assert action.type.value == expected


@given(st.lists(mandates, max_size=6), states, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
@pytest.mark.clause("D4.54", "D4.55", "D4.56", "D4.57")
def test_theorems_hold_for_any_mandates(found: list[Mandate], held: dict[str, str], random: object) -> None:
    positions = {symbol: position(state, symbol) for symbol, state in held.items()}
    actions = arbitrate(found, positions)
    by_symbol = {action.symbol: action for action in actions}
    # 4.1, 4.2: one action each. 8.1, 8.2: every symbol that speaks or holds is answered.
    assert [action.symbol for action in actions] == sorted({*held, *(item.symbol for item in found)})
    # 3.1, 3.2: no order of mandates, and no doubling of one, changes anything.
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert arbitrate(shuffled, positions) == actions
    assert arbitrate([*found, *found], positions) == actions
    for symbol, action in by_symbol.items():
        mine = [item for item in found if item.symbol == symbol]
        kinds = {item.type.name for item in mine}
        state = positions[symbol].state if symbol in positions else position("FLAT").state
        # 2.2: exit supremacy; 2.3, 7.2: a block prevents entries; 7.1: only what the state admits.
        if "EXIT" in kinds:
            assert action.type in (ActionType.EXIT, ActionType.NO_ACTION)
            assert (action.type is ActionType.EXIT) == (ActionType.EXIT in ADMITTED[state])
        if "BLOCK" in kinds:
            assert action.type is not ActionType.ENTRY
        assert action.type is ActionType.NO_ACTION or action.type in ADMITTED[state]
        # 5.1, 5.2: a symbol alone gets the answer it gets among others.
        own = {name: item for name, item in positions.items() if name == symbol}
        assert arbitrate(mine, own) == (action,)
        # Nothing is combined: what acts is one of the mandates.
        if action.type is not ActionType.NO_ACTION:
            assert any(item.type.name == action.type.value and item.strategy_id == action.strategy_id for item in mine)
