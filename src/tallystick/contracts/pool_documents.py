"""Shapes of the live pool (document 5): the five release files, the summary document, release and track histories, and our build report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from tallystick.contracts.contract import Shape
from tallystick.contracts.errors import ContractViolation

Mode = Literal["core_major", "broad_liquid"]
RegimeLabel = Literal["risk_off", "btc_dominant", "broad_alt_strength", "late_momentum", "unknown"]
SourceProject = Literal["crypto-live-pool-pipelines"]
PoolSource = Literal["fresh_upstream", "last_known_good", "local_file", "static"]
SOURCE_PROJECT: SourceProject = "crypto-live-pool-pipelines"
CONTRACT_VERSION: Literal["crypto_live_pool_rotation.live_pool.v1"] = "crypto_live_pool_rotation.live_pool.v1"
COLLECTION = "strategy"
DOCUMENT = "CRYPTO_LIVE_POOL_ROTATION_LIVE_POOL"


def _real_date(text: str) -> str:
    date.fromisoformat(text)
    return text


DateText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real_date)]
MomentText = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?\+00:00$")]
Symbol = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Symbols = Annotated[tuple[Symbol, ...], Field(min_length=1)]


class BaseAsset(Shape):
    """The asset behind a pair."""

    base_asset: Annotated[str, StringConstraints(min_length=1)]


SymbolMap = Annotated[Mapping[Symbol, BaseAsset], Field(min_length=1)]


class SelectionMeta(Shape):
    """Evidence behind one member, optional for readers: score and confidence in [0, 1], rank from 1."""

    final_score: Fraction
    confidence: Fraction
    current_rank: Positive


class LatestUniverse(Shape):
    """The names that were tradable on `as_of_date`, sorted."""

    as_of_date: DateText
    symbols: Symbols


class RankingRow(Shape):
    """One name of the universe on the snapshot date. Scores and confidence in [0, 1]; a component that was not computed is empty."""

    as_of_date: DateText
    symbol: Symbol
    rule_score: float | None
    linear_score: float | None
    ml_score: float | None
    final_score: float
    regime: RegimeLabel
    confidence: float
    selected_flag: bool
    current_rank: Positive


RANKING_COLUMNS = tuple(RankingRow.model_fields)


class LatestRanking(Shape):
    """The universe in order, best first. Evidence only: no execution path reads it."""

    columns: tuple[str, ...]
    rows: Annotated[tuple[RankingRow, ...], Field(min_length=1)]


class LivePool(Shape):
    """The official pool of a snapshot date: `symbols` in the official order, `symbol_map` the same names with their base assets."""

    as_of_date: DateText
    version: str
    mode: Mode
    pool_size: Positive
    symbols: Symbols
    symbol_map: SymbolMap
    source_project: SourceProject
    selection_meta: Mapping[Symbol, SelectionMeta] | None = None


class LivePoolLegacy(Shape):
    """The pool as a direct mapping for older readers; `symbol_map` is an alias."""

    as_of_date: DateText
    version: str
    mode: Mode
    pool_size: Positive
    symbols: SymbolMap
    symbol_map: SymbolMap
    source_project: SourceProject


class ArtifactEntry(Shape):
    """A file of the release: its path relative to the manifest, and its SHA-256."""

    path: str
    sha256: Sha256


class ManifestArtifacts(Shape):
    """The four files that the manifest vouches for."""

    latest_universe: ArtifactEntry
    latest_ranking: ArtifactEntry
    live_pool: ArtifactEntry
    live_pool_legacy: ArtifactEntry


class ArtifactManifest(Shape):
    """The canonical wrapper: a reader validates the family by this file alone.

    `generated_at` keeps the seed's `+00:00`. `coverage_sha256` is the hash of the bars' coverage document and `build_report_sha256` that of our
    build report; both are optional and ours.
    """

    manifest_type: Literal["strategy_artifact"]
    contract_version: Literal["crypto_live_pool_rotation.live_pool.v1"]
    strategy_profile: Literal["crypto_live_pool_rotation"]
    artifact_type: Literal["live_pool"]
    artifact_name: Literal["crypto_live_pool_rotation_live_pool"]
    as_of_date: DateText
    snapshot_as_of: DateText
    version: str
    mode: Mode
    symbol_count: Positive
    symbols: Symbols
    source_project: SourceProject
    generated_at: MomentText
    primary_artifact: Literal["live_pool"]
    artifacts: ManifestArtifacts
    coverage_sha256: Sha256 | None = None
    build_report_sha256: Sha256 | None = None


class SummaryDocument(Shape):
    """The document that downstream reads first: core fields, pointers, and no ranking."""

    as_of_date: DateText
    mode: Mode
    version: str
    pool_size: Positive
    symbols: Symbols
    symbol_map: SymbolMap
    storage_prefix: str
    current_prefix: str
    live_pool_legacy_uri: str
    live_pool_uri: str
    artifact_manifest_uri: str
    latest_universe_uri: str
    latest_ranking_uri: str
    versioned_live_pool_legacy_uri: str
    versioned_artifact_manifest_uri: str
    artifact_contract_version: Literal["crypto_live_pool_rotation.live_pool.v1"]
    generated_at: MomentText
    source_project: SourceProject


class ReleaseIndexRow(Shape):
    """One monthly release for local replay; `symbols` joined by `|` in official order; paths relative to the index."""

    version: str
    as_of_date: DateText
    activation_date: DateText
    mode: Mode
    source_project: SourceProject
    pool_size: Positive
    expected_pool_size: Positive | None = None
    symbols: str
    profile: str | None = None
    source_track: str | None = None
    candidate_status: str | None = None
    regime: RegimeLabel | None = None
    regime_confidence: float | None = None
    pool_stability: float | None = None
    pool_churn: float | None = None
    has_selection_meta: bool | None = None
    live_pool_path: str
    live_pool_legacy_path: str
    release_manifest_path: str


INDEX_COLUMNS = tuple(ReleaseIndexRow.model_fields)
INDEX_REQUIRED = (
    "as_of_date",
    "activation_date",
    "version",
    "mode",
    "pool_size",
    "symbols",
    "live_pool_path",
    "live_pool_legacy_path",
    "release_manifest_path",
)


class ReleaseIndex(Shape):
    """The history of releases, oldest first: replay without document or object store."""

    columns: tuple[str, ...]
    rows: tuple[ReleaseIndexRow, ...]


class ReleaseObject(Shape):
    """Where one file lies in the object store: object names and full URIs, under the version and under current."""

    release_object: str
    current_object: str
    release_uri: str
    current_uri: str


class ReleaseObjects(Shape):
    """The five files of a release in the object store."""

    latest_universe: ReleaseObject
    latest_ranking: ReleaseObject
    live_pool: ReleaseObject
    live_pool_legacy: ReleaseObject
    artifact_manifest: ReleaseObject


class SummaryTarget(Shape):
    """Which document a publish would write, and what."""

    collection: str
    document: str
    payload: SummaryDocument


class ReleaseManifest(Shape):
    """What a publish of this release did, or would do when `dry_run`."""

    version: str
    mode: Mode
    dry_run: bool
    publish_enabled: bool
    as_of_date: DateText
    release_prefix: str
    current_prefix: str
    artifacts: ReleaseObjects
    firestore: SummaryTarget


class TrackRow(Shape):
    """One release of one shadow track."""

    profile: str
    source_track: str
    candidate_status: Literal["official_reference", "shadow_candidate"]
    version: str
    as_of_date: DateText
    activation_date: DateText
    pool_size: Positive
    expected_pool_size: Positive


TRACK_COLUMNS = tuple(TrackRow.model_fields)


class TrackSummary(Shape):
    """All releases of all shadow tracks."""

    columns: tuple[str, ...]
    rows: tuple[TrackRow, ...]


class Refusal(Shape):
    """Why a name is not in the universe: what was expected (`limit`) and found (`found`), in the unit of the rule."""

    symbol: Symbol
    reason: str
    found: float | str | None
    limit: float | str | None


class ScoreComponent(Shape):
    """How a fitted score of a release was made: rows from `train_from` to `train_to`, fitted on `fitted_on`; `absent` says why there is none."""

    family: str
    label: str
    fitted_on: DateText
    rows: Count
    features: Count
    versions: Mapping[str, str]
    train_from: DateText | None = None
    train_to: DateText | None = None
    absent: str | None = None


class BuildReport(Shape):
    """How a release was made: names seen, refused and unseen, benchmark, regime and weights. Diagnostics: live readiness is never read from it.

    `unseen` are names that were tradable on the day and had no bar in the panel; `survivorship` says what the instrument list cannot show.
    `refreshes` counts the monthly refreshes that decided membership; `quote_volume_estimated` names those whose turnover is close × volume.
    """

    as_of_date: DateText
    version: str
    mode: Mode
    venue: str
    bars_from: DateText
    candidates: Count
    universe_size: Count
    pool_size: Count
    refreshes: Count
    benchmark: str
    benchmark_present: bool
    benchmark_note: str
    regime: RegimeLabel
    regime_confidence: Fraction
    weights: Mapping[str, float]
    refused: tuple[Refusal, ...]
    unseen_count: Count
    unseen: tuple[Symbol, ...]
    survivorship: str
    quote_volume_estimated: tuple[Symbol, ...]
    coverage_sha256: Sha256 | None = None
    components: Mapping[str, ScoreComponent] | None = None


@dataclass(frozen=True, slots=True)
class ResolvedPool:
    """What a reader gets from any of the four tiers: the mapping in official order, and where it came from.

    `degraded` is true for every source but fresh_upstream. `age_days`: whole days between the snapshot and the reader's clock, `manifest_sha256`: of the
    verified release behind it, both None where there is none. `loaded_at`: the reader's clock. Raises ContractViolation for an empty mapping or a degraded
    flag that belies its source.
    """

    symbol_map: Mapping[str, str]
    source: PoolSource
    degraded: bool
    as_of_date: str | None = None
    version: str | None = None
    messages: tuple[str, ...] = field(default=())
    errors: tuple[str, ...] = field(default=())
    age_days: int | None = None
    manifest_sha256: str | None = None
    loaded_at: str | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the pool is upstream's own, valid and within the age limit."""
        return self.source == "fresh_upstream"

    def __post_init__(self) -> None:
        if not self.symbol_map:
            raise ContractViolation("expected a pool with symbols, found none", where=self.source)
        if self.degraded is (self.source == "fresh_upstream"):
            raise ContractViolation(f"expected degraded for every source but fresh_upstream, found {self.degraded} from {self.source}", where=self.source)
