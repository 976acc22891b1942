"""The embedded store: two SQLite files and a lock in the data directory.

`honeyguide.sqlite` is the truth (write-ahead log, synchronous=FULL), written by one thread with group commit and read
beside it; `slates.sqlite` holds the served slates and is losable. Other processes may open the same folder.
"""

import sqlite3
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import ConfigError
from honeyguide.protocols import (
    CatalogueTable,
    Checkpoints,
    EventLog,
    ExperimentTable,
    FeatureStates,
    Heartbeats,
    IdempotencyKeys,
    JobTable,
    Leases,
    OutcomeTable,
    People,
    QualityTable,
    Registry,
    RuleTable,
    SlateLog,
)
from honeyguide.stores.lock import hold
from honeyguide.stores.sql import Database
from honeyguide.stores.sql.experiments import TableExperiments
from honeyguide.stores.sql.jobs import TableJobs
from honeyguide.stores.sql.keys import TableCheckpoints
from honeyguide.stores.sql.outcomes import TableOutcomes
from honeyguide.stores.sql.people import TablePeople
from honeyguide.stores.sql.processes import TableHeartbeats, TableLeases
from honeyguide.stores.sql.quality import TableQuality
from honeyguide.stores.sql.registry import TableRegistry
from honeyguide.stores.sql.rules import TableRules
from honeyguide.stores.sql.tombstones import project_pseudonyms
from honeyguide.stores.sqlite import state
from honeyguide.stores.sqlite.catalogue import SqliteCatalogue
from honeyguide.stores.sqlite.connect import Readers, meaning, open_writer
from honeyguide.stores.sqlite.features import SqliteFeatures
from honeyguide.stores.sqlite.idempotency import SqliteIdempotency
from honeyguide.stores.sqlite.log import SqliteLog
from honeyguide.stores.sqlite.schema import migrate
from honeyguide.stores.sqlite.scrub import Scrub
from honeyguide.stores.sqlite.slates import SqliteSlates
from honeyguide.stores.sqlite.writer import Writer

TRUTH: Final = "honeyguide.sqlite"
SLATES: Final = "slates.sqlite"
LOCK: Final = "server.lock"


class SqliteStore:
    """`protocols.Store` in a folder; created if it is not there. Raises `Unavailable` for a truth that is damaged."""

    shared = False
    log: EventLog
    catalogue: CatalogueTable
    slates: SlateLog
    registry: Registry
    jobs: JobTable
    heartbeats: Heartbeats
    leases: Leases
    idempotency: IdempotencyKeys
    checkpoints: Checkpoints
    people: People
    features: FeatureStates
    rules: RuleTable
    experiments: ExperimentTable
    outcomes: OutcomeTable
    quality: QualityTable

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        path = folder / TRUTH
        with ExitStack() as opened:
            try:
                migrate(path, "truth")
                self._readers = Readers(path)
                opened.callback(self._readers.close)
                self._slates = SqliteSlates(folder / SLATES, clock)
                opened.callback(self._slates.close)
                self._writer = Writer(path, partial(open_writer, path, synchronous="FULL"))
            except sqlite3.Error as error:
                raise meaning(error, path) from error
            opened.callback(self._writer.close)  # the first to be closed but the log: it commits what was asked for
            pseudonyms = project_pseudonyms(self._writer, self._readers, clock.now_ms())
            log = SqliteLog(self._writer, self._readers, pseudonyms)
            opened.callback(log.close)
            scrub = Scrub(path)
            opened.callback(scrub.close)
            self._opened = opened.pop_all()
        self.log = log
        self.slates = self._slates
        self.catalogue = SqliteCatalogue(self._writer, self._readers)
        self.registry = TableRegistry(self._writer, self._readers, clock)
        self.rules = TableRules(self._writer, self._readers, clock)
        self.experiments = TableExperiments(self._writer, self._readers, clock)
        self.outcomes = TableOutcomes(self._writer, self._readers, pseudonyms, clock)
        self.quality = TableQuality(self._writer, self._readers)
        self.jobs = TableJobs(self._writer, self._readers, clock, self._now)
        self.heartbeats = TableHeartbeats(self._writer, self._readers, self._now)
        self.leases = TableLeases(self._writer, self._readers, self._now)
        self.idempotency = SqliteIdempotency(self._writer, self._readers, clock)
        self.checkpoints = TableCheckpoints(self._writer, self._readers, clock)
        self.features = SqliteFeatures(self._writer, self._readers, clock)
        self.people = TablePeople(self._writer, self._readers, pseudonyms, state.position, scrub)

    def _now(self, _: Database) -> int:
        return self._clock.now_ms()  # all processes on the files are on this machine: they have one clock

    def hold(self, holder: str) -> AbstractContextManager[None]:
        """Be the only server on this folder; raises `DataDirectoryBusy`, saying who is."""
        return hold(self._folder / LOCK, holder, self._clock)

    def close(self) -> None:
        """Commit what was asked for and let go of all files."""
        self._opened.close()


def open_sqlite(url: str, settings: Settings, clock: Clock) -> SqliteStore:
    """The store in the folder of `folder_of`, which is created if need be. Raises `ConfigError` where that cannot be."""
    folder = folder_of(url, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The data directory {folder} cannot be created: {error.strerror}.",
            cure="Set project.data_dir (or storage.url) to a folder that this user may write to.",
        ) from error
    return SqliteStore(folder, clock)


def folder_of(url: str, settings: Settings) -> Path:
    """The folder that `url` names (`sqlite:///relative`, `sqlite:////absolute`, `sqlite:folder`), or project.data_dir.

    Raises `ConfigError` where that cannot be one."""
    parts = urlsplit(url)
    if parts.netloc:
        raise ConfigError(
            f"storage.url names the host {parts.netloc!r}, but SQLite is in a folder of this machine.",
            cure=f"Write three slashes: sqlite:///{parts.netloc}{parts.path}",
        )
    named = unquote(parts.path[1:] if url.startswith("sqlite://") else parts.path)
    folder = Path(named) if url else settings.project.data_dir
    if folder.is_file() or folder.suffix in (".sqlite", ".sqlite3", ".db"):
        raise ConfigError(
            f"storage.url names a file ({folder}), but a store is a folder with several files.",
            cure=f"Name the folder; the database in it is called {TRUTH}.",
        )
    return folder
