"""Feature views: which there are, and what they say."""

import asyncio
from typing import Final

from honeyguide.api.cold import Call, NoParams, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.urls import refused
from honeyguide.api.wire.features import FeatureOut, FeatureParams, FeaturesIn, FeaturesOut, ViewOut, ViewPage
from honeyguide.errors import FieldError, InvalidInput
from honeyguide.features.plan import Plan
from honeyguide.types import id_fault

_MOST: Final = 1_000


async def list_views(call: Call[NoParams, None]) -> Answer:
    """All feature views, how far the log is folded for them, and how served values compare with it."""
    reader, states = call.runtime.features, call.runtime.store.features
    check = await asyncio.to_thread(states.checked)

    async def through(plan: Plan) -> int:
        mark = await asyncio.to_thread(states.mark, plan.group)
        return mark.sequence if mark else 0

    items = [ViewOut.made(view, reader.ttl(view), check.views.get(view.name, (0, 0))) for view in reader.views]
    page = ViewPage(
        items=items,
        next_cursor=None,
        position=await call.runtime.store.log.position(),
        users_through=await through(reader.users),
        items_through=await through(reader.items),
    )
    return reply(page)


async def get_feature(call: Call[FeatureParams, None]) -> Answer:
    """What one view says of one user or item; of one that nobody knows, that it is missing."""
    reader, name, entity_id = call.runtime.features, call.params.view, call.params.entity_id
    view = reader.view(name)
    if fault := id_fault(entity_id):
        raise refused("entity_id", f"{fault}.")
    users, items = ([entity_id], []) if view.entity == "user" else ([], [entity_id])
    read = await reader.read(users, items, [name])
    found = (read.users if view.entity == "user" else read.items)[entity_id][name]
    return reply(FeatureOut.of(found))


async def read_features(call: Call[object, FeaturesIn]) -> Answer:
    """What views say of many users and items, all of one moment."""
    body = call.body
    ids = {"user_ids": body.user_ids, "item_ids": body.item_ids}
    if sum(map(len, ids.values())) > _MOST:
        raise refused("item_ids", f"Together with user_ids these are more than {_MOST}. Ask in parts.")
    faults = [
        FieldError(f"/{name}/{place}", f"{fault}.")
        for name, listed in ids.items()
        for place, entity_id in enumerate(listed)
        if (fault := id_fault(entity_id))
    ]
    if faults:
        raise InvalidInput("The request does not fit.", errors=faults)
    read = await call.runtime.features.read(
        list(dict.fromkeys(body.user_ids)), list(dict.fromkeys(body.item_ids)), body.views
    )
    users, items = (
        {entity_id: {name: FeatureOut.of(value) for name, value in values.items()} for entity_id, values in found.items()}
        for found in (read.users, read.items)
    )
    return reply(FeaturesOut(as_of=read.as_of, users=users, items=items))
