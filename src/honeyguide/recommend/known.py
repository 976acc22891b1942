"""What is known of the users that lists are made for: read from the log, in the time that a surface has."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings, Surface
from honeyguide.errors import Unavailable
from honeyguide.features import FeatureReader
from honeyguide.messages import Query
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import EventLog, Recipe
from honeyguide.recommend.places import Places
from honeyguide.recommend.query import subject_of
from honeyguide.types import UserState

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """The state of a query's user; an empty one, and `missing` says so, where it could not be read."""

    state: UserState
    missing: tuple[str, ...] = ()


class LooksAt(Protocol):
    """Whether a condition that the lists of a query depend on names a field that begins with one of these."""

    def __call__(self, query: Query, *beginnings: str) -> bool:
        """True if one does."""


class States:
    """Reads states, of one user or of many at once."""

    def __init__(
        self,
        events: EventLog,
        features: FeatureReader,
        recipes: Mapping[str, Recipe],
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        looks_at: LooksAt,
        places: Places,
    ) -> None:
        self._log, self._features, self._recipes = events, features, recipes
        self._settings, self._clock = settings, clock
        self._places, self._looks_at = places, looks_at
        self._user_views = tuple(f"user.{view.name}" for view in features.users.views)
        self._missed = {name: metrics.recommend_fallbacks.labels(name, "state") for name in places.surfaces}

    async def of(self, query: Query) -> Known:
        """What is known now."""
        user_id, surface = subject_of(query), self._places.of(query)
        try:
            async with asyncio.timeout(surface.deadline):
                if not user_id:
                    return Known(UserState("", await self._log.position()))
                limit, group = self._settings.recommend.remembered, self.group(query, surface)
                return Known(await self._log.user_state(user_id, limit=limit, features=group))
        except Exception as error:  # counted: without its state the user gets the ladder's lower rungs
            self._missed[query.surface].inc()
            log.warning("user state cannot be read", reason=str(error) or "late", exc_info=not _is_away(error))
            return _nothing(query)

    async def of_many(self, queries: Sequence[Query]) -> list[Known]:
        """The same for many queries, all of one moment, in one round trip."""
        surfaces = [self._places.of(query) for query in queries]
        groups = [self.group(query, surface) for query, surface in zip(queries, surfaces, strict=True)]
        names = dict.fromkeys(filter(None, map(subject_of, queries)))
        try:
            async with asyncio.timeout(max((surface.deadline for surface in surfaces), default=1.0)):
                limit, group = self._settings.recommend.remembered, next(filter(None, groups), None)
                states = await self._log.user_states(names, limit=limit, features=group) if names else {}
                nobody = UserState("", next(iter(states.values())).as_of if states else await self._log.position())
        except Exception as error:  # counted, for each of them
            for query in queries:
                self._missed[query.surface].inc()
            log.warning("user state cannot be read", reason=str(error) or "late", exc_info=not _is_away(error))
            return [_nothing(query) for query in queries]
        return [Known(states.get(subject_of(query), nobody)) for query in queries]

    def group(self, query: Query, surface: Surface) -> str | None:
        """The feature states to read with the user's history: those of users, where somebody will look at them."""
        recipe = self._recipes.get(str((query.recipe or {}).get("recipe")), self._recipes[surface.recipe])
        wanted = recipe.features or self._looks_at(query, *self._user_views)
        wanted = wanted or self.is_sample(query, self._clock.now_ms())
        return self._features.users.group if wanted else None

    def is_sample(self, query: Query, now: int) -> bool:
        """Whether the features of a list that is made in this minute for this user are logged."""
        drawn = zlib.crc32(f"{subject_of(query)}\n{now // 60_000}".encode())
        return drawn < self._settings.feature_store.log_share * 2**32


def _nothing(query: Query) -> Known:
    """Nothing is known of the user, and the answer says so."""
    return Known(UserState(subject_of(query), 0), ("state",))


def _is_away(error: Exception) -> bool:
    """Whether every request meets it: no need of its traces."""
    return isinstance(error, Unavailable | TimeoutError)
