"""Lists of other forms: given items in order, lists for a session without a name, lists that are the same for all."""

from honeyguide.api.cold import Call
from honeyguide.api.endpoint import Answer
from honeyguide.api.lists import filters_of
from honeyguide.api.urls import refused
from honeyguide.api.wire.lists import ListParams, RankIn, RecommendIn, SessionIn
from honeyguide.recommend.given import STANDING, of_session, to_rank


async def rank(call: Call[object, RankIn]) -> Answer:
    """Given items in the order for a user. All of them are in the answer: in order, or named as unknown or left out."""
    asked = call.body
    query = to_rank(
        asked.items,
        user_id=asked.user_id,
        surface=asked.surface,
        filters=asked.filters,
        filter=asked.filter,
        personalised=asked.personalised,
        explain=asked.explain,
        context=asked.context,
    )
    return await call.service.lists.rank(query)


async def of_a_session(call: Call[object, SessionIn]) -> Answer:
    """A list for events that are in the request alone: no user, no history."""
    asked = call.body
    query = of_session(
        asked.events,
        n=asked.n,
        surface=asked.surface,
        filters=asked.filters,
        filter=asked.filter,
        item_id=asked.item_id,
        candidates=asked.candidates,
        exclude=asked.exclude,
        explain=asked.explain,
        context=asked.context,
        session_id=asked.session_id,
        device_id=asked.device_id,
    )
    return await call.service.lists.given(query)


async def standing(call: Call[ListParams, None]) -> Answer:
    """What is popular, rising or new, the same for all, or as a segment likes it."""
    asked = call.params
    if asked.name not in STANDING:
        raise refused("name", f"There is no list {asked.name!r}. There are: {', '.join(STANDING)}.")
    query = RecommendIn(
        n=asked.n,
        surface=asked.name,
        filters=filters_of(asked),
        filter=asked.filter,
        exclude=asked.exclude,
        personalised=False,
        explore=False,
        explain=asked.explain,
        segment=asked.segment,
        cursor=asked.cursor,
    )
    return await call.service.lists.answer(query, call.headers, call.method)
