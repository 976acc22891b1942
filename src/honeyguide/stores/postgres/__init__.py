"""The store for several processes and machines: one project is one schema of a PostgreSQL database.

Reads of the request path and appends go over connections of the event loop, all else over a few of other threads. All
are bounded in number and time. Served slates that the database does not take wait in a file of the data directory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

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
from honeyguide.stores.postgres.address import Address, address
from honeyguide.stores.postgres.append import Appender
from honeyguide.stores.postgres.catalogue import PostgresCatalogue
from honeyguide.stores.postgres.connect import Kind, open_connection, open_link
from honeyguide.stores.postgres.features import PostgresFeatures
from honeyguide.stores.postgres.idempotency import PostgresIdempotency
from honeyguide.stores.postgres.log import PostgresLog
from honeyguide.stores.postgres.pool import Pool, ThreadPool
from honeyguide.stores.postgres.position import FOLDS_LOCK, LOG_LOCK, RECORDS_LOCK, position
from honeyguide.stores.postgres.schema import migrate
from honeyguide.stores.postgres.slates import PostgresSlates
from honeyguide.stores.postgres.work import Snapshots, Steps, now
from honeyguide.stores.spool import Spool
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

SPOOL: Final = "slates.spool"
_FEW: Final = 2
"""Connections of each kind beside those of the request path: for appends, for pages, for threads."""


class PostgresStore:
    """`protocols.Store` in a schema; created if it is not there. Raises `Unavailable` if the database cannot be reached."""

    shared = True
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

    def __init__(self, where: Address, settings: Settings, clock: Clock) -> None:
        self._where, self._storage, self._clock = where, settings.storage, clock
        storage = settings.storage
        migrate(where, storage)
        patience = storage.connect_timeout + storage.lock_timeout
        limit = 2 * storage.lock_timeout + 1.0
        reads = self._pool("read", storage.pool_size, storage.pool_wait, storage.read_timeout)
        pages = self._pool("work", _FEW, patience, storage.statement_timeout)
        writes = self._pool("write", _FEW, patience, 0.0)
        work, slates = self._threads("work", 2 * _FEW, patience), self._threads("slates", 1, patience)
        self._pools = (reads, pages, writes, work, slates)
        snapshots, records, log = Snapshots(work), Steps(work, RECORDS_LOCK), Steps(work, LOG_LOCK)
        pseudonyms = project_pseudonyms(records, snapshots, clock.now_ms())
        self._appender = Appender(writes, where, limit, pseudonyms)
        self.log = PostgresLog(self._appender, reads, pages, work)
        self.catalogue = PostgresCatalogue(reads, pages, log, snapshots)
        self.slates = PostgresSlates(reads, snapshots, slates, Spool(settings.project.data_dir / SPOOL), pseudonyms)
        self.registry = TableRegistry(records, snapshots, clock)
        self.rules = TableRules(records, snapshots, clock)
        self.experiments = TableExperiments(records, snapshots, clock)
        self.outcomes = TableOutcomes(Steps(work, FOLDS_LOCK), snapshots, pseudonyms, clock)
        self.quality = TableQuality(records, snapshots)
        self.jobs = TableJobs(records, snapshots, clock, now)
        self.heartbeats = TableHeartbeats(records, snapshots, now)
        self.leases = TableLeases(records, snapshots, now)
        self.idempotency = PostgresIdempotency(reads, writes, where, clock, limit)
        self.checkpoints = TableCheckpoints(records, snapshots, clock)
        self.people = TablePeople(log, snapshots, pseudonyms, position, vacuumed)
        self.features = PostgresFeatures(reads, Steps(work, FOLDS_LOCK), snapshots, clock)

    def _pool(self, kind: Kind, size: int, wait: float, limit: float) -> Pool:
        connect = partial(open_link, self._where, self._storage, kind)
        return Pool(self._where, connect, self._clock, size=size, wait=wait, limit=limit)

    def _threads(self, kind: Kind, size: int, wait: float) -> ThreadPool:
        connect = partial(open_connection, self._where, self._storage, kind)
        return ThreadPool(self._where, connect, self._clock, size=size, wait=wait)

    @contextmanager
    def hold(self, holder: str) -> Iterator[None]:
        """Any number of servers may work on the same schema: nobody is kept out."""
        yield

    def close(self) -> None:
        """Let go of all connections; what was acknowledged is in the database."""
        self._appender.close()
        for pool in self._pools:
            pool.close()


def open_postgres(url: str, settings: Settings, clock: Clock) -> PostgresStore:
    """The store in the schema that `url` names. Raises `ConfigError` for a URL that is none."""
    where = address(url)
    folder = settings.project.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The data directory {folder} cannot be created: {error.strerror}.",
            cure="Set project.data_dir to a folder that this user may write to: models and waiting slates are kept there.",
        ) from error
    return PostgresStore(where, settings, clock)


def vacuumed() -> bool:
    """What was removed is the server's to vacuum; there is nothing to wait for."""
    return True
