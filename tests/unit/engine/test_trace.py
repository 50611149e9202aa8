from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from tests.fakes.engine_session import CASH, DECISION, IDENTITY, SYMBOLS, Setting, bodies, model_policy, run

from tallystick.artifacts.checksum import sha256_bytes
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import DataError
from tallystick.contracts.session import ArtifactReference, GateRecord, JournalRow, SessionConfig
from tallystick.contracts.training import CodeVersion
from tallystick.engine.journal import MemoryJournal
from tallystick.engine.trace import find_order, trace_order

CODE = CodeVersion(version="0.1.0", source_sha256="5f" * 32, git_sha="unknown")
RUN = "RESULTS/runs/demo/20250101_000000_abcd"
MODEL = RUN + "/targets/fwd_ret_{horizon}/models/view=CROSS_SECTIONAL/family=Ridge/{name}"
FILES = {
    "market.bars": tuple(f"data/market/generated/1h/{symbol}.parquet" for symbol in SYMBOLS),
    "market.coverage": ("data/market/generated/1h/coverage.json",),
    "market.instruments": ("data/instruments/instruments.json",),
    "training.manifest": (f"{RUN}/manifest.json",),
    "training.model_meta": tuple(MODEL.format(horizon=horizon, name="model_meta.json") for horizon in ("60m", "240m")),
    "training.model_file": tuple(MODEL.format(horizon=horizon, name="model.joblib") for horizon in ("60m", "240m")),
    "universe.artifact_manifest": ("data/output/artifact_manifest.json",),
}
CONFIG_PATH, JOURNAL_PATH = "state/sessions/s/config.json", "state/sessions/s/journal.db"
KINDS = ["order", "decision", "model", "model file", "training run", "pool release", "coverage", "bars", "instruments", "configuration", "code"]


@cache
def recorded(config_sha256: str) -> tuple[JournalRow, ...]:
    setting = Setting(policies=lambda panel: (model_policy(panel, DECISION),), cycles=15)
    return tuple(run(setting, identity=replace(IDENTITY, config_sha256=config_sha256))[1])


class World:
    """A workspace with every input of a session as a small file, the session's configuration, and its journal."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        references = [self._write(name, path) for name, paths in FILES.items() for path in paths]
        self._write("engine.session_config", CONFIG_PATH)
        self.config = SessionConfig(
            session_id="s",
            created_at="2025-01-24T00:00:00Z",
            venue="paper",
            network="paper",
            market_venue="generated",
            interval_minutes=60.0,
            symbols=SYMBOLS,
            start="2025-01-24T08:00:00Z",
            end="2025-01-24T23:00:00Z",
            starting_cash=float(CASH),
            degraded=False,
            universe_source="live_pool",
            pool_version="2025-01-23-core_major",
            gate=GateRecord(passed=True, overridden=False, reasons=()),
            code=CODE,
            inputs=tuple(references),
            models=FILES["training.model_meta"],
            settings={},
        )
        self.journal = MemoryJournal()
        self.journal.append(recorded(sha256_bytes(self.workspace.at(CONFIG_PATH).read_bytes())))
        self.order = next(order for body in bodies(list(self.journal.rows())) for order in body["orders"])

    def _write(self, contract: str, path: str) -> ArtifactReference:
        place, data = self.workspace.at(path), f"the bytes of {path}\n".encode()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return ArtifactReference(contract=contract, path=path, sha256=sha256_bytes(data))

    def trace(self, order_id: str | None = None, code: CodeVersion = CODE):
        return trace_order(self.workspace, self.config, CONFIG_PATH, self.journal, JOURNAL_PATH, order_id or self.order["order_id"], code)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_order_is_traced_link_by_link_to_the_bars_the_configuration_and_the_code(world):
    links = world.trace()
    assert [link.kind for link in links] == KINDS
    assert all(link.verified for link in links)
    by_kind = {link.kind: link for link in links}
    found = find_order(world.journal, world.order["order_id"])
    assert found is not None
    row, order, decision = found
    assert order == world.order
    assert (by_kind["order"].sha256, by_kind["order"].path) == (row.row_sha256, JOURNAL_PATH)
    assert by_kind["decision"].id == decision["decision_id"] == order["decision_id"]
    assert by_kind["bars"].path.endswith(f"/{order['symbol']}.parquet"), "only the bars of the order's symbol"
    assert f"_{decision['horizon']}/" in by_kind["model"].path, "only the model of the horizon that was chosen"
    assert by_kind["model"].id == f"fwd_ret_{decision['horizon']}/view=CROSS_SECTIONAL/family=Ridge"
    assert by_kind["code"].sha256 == CODE.source_sha256
    assert by_kind["code"].as_document() == {"kind": "code", "id": "unknown", "path": "src/tallystick", "sha256": CODE.source_sha256, "verified": True}


ALTERED = ("model", "model file", "training run", "pool release", "coverage", "bars", "instruments", "configuration")


@pytest.mark.parametrize("how", ["altered", "missing"])
@pytest.mark.parametrize("kind", ALTERED)
def test_a_file_that_was_altered_or_lost_breaks_its_link_and_no_other(world, kind, how):
    path = world.workspace.at(next(link.path for link in world.trace() if link.kind == kind))
    if how == "altered":
        path.write_bytes(path.read_bytes()[:-1] + b" ")
    else:
        path.unlink()
    assert [link.kind for link in world.trace() if not link.verified] == [kind]


def test_other_code_breaks_the_link_of_the_code(world):
    links = world.trace(code=CodeVersion(version="0.1.0", source_sha256="00" * 32, git_sha="unknown"))
    assert [link.kind for link in links if not link.verified] == ["code"]


def test_a_journal_that_was_edited_breaks_the_order_and_its_decision(world):
    rows = list(world.journal.rows())
    rows[1] = replace(rows[1], body=rows[1].body + b" ")
    world.journal = MemoryJournal()
    world.journal.append(rows)
    assert [link.kind for link in world.trace() if not link.verified] == ["order", "decision"]


def test_a_journal_without_its_first_row_breaks_the_configuration_too(world):
    rows = list(world.journal.rows())[1:]
    world.journal = MemoryJournal()
    world.journal.append(rows)
    assert [link.kind for link in world.trace() if not link.verified] == ["order", "decision", "configuration"]


@pytest.mark.parametrize("order_id", ["f" * 32, "BTCUSDT"])
def test_an_unknown_order_is_one_sentence(world, order_id):
    assert find_order(world.journal, order_id) is None
    with pytest.raises(DataError, match=f"expected an order of session s, found none with id {order_id}"):
        world.trace(order_id)
