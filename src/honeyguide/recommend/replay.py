"""Served slates made again from the log, with the funnel that led to them: what an explanation is."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from honeyguide.config.settings import Settings
from honeyguide.errors import NotFound
from honeyguide.features import FeatureReader, ItemBlock
from honeyguide.features.then import columns_then
from honeyguide.messages import Explanation
from honeyguide.protocols import Recipe, Store
from honeyguide.recommend.enrolment import Enrolment
from honeyguide.recommend.exploring import account
from honeyguide.recommend.impressions import as_of_then
from honeyguide.recommend.known import States
from honeyguide.recommend.late import Late, Page
from honeyguide.recommend.lineup import Pair
from honeyguide.recommend.made import Made
from honeyguide.recommend.making import Making
from honeyguide.recommend.places import Places
from honeyguide.recommend.query import query_of
from honeyguide.recommend.ranked import LONG, items_of
from honeyguide.recommend.ruling import Ruling
from honeyguide.recommend.serving import ServingModels
from honeyguide.recommend.stages import with_changes
from honeyguide.types import Item, ServedSlate, UserState


class Replay:
    """Makes the list of a slate on the state, items, clock, rules and versions of then."""

    def __init__(
        self,
        store: Store,
        items: ItemBlock,
        features: FeatureReader,
        serving: ServingModels,
        recipes: Mapping[str, Recipe],
        making: Making,
        states: States,
        late: Late,
        ruling: Ruling,
        enrolment: Enrolment,
        places: Places,
        settings: Settings,
        fingerprint: str,
    ) -> None:
        self._store, self._items, self._features = store, items, features
        self._serving, self._recipes = serving, recipes
        self._making, self._states, self._late, self._ruling = making, states, late, ruling
        self._enrolment, self._places, self._settings, self._fingerprint = enrolment, places, settings, fingerprint

    async def explain(self, request_id: str) -> Explanation:
        """A served slate made again from the log, with the funnel that led to it. Raises NotFound."""
        slate = await self._store.slates.get(request_id)
        if slate is None:
            cure = "Slates are written within 100 ms of being served."
            raise NotFound(f"There is no slate {request_id!r}.", cure=cure)
        made = await self.make_again(slate)
        page = await self._page(slate, made)
        funnel = await self._making.trace(made, page.shown) | {"configuration_changed": slate.config != self._fingerprint}
        funnel["columns"] = msgspec.to_builtins(slate.columns)
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

    async def _page(self, slate: ServedSlate, made: Made) -> Page:
        """The page of a slate again, of the list that was made again; of two, if it is two lists in one."""
        how, items = slate.interleaved, made.request.items
        if how is None:
            return self._late.again(made.request.query, made.ranked, slate, items)
        second = await self.make_again(msgspec.structs.replace(slate, **how.made()), side=1)
        query = await self._enrolment.then(made.request.query, slate.assigned)
        return self._late.interleaved_again(query, (made.ranked, second.ranked), slate, how, items)

    async def make_again(self, slate: ServedSlate, *, side: int = 0) -> Made:
        """The list of a slate, on the state, items, clock and versions of then; of two lists in one, that of a `side`."""
        if slate.surface not in self._places.surfaces:
            raise NotFound(f"The surface {slate.surface!r} of this slate is no longer declared.")
        query = await self._enrolment.then(query_of(slate), slate.assigned if slate.served_arm else ())
        if query.interleaved is not None:
            query = self._places.sides(query, query.interleaved)[side]
        surface = self._places.of(query)
        if query.recipe is not None:
            surface = with_changes(surface, query.recipe, self._recipes)
        surface = as_of_then(surface, slate)
        pair = await self._serving.pair(slate.model) if slate.model else Pair(None, None)
        if "ranker" in slate.degraded:
            pair = replace(pair, rankers={})
        state = UserState("", slate.as_of)
        if slate.user_id and "state" not in slate.degraded:
            limit, group = self._settings.recommend.remembered, self._states.group(query, surface)
            state = await self._store.log.user_state(slate.user_id, limit=limit, until=slate.as_of, features=group)
        items = self._items.as_it_was(await asyncio.to_thread(self._changed_since, slate.as_of))
        if slate.columns is not None:
            plan, event_log = self._features.items, self._store.log
            items.features = await asyncio.to_thread(columns_then, plan, event_log, items, slate.columns)
        rules = await asyncio.to_thread(self._ruling.of_slate, slate.rules, slate.surface)
        lineup = self._serving.lineup
        return await self._making.on(
            query, surface, pair, lineup, state, items, slate.computed_at, rules, LONG, [], slate.missed, slate.given
        )

    def _changed_since(self, sequence: int) -> list[tuple[str, Item | None]]:
        table = self._store.catalogue
        return [(item_id, table.item_at(item_id, sequence)) for item_id in table.items_changed_after(sequence)]
