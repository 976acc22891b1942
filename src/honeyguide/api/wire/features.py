"""Feature views and their values on the wire."""

from typing import Any, Literal

import msgspec

from honeyguide.api.wire.base import In, Moment, iso
from honeyguide.config.settings import FeatureView
from honeyguide.features import FeatureValue


class FeatureParams(In):
    """One view of one user or item."""

    view: str
    entity_id: str


class FeaturesIn(In):
    """Whose features: of these users and items, of the named views or of all."""

    user_ids: list[str] = msgspec.field(default_factory=list)
    item_ids: list[str] = msgspec.field(default_factory=list)
    views: list[str] | None = None


class FeatureOut(msgspec.Struct, kw_only=True):
    """What a view says. `event_time` is the latest event in it, `computed_at` when it was worked out, `as_of` the log
    position at which it is exact. `stale`: older than its lifetime; `missing`: nothing of it is known."""

    value: Any
    status: Literal["present", "stale", "missing"]
    event_time: Moment | None
    computed_at: Moment
    as_of: int

    @classmethod
    def of(cls, found: FeatureValue) -> "FeatureOut":
        """The value for the wire."""
        return cls(
            value=found.value,
            status=found.status,
            event_time=None if found.event_at is None else iso(found.event_at),
            computed_at=iso(found.computed_at),
            as_of=found.as_of,
        )


class FeaturesOut(msgspec.Struct, kw_only=True):
    """Values by id and view, all of one moment: log position `as_of`."""

    as_of: int
    users: dict[str, dict[str, FeatureOut]]
    items: dict[str, dict[str, FeatureOut]]


class ViewOut(msgspec.Struct, kw_only=True):
    """A feature view. `window` in seconds, null for all time; `ttl` in seconds. Of its served values, `compared` were held
    against the log lately, and `mismatches` of them differed."""

    name: str
    entity: Literal["user", "item"]
    kind: str
    events: list[str]
    over: list[str]
    of: str
    window: float | None
    ttl: float
    compared: int
    mismatches: int

    @classmethod
    def made(cls, view: FeatureView, ttl: float, compared: tuple[int, int]) -> "ViewOut":
        """The view for the wire."""
        return cls(
            name=view.name,
            entity=view.entity,
            kind=view.kind,
            events=view.events,
            over=view.over,
            of=view.of,
            window=view.window or None,
            ttl=ttl,
            compared=compared[0],
            mismatches=compared[1],
        )


class ViewPage(msgspec.Struct, kw_only=True):
    """All views, users' first. `position` is the end of the log; it is folded up to `users_through`, `items_through`."""

    items: list[ViewOut]
    next_cursor: None
    position: int
    users_through: int
    items_through: int
