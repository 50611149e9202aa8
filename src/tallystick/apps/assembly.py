"""The one place where parts are joined: families, loaders, journal, venue, database, workers, search. What few commands need is imported where it is joined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.adapters.compute.local_processes import LocalProcesses
from tallystick.adapters.journals.sqlite import SqliteJournal, SqliteJournalReader
from tallystick.adapters.models.lightgbm import LightGBMFamily, LightGBMLoader
from tallystick.adapters.models.ridge import RidgeFamily, RidgeLoader
from tallystick.adapters.stores.local_documents import LocalDocument
from tallystick.adapters.stores.local_objects import LocalObjects
from tallystick.apps.store_addresses import document_address, object_address
from tallystick.artifacts.folder_lock import shared
from tallystick.artifacts.paths import Workspace
from tallystick.artifacts.seal import break_seal, seal_folder
from tallystick.contracts.errors import ConfigurationError
from tallystick.decision.ports import PredictorLoader
from tallystick.engine.ports import Journal, JournalReader
from tallystick.market.ports import CandleHistory
from tallystick.observation.ports import FactTables
from tallystick.research.ports import FanOut, ParameterSearch
from tallystick.training.ports import Compute, ModelFamily
from tallystick.universe.ports import DocumentStore, ObjectStore, ScoreFamily

if TYPE_CHECKING:
    from tallystick.adapters.fact_tables.label_tables import LabelTables
    from tallystick.research.sweep import SearchPlan


def model_families() -> tuple[ModelFamily, ...]:
    """Every family that can be fitted."""
    return (LightGBMFamily(), RidgeFamily())


def predictor_loaders() -> tuple[PredictorLoader, ...]:
    """Every family that can be loaded."""
    return (LightGBMLoader(), RidgeLoader())


def score_families() -> dict[str, ScoreFamily]:
    """What fits the components of the live pool's score, by component."""
    trees = {"num_leaves": 15, "learning_rate": 0.05, "bagging_fraction": 0.85, "feature_fraction": 0.75, "min_data_in_leaf": 30}
    return {"linear": RidgeFamily(), "ml": LightGBMFamily(trees=100, parameters=trees)}


def compute() -> Compute:
    """Where fitting runs: a child process for each family, one thread each, so that the machine's size changes no result."""
    return LocalProcesses()


def fan_out(workers: int, cluster: str | None) -> FanOut:
    """Where the parts of a search run: a Ray cluster by address, child processes, or this process where one worker is enough."""
    from tallystick.adapters.compute.fan_out import InThisProcess, OverProcesses
    from tallystick.adapters.compute.ray_cluster import OverRay

    if cluster is not None:
        return OverRay(cluster)
    return OverProcesses(workers) if workers > 1 else InThisProcess()


def parameter_search(plan: SearchPlan, trials: int | None) -> ParameterSearch:
    """The search that a plan names. trials: how many, for a search that does not try everything."""
    from tallystick.adapters.searches.optuna_sampler import OptunaSearch
    from tallystick.research.search_spaces import GridSearch, RandomSearch

    space = plan.space
    if trials is None or plan.seed is None:
        return GridSearch(space)
    if plan.method == "random":
        return RandomSearch(space, trials, plan.seed)
    choices = {name: found for name in space.names if (found := space.choices(name)) is not None}
    ranges = {name: bounds for name, bounds in space.ranges.items() if name not in choices}
    return OptunaSearch(choices, ranges, trials=trials, seed=plan.seed)


@contextmanager
def session_journal(workspace: Workspace, session_id: str) -> Iterator[Journal]:
    """The journal of a session, for its one writer."""
    config = workspace.path("engine.session_config", session_id=session_id)
    journal = SqliteJournal(journal_path(workspace, session_id), config)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def candle_history(workspace: Workspace, venue: str, base_url: str | None, interval: str, now_ns: int) -> Iterator[CandleHistory]:
    """The candles of a venue, from its public address or another base URL. Raises ConfigurationError for an unknown venue."""
    from tallystick.adapters.venues.binance import candles as binance
    from tallystick.adapters.venues.candle_history import RestCandleHistory
    from tallystick.adapters.venues.hyperliquid import candles as hyperliquid
    from tallystick.adapters.venues.rest import RestClient

    known = {"binance": binance, "hyperliquid": hyperliquid}
    if venue not in known:
        raise ConfigurationError(f"expected one of the venues {', '.join(sorted(known))}, found {venue!r}", where="--venue")
    chosen = known[venue]
    bad_answers = workspace.path("observation.quarantine", venue=venue, recording=f"fetch-{interval}")
    with RestClient(base_url or chosen.BASE_URL, chosen.bucket()) as client:
        yield RestCandleHistory(chosen.candle_questions(), client, bad_answers, now_ns)


OWN_DATABASE = "workspace"
"""Instead of a URL: the SQLite file of the workspace."""


def database_name(workspace: Workspace, database: str) -> str:
    """A database as it may be told: without its password, or where it lies in the workspace."""
    from tallystick.adapters.fact_tables.database import shown

    return workspace.relative(workspace.path("observation.fact_tables")) if database == OWN_DATABASE else shown(database)


def database_url(workspace: Workspace, database: str) -> str:
    """The URL of a database of facts: itself, or that of the workspace's own file."""
    from tallystick.adapters.fact_tables.database import sqlite_url

    if database != OWN_DATABASE:
        return database
    return sqlite_url(workspace.path("observation.fact_tables")).render_as_string(hide_password=False)


@contextmanager
def fact_tables(workspace: Workspace, database: str) -> Iterator[FactTables]:
    """The tables of facts, for a writer; made or upgraded first. The workspace's own folder is sealed again at the end."""
    from tallystick.adapters.fact_tables.writer import FactTablesWriter

    with _unsealed(workspace, database):
        tables = FactTablesWriter(database_url(workspace, database))
        try:
            yield tables
        finally:
            tables.close()


@contextmanager
def label_tables(workspace: Workspace, database: str) -> Iterator[LabelTables]:
    """The tables of labels, for a writer; made or upgraded first. The workspace's own folder is sealed again at the end."""
    from tallystick.adapters.fact_tables.label_tables import LabelTables

    with _unsealed(workspace, database), LabelTables(database_url(workspace, database)) as tables:
        yield tables


def migrate_tables(workspace: Workspace, database: str, revision: str) -> str:
    """Bring the tables of facts to a revision, up or down; answer the one that is there then. Raises as `migrate` does."""
    from tallystick.adapters.fact_tables.database import migrate, open_engine

    with _unsealed(workspace, database):
        return migrate(open_engine(database_url(workspace, database)), revision)


@contextmanager
def _unsealed(workspace: Workspace, database: str) -> Iterator[None]:
    """The workspace's own database without its seal, which comes back when the work ends well: that of the last, where several write at once."""
    if database != OWN_DATABASE:
        yield
        return
    folder = workspace.path("observation.fact_tables").parent
    with shared(folder) as is_last:
        break_seal(folder)
        yield
        if is_last():
            seal_folder(folder)


def journal_path(workspace: Workspace, session_id: str) -> Path:
    """Where the journal of a session lies."""
    return workspace.path("engine.journal", session_id=session_id)


def journal_reader(workspace: Workspace, session_id: str) -> JournalReader:
    """The journal of a session, for everyone else. Raises ArtifactError when there is none."""
    return SqliteJournalReader(journal_path(workspace, session_id))


def object_store(text: str) -> ObjectStore:
    """The object store at an address: a folder or `file://`, `gs://`, `s3://`. Raises ConfigurationError for another scheme, or a library that is missing."""
    address = object_address(text)
    if address.scheme == "file":
        return LocalObjects(Path(address.path))
    if address.scheme == "s3":
        from tallystick.adapters.stores.obstore_objects import s3_objects

        return s3_objects(address.host, address.path)
    try:
        from tallystick.adapters.stores.google_objects import GoogleObjects
    except ModuleNotFoundError as error:
        raise _missing_google("google-cloud-storage", text) from error
    return GoogleObjects(address.host, address.path)


def document_store(text: str) -> DocumentStore:
    """The summary document at an address: a folder, a file or `file://`, `firestore://PROJECT`. Raises as `object_store`."""
    address = document_address(text)
    if address.scheme == "file":
        return LocalDocument(Path(address.path))
    try:
        from tallystick.adapters.stores.firestore_documents import FirestoreDocument
    except ModuleNotFoundError as error:
        raise _missing_google("google-cloud-firestore", text) from error
    return FirestoreDocument(address.host, *address.path.split("/"))


def _missing_google(library: str, address: str) -> ConfigurationError:
    return ConfigurationError(
        f"expected the library {library}, found it is not installed", where=address, hint="Install it with: pip install 'tallystick[gcp]'"
    )
