"""RECOMMEND: a query in, an explained list out, within milliseconds and whatever fails behind it.

    serve_cached   the list is in memory: check what may not be shown, cut, log
    serve          else make it: state -> filters -> sources -> score -> select -> explain -> keep -> log

Start at `Recommend.serve`; the stages are in `pipeline.py`, what they are made of in `honeyguide/recipes.py`.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog

from honeyguide.cache import Cache, Computed, Epoch, Found, Want
from honeyguide.clock import Clock, RequestIds
from honeyguide.config.settings import Settings
from honeyguide.features import FeatureReader, ItemBlock
from honeyguide.features.served import Noted
from honeyguide.messages import Explanation, Query, Slate, SlateItem
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import InForce, Recipe, SlateSink, Store
from honeyguide.recommend.enrolment import Enrolment
from honeyguide.recommend.epochs import Epochs
from honeyguide.recommend.exploring import Exploring, account
from honeyguide.recommend.hydrate import context_of
from honeyguide.recommend.impressions import Impressions
from honeyguide.recommend.known import Known, States
from honeyguide.recommend.late import Late, Page
from honeyguide.recommend.lineup import Lineup
from honeyguide.recommend.made import CheckEvents
from honeyguide.recommend.making import Making
from honeyguide.recommend.many import Many
from honeyguide.recommend.pages import MARK, cursor_of, page_of
from honeyguide.recommend.pipeline import Pipeline
from honeyguide.recommend.places import Places
from honeyguide.recommend.query import check, for_nobody, is_named, is_plain, list_key, subject_of
from honeyguide.recommend.ranked import LONG, Ranked, Served, bucket_for, decode, encode, ids_of, items_of
from honeyguide.recommend.replay import Replay
from honeyguide.recommend.ruling import Ruling
from honeyguide.recommend.serving import ServingModels
from honeyguide.recommend.subjects import Subjects
from honeyguide.types import MAX_N, Assigned, Interleaved, ServedFrom, ServedSlate, label_of

__all__ = ["Recommend", "Served"]

log = structlog.get_logger(__name__)


class Recommend:
    """The request path. Its organs come in as arguments; `bootstrap.py` decides which."""

    def __init__(
        self,
        *,
        store: Store,
        items: ItemBlock,
        features: FeatureReader,
        serving: ServingModels,
        recipes: Mapping[str, Recipe],
        pipeline: Pipeline,
        cache: Cache,
        subjects: Subjects,
        epochs: Epochs,
        slates: SlateSink,
        check_events: CheckEvents,
        ruling: Ruling,
        places: Places,
        enrolment: Enrolment,
        settings: Settings,
        fingerprint: str,
        clock: Clock,
        ids: RequestIds,
        metrics: Metrics,
    ) -> None:
        self._items, self._serving = items, serving
        self.cache, self._subjects, self._epochs, self._slates = cache, subjects, epochs, slates
        self.ruling, self._fingerprint = ruling, fingerprint
        self.clock, self._ids, self._metrics = clock, ids, metrics
        self._places, self._enrolment, self._surfaces = places, enrolment, places.surfaces
        self._late = Late(items, Exploring(places, recipes, settings.exploration, items, metrics), clock.now_ms)
        self.states = States(store.log, features, recipes, settings, clock, metrics, ruling.looks_at, places)
        self.making = Making(
            items,
            features,
            serving,
            recipes,
            pipeline,
            self.states,
            Impressions(store, metrics),
            check_events,
            ruling,
            settings,
            places,
            clock,
            metrics,
        )
        self.replay = Replay(
            store,
            items,
            features,
            serving,
            recipes,
            self.making,
            self.states,
            self._late,
            ruling,
            enrolment,
            places,
            settings,
            fingerprint,
        )
        self._bound: dict[tuple[str, ServedFrom], tuple[Callable[[], None], Callable[[float], None]]] = {}

    async def recommend(self, query: Query) -> Slate:
        """The list for a query, as an object. Raises InvalidInput or NotFound for a query that cannot be answered."""
        return (await self.serve(query)).slate()

    async def serve(self, query: Query, lineup: Lineup | None = None) -> Served:
        """The list for a query, still encoded: from the cache, else made now.

        `lineup` are the versions to make it with where those that serve now are not meant: the page of an earlier list,
        a batch that began before they were exchanged."""
        present, strict = self.lineup, lineup is not None
        lineup = lineup or present
        served = self.serve_cached(query, strict=strict) if lineup is present else None
        if served is not None:
            return served
        self.check(query)
        started = self.clock.monotonic()
        query = await self._enrolment.of(query)
        if query.interleaved is not None:
            return await self.serve_both(query, query.interleaved, lineup, started)
        if lineup is present and is_plain(query):
            return await self._serve_kept(query, lineup, started, strict=strict)
        return await self.serve_made(query, lineup, started)

    async def serve_both(self, query: Query, interleaved: Assigned, lineup: Lineup, started: float) -> Served:
        """Two lists in one, either from the cache, else made; from what has the older of them."""
        sides, kept = self._enrolment.sides(query, interleaved), lineup is self.lineup and is_plain(query)
        found: list[tuple[Ranked, ServedFrom]] = []
        for side in sides:
            one = await self._one_side(side, lineup) if kept else None
            if one is None:
                ranked = (await self.making.make(side, LONG, lineup)).ranked
                one = ranked, _origin(ranked)
            found.append(one)
        return self._finish(query, *found[0], started, beside=(interleaved, found[1][0]))

    async def _one_side(self, query: Query, lineup: Lineup) -> tuple[Ranked, ServedFrom] | None:
        """The list of one arm from the cache, else made and kept; None if other versions made it."""
        found = await self._fetched(query, lineup, [])
        if not found.payload:
            found = await self._fetched(for_nobody(query), lineup, [])
        ranked = decode(found.payload)
        if query.offset and ranked.lineup != lineup.digest:
            return None
        return ranked, found.served_from if found.served_from != "computed" else _origin(ranked)

    async def serve_made(self, query: Query, lineup: Lineup, started: float, known: Known | None = None) -> Served:
        """A list that is made for this request alone, from what is known of its user, read now unless it was."""
        made = await self.making.make(query, bucket_for(query.offset + query.n), lineup, known)
        served = self._finish(query, made.ranked, _origin(made.ranked), started, made.noted)
        served.stages = made.outcome.stages
        if query.explain:
            served.trace = await self.making.trace(made, ids_of(served.ids)) | (served.trace or {})
        return served

    def serve_cached(self, query: Query, *, strict: bool = False, again: bool = False) -> Served | None:
        """The list if it is in memory and may still be served; never waits. A stale one is made anew behind it.

        With `strict`, as for all pages but the first, it must have been made by the versions that serve now. With `again`
        whoever gets nothing goes on to `serve`, which looks once more."""
        if not (0 < query.n <= MAX_N and 0 <= query.offset <= MAX_N) or not is_plain(query) or not is_named(query):
            return None
        if query.surface in self._enrolment.running:
            enrolled = self._enrolment.at_once(query)
            if enrolled is None:
                return None
            query = enrolled
        started, interleaved = self.clock.monotonic(), query.interleaved
        if interleaved is not None:
            return self._both_cached(query, interleaved, started, strict=strict, again=again)
        held = self._held(query, strict=strict, again=again)
        return None if held is None else self._finish(query, *held, started)

    def _both_cached(
        self, query: Query, interleaved: Assigned, started: float, *, strict: bool, again: bool
    ) -> Served | None:
        """Two lists in one, if both are in memory."""
        first, second = (self._held(side, strict=strict, again=again) for side in self._enrolment.sides(query, interleaved))
        if first is None or second is None:
            return None
        return self._finish(query, *first, started, beside=(interleaved, second[0]))

    def _held(self, query: Query, *, strict: bool, again: bool) -> tuple[Ranked, ServedFrom] | None:
        """The list of a query if it is in memory, and from where."""
        user_id, bucket = subject_of(query), bucket_for(query.offset + query.n)
        rules = self.ruling.of(query.place).strict
        key, subject = list_key(query, user_id, bucket, rules), self._subjects.of(query.surface, user_id)
        epoch = self._epochs.of(query.place)
        found = self.cache.get(key, subject, epoch.now, again=again)
        if found is None:
            return None
        lineup = self._serving.lineup
        if found.refresh:
            self.cache.refresh(self.want(query)[0], lambda: self.value(query, bucket, lineup))
        ranked = decode(found.payload)
        if (strict or query.offset) and ranked.lineup != lineup.digest:
            return None
        return ranked, found.served_from

    async def serve_many(self, queries: Sequence[Query], lineups: Sequence[Lineup | None]) -> list[Served]:
        """The lists of many queries, in order, each as `serve` makes it, with its line-up. What is known of all the users
        whose lists are not in memory is read in one go."""
        return await Many(self, queries, lineups).served()

    async def _serve_kept(self, query: Query, lineup: Lineup, started: float, *, strict: bool) -> Served:
        """The list from another tier of the cache, else made and kept. Users of whom nothing is known share one."""
        noted: list[Noted] = []
        found = await self._fetched(query, lineup, noted)
        if not found.payload:
            found = await self._fetched(for_nobody(query), lineup, noted)
        return await self.serve_found(query, lineup, found, started, strict=strict, noted=noted)

    async def serve_found(
        self, query: Query, lineup: Lineup, found: Found, started: float, *, strict: bool, noted: Sequence[Noted]
    ) -> Served:
        """A list that was found or made for the cache, unless other versions made it than are asked for."""
        ranked = decode(found.payload)
        if (strict or query.offset) and ranked.lineup != lineup.digest:
            return await self.serve_made(query, lineup, started)
        if found.served_from != "computed":
            return self._finish(query, ranked, found.served_from, started)
        return self._finish(query, ranked, _origin(ranked), started, noted[0] if noted else None)

    async def _fetched(self, query: Query, lineup: Lineup, noted: list[Noted]) -> Found:
        want, bucket = self.want(query)
        if lineup is not self._serving.lineup:  # exchanged while something was waited for: it is kept as what it is
            want.epoch = Epoch(self._epochs.under(query.place, lineup))
        return await self.cache.fetch(want, lambda: self.value(query, bucket, lineup, noted))

    async def under(self, query: Query, rules: InForce) -> tuple[list[SlateItem], str]:
        """The items of a list as it would be under certain rules, and why there are none, if so. Leaves no trace."""
        self.check(query)
        query.explore = False
        made = await self.making.make(query, LONG, self.lineup, rules=rules)
        return items_of(self._late.page(query, made.ranked, rules, 0).items), made.ranked.empty_because

    def want(self, query: Query) -> tuple[Want, int]:
        """What the list of a query is kept as, and how long it is."""
        user_id, bucket = subject_of(query), bucket_for(query.offset + query.n)
        rules = self.ruling.of(query.place).strict
        key, subject = list_key(query, user_id, bucket, rules), self._subjects.of(query.surface, user_id)
        return Want(key, subject, self._epochs.of(query.place), self._places.of(query).ttl), bucket

    async def enrol(self, query: Query) -> Query:
        """The query in the arms of the experiments that run. Raises `InvalidInput` for an arm that there is not."""
        return await self._enrolment.of(query)

    def serves(self, query: Query) -> str:
        """The version that the lists of a query are made with now; empty if none is."""
        pair = self._serving.lineup.pair(self._places.of(query).model)
        return pair.label if pair is not None else ""

    @property
    def lineup(self) -> Lineup:
        """The versions that serve now."""
        return self._serving.lineup

    def check(self, query: Query) -> None:
        """Raise InvalidInput for a query that cannot be answered."""
        check(query, self._surfaces)
        self.ruling.condition(query)

    async def keep(self, query: Query) -> bool:
        """See to it that the list of a query is in memory, without serving it; False if its surface is gone."""
        if query.surface not in self._surfaces:
            return False
        for each in self._lists_of(await self._enrolment.of(query)):
            if not (await self._fetched(each, self._serving.lineup, [])).payload:
                await self._fetched(for_nobody(each), self._serving.lineup, [])
        return True

    def _lists_of(self, query: Query) -> tuple[Query, ...]:
        """The requests whose lists are kept for a query: two where it sees two in one."""
        interleaved = query.interleaved
        return (query,) if interleaved is None else self._enrolment.sides(query, interleaved)

    async def prepare(self, query: Query, lineup: Lineup, cache: Cache) -> Want | None:
        """The same in another cache's memory, with versions that do not serve yet; as what it is kept there, None where
        there is nothing to make: the surface is gone, or its lists stay as they are."""
        if query.surface not in self._surfaces:
            return None
        query, *_ = self._lists_of(await self._enrolment.of(query))
        (want, bucket), epoch = self.want(query), Epoch(self._epochs.under(query.place, lineup))
        if epoch.now == want.epoch.now:
            return None
        want.epoch = epoch
        found = await cache.fetch(want, lambda: self.value(query, bucket, lineup))
        return want if found.payload else await self.prepare(for_nobody(query), lineup, cache)

    async def explain(self, request_id: str) -> Explanation:
        """A served slate made again from the log, with the funnel that led to it. Raises NotFound."""
        return await self.replay.explain(request_id)

    def page(self, query: Query, cursor: str) -> Lineup | None:
        """Let a query ask for the page of a cursor: of what earlier pages have not shown. The versions that made the list
        if others serve now and those are still here. Raises InvalidInput for a cursor that we did not give."""
        query.shown, digest, query.seed = page_of(cursor)
        query.offset = len(query.shown) // MARK
        return self._serving.before(digest) if digest != self._serving.lineup.digest else None

    async def value(
        self, query: Query, bucket: int, lineup: Lineup, noted: list[Noted] | None = None, known: Known | None = None
    ) -> Computed:
        """The encoded list for the cache; empty for a user of whom nothing is known. A degraded one is not kept.

        Features that are to be logged with the slate of who asked for it are added to `noted`."""
        known = known or await self.states.of(query)
        stranger = bool(known.state.user_id) and not known.state.known and not known.missing
        if stranger and not self.ruling.looks_at(query, "user.id"):
            return Computed(b"", keep=False)
        made = await self.making.make(query, bucket, lineup, known)
        if noted is not None and made.noted is not None:
            noted.append(made.noted)
        lasts = self.ruling.lasts(query.place)
        return Computed(encode(made.ranked), not made.ranked.degraded, failed="state" in known.missing, lasts=lasts)

    def _finish(
        self,
        query: Query,
        ranked: Ranked,
        origin: ServedFrom,
        started: float,
        noted: Noted | None = None,
        beside: tuple[Assigned, Ranked] | None = None,
    ) -> Served:
        """See to what happens after the cache, log the slate, count."""
        request_id, shown = self._ids.next(), query.shown
        seed = zlib.crc32(request_id.encode()) if query.seed is None else query.seed
        if beside is None:
            rules = self.ruling.of(query.place)
            if shown:
                query, ranked = self._late.onward(query, ranked, rules, seed)
            page = self._late.page(query, ranked, rules, seed)
        else:
            page = self._both(query, ranked, *beside, seed)
        end = query.offset + query.n
        served = Served(
            request_id=request_id,
            user_id=query.user_id,
            surface=query.surface,
            ids=page.ids,
            items=page.items,
            served_from=origin,
            stale=origin in ("stale", "stale-error"),
            as_of=ranked.as_of,
            model=ranked.model,
            rung=ranked.rung,
            degraded=ranked.degraded if origin != "stale-error" else [*ranked.degraded, "stale"],
            next_cursor=_cursor(ranked, shown, seed, page) if end < min(MAX_N, page.length) else None,
            empty_because=None if page.shown else ranked.empty_because or "the list has no more items",
            unknown=[each for each in query.candidates if self._items.number(each) < 0] if query.candidates else [],
        )
        if query.explain:
            served.trace = {"exploration": account(page.explored, seed, page.propensities, len(page.shown))}
        if not query.dry_run:
            slate = self._slate(query, ranked, served, page, seed)
            if beside is not None:
                self._tell_beside(slate, *beside, page)
            slate.took = round(1e6 * (self.clock.monotonic() - started))
            if noted is not None:
                slate.features = noted.of(np.array([self._items.number(item_id) for item_id in page.shown], np.int32))
                slate.features.scores = page.scores()
            self._slates.add(slate)
        if page.explored is not None:
            self._metrics.recommend_explored.labels(query.surface, page.explored.how).inc()
        self._count(query.surface, origin, self.clock.monotonic() - started)
        return served

    def _both(self, query: Query, ranked: Ranked, interleaved: Assigned, beside: Ranked, seed: int) -> Page:
        """The page of two lists in one."""
        first, second = (self.ruling.of(side.place) for side in self._enrolment.sides(query, interleaved))
        method = self._places.experiment(interleaved).interleave
        return self._late.interleaved(query, (ranked, beside), (first, second), method, seed)

    def _tell_beside(self, slate: ServedSlate, interleaved: Assigned, beside: Ranked, page: Page) -> None:
        """Let the slate of two lists in one say how the second was made, and whose each position is."""
        experiment = self._places.experiment(interleaved)
        first, second = experiment.arm_names
        slate.served_arm = slate.arm if slate.served_arm and beside.arm else ""
        slate.interleaved = Interleaved(
            arms=(first, second),
            method=experiment.interleave,
            shares=page.shares or [],
            model=beside.model,
            as_of=beside.as_of,
            computed_at=beside.computed_at,
            degraded=beside.degraded,
            missed=beside.missed,
            late=list(page.beside.late) if page.beside is not None else [],
            rules=beside.rules,
            given=beside.given,
            columns=beside.columns,
        )

    def _slate(self, query: Query, ranked: Ranked, served: Served, page: Page, seed: int) -> ServedSlate:
        return ServedSlate(
            request_id=served.request_id,
            ts=self.clock.now_ms(),
            user_id=subject_of(query),
            surface=query.surface,
            items=page.shown,
            n=query.n,
            served_from=served.served_from,
            rung=ranked.rung,
            model=ranked.model,
            as_of=ranked.as_of,
            computed_at=ranked.computed_at,
            seed=seed,
            config=self._fingerprint,
            degraded=served.degraded,
            missed=ranked.missed,
            given=ranked.given,
            late=page.late,
            rules=ranked.rules,
            columns=ranked.columns,
            context=context_of(query),
            propensities=page.propensities,
            explored=page.explored,
            arm=label_of(query.in_arms),
            assigned=list(query.in_arms),
            served_arm=ranked.arm,
        )

    def _count(self, surface: str, origin: ServedFrom, seconds: float) -> None:
        """Counters of a surface and origin, looked up by label once."""
        bound = self._bound.get((surface, origin))
        if bound is None:
            counter = self._metrics.recommend_requests.labels(surface, origin, "ok")
            bound = (counter.inc, self._metrics.recommend_duration.labels(surface, origin).observe)
            self._bound[surface, origin] = bound
        bound[0]()
        bound[1](seconds)


def _cursor(ranked: Ranked, shown: bytes, seed: int, page: Page) -> str:
    drawn = page.explored is not None or page.shares is not None
    return cursor_of(ranked.lineup, shown + page.marks, seed if drawn else None)


def _origin(ranked: Ranked) -> ServedFrom:
    return "fallback" if ranked.degraded and ranked.rung not in ("personal", "session") else "computed"
