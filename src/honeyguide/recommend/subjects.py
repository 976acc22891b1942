"""Whose cached lists an event invalidates: surfaces that share their list of hard events share their tokens."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from honeyguide.cache import Generations
from honeyguide.config.settings import Surface
from honeyguide.monitoring.metrics import Metrics
from honeyguide.types import Appended, LogRow

Merged = Callable[[Collection[str]], Awaitable[Mapping[str, Collection[str]]]]
"""Users -> for those that were ever merged, the other ids of the same person (`protocols.CatalogueTable.merged`)."""


class Subjects:
    """The cache subjects of users, and the subscriber that replaces their tokens when the log grows.

    Each id has subjects of its own. What happens to one id of a person is told to all of them, since lists for any of
    them are made of what all of them did."""

    def __init__(self, surfaces: Mapping[str, Surface], generations: Generations, metrics: Metrics, merged: Merged) -> None:
        self._merged = merged
        hard = {name: frozenset(surface.invalidate) for name, surface in surfaces.items()}
        self._groups = sorted(set(hard.values()), key=sorted)
        self._group_of = {name: str(self._groups.index(types)) for name, types in hard.items()}
        self._generations = generations
        self._hard = metrics.cache_invalidations.labels("hard_event")
        self._soft = metrics.cache_invalidations.labels("soft_event")

    def of(self, surface: str, user_id: str) -> str:
        """The cache subject of a user on a surface."""
        return f"{self._group_of.get(surface, '')}:{user_id}"

    async def follow(self, rows: Sequence[LogRow], appended: Appended | None = None) -> None:
        """Replace the tokens of all users that the rows are about: hard where the type says so, else soft."""
        duplicates = frozenset(appended.duplicates) if appended else frozenset()
        told = [
            (row, row.user_id)
            for place, row in enumerate(rows)
            if row.user_id is not None and place not in duplicates and row.type != "impression"
        ]
        if not told:
            return
        self._generations.position = max(self._generations.position, rows[-1].sequence)
        others = await self._merged({user_id for _, user_id in told})
        for row, user_id in told:
            self._replace(row, user_id)
            for other in others.get(user_id, ()):
                self._replace(row, other)

    def _replace(self, row: LogRow, user_id: str) -> None:
        for number, hard in enumerate(self._groups):
            subject = f"{number}:{user_id}"
            if row.kind != "event" or row.type in hard:
                self._generations.replace_hard(subject, row.sequence)
                self._hard.inc()
            else:
                self._generations.replace_soft(subject, row.sequence)
                self._soft.inc()
