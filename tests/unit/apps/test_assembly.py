"""Adapters put together: the database of a workspace is sealed when no writer is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.venue_facts import fact

from tallystick.apps.assembly import OWN_DATABASE, fact_tables
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import check_seal, is_sealed
from tallystick.contracts.errors import DataError


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def folder_of(place: Workspace) -> Path:
    return place.path("observation.fact_tables").parent


def test_two_writers_of_the_workspaces_database_are_sealed_by_the_last(place: Workspace) -> None:
    with fact_tables(place, OWN_DATABASE) as collecting:
        with fact_tables(place, OWN_DATABASE) as replaying:
            replaying.write([fact("TRADE", number=1)])
        # The other still writes: a seal now would call every further row a change.
        assert not is_sealed(folder_of(place))
        collecting.write([fact("TRADE", number=2, price="7")])
    assert is_sealed(folder_of(place))
    assert check_seal(folder_of(place)) == []


def test_what_ended_badly_is_not_sealed_and_holds_up_nobody(place: Workspace) -> None:
    with pytest.raises(DataError), fact_tables(place, OWN_DATABASE):
        raise DataError("expected a recording, found none")
    assert not is_sealed(folder_of(place))
    with fact_tables(place, OWN_DATABASE) as tables:
        tables.write([fact("TRADE")])
    assert check_seal(folder_of(place)) == []
