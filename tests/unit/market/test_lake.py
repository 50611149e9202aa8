from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.fakes.bar_panels import START_NS, panel_of

from tallystick.artifacts.paths import Workspace, get_lake_dir
from tallystick.artifacts.seal import check_seal
from tallystick.contracts.errors import ArtifactError, DataError
from tallystick.market.bars import COLUMNS, BarPanel
from tallystick.market.instruments import assumed_instruments
from tallystick.market.lake import Lake, bar_bytes

HOUR = 3_600_000_000_000


def stored(tmp_path: Path, panel: BarPanel) -> Lake:
    lake = Lake(Workspace(tmp_path))
    lake.write(panel, calendar="crypto_24_7", source="a test")
    return lake


def holed() -> BarPanel:
    present = np.ones((3, 30), dtype=bool)
    present[0, [4, 5, 9]] = False
    present[1, :7] = False
    present[2, 20:] = False
    return panel_of(present)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    panel = holed()
    found = stored(tmp_path, panel).read("testing", 60)
    assert found.symbols == panel.symbols
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), getattr(panel, name), equal_nan=True)


def test_coverage_tells_gaps_and_hashes_and_the_folder_is_sealed(tmp_path: Path) -> None:
    lake = stored(tmp_path, holed())
    coverage, sha256 = lake.coverage("testing", 60)
    first = coverage.symbols["AAAUSDT"]
    assert [(gap.from_at, gap.to_at, gap.bars) for gap in first.gaps] == [
        ("2024-01-01T04:00:00Z", "2024-01-01T06:00:00Z", 2),
        ("2024-01-01T09:00:00Z", "2024-01-01T10:00:00Z", 1),
    ]
    assert (coverage.symbols["BBBUSDT"].first, coverage.symbols["BBBUSDT"].rows) == ("2024-01-01T07:00:00Z", 23)
    assert coverage.convention == "half-open, labelled by open time"
    assert len(sha256) == 64
    assert check_seal(get_lake_dir(lake.workspace, "testing", "1h")) == []


def test_a_range_and_some_symbols_can_be_read(tmp_path: Path) -> None:
    lake = stored(tmp_path, holed())
    part = lake.read("testing", 60, ["CCCUSDT", "AAAUSDT"], START_NS + 3 * HOUR + 1, START_NS + 8 * HOUR)
    assert part.symbols == ("CCCUSDT", "AAAUSDT")
    assert (part.start_ns, part.end_ns) == (START_NS + 4 * HOUR, START_NS + 8 * HOUR)
    assert np.isnan(part.close[1, :2]).all()
    with pytest.raises(DataError, match="found none"):
        lake.read("testing", 60, None, START_NS + 40 * HOUR, START_NS + 50 * HOUR)


def test_the_same_bars_give_the_same_bytes(tmp_path: Path) -> None:
    assert bar_bytes(holed(), 0) == bar_bytes(holed(), 0)
    one, two = stored(tmp_path.joinpath("a"), holed()), stored(tmp_path.joinpath("b"), holed())
    files = [sorted((path.relative_to(lake.workspace.root), path.read_bytes()) for path in lake.workspace.root.rglob("*.*")) for lake in (one, two)]
    assert files[0] == files[1]


def test_refuses_a_flipped_byte_before_parsing_it(tmp_path: Path) -> None:
    lake = stored(tmp_path, holed())
    path = lake.workspace.path("market.bars", venue="testing", interval="1h", symbol="AAAUSDT")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="SHA-256"):
        lake.read("testing", 60)


def test_a_replay_may_read_altered_bars(tmp_path: Path) -> None:
    lake = stored(tmp_path, holed())
    path = lake.workspace.path("market.bars", venue="testing", interval="1h", symbol="AAAUSDT")
    pl.read_parquet(path).with_columns(pl.col("close") * 1.01).write_parquet(path)
    assert lake.read("testing", 60, verified=False).close[0, 0] == pytest.approx(holed().close[0, 0] * 1.01)
    pl.read_parquet(path).head(3).write_parquet(path)
    with pytest.raises(ArtifactError, match="27 rows"):
        lake.read("testing", 60, verified=False)
    path.write_bytes(b"PAR1 no bars")
    with pytest.raises(ArtifactError, match="cannot be read"):
        lake.read("testing", 60, verified=False)


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    lake = stored(tmp_path, holed())
    lake.write(holed().select(["BBBUSDT"]), calendar="crypto_24_7", source="a test")
    assert lake.read("testing", 60).symbols == ("BBBUSDT",)
    assert check_seal(get_lake_dir(lake.workspace, "testing", "1h")) == []


def test_others_stay_where_that_is_asked(tmp_path: Path) -> None:
    lake = stored(tmp_path, holed().select(["BBBUSDT", "CCCUSDT"]))
    for _ in range(2):
        lake.write(holed().select(["AAAUSDT"]), calendar="crypto_24_7", source="another test", keep_others=True)
        assert np.array_equal(lake.read("testing", 60).stacked(), holed().stacked(), equal_nan=True)
        assert lake.coverage("testing", 60)[0].source == "a test; another test"
    assert check_seal(get_lake_dir(lake.workspace, "testing", "1h")) == []
    with pytest.raises(DataError, match="expected bars of calendar crypto_24_7 beside BBBUSDT, CCCUSDT"):
        lake.write(holed().select(["AAAUSDT"]), calendar="us_equities", source="another test", keep_others=True)


def test_missing_bars_and_symbols_are_one_clear_sentence(tmp_path: Path) -> None:
    lake = Lake(Workspace(tmp_path))
    with pytest.raises(DataError, match="expected bars of testing at 1h, found none"):
        lake.read("testing", 60)
    stored(tmp_path, holed())
    with pytest.raises(DataError, match=r"AAAUSDT, BBBUSDT, CCCUSDT.*found XRPUSDT"):
        lake.read("testing", 60, ["XRPUSDT"])
    with pytest.raises(DataError, match="expected bars of AAAUSDT, found none"):
        lake.write(panel_of(np.zeros((1, 5), dtype=bool)), calendar="crypto_24_7", source="a test")


def test_instruments_are_kept_and_replaced_by_id(tmp_path: Path) -> None:
    lake = Lake(Workspace(tmp_path))
    lake.write_instruments(assumed_instruments(holed(), "crypto_24_7"))
    lake.write_instruments(assumed_instruments(holed().select(["BBBUSDT"]), "us_equities"))
    rows = lake.instruments().rows
    assert [(row.venue_symbol, row.calendar) for row in rows] == [("AAAUSDT", "crypto_24_7"), ("BBBUSDT", "us_equities"), ("CCCUSDT", "crypto_24_7")]
