"""What a user has seen lately, for surfaces whose lists rotate: from impressions in the log, so that a replay finds them."""

import asyncio
from typing import Final

import structlog

from honeyguide.config.settings import Surface
from honeyguide.errors import Unavailable
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.types import ServedSlate, UserState

log = structlog.get_logger(__name__)

_MOST: Final = 50
"""So many impressions are looked at, the latest."""

Seen = list[tuple[str, int]]
"""Items with the moments (ms) in which they were seen."""


class Impressions:
    """Reads the impressions of users."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics

    async def lately(self, state: UserState, surface: Surface, now: int, degraded: list[str]) -> Seen:
        """What was seen within `diversity.seen_for`, where the surface looks at it, as of the position of the state.

        Nothing, and `degraded` says so, when it cannot be read in the surface's time."""
        if not surface.diversity.seen or not state.user_id:
            return []
        since = now - round(surface.diversity.seen_for * 1000)
        try:
            async with asyncio.timeout(surface.deadline):
                return await self._store.log.impressions(state.user_id, since=since, until=state.as_of, limit=_MOST)
        except (Unavailable, TimeoutError) as error:
            self._metrics.recommend_fallbacks.labels(surface.name, "impressions").inc()
            log.warning("impressions cannot be read", reason=str(error) or "late")
            degraded.append("impressions")
            return []


def as_of_then(surface: Surface, slate: ServedSlate) -> Surface:
    """The surface that made a slate: one that does not look at impressions, if they could not be read."""
    if "impressions" not in slate.degraded:
        return surface
    return surface.model_copy(update={"diversity": surface.diversity.model_copy(update={"seen": 0.0})})
