"""Makes lists: on what is known now, or on a given state of the world, so that a list can be made again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings, Surface
from honeyguide.errors import DamagedArtefact, FieldError, InvalidInput, NotFound
from honeyguide.features import FeatureReader, ItemBlock
from honeyguide.features.online import OfRequest
from honeyguide.features.served import Noted
from honeyguide.features.then import Taken
from honeyguide.messages import EventIn, Query
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import InForce, Recipe, Request
from honeyguide.recommend.emptiness import why_empty
from honeyguide.recommend.hydrate import Weighing, hydrate, overlay
from honeyguide.recommend.impressions import Impressions
from honeyguide.recommend.known import Known, States
from honeyguide.recommend.last_resort import last_resort
from honeyguide.recommend.lineup import Lineup, Pair, with_ranker
from honeyguide.recommend.made import CheckEvents, Made
from honeyguide.recommend.pipeline import Outcome, Pipeline, named_outside
from honeyguide.recommend.places import Places
from honeyguide.recommend.ranked import pack
from honeyguide.recommend.ruling import Ruling
from honeyguide.recommend.serving import ServingModels
from honeyguide.recommend.stages import recipe_of, with_changes
from honeyguide.recommend.trace import trace
from honeyguide.types import Json, LogRow, UserState, label_of

log = structlog.get_logger(__name__)


class Making:
    """The stages of every surface, on whatever they are to work."""

    def __init__(
        self,
        items: ItemBlock,
        features: FeatureReader,
        serving: ServingModels,
        recipes: Mapping[str, Recipe],
        pipeline: Pipeline,
        states: States,
        impressions: Impressions,
        check_events: CheckEvents,
        ruling: Ruling,
        settings: Settings,
        places: Places,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._items, self._features, self._serving, self._states = items, features, serving, states
        self._recipes, self._pipeline, self._impressions = recipes, pipeline, impressions
        self._check_events, self._ruling = check_events, ruling
        self._settings, self._clock, self._metrics = settings, clock, metrics
        self._places, self._weighing = places, Weighing.of(settings.events)

    async def make(
        self, query: Query, length: int, lineup: Lineup, known: Known | None = None, rules: InForce | None = None
    ) -> Made:
        """Make a list of up to `length` items from what is known now, or from what was read; by the rules in force now, or
        those given."""
        now, surface = self._clock.now_ms(), self._places.of(query)
        if query.recipe is not None:
            surface = with_changes(surface, query.recipe, self._recipes)
        surface, pair, lost = await self._pair(query, surface, lineup)
        known = known or await self._states.of(query)
        degraded = [*known.missing]
        if lost or not self._places.is_whole(query):
            degraded.append("arm")
        if (query.model or surface.model) in lineup.refused:
            degraded.append("model")
            self._metrics.recommend_fallbacks.labels(surface.name, "model").inc()
        rules = self._ruling.of(query.place) if rules is None else rules
        return await self.on(query, surface, pair, lineup, known.state, self._items, now, rules, length, degraded)

    async def _pair(self, query: Query, surface: Surface, lineup: Lineup) -> tuple[Surface, Pair, bool]:
        """The versions to make a list with. Where an arm's are lost: those of its surface as it is without arms."""
        try:
            return surface, await self._serving.pair(query.model or surface.model, lineup), False
        except (NotFound, DamagedArtefact) as error:
            if not query.in_arms:
                raise
            self._metrics.recommend_fallbacks.labels(query.surface, "arm").inc()
            log.error("the model of an arm is not there, its surface is served", place=query.place, reason=str(error))
            base = self._places.surfaces[query.surface]
            return base, await self._serving.pair(base.model, lineup), True

    async def on(
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
        taken = Taken(items.features)
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
            self._ruling.condition(query),
            rules,
            taken,
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
            columns=taken.at,
            arm="" if "arm" in degraded else label_of(query.in_arms),
        )
        return Made(ranked, request, outcome, self._noted(query, request, features))

    def _noted(self, query: Query, request: Request, features: OfRequest | None) -> Noted | None:
        """The features to log, if this list is one of the share. The request's own events are in no replay."""
        if features is None or query.events or not self._states.is_sample(query, request.now):
            return None
        try:
            return Noted(request.now, features.values, request.columns)
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

    async def trace(self, made: Made, shown: list[str]) -> Json:
        """The funnel that led to a list."""
        request = replace(made.request, given=made.ranked.given)  # what is outside is not asked again
        return await trace(self._pipeline, self._recipe(request), request, made.outcome, shown)

    def _checked(self, events: Sequence[EventIn], now: int) -> list[LogRow]:
        """The request's own events as rows, under the rules of INGEST; raises InvalidInput naming those that do not fit."""
        rows, rejected = self._check_events(events, now=now, stem="overlay")
        if rejected:
            faults = [FieldError(f"/events/{fault.index}{fault.pointer}", fault.detail) for fault in rejected]
            raise InvalidInput("An event of the request cannot be used.", errors=faults)
        return rows

    def _recipe(self, request: Request) -> Recipe:
        return recipe_of(self._recipes, request.surface)
