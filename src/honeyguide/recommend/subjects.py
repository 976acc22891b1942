"""Whose cached lists an event invalidates: surfaces that share their list of hard events share their tokens."""

from collections.abc import Mapping, Sequence

from honeyguide.cache import Generations
from honeyguide.config.settings import Surface
from honeyguide.monitoring.metrics import Metrics
from honeyguide.types import Appended, LogRow


class Subjects:
    """The cache subjects of users, and the subscriber that replaces their tokens when the log grows."""

    def __init__(self, surfaces: Mapping[str, Surface], generations: Generations, metrics: Metrics) -> None:
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
        for place, row in enumerate(rows):
            if row.user_id is None or place in duplicates or row.type == "impression":
                continue
            for number, hard in enumerate(self._groups):
                subject = f"{number}:{row.user_id}"
                if row.kind != "event" or row.type in hard:
                    self._generations.replace_hard(subject)
                    self._hard.inc()
                else:
                    self._generations.replace_soft(subject)
                    self._soft.inc()
