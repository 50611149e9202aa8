"""Contracts of publishing and of following the live pool: the publisher's record in the store, and a reader's last known good release."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tallystick.contracts import pool_rules as rules
from tallystick.contracts.contract import Consumer, Contract, Rule, Shape
from tallystick.contracts.pool_documents import DateText, Mode, Sha256


class PublicationRecord(Shape):
    """Which versions the objects under `current/` may come from, `target` being the one that they are to become.

    One version: they are that version, whole. Several: a publish or a rollback is under way, or was cut; `holder` and `opened_at` say whose.
    """

    target: str
    in_current: Annotated[tuple[str, ...], Field(min_length=1)]
    holder: str | None = None
    opened_at: str | None = None


class LastKnownGood(Shape):
    """The release that a reader last took as fresh. Its files lie in the reader's workspace; the manifest's SHA-256 stands for them all."""

    version: str
    as_of_date: DateText
    mode: Mode
    manifest_sha256: Sha256
    storage_prefix: str
    loaded_at: str


def _target_is_expected(record: PublicationRecord) -> str | None:
    return None if record.target in record.in_current else f"target {record.target} and only {', '.join(record.in_current)}"


def _holder(record: PublicationRecord) -> str | None:
    return None if len(record.in_current) == 1 or (record.holder and record.opened_at) else f"{len(record.in_current)} versions and no holder"


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        name="universe.publication_record",
        version="1.0",
        purpose="Keeps two publishers from interleaving, and tells a reader and the next publisher what a cut publish left under current/",
        producer="universe.publication",
        consumers=(
            Consumer("universe.publication", ("target", "in_current"), "take over from a publish that was cut"),
            Consumer("universe.resolution", ("in_current",), "tell a publish under way from damage"),
        ),
        shape=PublicationRecord,
        paths=(f"objects/{{bucket}}/{rules.NAMESPACE}/publication.json", f"{rules.NAMESPACE}/publication.json"),
        rules=(
            Rule("target_may_be_in_current", "the target among the versions that current/ may hold", _target_is_expected),
            Rule("several_versions_name_their_holder", "one version, or the holder and the time since when there are several", _holder),
        ),
        clauses=("D5.35",),
        wall_clock=("opened_at",),
    ),
    Contract(
        name="universe.last_known_good",
        version="1.0",
        purpose="Which pulled release a reader falls back on when the summary document is invalid, stale or away",
        producer="universe.resolution",
        consumers=(Consumer("universe.resolution", ("version", "as_of_date", "mode", "manifest_sha256"), "tier two of the live pool"),),
        shape=LastKnownGood,
        paths=("state/pool/last_known_good.json",),
        rules=(rules.VERSION,),
        clauses=("D5.49",),
        wall_clock=("loaded_at",),
    ),
)
