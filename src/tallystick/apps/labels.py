"""Labelling and validating for the front doors: streams in, labelled cascades and hypothesis counts out, as artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tallystick.analysis.cascade_labeler import CascadeRule, LabeledEpisode, label_coin
from tallystick.analysis.validators.counting import Sample
from tallystick.analysis.validators.evidence import Evidence, Series
from tallystick.analysis.validators.hypotheses import count_all
from tallystick.apps.label_sources import Kind, Stream, histories_of, read_stream
from tallystick.artifacts.canonical import canonical_json
from tallystick.artifacts.checksum import sha256_bytes, sha256_file
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import seal_folder
from tallystick.artifacts.store import read_artifact, write_artifact
from tallystick.contracts.cascades import LabeledCascade, LabeledCascades, WaveLabel
from tallystick.contracts.errors import ConfigurationError, DataError
from tallystick.contracts.messages import document_of
from tallystick.contracts.registry import contract
from tallystick.contracts.time import NS_PER_DAY, ns_from_iso
from tallystick.market.cascade_generator import INTEREST_DECIMALS, MARK_DECIMALS, generate_cascades

LABELS = "analysis.labeled_cascades"
REPORT = "analysis.validation_report"
MOST_SECONDS = 366 * 86_400
"""Generated streams are held in memory: a year of a coin takes some gigabytes."""


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """An artifact as it was written: its content, where it lies, its SHA-256."""

    document: Mapping[str, Any]
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Streams:
    """The three streams of one labelling."""

    oi: Stream
    liquidations: Stream
    marks: Stream

    @property
    def each(self) -> tuple[Stream, Stream, Stream]:
        """In the order of an artifact's sources."""
        return (self.oi, self.liquidations, self.marks)


def read_streams(oi: Path, liquidations: Path, marks: Path) -> Streams:
    """The three streams from files or databases (they may be one and the same)."""
    return Streams(read_stream(oi, "oi"), read_stream(liquidations, "liquidations"), read_stream(marks, "marks"))


def generated_streams(seed: int, coins: Sequence[str], seconds: int, start: str) -> Streams:
    """Generated streams of some coins from midnight of `start`; the same arguments give the same streams.

    Raises ConfigurationError without a coin, for less than a second or more than a year, and for a seed below 0.
    """
    names = sorted({coin.strip() for coin in coins if coin.strip()})
    if not names or not 1 <= seconds <= MOST_SECONDS or seed < 0:
        found = f"{', '.join(names) or 'no coin'}, {seconds:,} seconds and seed {seed}"
        raise ConfigurationError(f"expected coins, 1 to {MOST_SECONDS:,} seconds and a seed of 0 or more, found {found}", where="--seed")
    start_ns = ns_from_iso(start) // NS_PER_DAY * NS_PER_DAY
    markets = [generate_cascades(seed, coin, seconds, start_ns) for coin in names]
    one = {market.coin: np.ones(market.liquidation_times.size, dtype=np.int64) for market in markets}
    return Streams(
        _generated("oi", seed, {market.coin: (market.times, market.interest_units, INTEREST_DECIMALS) for market in markets}),
        _generated("liquidations", seed, {market.coin: (market.liquidation_times, one[market.coin], 0) for market in markets}),
        _generated("marks", seed, {market.coin: (market.times, market.mark_units, MARK_DECIMALS) for market in markets}),
    )


def _generated(kind: Kind, seed: int, columns: dict[str, tuple[Any, Any, int]]) -> Stream:
    content = b"".join(coin.encode() + times.astype("<i8").tobytes() + units.astype("<i8").tobytes() for coin, (times, units, _) in sorted(columns.items()))
    return Stream(kind, f"generated, seed {seed}", sha256_bytes(content), sum(times.size for times, _, _ in columns.values()), 0, columns)


def keep_streams(streams: Streams, folder: Path) -> tuple[Path, ...]:
    """Write streams as Parquet files with the columns of the recorder's tables into a folder that the user names; answer their paths."""
    names = {"oi": ("snapshot_ts", "open_interest"), "liquidations": ("detected_ts", None), "marks": ("snapshot_ts", "mark_px")}
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for stream in streams.each:
        time, value = names[stream.kind]
        frames = []
        for coin, (times, units, decimals) in sorted(stream.columns.items()):
            columns: dict[str, Any] = {time: times, "coin": [coin] * times.size}
            if value is not None:
                columns[value] = [format(Decimal(unit).scaleb(-decimals), "f") for unit in units.tolist()]
            frames.append(pl.DataFrame(columns))
        path = Workspace(folder).at(f"{stream.kind}.parquet")
        pl.concat(frames).write_parquet(path)
        paths.append(path)
    return tuple(paths)


def label_streams(root: Path, streams: Streams, rule: CascadeRule) -> WrittenDocument:
    """Label every coin that has open interest and write the artifact; its id is the hash of the rule and of the streams, so a repeat is the same file."""
    histories = histories_of(streams.oi, streams.liquidations, streams.marks)
    episodes: list[LabeledEpisode] = []
    withheld: dict[str, int] = {}
    for history in histories:
        labelled = label_coin(history, rule)
        episodes += labelled.episodes
        for reason, count in labelled.withheld.items():
            withheld[reason] = withheld.get(reason, 0) + count
    episodes.sort(key=lambda episode: (episode.cascade.start_ts, episode.cascade.coin))
    rule_document, sources = rule_as_document(rule), [stream.as_document(streams.oi.columns) for stream in streams.each]
    label_id = sha256_bytes(canonical_json({"rule": rule_document, "sources": [{"kind": item["kind"], "sha256": item["sha256"]} for item in sources]}))[:16]
    document = {
        "label_id": label_id,
        "rule": rule_document,
        "sources": sources,
        "coins": [history.coin for history in histories],
        "cascades": [_row(replace(episode.cascade, cascade_id=number)) for number, episode in enumerate(episodes, 1)],
        "waves": [{"cascade_id": number, **_row(wave)} for number, episode in enumerate(episodes, 1) for wave in episode.waves],
        "withheld": dict(sorted(withheld.items())),
    }
    path = Workspace(root).path(LABELS, label_id=label_id)
    sha256 = write_artifact(contract(LABELS), path, document)
    seal_folder(path.parent)
    return WrittenDocument(document, path, sha256)


def rule_as_document(rule: CascadeRule) -> dict[str, Any]:
    """The rule as its artifact carries it."""
    return {
        "drop_pct": format(rule.drop_pct, "f"),
        "window_ns": str(rule.window_ns),
        "boundary": rule.boundary,
        "min_liquidations": rule.min_liquidations,
        "wave_gap_ns": str(rule.wave_gap_ns),
        "outcome_after_ns": str(rule.outcome_after_ns),
        "neutral_move_pct": format(rule.neutral_move_pct, "f"),
    }


def _row(item: LabeledCascade | WaveLabel) -> dict[str, Any]:
    row: dict[str, Any] = document_of(item)
    return {**row, "start_ts": str(item.start_ts), "end_ts": str(item.end_ts)}


def find_labels(root: Path) -> Path:
    """The one file of labels in the workspace. Raises DataError when there is none, ConfigurationError when there are several."""
    place = Workspace(root)
    found = sorted(place.path(LABELS, label_id="any").parent.parent.glob("*/labeled_cascades.json"))
    if not found:
        raise DataError("expected labelled cascades, found none", where=str(root), hint="Make them with `tallystick label cascades --seed 7`")
    if len(found) > 1:
        raise ConfigurationError(f"expected one file of labels, found {', '.join(place.relative(path) for path in found)}", hint="Name one with --labels")
    return found[0]


def episodes_of(labels: LabeledCascades) -> tuple[LabeledEpisode, ...]:
    """The cascades and waves of a file as messages."""
    waves: dict[int, list[WaveLabel]] = {}
    for wave in labels.waves:
        label = WaveLabel(wave.wave_num, int(wave.start_ts), int(wave.end_ts), wave.liquidation_count, Decimal(wave.oi_drop_pct))
        waves.setdefault(wave.cascade_id, []).append(label)
    found = []
    for row in labels.cascades:
        cascade = LabeledCascade(
            cascade_id=row.cascade_id,
            coin=row.coin,
            start_ts=int(row.start_ts),
            end_ts=int(row.end_ts),
            oi_drop_pct=Decimal(row.oi_drop_pct),
            liquidation_count=row.liquidation_count,
            wave_count=row.wave_count,
            price_start=Decimal(row.price_start),
            price_end=Decimal(row.price_end),
            outcome=row.outcome,
            price_5min_after=Decimal(row.price_5min_after),
        )
        found.append(LabeledEpisode(cascade, tuple(waves.get(row.cascade_id, ()))))
    return tuple(found)


def series_of(stream: Stream) -> dict[str, Series]:
    """A stream as series by coin."""
    found = {}
    for coin, (times, units, decimals) in stream.columns.items():
        # Division by a power of ten is rounded once, so the value is the float nearest to the decimal.
        found[coin] = Series(times, units / float(10**decimals))
    return found


def validate_labels(root: Path, labels_path: Path | None, series: Mapping[str, Mapping[str, Series]], sample: Sample) -> WrittenDocument:
    """Count the nine hypotheses over a file of labels and write the report beside it. series: by the field names of `Evidence`."""
    path = labels_path or find_labels(root)
    labels: LabeledCascades = read_artifact(contract(LABELS), path)
    results = count_all(Evidence(episodes_of(labels), **series), sample)
    rows = [{**document_of(result), "min_events": used.min_events, "min_share": used.min_share} for result, used in results]
    document = {"label_id": labels.label_id, "labeled_cascades_sha256": sha256_file(path), "results": rows}
    target = Workspace(root).path(REPORT, label_id=labels.label_id)
    sha256 = write_artifact(contract(REPORT), target, document)
    seal_folder(target.parent)
    return WrittenDocument(document, target, sha256)
