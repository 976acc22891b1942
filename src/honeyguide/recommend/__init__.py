"""RECOMMEND: a query in, an explained list out, within milliseconds and whatever fails behind it.

    serve_cached   the list is in memory: check what may not be shown, cut, log
    serve          else make it: state -> filters -> sources -> score -> select -> explain -> keep -> log

Start at `Recommend.serve`; the stages are in `pipeline.py`, what they are made of in `honeyguide/recipes.py`.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import structlog

from honeyguide.cache import Cache, Computed, Epoch, Found, Want
from honeyguide.clock import Clock, RequestIds
from honeyguide.config.settings import Settings, Surface
from honeyguide.errors import FieldError, InvalidInput, NotFound
from honeyguide.features import FeatureReader, ItemBlock
from honeyguide.features.online import OfRequest
from honeyguide.features.served import Noted
from honeyguide.messages import EventIn, Explanation, Query, Slate, SlateItem
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import InForce, Recipe, Request, SlateSink, Store
from honeyguide.recommend.emptiness import why_empty
from honeyguide.recommend.epochs import Epochs
from honeyguide.recommend.exploring import Exploring, account
from honeyguide.recommend.hydrate import Weighing, context_of, hydrate, overlay
from honeyguide.recommend.impressions import Impressions, as_of_then
from honeyguide.recommend.known import Known, States
from honeyguide.recommend.last_resort import last_resort
from honeyguide.recommend.late import Late, Page
from honeyguide.recommend.lineup import Lineup, Pair, with_ranker
from honeyguide.recommend.made import CheckEvents, Made
from honeyguide.recommend.many import Many
from honeyguide.recommend.pages import MARK, cursor_of, page_of
from honeyguide.recommend.pipeline import Outcome, Pipeline, named_outside
from honeyguide.recommend.query import check, for_nobody, is_named, is_plain, list_key, subject_of
from honeyguide.recommend.ranked import LONG, Ranked, Served, bucket_for, decode, encode, ids_of, items_of, pack
from honeyguide.recommend.ruling import Ruling
from honeyguide.recommend.serving import ServingModels
from honeyguide.recommend.stages import recipe_of, with_changes
from honeyguide.recommend.subjects import Subjects
from honeyguide.recommend.trace import trace
from honeyguide.types import MAX_N, Item, Json, LogRow, ServedFrom, ServedSlate, UserState

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
        settings: Settings,
        fingerprint: str,
        clock: Clock,
        ids: RequestIds,
        metrics: Metrics,
    ) -> None:
        self._store, self._items, self._features, self._serving = store, items, features, serving
        self._recipes, self._pipeline = recipes, pipeline
        self.cache, self._subjects, self._epochs, self._slates = cache, subjects, epochs, slates
        self._check_events, self.ruling = check_events, ruling
        self._settings, self._fingerprint = settings, fingerprint
        self.clock, self._ids, self._metrics = clock, ids, metrics
        self._surfaces = settings.all_surfaces()
        self._weighing, self._impressions = Weighing.of(settings.events), Impressions(store, metrics)
        self._late = Late(items, Exploring(self._surfaces, recipes, settings.exploration, items, metrics), clock.now_ms)
        self.states = States(store.log, features, recipes, settings, clock, metrics, ruling.looks_at)
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
        if lineup is present and is_plain(query):
            return await self._serve_kept(query, lineup, started, strict=strict)
        return await self.serve_made(query, lineup, started)

    async def serve_made(self, query: Query, lineup: Lineup, started: float, known: Known | None = None) -> Served:
        """A list that is made for this request alone, from what is known of its user, read now unless it was."""
        made = await self._make(query, LONG, lineup, known)
        served = self._finish(query, made.ranked, _origin(made.ranked), started, made.noted)
        served.stages = made.outcome.stages
        if query.explain:
            served.trace = await self._trace(made, ids_of(served.ids)) | (served.trace or {})
        return served

    def serve_cached(self, query: Query, *, strict: bool = False, again: bool = False) -> Served | None:
        """The list if it is in memory and may still be served; never waits. A stale one is made anew behind it.

        With `strict`, as for all pages but the first, it must have been made by the versions that serve now. With `again`
        whoever gets nothing goes on to `serve`, which looks once more."""
        if not (0 < query.n <= MAX_N and 0 <= query.offset <= MAX_N) or not is_plain(query) or not is_named(query):
            return None
        started = self.clock.monotonic()
        user_id, bucket = subject_of(query), bucket_for(query.offset + query.n)
        rules = self.ruling.of(query.surface).strict
        key, subject = list_key(query, user_id, bucket, rules), self._subjects.of(query.surface, user_id)
        epoch = self._epochs.of(query.surface)
        found = self.cache.get(key, subject, epoch.now, again=again)
        if found is None:
            return None
        lineup = self._serving.lineup
        if found.refresh:
            self.cache.refresh(self.want(query)[0], lambda: self.value(query, bucket, lineup))
        ranked = decode(found.payload)
        if (strict or query.offset) and ranked.lineup != lineup.digest:
            return None
        return self._finish(query, ranked, found.served_from, started)

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
            want.epoch = Epoch(self._epochs.under(query.surface, lineup))
        return await self.cache.fetch(want, lambda: self.value(query, bucket, lineup, noted))

    async def under(self, query: Query, rules: InForce) -> tuple[list[SlateItem], str]:
        """The items of a list as it would be under certain rules, and why there are none, if so. Leaves no trace."""
        self.check(query)
        query.explore = False
        made = await self._make(query, LONG, self.lineup, rules=rules)
        return items_of(self._late.page(query, made.ranked, rules, 0).items), made.ranked.empty_because

    def want(self, query: Query) -> tuple[Want, int]:
        """What the list of a query is kept as, and how long it is."""
        user_id, bucket = subject_of(query), bucket_for(query.offset + query.n)
        rules = self.ruling.of(query.surface).strict
        key, subject = list_key(query, user_id, bucket, rules), self._subjects.of(query.surface, user_id)
        return Want(key, subject, self._epochs.of(query.surface), self._surfaces[query.surface].ttl), bucket

    def serves(self, surface: str) -> str:
        """The version that a surface's lists are made with now; empty if none is."""
        pair = self._serving.lineup.pair(self._surfaces[surface].model)
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
        if not (await self._fetched(query, self._serving.lineup, [])).payload:
            await self._fetched(for_nobody(query), self._serving.lineup, [])
        return True

    async def prepare(self, query: Query, lineup: Lineup, cache: Cache) -> Want | None:
        """The same in another cache's memory, with versions that do not serve yet; as what it is kept there, None where
        there is nothing to make: the surface is gone, or its lists stay as they are."""
        if query.surface not in self._surfaces:
            return None
        (want, bucket), epoch = self.want(query), Epoch(self._epochs.under(query.surface, lineup))
        if epoch.now == want.epoch.now:
            return None
        want.epoch = epoch
        found = await cache.fetch(want, lambda: self.value(query, bucket, lineup))
        return want if found.payload else await self.prepare(for_nobody(query), lineup, cache)

    async def explain(self, request_id: str) -> Explanation:
        """A served slate made again from the log, with the funnel that led to it. Raises NotFound."""
        slate = await self._store.slates.get(request_id)
        if slate is None:
            cure = "Slates are written within 100 ms of being served."
            raise NotFound(f"There is no slate {request_id!r}.", cure=cure)
        made = await self._make_again(slate)
        page = self._late.again(made.request.query, made.ranked, slate, made.request.items)
        funnel = await self._trace(made, page.shown) | {"configuration_changed": slate.config != self._fingerprint}
        funnel["exploration"] = account(slate.explored, slate.seed, slate.propensities, len(slate.items))
        return Explanation(
            request_id=request_id,
            served=slate.items,
            replayed=page.shown,
            matches=page.shown == slate.items,
            items=items_of(page.items),
            trace=funnel,
            slate=msgspec.to_builtins(slate),
        )

    async def _trace(self, made: Made, shown: list[str]) -> Json:
        request = replace(made.request, given=made.ranked.given)  # what is outside is not asked again
        return await trace(self._pipeline, self._recipe(request), request, made.outcome, shown)

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
        made = await self._make(query, bucket, lineup, known)
        if noted is not None and made.noted is not None:
            noted.append(made.noted)
        lasts = self.ruling.lasts(query.surface)
        return Computed(encode(made.ranked), not made.ranked.degraded, failed="state" in known.missing, lasts=lasts)

    async def _make(
        self, query: Query, length: int, lineup: Lineup, known: Known | None = None, rules: InForce | None = None
    ) -> Made:
        """Make a list of up to `length` items from what is known now, or from what was read; by the rules in force now, or
        those given."""
        now, surface = self.clock.now_ms(), self._surfaces[query.surface]
        if query.recipe is not None:
            surface = with_changes(surface, query.recipe, self._recipes)
        pair = await self._serving.pair(query.model or surface.model, lineup)
        known = known or await self.states.of(query)
        degraded = [*known.missing]
        if (query.model or surface.model) in lineup.refused:
            degraded.append("model")
            self._metrics.recommend_fallbacks.labels(surface.name, "model").inc()
        rules = self.ruling.of(query.surface) if rules is None else rules
        return await self._list(query, surface, pair, lineup, known.state, self._items, now, rules, length, degraded)

    async def _list(
        self,
        query: Query,
        surface: Surface,
        pair: Pair,
        lineup: Lineup,
        state: UserState,
        items: ItemBlock,
        now: int,
        rules: InForce,
        length: int,
        degraded: list[str],
        skip: Sequence[str] = (),
        given: Mapping[str, Sequence[str]] | None = None,
    ) -> Made:
        """The stages on a given state of the world."""
        if query.events:
            state = overlay(state, self._checked(query.events, now))
        seen = await self._impressions.lately(state, surface, now, degraded)
        features = None if state.folded is None else OfRequest(self._features, state, now)
        request = hydrate(
            query,
            surface,
            state,
            items,
            pair.model,
            pair.popular,
            self._weighing,
            self._settings,
            now,
            features,
            pair.content,
            seen,
            given,
            self.ruling.condition(query),
            rules,
        )
        request = with_ranker(request, pair)
        outcome = await self._outcome(request, length, skip, degraded)
        if not outcome.items:
            recipe, last_known = self._recipe(request), self._serving.last_known_popular()
            last_resort(self._pipeline, recipe, request, outcome, length, last_known)
        if not outcome.items:
            outcome.empty_because = why_empty(self._pipeline, self._recipe(request), request)
        degraded += ["ranker"] if outcome.unranked else []
        degraded += [f"source:{name}" for name in outcome.missed] + [f"filter:{name}" for name in outcome.failed]
        ranked = pack(
            outcome.items,
            as_of=state.as_of,
            computed_at=now,
            model=pair.label,
            lineup=lineup.digest,
            rung=outcome.rung,
            degraded=degraded,
            missed=outcome.missed,
            given=named_outside(self._recipe(request), outcome, items.ids),
            rules=[each.label for each in rules.rules],
            pins=outcome.pins,
            empty_because=outcome.empty_because,
        )
        return Made(ranked, request, outcome, self._noted(query, request, features, items))

    def _noted(self, query: Query, request: Request, features: OfRequest | None, items: ItemBlock) -> Noted | None:
        """The features to log, if this list is one of the share. The request's own events are in no replay."""
        if features is None or query.events or not self.states.is_sample(query, request.now):
            return None
        try:
            return Noted(request.now, features.values, items.features)
        except Exception:  # counted: the list is as good without the log of its features
            self._metrics.recommend_fallbacks.labels(request.surface.name, "features").inc()
            log.exception("features cannot be read")
            return None

    async def _outcome(self, request: Request, length: int, skip: Sequence[str], degraded: list[str]) -> Outcome:
        """What the stages make of a request; when one of them fails, as if no source had answered."""
        try:
            return await self._pipeline.run(self._recipe(request), request, length, skip=skip)
        except Exception:  # counted: what was last popular needs none of them
            self._metrics.recommend_fallbacks.labels(request.surface.name, "stages").inc()
            log.exception("a stage failed")
            degraded.append("stages")
            return Outcome(missed=[source.name for source in self._recipe(request).sources])

    async def _make_again(self, slate: ServedSlate) -> Made:
        """The list of a slate, on the state, items, clock and versions of then."""
        query = msgspec.convert({**slate.context, "user_id": slate.user_id, "n": slate.n, "surface": slate.surface}, Query)
        surface = self._surfaces.get(slate.surface)
        if surface is None:
            raise NotFound(f"The surface {slate.surface!r} of this slate is no longer declared.")
        if query.recipe is not None:
            surface = with_changes(surface, query.recipe, self._recipes)
        surface = as_of_then(surface, slate)
        pair = await self._serving.pair(slate.model) if slate.model else Pair(None, None)
        if "ranker" in slate.degraded:
            pair = replace(pair, rankers={})
        state = UserState("", slate.as_of)
        if slate.user_id and "state" not in slate.degraded:
            limit, group = self._settings.recommend.remembered, self.states.group(query, surface)
            state = await self._store.log.user_state(slate.user_id, limit=limit, until=slate.as_of, features=group)
        items = self._items.as_it_was(await asyncio.to_thread(self._changed_since, slate.as_of))
        rules = await asyncio.to_thread(self.ruling.of_slate, slate.rules, slate.surface)
        lineup = self._serving.lineup
        return await self._list(
            query, surface, pair, lineup, state, items, slate.computed_at, rules, LONG, [], slate.missed, slate.given
        )

    def _checked(self, events: Sequence[EventIn], now: int) -> list[LogRow]:
        """The request's own events as rows, under the rules of INGEST; raises InvalidInput naming those that do not fit."""
        rows, rejected = self._check_events(events, now=now, stem="overlay")
        if rejected:
            faults = [FieldError(f"/events/{fault.index}{fault.pointer}", fault.detail) for fault in rejected]
            raise InvalidInput("An event of the request cannot be used.", errors=faults)
        return rows

    def _changed_since(self, sequence: int) -> list[tuple[str, Item | None]]:
        table = self._store.catalogue
        return [(item_id, table.item_at(item_id, sequence)) for item_id in table.items_changed_after(sequence)]

    def _recipe(self, request: Request) -> Recipe:
        return recipe_of(self._recipes, request.surface)

    def _finish(
        self, query: Query, ranked: Ranked, origin: ServedFrom, started: float, noted: Noted | None = None
    ) -> Served:
        """See to what happens after the cache, log the slate, count."""
        request_id, shown = self._ids.next(), query.shown
        seed = zlib.crc32(request_id.encode()) if query.seed is None else query.seed
        rules = self.ruling.of(query.surface)
        if shown:
            query, ranked = self._late.onward(query, ranked, rules, seed)
        page, end = self._late.page(query, ranked, rules, seed), query.offset + query.n
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
            if noted is not None:
                slate.features = noted.of(np.array([self._items.number(item_id) for item_id in page.shown], np.int32))
            self._slates.add(slate)
        if page.explored is not None:
            self._metrics.recommend_explored.labels(query.surface, page.explored.how).inc()
        self._count(query.surface, origin, self.clock.monotonic() - started)
        return served

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
            context=context_of(query),
            propensities=page.propensities,
            explored=page.explored,
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
    return cursor_of(ranked.lineup, shown + page.marks, seed if page.explored is not None else None)


def _origin(ranked: Ranked) -> ServedFrom:
    return "fallback" if ranked.degraded and ranked.rung not in ("personal", "session") else "computed"
