"""Users whose latest doings are like those of a user, found in the end of the log and kept nowhere.

Both histories are vectors over items, an item counting the more the fewer users touched it; likeness is their cosine. Work
and memory are those of the last rows of the log, however many users there are.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Final

import msgspec

from honeyguide.config.settings import Settings
from honeyguide.protocols import CatalogueTable, EventLog
from honeyguide.recommend.hydrate import Weighing
from honeyguide.types import UserEvent

LOOK: Final = 50_000
"""Rows at the end of the log that are looked at."""


class Neighbour(msgspec.Struct):
    """A user like another: `score` from 0 to 1, and how many items both have touched."""

    user_id: str
    score: float
    shared: int


class Neighbours(msgspec.Struct):
    """The users most like one. Of the log the last `rows` rows were looked at, up to position `as_of`."""

    user_id: str
    users: list[Neighbour]
    as_of: int
    rows: int


Taste = Mapping[str, float]
"""Item -> the heaviest weight of what somebody did with it."""


@dataclass(frozen=True, slots=True)
class _Latest:
    tastes: Mapping[str, Taste]
    rows: int


class FindNeighbours:
    """Reads a user's history and the end of the log."""

    def __init__(self, events: EventLog, catalogue: CatalogueTable, settings: Settings) -> None:
        self._log, self._catalogue = events, catalogue
        self._remembered = settings.recommend.history
        self._weighing = Weighing.of(settings.events)

    async def of(self, user_id: str, n: int) -> Neighbours:
        """The `n` users most like a user, ids that are the same person left out; none for somebody without a history."""
        state = await self._log.user_state(user_id, limit=self._remembered)
        own = self._taste(state.events)
        person = {user_id, *(user.user_id for user in await self._catalogue.person(user_id))}
        latest = await asyncio.to_thread(self._latest, state.as_of)
        found = nearest(own, {name: taste for name, taste in latest.tastes.items() if name not in person}, n)
        return Neighbours(user_id, found, state.as_of, latest.rows)

    def _taste(self, events: tuple[UserEvent, ...]) -> Taste:
        taste: dict[str, float] = {}
        for event in events:
            weight = self._weighing.weight(event)
            if weight > 0:
                taste[event.item_id] = max(taste.get(event.item_id, 0.0), weight)
        return taste

    def _latest(self, until: int) -> _Latest:
        tastes: dict[str, dict[str, float]] = defaultdict(dict)
        rows = 0
        for batch in self._log.scan(after=max(0, until - LOOK), until=until):
            rows += len(batch)
            for row in batch:
                if row.kind == "event" and row.user_id is not None and row.item_id is not None:
                    weight = self._weighing.weight(UserEvent(row.item_id, row.type, row.ts, row.value))
                    if weight > 0:
                        taste = tastes[row.user_id]
                        taste[row.item_id] = max(taste.get(row.item_id, 0.0), weight)
        return _Latest(tastes, rows)


def nearest(own: Taste, others: Mapping[str, Taste], n: int) -> list[Neighbour]:
    """The `n` users with the largest cosine to `own`, ties by id; users who share nothing are left out."""
    touched: dict[str, int] = defaultdict(int)
    for taste in others.values():
        for item in taste:
            touched[item] += 1
    rarity = {item: log(1.0 + len(others) / count) for item, count in touched.items()}
    size = _length(own, rarity)
    found = []
    for user_id, taste in others.items():
        shared = own.keys() & taste.keys()
        if shared:
            dot = sum(own[item] * taste[item] * rarity[item] ** 2 for item in sorted(shared))
            found.append(Neighbour(user_id, round(dot / (size * _length(taste, rarity)), 6), len(shared)))
    return sorted(found, key=lambda each: (-each.score, each.user_id))[:n]


def _length(taste: Taste, rarity: Mapping[str, float]) -> float:
    """Items that nobody else has touched count as much as the rarest."""
    rarest = max(rarity.values(), default=1.0)
    return sqrt(sum((weight * rarity.get(item, rarest)) ** 2 for item, weight in taste.items()))
