"""Settings in, a wired system out: the only place that knows all names."""

import asyncio
import contextlib
import os
import platform
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import honeyguide
from honeyguide.bootstrap.caches import Caches
from honeyguide.clock import Chance, Clock, RequestIds, SystemClock, system_chance
from honeyguide.config import Settings, settings_fingerprint
from honeyguide.config.surfaces import surface_faults
from honeyguide.errors import ConfigError
from honeyguide.features import FeatureReader, ItemBlock
from honeyguide.features.custom import plans_of
from honeyguide.features.past import Past, Rules
from honeyguide.ingest import Ingest
from honeyguide.ingest.events import EventRules
from honeyguide.jobs import DUTIES, Rounds, Schedule
from honeyguide.jobs.abandoned import Abandoned
from honeyguide.jobs.baseline import Baseline
from honeyguide.jobs.embeddings import Embed
from honeyguide.jobs.erase import KIND as ERASE
from honeyguide.jobs.erase import Erase
from honeyguide.jobs.export import Export
from honeyguide.jobs.exposures import ExposureFolding
from honeyguide.jobs.feature_check import FeatureComparison
from honeyguide.jobs.feature_columns import FeatureColumns
from honeyguide.jobs.features import FeatureFolding
from honeyguide.jobs.follow import Follow
from honeyguide.jobs.items import ItemRefresh
from honeyguide.jobs.judging import Judging
from honeyguide.jobs.kinds import OtherResults
from honeyguide.jobs.lag import LoopLag
from honeyguide.jobs.leader import Leader
from honeyguide.jobs.presence import Presence, Role
from honeyguide.jobs.quality import QualityMonitors
from honeyguide.jobs.quarantined import take_out
from honeyguide.jobs.queue import Queue
from honeyguide.jobs.retention import Retention
from honeyguide.jobs.slates import SlateWriter
from honeyguide.jobs.tokens import TokenRelay
from honeyguide.jobs.training import Training, train_command
from honeyguide.jobs.weights import BanditWeights
from honeyguide.models import REGISTRY
from honeyguide.monitoring.events import count_events
from honeyguide.monitoring.features import FeatureMetrics
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.readiness import Readiness
from honeyguide.outbound import Outbound
from honeyguide.protocols import Recipe
from honeyguide.ranking.conditions import Conditions
from honeyguide.recipes import outside_sources, recipes, source_names
from honeyguide.recommend import Recommend
from honeyguide.recommend.decisions import Decisions
from honeyguide.recommend.enrolment import Enrolment
from honeyguide.recommend.epochs import Epochs
from honeyguide.recommend.experiments import Experiments
from honeyguide.recommend.lineup import Lineup
from honeyguide.recommend.neighbours import FindNeighbours
from honeyguide.recommend.persons import Persons
from honeyguide.recommend.pipeline import Pipeline
from honeyguide.recommend.places import Places
from honeyguide.recommend.ruling import Ruling
from honeyguide.recommend.serving import ServingModels
from honeyguide.recommend.subjects import Subjects
from honeyguide.recommend.warming import Warming
from honeyguide.recommend.why import Whys
from honeyguide.stores.files import FileArtefacts, FileSearches
from honeyguide.stores.fold import People, fold_item, fold_properties
from honeyguide.stores.urls import open_store
from honeyguide.train.content import embeddings_of
from honeyguide.train.items import ItemCheck
from honeyguide.types import Appended, Job, LogRow, Process, ProcessRole

__all__ = ["Runtime", "open_runtime"]

_WORKERS = 2
_WAITING = 8
_SETTLE_SECONDS = 1.0


class Runtime:
    """Everything that one process needs, wired for its role. `start` and `stop` run the background jobs around it."""

    def __init__(
        self, settings: Settings, clock: Clock, *, role: Role, port: int | None = None, config_options: Sequence[str] = ()
    ) -> None:
        self.settings, self.clock, self.role = settings, clock, role
        self.sources: Mapping[str, str] = {}
        self.metrics = Metrics()
        self.metrics.open_files.set_function(_open_files)
        self.metrics.build_info.labels(honeyguide.__version__, platform.python_version()).set(1)
        self.readiness = Readiness(() if role == "worker" else ("items", "models", "lists"), clock, self.metrics)
        self.fingerprint = settings_fingerprint(settings)
        self.store = open_store(settings, clock)
        self.artefacts = FileArtefacts(settings.project.data_dir / "models")
        self.item_check = ItemCheck(self.store.catalogue, self.artefacts, self.store.registry, settings.training)
        self.searches = FileSearches(settings.project.data_dir / "searches")
        chance = system_chance()
        self.ids = RequestIds(clock, chance.getrandbits)
        self._wire_features()
        self.export = Export(self.store, self.features, clock)
        self.outbound = Outbound(settings.outbound.hosts, settings.outbound.private_hosts, clock)
        self.embeddings = embeddings_of(settings, clock, self.outbound)
        self.embed = Embed(self.embeddings, self.items)
        self._item_refresh = ItemRefresh(self.store.catalogue, self.items, self.metrics)
        self._wire_lists(chance)
        self._wire_log()
        self._wire_jobs(port, config_options)
        self.scrape: Callable[[], Awaitable[bytes]] = self._own_metrics

    def _wire_lists(self, chance: Chance) -> None:
        """Cache, models and the request path."""
        settings, clock, metrics = self.settings, self.clock, self.metrics
        self.caches = Caches(self, chance)
        self.cache = self.caches.lists
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
            self._switched,
            self.embeddings,
        )
        self.baseline.serve_on(self.serving)
        self.slates = SlateWriter(self.store.slates, metrics)
        merged, pseudonyms = self.store.catalogue.merged, self.store.people.pseudonyms
        self.subjects = Subjects(settings.all_surfaces(), self.caches.generations, metrics, merged, pseudonyms)
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="honeyguide-source")
        self._waiting = ThreadPoolExecutor(_WAITING, thread_name_prefix="honeyguide-outside")
        outside = outside_sources(settings, self.outbound, clock, chance.random, metrics)
        made = recipes(outside, {source.name: source.weight for source in settings.external}, settings.models.voices)
        self._check_sources(made)
        conditions = Conditions(self.items, [view for plan in self.plans.values() for view in plan.views])
        self.ruling = Ruling(self.store.rules, conditions, settings.all_surfaces(), clock, metrics, self.epochs.rule)
        self.places = Places(
            settings.all_surfaces(), made, self.store.experiments, [self.epochs.open, self.ruling.open], metrics
        )
        patience = {name: surface.deadline for name, surface in settings.all_surfaces().items()}
        persons = Persons(
            self.caches.persons,
            self.store.log,
            self.store.experiments,
            self.subjects.of,
            patience.__getitem__,
            metrics,
        )
        self.enrolment = Enrolment(self.store.experiments, self.places, persons, self.items, clock, metrics)
        self.recommend = Recommend(
            store=self.store,
            items=self.items,
            features=self.features,
            serving=self.serving,
            recipes=made,
            pipeline=Pipeline(metrics, clock, self._threads, self._waiting),
            cache=self.cache,
            subjects=self.subjects,
            epochs=self.epochs,
            slates=self.slates,
            check_events=EventRules(settings.events).check,
            ruling=self.ruling,
            places=self.places,
            enrolment=self.enrolment,
            settings=settings,
            fingerprint=self.fingerprint,
            clock=clock,
            ids=self.ids,
            metrics=metrics,
        )
        self.experiments = Experiments(self.store, self.enrolment, made, settings, clock)
        self.neighbours = FindNeighbours(self.store.log, self.store.catalogue, settings)
        self.decisions = Decisions(
            self.store, self.items, self.ruling, self.recommend, sorted(settings.all_surfaces()), clock
        )
        self.whys = Whys(self.store, self.cache, self.recommend, clock)
        self.warming = Warming(self.store.slates, self.recommend, self.cache, settings.cache, metrics)

    def _check_sources(self, made: Mapping[str, Recipe]) -> None:
        """Refuse surfaces that name a source which is not there."""
        faults = list(surface_faults(self.settings, source_names(made)))
        if faults:
            cure = "'honeyguide config check' finds this before a start."
            raise ConfigError("\n".join(fault.sentence() for fault in faults), cure=cure)

    def _switched(self, lineup: Lineup) -> None:
        """Other versions serve, and the lists that were made with them beforehand."""
        self.epochs.renew(lineup)
        self.warming.switched()

    def _wire_log(self) -> None:
        """Ingest, and who is told when the log grows."""
        self.follow = Follow(
            self.store.log,
            [self.subjects.follow, self._item_refresh.follow, self.columns.follow, self.baseline.follow],
            self.metrics,
        )
        self.relay: TokenRelay | None = None
        shared, tier = self.caches.shared, self.caches.tier
        if shared is not None and tier is not None:
            self.relay = TokenRelay(shared, tier, self.store.log, self.subjects.changes, self.clock, self.metrics)
        self.ingest = Ingest(
            self.store.log,
            self.store.catalogue,
            self.settings,
            self.clock,
            self.ids,
            [self._hear, count_events(self.metrics)],
            self.metrics,
        )

    def _wire_jobs(self, port: int | None, config_options: Sequence[str]) -> None:
        """Background jobs, and this process among the others."""
        store, clock, metrics = self.store, self.clock, self.metrics
        self.presence = Presence(store.heartbeats, self._myself(port), self.role, clock)
        known = self.settings.all_metrics()
        self.exposures = ExposureFolding(store, known, self.settings.segments.attributes, clock, metrics)
        self.judging = Judging(store, known, clock)
        self.weights = BanditWeights(store, clock)
        self.other_results = OtherResults(store, self.weights, clock)
        self.leader = Leader(store.leases, self.presence, clock, metrics)
        training = Training(train_command(config_options), REGISTRY)
        self.erase = Erase(
            store,
            self.ingest.tell_erased,
            self._settle,
            self.presence.others_answer,
            partial(take_out, self.settings.project.data_dir),
            self._forget,
            clock,
            metrics,
            models_within=self.settings.retention.models,
        )
        self.queue = Queue(store.jobs, {"train": training, ERASE: self.erase}, self.presence, clock, metrics)
        load = self._item_refresh.load if self.role == "worker" else None  # elsewhere the items are there
        self.quality = QualityMonitors(store, self.items, self.settings, clock, metrics, load=load)
        again = [name for name, kind in self.queue.kinds.items() if kind.again]
        rounds = {
            "presence": self.presence.round,
            "lease": self.leader.round,
            "lag": LoopLag(clock, self.metrics, DUTIES["lag"].every).round,
            "database": self._ask_database,
            "follow": self._follow,
            "pull": self._pull,
            "tokens": self._relay,
            "models": self.serving.refresh,
            "rules": self.ruling.refresh,
            "experiments": self.enrolment.refresh,
            "slates": self.slates.round,
            "baseline": self.baseline.round,
            "embeddings": self.embed.round,
            "queue": self.queue.round,
            "columns": self.columns.round,
            "features": self.folding.round,
            "exposures": self.exposures.round,
            "judging": self.judging.round,
            "weights": self.weights.round,
            "feature_check": self.feature_check.round,
            "quality": self.quality.round,
            "retention": Retention(store, self.settings.retention, clock, metrics).round,
            "abandoned": Abandoned(store.jobs, self.presence, self.leader, again).round,
        }
        self._schedule = Schedule(
            rounds,
            metrics,
            every={"columns": self.settings.feature_store.refresh},
            answers=self.role != "worker",
            runs_jobs=self.presence.runs_jobs,
            leads=self.leader.leads,
        )

    async def erase_user(self, user_id: str) -> Job:
        """The job that erases a person: one that is under way, else a new one. Raises InvalidInput for what is no id."""
        under_way, params = await self.erase.ask(user_id)
        return under_way or await self.queue.put(ERASE, params)

    async def clear_cache(self, user_id: str | None = None) -> tuple[Literal["process", "all"], list[str]]:
        """Make the lists of a user and of the ids merged with it unservable, or all there are; in which processes, and the
        ids. Raises `Unavailable`."""
        person = None if user_id is None else await self.subjects.of_person(user_id)
        reach = await self.caches.clear(None if person is None else [each for ids in person.values() for each in ids])
        self.metrics.cache_invalidations.labels("cleared").inc()
        return reach, list(person or ())

    def _forget(self, users: Mapping[str, int], item_ids: Collection[str]) -> None:
        """Take erased users out of what is folded from the log."""
        self.folding.erased(users, item_ids)
        self.exposures.erased()

    async def _settle(self) -> None:
        """Let the lists that are being made come to their end, and write the slates in hand."""
        with contextlib.suppress(TimeoutError):  # under a steady load there are always some, but not those of before
            await asyncio.wait_for(self.cache.drain(), _SETTLE_SECONDS)
        await self.slates.round()

    def _myself(self, port: int | None) -> Process:
        answering: ProcessRole = "api" if self.settings.redis.url else "alone"
        return Process(
            process_id=self.ids.next(),
            role="worker" if self.role == "worker" else answering,
            host=socket.gethostname(),
            pid=os.getpid(),
            port=port,
            release=honeyguide.__version__,
            started_at=self.clock.now_ms(),
        )

    async def _hear(self, rows: Sequence[LogRow], appended: Appended) -> None:
        """What this process wrote: tokens first, then items; noted as heard only when both have it, else followed again."""
        changes = await self.subjects.follow(rows, appended)
        if self.relay is not None:
            await self.relay.tell(changes)
        await self._item_refresh.follow(rows, appended)
        await self.columns.follow(rows, appended)
        await self.baseline.follow(rows, appended)
        await self.follow.appended_here(rows, appended)

    def past(self, until: int | None = None) -> Past:
        """The log up to a position, for replays; reads all of it."""
        return Past.of(self.store.log, self.plans, Rules(fold_item, fold_properties, People), until=until)

    def _wire_features(self) -> None:
        """Feature views: their fold, the columns of items, and reading them."""
        settings, store, clock, metrics = self.settings, self.store, self.clock, self.metrics
        self.plans = plans = plans_of(settings, metrics.feature_function_errors)
        self.items = ItemBlock(keeps_vectors=True)
        self.folding = FeatureFolding(store.log, store.features, tuple(plans.values()), clock, metrics)
        self.columns = FeatureColumns(plans["item"], store.log, store.features, self.items, clock, metrics)
        self.feature_check = FeatureComparison(store, plans, clock, metrics)
        self.features = FeatureReader(
            store.features, plans, self.items, settings.feature_store, clock, FeatureMetrics(metrics)
        )
        for view in self.features.views:
            metrics.feature_max_age.labels(view.name).set(self.features.ttl(view))

    async def _own_metrics(self) -> bytes:
        return self.metrics.render()

    async def _follow(self) -> None:
        """Hear what others wrote; as long as that works, the tokens held here need nobody else to be true."""
        started = self.clock.monotonic()
        await self.follow.round()
        if not self.follow.behind:
            self.caches.heard_log(started)

    async def _pull(self) -> None:
        if self.caches.tier is not None and await self.caches.tier.pull():
            self.readiness.heard("redis")

    async def _relay(self) -> None:
        if self.relay is not None:
            await self.relay.round()

    async def _ask_database(self) -> None:
        """Notice whether the database answers, also while nobody asks for anything."""
        await self.store.log.position()
        self.readiness.heard("database")

    async def start(self) -> None:
        """Load what is to be served and begin the background jobs; on the event loop that will answer.

        Raises `Conflict` where another process forbids this one."""
        await self.presence.enter(guarded=not self.store.shared)
        if self.role != "worker":
            await self._load()
        self._schedule.start()

    def _check_models(self) -> None:
        """Servers on one database read model files from one folder: say so at the start, where it is not there."""
        served = {(version.model, version.version) for version in self.store.registry.aliases().values()}
        if self.store.shared and served and served.isdisjoint(self.artefacts.folders()):
            folder = self.settings.project.data_dir / "models"
            raise ConfigError(
                f"None of the versions that the aliases point at is in {folder}: servers on one database share this folder.",
                cure="Mount the others' folder there, or set project.data_dir; if it is lost for good: honeyguide train",
                code="models_not_shared",
            )

    async def _load(self) -> None:
        await asyncio.to_thread(self._check_models)
        # before the items are read: what comes later is followed
        self.follow.position = self.caches.generations.position = await self.store.log.position()
        self.columns.start = self.follow.position
        await asyncio.to_thread(self._item_refresh.load)  # with them the deny set
        self.readiness.done("items")
        await self.ruling.refresh()
        await self.enrolment.refresh()
        await self.serving.refresh()
        await self.baseline.round()
        await self._pull()
        self.readiness.done("models")
        if self.role == "library":
            self.readiness.done("lists")
        else:
            await self.warming.begin(self._lists_made)

    def _lists_made(self) -> None:
        self.serving.before_switch = self.warming.before_switch
        self.readiness.done("lists")

    async def stop(self) -> None:
        """End the background jobs in order, write what is waiting, let go of the files."""
        await self.warming.stop()
        await self.queue.stop()
        await self._schedule.stop()
        await Rounds("lease", 0.0, self.leader.resign, self.metrics).once()
        await Rounds("presence", 0.0, self.presence.leave, self.metrics).once()
        await self.cache.drain()
        await Rounds("slates", 0.0, self.slates.round, self.metrics).once()
        await self.ingest.drain()
        if self.relay is not None and self.caches.shared is not None:
            await self.relay.drain()
            await self.caches.shared.close()
        for threads in (self._threads, self._waiting):
            threads.shutdown(wait=False, cancel_futures=True)
        self.outbound.close()
        self.store.close()


def _open_files() -> int:
    return len(os.listdir("/dev/fd"))


def open_runtime(
    settings: Settings | None = None,
    clock: Clock | None = None,
    *,
    role: Role = "library",
    port: int | None = None,
    config_options: Sequence[str] = (),
    sources: Mapping[str, str] | None = None,
) -> Runtime:
    """Open a project for a process of this role, that listens on `port`.

    `config_options` are the command-line options that a child process needs to open the same one; `sources` say where each
    setting comes from (`config.load`)."""
    runtime = Runtime(settings or Settings(), clock or SystemClock(), role=role, port=port, config_options=config_options)
    runtime.sources = dict(sources or {})
    return runtime
