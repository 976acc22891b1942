"""The lists of many queries: what is known of their users is read in one round trip, then each is made as any other."""

from collections.abc import Sequence
from typing import Protocol

from honeyguide.cache import Cache, Computed, Found, Want
from honeyguide.clock import Clock
from honeyguide.features.served import Noted
from honeyguide.messages import Query
from honeyguide.recommend.known import Known, States
from honeyguide.recommend.lineup import Lineup
from honeyguide.recommend.query import for_nobody, is_plain
from honeyguide.recommend.ranked import Served
from honeyguide.types import Assigned


class One(Protocol):
    """How a single list is served (`recommend.Recommend`)."""

    states: States
    clock: Clock
    cache: Cache

    @property
    def lineup(self) -> Lineup:
        """The versions that serve now."""

    async def enrol(self, query: Query) -> Query:
        """The query in the arms of the experiments that run."""

    def check(self, query: Query) -> None:
        """Raise InvalidInput for a query that cannot be answered."""

    def want(self, query: Query) -> tuple[Want, int]:
        """What the list of a query is kept as, and how long it is."""

    def serve_cached(self, query: Query, *, strict: bool = False, again: bool = False) -> Served | None:
        """The list if it is in memory and may still be served."""

    async def serve_found(
        self, query: Query, lineup: Lineup, found: Found, started: float, *, strict: bool, noted: Sequence[Noted]
    ) -> Served:
        """A list that was found or made for the cache."""

    async def serve_both(self, query: Query, interleaved: Assigned, lineup: Lineup, started: float) -> Served:
        """Two lists in one."""

    async def serve_made(self, query: Query, lineup: Lineup, started: float, known: Known | None = None) -> Served:
        """A list that is made for this request alone."""

    async def value(
        self, query: Query, bucket: int, lineup: Lineup, noted: list[Noted] | None = None, known: Known | None = None
    ) -> Computed:
        """The encoded list for the cache."""


class Many:
    """One batch: `queries`, and the line-up for each where it is not the one that serves now."""

    def __init__(self, one: One, queries: Sequence[Query], lineups: Sequence[Lineup | None]) -> None:
        self._one, self._queries = one, list(queries)
        self._strict = [lineup is not None for lineup in lineups]
        self._lineups = [lineup or one.lineup for lineup in lineups]
        self._noted: list[list[Noted]] = [[] for _ in queries]
        self._started = one.clock.monotonic()

    async def served(self) -> list[Served]:
        """The lists, in the order of the queries."""
        one, answers = self._one, dict[int, Served]()
        for place, query in enumerate(self._queries):
            one.check(query)
            present = self._lineups[place] is one.lineup
            served = one.serve_cached(query, strict=self._strict[place]) if present else None
            if served is not None:
                answers[place] = served
        missing = [place for place in range(len(self._queries)) if place not in answers]
        for place in missing:
            query = self._queries[place] = await one.enrol(self._queries[place])
            if query.interleaved is not None:
                lineup = self._lineups[place]
                answers[place] = await one.serve_both(query, query.interleaved, lineup, self._started)
        missing = [place for place in missing if place not in answers]
        kept = [place for place in missing if is_plain(self._queries[place]) and self._lineups[place] is one.lineup]
        await self._kept(kept, answers)
        await self._made([place for place in missing if place not in answers], answers)
        return [answers[place] for place in range(len(self._queries))]

    async def _kept(self, places: Sequence[int], answers: dict[int, Served]) -> None:
        """Lists from the other tiers, else made and kept; users of whom nothing is known share one."""
        queries = {place: self._queries[place] for place in places}
        found = await self._fetched(queries)
        strangers = {place: for_nobody(queries[place]) for place in places if not found[place].payload}
        found |= await self._fetched(strangers)
        for place in places:
            answers[place] = await self._one.serve_found(
                self._queries[place],
                self._lineups[place],
                found[place],
                self._started,
                strict=self._strict[place],
                noted=self._noted[place],
            )

    async def _fetched(self, queries: dict[int, Query]) -> dict[int, Found]:
        places = list(queries)
        wants = {place: self._one.want(queries[place]) for place in places}

        async def compute(some: Sequence[int]) -> list[Computed]:
            mine = [places[at] for at in some]
            known = await self._one.states.of_many([queries[place] for place in mine])
            return [
                await self._one.value(queries[place], wants[place][1], self._lineups[place], self._noted[place], each)
                for place, each in zip(mine, known, strict=True)
            ]

        found = await self._one.cache.fetch_many([wants[place][0] for place in places], compute) if places else []
        return dict(zip(places, found, strict=True))

    async def _made(self, places: Sequence[int], answers: dict[int, Served]) -> None:
        """Lists for these requests alone."""
        known = await self._one.states.of_many([self._queries[place] for place in places]) if places else []
        for place, each in zip(places, known, strict=True):
            answers[place] = await self._one.serve_made(self._queries[place], self._lineups[place], self._started, each)
