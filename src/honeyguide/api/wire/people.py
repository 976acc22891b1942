"""Persons on the wire."""

from typing import Self

import msgspec

from honeyguide.api.wire.base import In, Moment, iso
from honeyguide.api.wire.catalogue import UserParams
from honeyguide.types import Json, UserState

__all__ = ["HistoryEvent", "HistoryOut", "HistoryParams", "MergeIn", "SimilarUsersParams", "UserParams"]


class SimilarUsersParams(In):
    """How many users like the one in the path."""

    user_id: str
    n: int = 10


class HistoryParams(In):
    """How many of a user's latest events."""

    user_id: str
    limit: int = 100


class HistoryEvent(msgspec.Struct, kw_only=True):
    """What a user did with an item. `sequence` is its log position."""

    item_id: str
    type: str
    ts: Moment
    value: float | None
    sequence: int


class HistoryOut(msgspec.Struct, kw_only=True):
    """The latest item events of a user and of the ids merged with it, newest first, as lists are made from them.

    `as_of` is the log position at which this is exact; `known`: the log has seen the id; `properties` are those of the
    person."""

    user_id: str
    known: bool
    as_of: int
    properties: Json
    items: list[HistoryEvent]

    @classmethod
    def of(cls, state: UserState) -> Self:
        """The history as it goes out."""
        events = [
            HistoryEvent(
                item_id=event.item_id, type=event.type, ts=iso(event.ts), value=event.value, sequence=event.sequence
            )
            for event in reversed(state.events)
        ]
        return cls(user_id=state.user_id, known=state.known, as_of=state.as_of, properties=state.properties, items=events)


class MergeIn(In):
    """The user that the one in the path turned out to be."""

    into: str
