"""Trace: from one order back to the bars, each link's hash checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.artifacts.checksum import sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.contracts.errors import ArtifactError, DataError
from tallystick.contracts.session import ArtifactReference, JournalRow, SessionConfig
from tallystick.contracts.training import CodeVersion
from tallystick.engine.journal import check_chain, decode_body
from tallystick.engine.ports import JournalReader

# Contract of an input → the word for it in a chain, from the decision backwards.
_KINDS = {
    "training.model_meta": "model",
    "training.model_file": "model file",
    "training.manifest": "training run",
    "universe.artifact_manifest": "pool release",
    "market.coverage": "coverage",
    "market.bars": "bars",
    "market.instruments": "instruments",
}


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a chain: what it is, its name, where it lies, the SHA-256 it had, and whether it still has it."""

    kind: str
    id: str
    path: str
    sha256: str
    verified: bool

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        return {"kind": self.kind, "id": self.id, "path": self.path, "sha256": self.sha256, "verified": self.verified}


def find_order(journal: JournalReader, order_id: str) -> tuple[JournalRow, dict[str, Any], dict[str, Any]] | None:
    """The commit row, the order and the decision behind an order id; None when this journal has no such order."""
    for row in journal.rows("commit"):
        if order_id.encode() not in row.body:
            continue
        body = decode_body(row)
        for order in body["orders"]:
            if order["order_id"] == order_id:
                decision = next(item for item in body["decisions"] if item["decision_id"] == order["decision_id"])
                return row, order, decision
    return None


def trace_order(
    workspace: Workspace, config: SessionConfig, config_path: str, journal: JournalReader, journal_path: str, order_id: str, code: CodeVersion
) -> tuple[Link, ...]:
    """The chain order → decision → model → training run → pool release → coverage → bars → configuration → code.

    Raises DataError when the session has no such order.
    """
    found = find_order(journal, order_id)
    if found is None:
        raise DataError(f"expected an order of session {config.session_id}, found none with id {order_id}", hint="See: tallystick status --json")
    row, order, decision = found
    _, fault = check_chain(journal.rows())
    chain_holds = fault is None
    start = next(journal.rows("session"), None)
    # A journal that lost its first row names no configuration: its link cannot hold.
    config_sha256 = "" if start is None else str(decode_body(start)["config_sha256"])
    links = [
        Link("order", order_id, journal_path, row.row_sha256, chain_holds),
        Link("decision", str(order["decision_id"]), journal_path, row.row_sha256, chain_holds),
        *_inputs(workspace, config, str(order["symbol"]), decision),
        Link("configuration", config.session_id, config_path, config_sha256, _hash_is(workspace, config_path, config_sha256)),
        Link("code", config.code.git_sha, "src/tallystick", config.code.source_sha256, config.code.source_sha256 == code.source_sha256),
    ]
    return tuple(links)


def _inputs(workspace: Workspace, config: SessionConfig, symbol: str, decision: Mapping[str, Any]) -> Iterator[Link]:
    order = list(_KINDS)
    for item in sorted(config.inputs, key=lambda reference: (order.index(reference.contract), reference.path)):
        if _concerns(item, symbol, decision):
            yield Link(_KINDS[item.contract], _identity(item), item.path, item.sha256, _hash_is(workspace, item.path, item.sha256))


def _concerns(item: ArtifactReference, symbol: str, decision: Mapping[str, Any]) -> bool:
    """Only the bars of the order's symbol, and only the models of the target that the decision chose, when it chose one."""
    if item.contract == "market.bars":
        return item.path.endswith(f"/{symbol}.parquet")
    if item.contract in ("training.model_meta", "training.model_file") and decision["horizon"]:
        return f"_{decision['horizon']}/" in item.path
    return True


def _identity(item: ArtifactReference) -> str:
    parts = item.path.split("/")
    if item.contract.startswith("training.model"):
        return "/".join(part for part in parts if part.startswith(("fwd_ret", "view=", "symbol=", "family="))) or parts[-1]
    return "/".join(parts[-3:])


def _hash_is(workspace: Workspace, path: str, expected: str) -> bool:
    try:
        return sha256_file(workspace.at(path)) == expected
    except ArtifactError:
        return False
