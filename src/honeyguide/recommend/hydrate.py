"""From a query and the user's state to a `Request`: everything a stage may ask, as arrays, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from honeyguide.config.settings import Events, EventType, Settings, Surface
from honeyguide.expressions import Expression
from honeyguide.messages import Query
from honeyguide.protocols import Content, ItemFeatures, Items, Request, ServedModel, UserFeatures
from honeyguide.protocols.rules import NO_RULES, InForce
from honeyguide.recommend.baskets import basket_of
from honeyguide.types import LogRow, UserEvent, UserState


@dataclass(frozen=True, slots=True)
class Weighing:
    """What an event of each type is worth, and whether it speaks against its item."""

    types: Mapping[str, EventType]
    rating_middle: float

    @classmethod
    def of(cls, events: Events) -> "Weighing":
        """The configured weights."""
        return cls(events.all_types(), events.rating_middle)

    def weight(self, event: UserEvent) -> float:
        """The weight of one event, below 0 for a negative type, 0 for types that are no signal or not declared."""
        kind = self.types.get(event.type)
        if kind is None:
            return 0.0
        if kind.negative:
            return -kind.weight
        if kind.by_value and event.value is not None:
            return max(0.0, kind.weight * event.value / self.rating_middle)
        return kind.weight

    def negative(self, event: UserEvent) -> bool:
        """Whether the user said no to the item."""
        kind = self.types.get(event.type)
        return kind is not None and kind.negative


def overlay(state: UserState, rows: Sequence[LogRow]) -> UserState:
    """The state with the request's own events added at its end."""
    added = [UserEvent(row.item_id, row.type, row.ts, row.value) for row in rows if row.item_id is not None]
    return UserState(state.user_id, state.as_of, (*state.events, *added), state.properties, state.known)


def segment_of(state: UserState, attributes: Sequence[str]) -> str:
    """The user's segment: the values of the configured attributes joined by `|`, empty without attributes."""
    values = [state.properties.get(name) for name in attributes]
    return "|".join(str(value) for value in values) if attributes and all(v is not None for v in values) else ""


Entry = tuple[int, float, int, str]
"""Row, weight, time and type of an event of a history."""


def without_what_was_taken_back(history: Sequence[Entry]) -> list[Entry]:
    """The history as training has it (`offline.dataset`): without all that a user did with an item before their last no to
    it, and without that no if they came back to the item later, or if it weighs nothing."""
    last_no = {row: place for place, (row, weight, *_) in enumerate(history) if weight <= 0}
    later = [entry for place, entry in enumerate(history) if place >= last_no.get(entry[0], 0)]
    liked = {row for row, weight, *_ in later if weight > 0}
    return [entry for entry in later if entry[1] > 0 or (entry[1] < 0 and entry[0] not in liked)]


def hydrate(
    query: Query,
    surface: Surface,
    state: UserState,
    items: Items,
    model: ServedModel | None,
    popular: ServedModel | None,
    weighing: Weighing,
    settings: Settings,
    now: int,
    features: UserFeatures | None = None,
    content: Content | None = None,
    seen: Sequence[tuple[str, int]] = (),
    given: Mapping[str, Sequence[str]] | None = None,
    condition: Expression | None = None,
    rules: InForce = NO_RULES,
    taken: ItemFeatures | None = None,
) -> Request:
    """The request with the user's history as arrays (latest `recommend.history` events), exclusions and segment."""
    history: list[Entry] = []
    excluded: list[int] = []
    disliked: list[int] = []
    leave_out, any_seen = frozenset(surface.exclude), "seen" in surface.exclude
    for event in state.events:
        row = items.number(event.item_id)
        if row < 0:
            continue
        if weighing.negative(event):
            disliked.append(row)
            history.append((row, weighing.weight(event), event.ts, event.type))
            continue
        if any_seen or event.type in leave_out:
            excluded.append(row)
        weight = weighing.weight(event)
        if weight > 0.0:
            history.append((row, weight, event.ts, event.type))
    history = (without_what_was_taken_back(history) if disliked else history)[-settings.recommend.history :]
    known = [(row, ts) for item_id, ts in seen if (row := items.number(item_id)) >= 0]
    interests = state.properties.get("interests", ())
    return Request(
        query=query,
        surface=surface,
        items=items,
        model=model,
        popular=popular,
        now=now,
        new_item_age=round(settings.recommend.new_item_age * 1000),
        segment=segment_of(state, settings.segments.attributes) if query.segment is None else query.segment,
        interests=tuple(name for name in interests if isinstance(name, str)) if isinstance(interests, list) else (),
        history_rows=np.array([entry[0] for entry in history], dtype=np.int32),
        history_weights=np.array([entry[1] for entry in history], dtype=np.float32),
        history_ts=np.array([entry[2] for entry in history], dtype=np.int64),
        history_types=tuple(entry[3] for entry in history),
        from_session=not state.known,
        excluded=np.array(excluded, dtype=np.int32),
        disliked=np.array(disliked, dtype=np.int32),
        anchor=items.number(query.item_id) if query.item_id is not None else -1,
        features=features,
        content=content,
        seen_rows=np.array([row for row, _ in known], dtype=np.int32),
        seen_at=np.array([ts for _, ts in known], dtype=np.int64),
        basket=basket_of(query, state, items, now) if surface.recipe == "basket" else np.empty(0, np.int32),
        as_of=state.as_of,
        given=given,
        properties=state.properties,
        condition=condition,
        rules=rules,
        new_item_impressions=settings.recommend.new_item_impressions,
        taken=taken,
    )


_NOT_THE_LIST = ("user_id", "n", "surface", "explain", "dry_run", "seed", "arms", "assigned")


def context_of(query: Query) -> dict[str, object]:
    """The query's fields that shape a list, as JSON values, for the slate."""
    context: dict[str, object] = msgspec.to_builtins(query)
    for name in _NOT_THE_LIST:
        context.pop(name, None)
    return context
