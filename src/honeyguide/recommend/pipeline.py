"""The stages of one list, in order, measured by the frame and not by the stages."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.messages import Reason, SlateItem
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Filter, Recipe, Request, Selection, Source
from honeyguide.ranking.learned import finite
from honeyguide.ranking.placing import placed
from honeyguide.ranking.pools import best_first, filled, merge, settled
from honeyguide.ranking.reasons import reasons_for
from honeyguide.ranking.rules import PinSource, PromotedSource, arranged, mark_ruled, weighed, weights_of
from honeyguide.retrieval.content import ContentSource
from honeyguide.retrieval.external import ExternalSource
from honeyguide.retrieval.learned import model_history
from honeyguide.types import BoolArray, FloatArray, Found, Histories, IntArray, Pool, Rung

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Outcome:
    """A list as the stages made it, and what happened on the way: sources that were `missed`, filters that `failed`, what
    was `found`, seconds by `stages`, the `passes` of re-ranking with the relevance given up and the first ids after each,
    what rules `weighed` (by item: the score before, and by what it was multiplied), `pins` (slot, item); `unranked`: its
    ranker failed."""

    items: list[SlateItem] = field(default_factory=list)
    rung: Rung = "popular"
    missed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    beyond_minimum: int = 0
    unranked: bool = False
    order_before: list[str] = field(default_factory=list)
    passes: list[tuple[str, float, list[str]]] = field(default_factory=list)
    weighed: dict[str, tuple[float, float]] = field(default_factory=dict)
    pins: list[tuple[int, str]] = field(default_factory=list)
    empty_because: str = ""


class Pipeline:
    """Runs recipes. `pool` is the threads in which slow sources work, `waiting` those in which answers from outside are
    waited for."""

    def __init__(
        self, metrics: Metrics, clock: Clock, pool: ThreadPoolExecutor, waiting: ThreadPoolExecutor | None = None
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self._pool, self._waiting = pool, waiting or pool

    async def run(self, recipe: Recipe, request: Request, length: int, *, skip: Sequence[str] = ()) -> Outcome:
        """Filters, then sources side by side, then score, select and explain; at most `length` items.

        A source that fails or misses the surface's deadline is left out and named in `missed`; `skip` leaves sources out
        from the start, to make a list again as it was."""
        outcome = Outcome(missed=list(skip))
        with self._stage(outcome, "filter"):
            allowed = self.allowed(recipe.filters, request, outcome.failed)
        with self._stage(outcome, "retrieve"):
            await self.gather(_asked(recipe, request, skip), request, allowed, outcome)
        with self._stage(outcome, "score"):
            pool = merge(outcome.found, len(request.items))
            scores = settled(await self._scores(recipe, request, pool, outcome))
            scores, outcome.weighed = _ruled(request, pool, scores)
            order = best_first(scores, pool.items, request.items.ids)
            order = filled(pool, order, recipe.ladder, _minimum(request))
            outcome.beyond_minimum = len(pool) - len(order)
        with self._stage(outcome, "select"):
            selection = recipe.selector.select(request, pool, scores, order, length)
            chosen = arranged(request, pool, order, selection.chosen, allowed)
        with self._stage(outcome, "explain"):
            outcome.rung = rung_of(request, outcome.found)
            outcome.items = self._explained(request, pool, scores, chosen)
            outcome.order_before = [request.items.ids[row] for row in pool.items[order[:length]].tolist()]
            self._note_passes(request, pool, selection, outcome)
            outcome.pins = mark_ruled(request, outcome.items)
        return outcome

    def _note_passes(self, request: Request, pool: Pool, selection: Selection, outcome: Outcome) -> None:
        """What each pass of re-ranking did, for explanations, and what it gave up, for the metric."""
        for each in selection.passes:
            ids = [request.items.ids[row] for row in pool.items[each.order].tolist()]
            outcome.passes.append((each.name, each.given_up, ids))
            self._metrics.relevance_given_up.labels(request.surface.name, each.name).observe(max(0.0, each.given_up))

    async def _scores(self, recipe: Recipe, request: Request, pool: Pool, outcome: Outcome) -> FloatArray:
        """What the request's ranker says, in a thread; without one, and when it fails, what the scorer says. What the ranker
        cannot judge stands where the scorer puts it."""
        if request.ranker is None:
            return recipe.scorer.score(request, pool)
        try:
            judged = await asyncio.get_running_loop().run_in_executor(self._pool, finite, request.ranker, request, pool)
            return placed(judged, recipe.scorer.score(request, pool), pool, request.items.ids).scores
        except Exception:  # counted: the blend of ranks needs no ranker
            self._metrics.recommend_fallbacks.labels(request.surface.name, "ranker").inc()
            log.exception("ranker failed", ranker=request.ranker.label)
            outcome.unranked = True
            return recipe.scorer.score(request, pool)

    @contextmanager
    def _stage(self, outcome: Outcome, name: str) -> Iterator[None]:
        started = self._clock.monotonic()
        yield
        outcome.stages[name] = seconds = self._clock.monotonic() - started
        self._metrics.stage_duration.labels(name).observe(seconds)

    def allowed(self, filters: Sequence[Filter], request: Request, failed: list[str]) -> BoolArray:
        """Where every filter lets the item pass; those that could not look, and let nothing pass, are added to `failed`."""
        allowed = np.ones(len(request.items), dtype=np.bool_)
        for each in filters:
            mask = self.mask(each, request, failed)
            if mask is not None:
                allowed &= mask[: len(allowed)]
                self._metrics.items_filtered.labels(each.name).inc(len(mask) - int(np.count_nonzero(mask)))
        return allowed

    def mask(self, each: Filter, request: Request, failed: list[str]) -> BoolArray | None:
        """Where one filter lets the item pass; nowhere if it fails, None if it has nothing to say."""
        try:
            return each.keep(request)
        except Exception:  # counted below; fail closed: nothing passes a filter that could not look
            self._metrics.recommend_fallbacks.labels(request.surface.name, f"filter_{each.name}").inc()
            log.exception("filter failed", filter=each.name)
            failed.append(each.name)
            return np.zeros(len(request.items), dtype=np.bool_)

    async def gather(self, sources: Sequence[Source], request: Request, allowed: BoolArray, outcome: Outcome) -> None:
        """Ask all sources; the slow ones in threads, under one deadline."""
        loop = asyncio.get_running_loop()
        slow = {
            source.name: loop.run_in_executor(*self._work(source), request, allowed) for source in sources if source.slow
        }
        for source in sources:
            if not source.slow:
                self._take(outcome, source.name, partial(source.retrieve, request, allowed))
        if slow:
            await asyncio.wait(slow.values(), timeout=request.surface.deadline)
        for name, future in slow.items():
            if future.done():
                self._take(outcome, name, future.result)
            else:
                self._metrics.recommend_deadline_exceeded.labels(name).inc()
                outcome.missed.append(name)
                future.add_done_callback(lambda late: late.cancelled() or late.exception())
        outcome.found = {source.name: outcome.found[source.name] for source in sources if source.name in outcome.found}

    def _work(self, source: Source) -> tuple[ThreadPoolExecutor, Callable[[Request, BoolArray], Found]]:
        """In which threads a slow source is asked, and how."""
        if isinstance(source, ExternalSource):
            return self._waiting, source.retrieve
        if isinstance(source, ContentSource):  # no model has to do with it
            return self._pool, source.retrieve
        return self._pool, partial(self._predict, source)

    def _predict(self, source: Source, request: Request, allowed: BoolArray) -> Found:
        """A slow source is a model at work."""
        started = self._clock.monotonic()
        found = source.retrieve(request, allowed)
        model = request.model.model.name if request.model is not None else source.name
        self._metrics.model_predictions.labels(model).inc()
        self._metrics.model_predict_duration.labels(model).observe(self._clock.monotonic() - started)
        return found

    def _take(self, outcome: Outcome, name: str, result: Callable[[], Found]) -> None:
        try:
            outcome.found[name] = found = result()
            self._metrics.retrieval_candidates.labels(name).observe(len(found))
        except Exception as error:  # counted: one source less, never a failed request
            self._metrics.retrieval_errors.labels(name).inc()
            outcome.missed.append(name)
            away = isinstance(error, Unavailable)  # then every request meets it: no need of its traces
            log.warning("source failed", source=name, reason=str(error), exc_info=not away)

    def _explained(self, request: Request, pool: Pool, scores: FloatArray, chosen: IntArray) -> list[SlateItem]:
        """The chosen items with their scores, sources and reasons."""
        history = None
        if request.model is not None and "model" in pool.sources:
            history = model_history(request.model, request)
        reasons = self._reasons(request, pool, chosen, history)
        present = (~np.isnan(pool.ranks[chosen])).tolist()
        values, rows = scores[chosen].tolist(), pool.items[chosen].tolist()
        return [
            SlateItem(
                item_id=request.items.ids[row],
                score=round(score, 6),
                rank=rank,
                sources=[name for name, there in zip(pool.sources, flags, strict=True) if there],
                reason=reason,
            )
            for rank, (row, score, flags, reason) in enumerate(zip(rows, values, present, reasons, strict=True), start=1)
        ]

    def _reasons(self, request: Request, pool: Pool, chosen: IntArray, history: Histories | None) -> list[Reason]:
        try:
            return reasons_for(request, pool, chosen, history)
        except Exception:  # counted: a list without its reasons is better than no list
            self._metrics.recommend_fallbacks.labels(request.surface.name, "reason").inc()
            log.exception("reasons failed")
            return [Reason("ranked", "fits what you like") for _ in chosen]


def named_outside(recipe: Recipe, outcome: Outcome, ids: Sequence[str]) -> dict[str, list[str]]:
    """The items that sources outside named, by source: what a replay needs, since it cannot ask them."""
    return {
        source.name: [ids[row] for row in outcome.found[source.name].rows.tolist()]
        for source in recipe.sources
        if isinstance(source, ExternalSource) and source.name in outcome.found
    }


def _minimum(request: Request) -> int | None:
    """How far the list is filled; candidates that the request names are all wanted."""
    return request.surface.minimum if request.query.candidates is None else None


def _ruled(request: Request, pool: Pool, scores: FloatArray) -> tuple[FloatArray, dict[str, tuple[float, float]]]:
    """The scores of the candidates by rules; and by item, where rules weigh it, its score before and what that was
    multiplied by."""
    weights = weights_of(request, pool.items)
    if weights is None:
        return scores, {}
    moved = np.flatnonzero(weights != 1)
    told = zip(pool.items[moved].tolist(), scores[moved].tolist(), weights[moved].tolist(), strict=True)
    before = {request.items.ids[row]: (round(score, 6), round(weight, 6)) for row, score, weight in told}
    return settled(weighed(scores, weights)), before


def _asked(recipe: Recipe, request: Request, skip: Sequence[str]) -> list[Source]:
    """The sources of a recipe but those to skip, and but those of rules where there are none."""
    idle = {*skip}
    if not request.rules.pins:
        idle.add(PinSource.name)
    if not request.rules.promotions:
        idle.add(PromotedSource.name)
    return [each for each in recipe.sources if each.name not in idle]


def rung_of(request: Request, found: dict[str, Found]) -> Rung:
    """The step of the cold-start ladder that carried the list."""
    alike = len(found.get("content", ()))
    beside = any(len(found.get(name, ())) for name in ("together", "alike", "similar"))
    if beside or (alike and request.query.item_id is not None):
        return "similar"
    if len(found.get("model", ())) or alike:
        return "session" if request.from_session else "personal"
    if len(found.get("interests", ())):
        return "interests"
    if request.segment and request.popular is not None and request.segment in request.popular.segments:
        return "segment"
    return "popular"
