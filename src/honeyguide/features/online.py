"""Reading features while serving: the values of users and items, each with what it is worth.

One round trip, whatever the number of views and entities: the states and the users' latest events come from one snapshot.
A user's values are exact at that moment. An item's are exact at the position up to which items are folded.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from honeyguide.clock import Clock
from honeyguide.config.settings import FeatureStore, FeatureView
from honeyguide.errors import NotFound
from honeyguide.features.item_block import ItemBlock
from honeyguide.features.plan import Plan
from honeyguide.features.read import Status, Value, read
from honeyguide.features.state import State, decode, fold, merge
from honeyguide.features.values import number
from honeyguide.protocols import FeatureStates
from honeyguide.types import FeatureRows, FloatArray, Folded, UserState

_INLINE: Final = 20
"""Entities whose values are worked out on the event loop; more than these go to a thread."""


@dataclass(frozen=True, slots=True)
class FeatureValue:
    """What a view says of a user or item. `value` is as JSON would hold it.

    `present`; `stale`: it is older than the view's lifetime, or not all of the user's events are in it; `missing`: no
    event of the view's and no such attribute is known. `event_at` is the latest event in it, `computed_at` when it was
    worked out (ms), `as_of` the log position at which it is exact."""

    view: str
    value: Any
    status: Status
    event_at: int | None
    computed_at: int
    as_of: int


Values = dict[str, FeatureValue]
"""By name of the view."""


@dataclass(frozen=True, slots=True)
class FeatureRead:
    """The answer to a batched read: the values by id, and the log position of the moment."""

    as_of: int
    users: dict[str, Values]
    items: dict[str, Values]


class Counts(Protocol):
    """Is told of reads."""

    def values(self, entity: str, status: str, number: int) -> None:
        """So many values came out with this status."""

    def took(self, seconds: float) -> None:
        """A batched read took so long."""


class FeatureReader:
    """Reads values. `items` are the items as they are now, for attributes."""

    def __init__(
        self,
        states: FeatureStates,
        plans: Mapping[str, Plan],
        items: ItemBlock,
        settings: FeatureStore,
        clock: Clock,
        counts: Counts,
    ) -> None:
        self._states, self.users, self.items = states, plans["user"], plans["item"]
        self._block, self._clock, self._counts = items, clock, counts
        self._default_ttl = {"user": settings.user_ttl, "item": settings.item_ttl}

    @property
    def views(self) -> list[FeatureView]:
        """All views there are."""
        return [*self.users.views, *self.items.views]

    def view(self, name: str) -> FeatureView:
        """One view; raises NotFound, naming those there are."""
        for plan in (self.users, self.items):
            if name in plan.bound:
                return plan.bound[name].view
        raise NotFound(
            f"There is no feature view {name!r}.",
            cure=f"There are: {', '.join(view.name for view in self.views)}.",
            code="view_not_found",
        )

    def ttl(self, view: FeatureView) -> float:
        """Seconds from which a value of the view is stale."""
        return self._default_ttl[view.entity] if view.ttl is None else view.ttl

    async def read(
        self, users: Collection[str] = (), items: Collection[str] = (), views: Collection[str] | None = None
    ) -> FeatureRead:
        """Values of these users and items, of the named views or all of them. Ids that nobody knows have missing values;
        a view that is not there raises NotFound."""
        for name in views or ():
            self.view(name)
        started = self._clock.monotonic()
        rows = await self._states.read(users, self.users.group, items, self.items.group)
        work = [(self._of_users, rows, views), (self._of_items, rows, views)]
        if len(users) + len(items) <= _INLINE:
            found = [each(rows, views, ids) for (each, rows, views), ids in zip(work, (users, items), strict=True)]
        else:
            found = [
                await asyncio.to_thread(each, rows, views, ids)
                for (each, rows, views), ids in zip(work, (users, items), strict=True)
            ]
        self._counts.took(self._clock.monotonic() - started)
        return FeatureRead(rows.as_of, *found)

    def of_user(self, state: UserState, now: int, views: Collection[str] | None = None) -> Values:
        """The values of a user whose state was read with what features are read from."""
        plan, folded = self.users, state.folded or Folded((), (), state.as_of)
        names = [name for name in plan.bound if views is None or name in views]
        values = read(
            plan,
            _state(plan, folded),
            now,
            names=names,
            own={"properties": state.properties},
            items=self._block.attribute,
        )
        whole = folded.through >= state.as_of
        return {name: self._value(plan, name, value, now, folded.through, now, whole) for name, value in values.items()}

    def _of_users(self, rows: FeatureRows, views: Collection[str] | None, ids: Collection[str]) -> dict[str, Values]:
        now = self._clock.now_ms()
        return {name: self._counted("user", self.of_user(rows.users[name], now, views)) for name in ids}

    def _of_items(self, rows: FeatureRows, views: Collection[str] | None, ids: Collection[str]) -> dict[str, Values]:
        plan, now = self.items, self._clock.now_ms()
        names = [name for name in plan.bound if views is None or name in views]
        computed_at = now if rows.items_through >= rows.as_of else rows.items_at
        found: dict[str, Values] = {}
        for item_id in ids:
            state = _decoded(rows.items.get(item_id))
            values = read(plan, state, now, names=names, own=self._block.fields(item_id), items=self._block.attribute)
            found[item_id] = self._counted(
                "item",
                {
                    name: self._value(plan, name, value, now, rows.items_through, computed_at)
                    for name, value in values.items()
                },
            )
        return found

    def _value(
        self, plan: Plan, name: str, value: Value, now: int, as_of: int, computed_at: int, whole: bool = True
    ) -> FeatureValue:
        view = plan.bound[name].view
        fresh = whole and now - computed_at <= self.ttl(view) * 1000
        status: Status = "missing" if value.missing else "present" if fresh else "stale"
        return FeatureValue(name, value.value, status, value.event_at, computed_at, as_of)

    def _counted(self, entity: str, values: Values) -> Values:
        statuses = [value.status for value in values.values()]
        for status in set(statuses):
            self._counts.values(entity, status, statuses.count(status))
        return values


class OfRequest:
    """The features of a request's user (`protocols.UserFeatures`): read with the history, worked out when asked for."""

    def __init__(self, reader: FeatureReader, state: UserState, now: int) -> None:
        self._reader, self._user, self._now = reader, state, now
        self._values: Values | None = None

    @property
    def values(self) -> Values:
        """All of them, by view."""
        if self._values is None:
            self._values = self._reader.of_user(self._user, self._now)
        return self._values

    def value(self, view: str) -> Any:
        """What a view says; None where nothing is known, and for a view that is not there."""
        found = self.values.get(view)
        return None if found is None else found.value

    def numbers(self, views: Sequence[str]) -> FloatArray:
        """float32 [views]; NaN where nothing is known, and for what is no number."""
        found = [number(self.value(view)) for view in views]
        return np.array([np.nan if value is None else value for value in found], np.float32)


def _state(plan: Plan, folded: Folded) -> State:
    """The states of all ids of a user and the events since, as one."""
    states: Sequence[State] = [_decoded(encoded) for encoded in folded.states]
    state = states[0] if len(states) == 1 else merge(states)
    for row in folded.tail:
        fold(plan, state, row)
    return state


def _decoded(encoded: bytes | None) -> State:
    """A state; an empty one for none, and for one that cannot be read until the fold has made it anew."""
    try:
        return State() if encoded is None else decode(encoded)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return State()
