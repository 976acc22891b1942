"""Items and users: read from the store, changed through INGEST."""

from honeyguide.api import cursors
from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.rows import taken
from honeyguide.api.wire.base import PageParams
from honeyguide.api.wire.catalogue import (
    ItemBody,
    ItemOut,
    ItemPage,
    ItemParams,
    UserBody,
    UserOut,
    UserPage,
    UserParams,
    Written,
)
from honeyguide.errors import NotFound
from honeyguide.messages import IngestReport, ItemIn, Rejected, UserIn
from honeyguide.types import Item, Json


async def list_items(call: Call[PageParams, None]) -> Answer:
    """Items that are not deleted, in order of id."""
    limit, after = cursors.check_limit(call.params), cursors.read("items", call.params.cursor)
    rows = await call.runtime.store.catalogue.items(limit=limit + 1, after=after)
    shown, next_cursor = cursors.page("items", rows, limit, lambda item: item.item_id)
    return reply(ItemPage([ItemOut.of(item) for item in shown], next_cursor))


async def get_item(call: Call[ItemParams, None]) -> Answer:
    """One item as it is now."""
    return reply(ItemOut.of(await _item(call)))


async def put_item(call: Call[ItemParams, ItemBody]) -> Answer:
    """Create or replace an item."""
    item = ItemIn(item_id=call.params.item_id, **_given(call.body))
    return _written(await call.runtime.ingest.put_items([item]), "item")


async def patch_item(call: Call[ItemParams, ItemBody]) -> Answer:
    """Change the given fields of an item."""
    await _item(call)
    item = ItemIn(item_id=call.params.item_id, **_given(call.body))
    return _written(await call.runtime.ingest.patch_items([item]), "item")


async def delete_item(call: Call[ItemParams, None]) -> Answer:
    """Delete an item; it is not shown from now on."""
    await _item(call)
    return _written(await call.runtime.ingest.delete_items([call.params.item_id]), "item")


async def put_items(call: Call[object, list[ItemIn | Rejected]]) -> Answer:
    """Create or replace up to 1,000 items; what cannot be taken is listed, the rest is kept."""
    return reply(await call.runtime.ingest.put_items(call.body))


async def list_users(call: Call[PageParams, None]) -> Answer:
    """Users in order of id."""
    limit, after = cursors.check_limit(call.params), cursors.read("users", call.params.cursor)
    rows = await call.runtime.store.catalogue.users(limit=limit + 1, after=after)
    shown, next_cursor = cursors.page("users", rows, limit, lambda user: user.user_id)
    return reply(UserPage([UserOut.of(user) for user in shown], next_cursor))


async def get_user(call: Call[UserParams, None]) -> Answer:
    """One user as it is now."""
    user = await call.runtime.store.catalogue.user(call.params.user_id)
    if user is None:
        raise NotFound(
            f"There is no user {call.params.user_id!r}.",
            cure="PUT what is known of it first. Lists and events need no such thing.",
        )
    return reply(UserOut.of(user))


async def put_user(call: Call[UserParams, UserBody]) -> Answer:
    """Create a user or replace its properties."""
    user = UserIn(user_id=call.params.user_id, **_given(call.body))
    return _written(await call.runtime.ingest.put_users([user]), "user")


async def patch_user(call: Call[UserParams, UserBody]) -> Answer:
    """Change the given properties of a user; one that is not known yet is created."""
    user = UserIn(user_id=call.params.user_id, **_given(call.body))
    return _written(await call.runtime.ingest.patch_users([user]), "user")


async def _item(call: Call[ItemParams, object]) -> Item:
    item_id = call.params.item_id
    item = await call.runtime.store.catalogue.item(item_id)
    if item is None:
        raise NotFound(f"There is no item {item_id!r}.", cure="PUT it first.")
    if item.deleted_at is not None:
        raise NotFound(f"The item {item_id!r} was deleted.", cure="PUT it to bring it back.")
    return item


def _given(body: ItemBody | UserBody) -> Json:
    return {name: getattr(body, name) for name in body.__struct_fields__}


def _written(report: IngestReport, what: str) -> Answer:
    taken(report, what)
    return reply(Written(report.accepted, report.sequence))
