"""Settings in, a wired system out: the only place that knows all names."""

import asyncio
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import honeyguide
from honeyguide.cache import Cache, Generations, Lifetime, Machinery, MemoryTier, NoTier
from honeyguide.clock import Chance, Clock, RequestIds, SystemClock, system_chance
from honeyguide.config import Settings, settings_fingerprint
from honeyguide.features import FeatureReader, ItemBlock
from honeyguide.features.custom import plans_of
from honeyguide.ingest import Ingest
from honeyguide.ingest.events import EventRules
from honeyguide.jobs import Rounds
from honeyguide.jobs.baseline import Baseline
from honeyguide.jobs.export import Export
from honeyguide.jobs.feature_columns import FeatureColumns
from honeyguide.jobs.features import FOLD_SECONDS, FeatureFolding
from honeyguide.jobs.follow import POLL_SECONDS, Follow
from honeyguide.jobs.items import ItemRefresh
from honeyguide.jobs.slates import FLUSH_SECONDS, SlateWriter
from honeyguide.jobs.training import JobRunner, train_command
from honeyguide.models import REGISTRY
from honeyguide.monitoring.cache import NamedCacheMetrics
from honeyguide.monitoring.events import count_events
from honeyguide.monitoring.features import FeatureMetrics
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.readiness import Readiness
from honeyguide.recipes import recipes
from honeyguide.recommend import Recommend
from honeyguide.recommend.epochs import Epochs
from honeyguide.recommend.pipeline import Pipeline
from honeyguide.recommend.serving import ServingModels
from honeyguide.recommend.subjects import Subjects
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.urls import open_store
from honeyguide.types import Appended, LogRow

__all__ = ["Runtime", "open_runtime"]

_ALIAS_SECONDS = 0.2
_BASELINE_SECONDS = 1.0
_DATABASE_SECONDS = 1.0
_WORKERS = 2


class Runtime:
    """Everything that one process needs to answer, wired. `start` and `stop` run the background jobs around it."""

    def __init__(self, settings: Settings, clock: Clock, *, config_options: Sequence[str] = ()) -> None:
        self.settings, self.clock = settings, clock
        self.metrics = Metrics()
        self.metrics.build_info.labels(honeyguide.__version__, platform.python_version()).set(1)
        self.readiness = Readiness(("items", "models"), clock, self.metrics)
        self.fingerprint = settings_fingerprint(settings)
        self.store = open_store(settings, clock)
        self.artefacts = FileArtefacts(settings.project.data_dir / "models")
        chance = system_chance()
        self.ids = RequestIds(clock, chance.getrandbits)
        self.export = Export(self.store, clock)
        self._wire_features()
        self._item_refresh = ItemRefresh(self.store.catalogue, self.items, self.metrics)
        self._wire_lists(chance)
        self._wire_log()
        self.jobs = JobRunner(self.store.jobs, train_command(config_options), REGISTRY, clock, self.metrics)
        self._rounds = [
            Rounds("follow", POLL_SECONDS, self.follow.round, self.metrics),
            Rounds("models", _ALIAS_SECONDS, self.serving.refresh, self.metrics),
            Rounds("database", _DATABASE_SECONDS, self._ask_database, self.metrics),
            Rounds("slates", FLUSH_SECONDS, self.slates.round, self.metrics),
            Rounds("baseline", _BASELINE_SECONDS, self.baseline.round, self.metrics),
            Rounds("features", FOLD_SECONDS, self.folding.round, self.metrics),
            Rounds("columns", settings.feature_store.refresh, self.columns.round, self.metrics),
        ]

    def _wire_lists(self, chance: Chance) -> None:
        """Cache, models and the request path."""
        settings, clock, metrics = self.settings, self.clock, self.metrics
        lists = NamedCacheMetrics(metrics, "recommendations")
        self.memory = memory = MemoryTier(settings.cache.l1_size, dropped=lists.dropped)
        lists.watch(memory.count, memory.size)
        self.generations = Generations(chance.getrandbits)
        self.machinery = Machinery(
            self.generations,
            NoTier(),
            clock,
            chance.random,
            chance.getrandbits,
            asyncio.Semaphore(settings.cache.computations),
            settings.cache.refreshes,
        )
        lifetime = Lifetime(
            settings.cache.ttl,
            settings.cache.stale,
            settings.cache.stale_on_error,
            jitter=settings.cache.jitter,
            early=settings.cache.early_refresh,
        )
        self.cache = Cache("recommendations", self.machinery, memory, lifetime, lists)
        self.epochs = Epochs(settings.all_surfaces(), self.fingerprint)
        self.baseline = Baseline(self.store, self.items, settings)
        self.serving = ServingModels(
            self.store.registry,
            self.artefacts,
            self.items,
            clock,
            metrics,
            settings.project.data_dir / "last-popular.json",
            self.baseline.at,
            self.epochs.renew,
        )
        self.baseline.serve_on(self.serving)
        self.slates = SlateWriter(self.store.slates, metrics)
        self.subjects = Subjects(settings.all_surfaces(), self.generations, metrics, self.store.catalogue.merged)
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="honeyguide-source")
        self.recommend = Recommend(
            store=self.store,
            items=self.items,
            serving=self.serving,
            recipes=recipes(),
            pipeline=Pipeline(metrics, clock, self._threads),
            cache=self.cache,
            subjects=self.subjects,
            epochs=self.epochs,
            slates=self.slates,
            check_events=EventRules(settings.events).check,
            settings=settings,
            fingerprint=self.fingerprint,
            clock=clock,
            ids=self.ids,
            metrics=metrics,
        )

    def _wire_log(self) -> None:
        """Ingest, and who is told when the log grows."""
        self.follow = Follow(
            self.store.log,
            [self.subjects.follow, self._item_refresh.follow, self.columns.follow],
            self.metrics,
        )
        self.ingest = Ingest(
            self.store.log,
            self.store.catalogue,
            self.settings,
            self.clock,
            self.ids,
            [self._hear, count_events(self.metrics)],
            self.metrics,
        )

    async def _hear(self, rows: Sequence[LogRow], appended: Appended) -> None:
        """What this process wrote: tokens first, then items; noted as heard only when both have it, else followed again."""
        await self.subjects.follow(rows, appended)
        await self._item_refresh.follow(rows, appended)
        await self.columns.follow(rows, appended)
        await self.follow.appended_here(rows, appended)

    def _wire_features(self) -> None:
        """Feature views: their fold, the columns of items, and reading them."""
        settings, store, clock, metrics = self.settings, self.store, self.clock, self.metrics
        plans = plans_of(settings)
        self.items = ItemBlock(keeps_vectors=any(view.kind == "vector" for plan in plans.values() for view in plan.views))
        self.folding = FeatureFolding(store.log, store.features, tuple(plans.values()), clock, metrics)
        self.columns = FeatureColumns(plans["item"], store.log, store.features, self.items, clock, metrics)
        self.features = FeatureReader(
            store.features, plans, self.items, settings.feature_store, clock, FeatureMetrics(metrics)
        )
        for view in self.features.views:
            metrics.feature_max_age.labels(view.name).set(self.features.ttl(view))

    async def _ask_database(self) -> None:
        """Notice whether the database answers, also while nobody asks for anything."""
        await self.store.log.position()
        self.readiness.heard("database")

    async def start(self) -> None:
        """Load what is to be served and begin the background jobs; on the event loop that will answer."""
        # before the items are read: what comes later is followed
        self.follow.position = self.generations.position = await self.store.log.position()
        self.columns.start = self.follow.position
        await asyncio.to_thread(self._item_refresh.load)  # with them the deny set
        self.readiness.done("items")
        await self.serving.refresh()
        await self.baseline.round()
        self.readiness.done("models")
        for rounds in self._rounds:
            rounds.start()

    async def stop(self) -> None:
        """End the background jobs in order, write what is waiting, let go of the files."""
        await self.jobs.stop()
        for rounds in self._rounds:
            await rounds.stop()
        await self.cache.drain()
        await Rounds("slates", 0.0, self.slates.round, self.metrics).once()
        await self.ingest.drain()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.store.close()


def open_runtime(
    settings: Settings | None = None, clock: Clock | None = None, *, config_options: Sequence[str] = ()
) -> Runtime:
    """Open a project. `config_options` are the command-line options that a child process needs to open the same one."""
    return Runtime(settings or Settings(), clock or SystemClock(), config_options=config_options)


def data_options(data_dir: Path) -> list[str]:
    """The command-line options that open the same data directory."""
    return ["--data-dir", str(data_dir)]
