"""Requests of a form of their own as queries: to rank what is given, and lists for a session that nobody has a name for."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from honeyguide.errors import FieldError, InvalidInput
from honeyguide.messages import EventIn, Query, Ranking, SessionEvent, Slate
from honeyguide.types import MAX_N

RANK: Final = "rank"
SESSION: Final = "session"
STANDING: Final = ("popular", "trending", "new")
"""Surfaces of lists that are the same for all."""
MAX_SESSION: Final = 200


def to_rank(items: Sequence[str], **fields: Any) -> Query:
    """The query that puts given items into the order for a user; raises InvalidInput for none, or for too many."""
    given = list(dict.fromkeys(items))
    if not 1 <= len(given) <= MAX_N:
        fault = FieldError("/items", f"There are {len(given)} items. Send 1 to {MAX_N}, each once.")
        raise InvalidInput("The request cannot be answered.", errors=[fault])
    return Query(candidates=given, n=len(given), **{"surface": RANK, "explore": False, **fields})


def ranking(query: Query, slate: Slate) -> Ranking:
    """The answer to it: nothing that was given is passed over in silence."""
    told = {item.item_id for item in slate.items}.union(slate.unknown)
    left_out = [each for each in query.candidates or () if each not in told]
    return Ranking(**msgspec.structs.asdict(slate), left_out=left_out)


def of_session(events: Sequence[SessionEvent], **fields: Any) -> Query:
    """The query for what fits to events that are only in the request: no history is read, none is kept.

    Raises InvalidInput for too many events."""
    if len(events) > MAX_SESSION:
        fault = FieldError("/events", f"There are {len(events)} events. Send the latest {MAX_SESSION} at most.")
        raise InvalidInput("The request cannot be answered.", errors=[fault])
    named = [EventIn(type=each.type, user_id=SESSION, item_id=each.item_id, ts=each.ts, value=each.value) for each in events]
    return Query(personalised=False, events=named, **fields)
