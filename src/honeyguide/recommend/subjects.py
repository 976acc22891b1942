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

    async def of_person(self, user_id: str) -> dict[str, list[str]]:
        """All cache subjects of a user and of the ids merged with it, by id."""
        others = await self._merged([user_id])
        ids = [user_id, *others.get(user_id, ())]
        return {each: [f"{number}:{self._pseudonym(each)}" for number in range(len(self._groups))] for each in ids}

    async def follow(self, rows: Sequence[LogRow], appended: Appended | None = None) -> Sequence[Invalidation]:
        """Replace the tokens that this process holds of all users that the rows are about; what was replaced."""
        if rows:
            self._generations.position = max(self._generations.position, *[row.sequence for row in rows])
        changes = await self.changes(rows, appended)
        for change in changes:
            self._generations.replace(change)
        hard = sum(change.hard > 0 for change in changes)
        self._hard.inc(hard)
        self._soft.inc(len(changes) - hard)
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
        marks: dict[str, _Marks] = {}
        for row, sequence in told:
            if row.user_id is not None:
                self._note(row, sequence, marks.setdefault(row.user_id, [0] * (len(self._groups) + 1)))
        found: dict[str, _Marks] = {}
        for user_id, mark in marks.items():
            for each in (user_id, *others.get(user_id, ())):
                _join(found, self._pseudonym(each), mark)
        for row, sequence in told:
            for pseudonym in erased_by(row) if row.kind != "event" else ():
                _join(found, pseudonym, [sequence] * (len(self._groups) + 1))
        return [
            Invalidation(f"{number}:{pseudonym}", hard, last)
            for pseudonym, (last, *hards) in found.items()
            for number, hard in enumerate(hards)
        ]

    def _note(self, row: LogRow, sequence: int, mark: "_Marks") -> None:
        """Take a row into what is known of its user."""
        mark[0] = max(mark[0], sequence)
        for number, types in enumerate(self._groups, 1):
            if row.kind != "event" or row.type in types:
                mark[number] = max(mark[number], sequence)


_Marks = list[int]
"""Positions of a user's last row, and of the last hard one for each group of surfaces."""


def _join(found: dict[str, _Marks], pseudonym: str, mark: _Marks) -> None:
    """The later of what is known of a subject in each place."""
    before = found.get(pseudonym)
    found[pseudonym] = mark if before is None else [max(pair) for pair in zip(before, mark, strict=True)]
