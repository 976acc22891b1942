"""Whose cached lists an event invalidates: surfaces that share their list of hard events share their tokens."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from honeyguide.cache import Generations
from honeyguide.config.settings import Surface
from honeyguide.monitoring.metrics import Metrics
from honeyguide.pseudonyms import Pseudonyms
from honeyguide.stores.fold import erased_by
from honeyguide.types import Appended, Invalidation, LogRow

Merged = Callable[[Collection[str]], Awaitable[Mapping[str, Collection[str]]]]
"""Users -> for those that were ever merged, the other ids of the same person (`protocols.CatalogueTable.merged`)."""


class Subjects:
    """The cache subjects of users, and the subscriber that replaces their tokens when the log grows.

    Each id has subjects of its own, named by its pseudonym: the row of the log that says that a user was erased names no
    more. What happens to one id of a person is told to all of them, since lists for any of them are made of what all of
    them did."""

    def __init__(
        self,
        surfaces: Mapping[str, Surface],
        generations: Generations,
        metrics: Metrics,
        merged: Merged,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._merged, self._pseudonym = merged, pseudonyms.of
        hard = {name: frozenset(surface.invalidate) for name, surface in surfaces.items()}
        self._groups = sorted(set(hard.values()), key=sorted)
        self._group_of = {name: str(self._groups.index(types)) for name, types in hard.items()}
        self._generations = generations
        self._hard = metrics.cache_invalidations.labels("hard_event")
        self._soft = metrics.cache_invalidations.labels("soft_event")

    def of(self, surface: str, user_id: str) -> str:
        """The cache subject of a user on a surface."""
        return f"{self._group_of.get(surface, '')}:{self._pseudonym(user_id)}"

    async def follow(self, rows: Sequence[LogRow], appended: Appended | None = None) -> Sequence[Invalidation]:
        """Replace the tokens that this process holds of all users that the rows are about; what was replaced."""
        if rows:
            self._generations.position = max(self._generations.position, *[row.sequence for row in rows])
        changes = await self.changes(rows, appended)
        for change in changes:
            self._generations.replace(change)
            (self._hard if change.hard else self._soft).inc()
        return changes

    async def changes(self, rows: Sequence[LogRow], appended: Appended | None = None) -> Sequence[Invalidation]:
        """What the rows do to the users that they are about: hard where the type says so, else soft; one for each.

        Duplicates do what they did when they were new, once more: whoever took them then may have died, or lost its
        connection over the commit, before it told anybody. Where they were told of, that changes nothing."""
        again = dict(zip(appended.duplicates, appended.held, strict=True)) if appended else {}
        told = [
            (row, sequence)
            for place, row in enumerate(rows)
            if (sequence := again.get(place, row.sequence)) and row.type != "impression"
        ]
        if not told:
            return []
        about = {row.user_id for row, _ in told if row.user_id is not None}
        others = await self._merged(about) if about else {}
        last: dict[str, tuple[int, int]] = {}
        for row, sequence in told:
            if row.user_id is not None:
                for user_id in (row.user_id, *others.get(row.user_id, ())):
                    self._note(row, sequence, self._pseudonym(user_id), last)
            for pseudonym in erased_by(row):
                self._note(row, sequence, pseudonym, last)
        return [Invalidation(subject, hard, soft) for subject, (hard, soft) in last.items()]

    def _note(self, row: LogRow, sequence: int, pseudonym: str, last: dict[str, tuple[int, int]]) -> None:
        """Positions of the last hard row and of the last row, by subject."""
        for number, types in enumerate(self._groups):
            subject = f"{number}:{pseudonym}"
            hard = row.kind != "event" or row.type in types
            was_hard, was_soft = last.get(subject, (0, 0))
            last[subject] = (max(was_hard, sequence) if hard else was_hard, max(was_soft, sequence))
