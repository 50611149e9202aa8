"""Replay recomputes: a changed bar or a changed leaf shows at the very cycle where it first matters, and every flipped byte is named by verify."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest
from tests.fakes.quickstart_workspace import call

from tallystick.apps.sessions import PAST_BARS, load_config
from tallystick.artifacts.canonical import parse_json
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.session import SessionConfig
from tallystick.contracts.time import NS_PER_MINUTE, ns_from_iso
from tallystick.engine.bar_feed import BarFeed
from tallystick.market.lake import NS_PER_MS, Lake

pytestmark = pytest.mark.slow
SHARDS = 4


@pytest.fixture
def config(workspace: Path, result: dict[str, Any]) -> SessionConfig:
    return load_config(Workspace(workspace), result["session_id"])


def replay(workspace: Path) -> dict[str, Any]:
    answer = call("replay", "--workspace", workspace, "--json")
    assert answer.code == (3 if answer.document["differences"] else 0)
    return answer.document


@pytest.mark.parametrize(("cycle", "place"), [(1, 0), (200, 4)])
def test_altered_bar_differs_first_at_its_cycle(workspace: Path, config: SessionConfig, cycle: int, place: int) -> None:
    symbol = config.symbols[place]
    path = Workspace(workspace).path("market.bars", venue=config.market_venue, interval="1h", symbol=symbol)
    opened_ms = (ns_from_iso(config.start) + (cycle - 1) * 60 * NS_PER_MINUTE) // NS_PER_MS
    frame = pl.read_parquet(path)
    here = pl.col("ts").dt.epoch("ms") == opened_ms
    altered = frame.with_columns(pl.when(here).then(pl.col("close") * 1.0001).otherwise(pl.col("close")).alias("close"))
    assert (altered["close"] != frame["close"]).sum() == 1
    buffer = io.BytesIO()
    altered.write_parquet(buffer, compression="zstd", statistics=True, row_group_size=frame.height)
    path.write_bytes(buffer.getvalue())

    found = replay(workspace)
    assert found["differences"] >= 1
    assert (found["first"][0]["cycle"], found["first"][0]["stage"]) == (cycle, "bars")


def leaf_hits(workspace: Workspace, config: SessionConfig, model: Path) -> np.ndarray[Any, Any]:
    """The leaf of every tree for each symbol in each past bar and cycle: int[PAST_BARS + cycles, S, trees]."""
    names = parse_json(model.with_name("model_meta.json").read_bytes())["feature_list"]
    panel = Lake(workspace).read(config.market_venue, 60, config.symbols, end_ns=ns_from_iso(config.end))
    feed = BarFeed(panel, names, ns_from_iso(config.start), ns_from_iso(config.end), PAST_BARS)
    turns = [*feed.past_turns(), *(feed.turn(cycle) for cycle in range(1, feed.cycles + 1))]
    features = np.concatenate([turn.features[:, [feed.names.index(name) for name in names]] for turn in turns])
    leaves = lightgbm.Booster(model_file=str(model)).predict(features, pred_leaf=True)
    return np.asarray(leaves).reshape(len(turns), len(config.symbols), -1)


def with_other_leaf(text: str, tree: int, leaf: int) -> str:
    """The model with one leaf value changed, every length as before: the format counts the bytes of each tree."""
    head, mark, rest = text.partition(f"Tree={tree}\n")
    before, name, after = rest.partition("leaf_value=")
    line, end, tail = after.partition("\n")
    values = line.split(" ")
    place = next(index for index, character in enumerate(values[leaf]) if character in "123456789")
    values[leaf] = f"{values[leaf][:place]}{10 - int(values[leaf][place]) if values[leaf][place] != '5' else 7}{values[leaf][place + 1 :]}"
    return head + mark + before + name + " ".join(values) + end + tail


def test_altered_leaf_differs_first_where_a_prediction_changes(workspace: Path, config: SessionConfig) -> None:
    relative = next(path for path in config.models if "family=LightGBM" in path)
    model = (workspace / relative).with_name("model.txt")
    hits = leaf_hits(Workspace(workspace), config, model)
    # A leaf that no past bar reaches, and that a bar well inside the session does.
    first = {
        (tree, leaf): int(turns[0]) - PAST_BARS + 1
        for tree in range(hits.shape[2])
        for leaf in range(15)
        if (turns := np.flatnonzero((hits[:, :, tree] == leaf).any(axis=1))).size
    }
    (tree, leaf), cycle = next((place, cycle) for place, cycle in first.items() if 20 <= cycle <= 300)
    text = model.read_text()
    altered = with_other_leaf(text, tree, leaf)
    assert sum(one != two for one, two in zip(text, altered, strict=True)) == 1
    model.write_text(altered)

    found = replay(workspace)
    assert found["differences"] >= 1
    assert (found["first"][0]["cycle"], found["first"][0]["stage"]) == (cycle, "prediction")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_flipped_byte_is_named_by_verify(workspace: Path, shard: int) -> None:
    for path in sorted(path for path in workspace.rglob("*") if path.is_file())[shard::SHARDS]:
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        answer = call("verify", workspace, "--json")
        path.write_bytes(data)
        name = path.relative_to(workspace).as_posix()
        assert answer.code == 3, name
        assert name in {failure["path"] for failure in answer.document["failures"]}, name
    assert call("verify", workspace, "--json").code == 0


def test_trace_names_the_link_that_changed(workspace: Path, config: SessionConfig, result: dict[str, Any]) -> None:
    path = Workspace(workspace).path("universe.artifact_manifest")
    path.write_bytes(path.read_bytes().replace(b"core_major", b"core_minor"))
    answer = call("trace", result["order_ids"][0], "--workspace", workspace, "--json")
    assert answer.code == 3
    assert [link["kind"] for link in answer.document["chain"] if not link["verified"]] == ["pool release"]
