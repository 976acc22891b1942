"""Items and users: read from the store, changed through INGEST."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from honeyguide.api import cursors
from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.rows import taken
from honeyguide.api.urls import refused
from honeyguide.api.wire.catalogue import (
    ItemBody,
    ItemOut,
    ItemPage,
    ItemParams,
    ItemsParams,
    UserBody,
    UserOut,
    UserPage,
    UserParams,
    UsersParams,
    Written,
)
from honeyguide.errors import NotFound
from honeyguide.messages import IngestReport, ItemIn, Rejected, UserIn
from honeyguide.types import Item, Json

T = TypeVar("T")


async def list_items(call: Call[ItemsParams, None]) -> Answer:
    """Items that are not deleted, in order of id; named ones in one answer."""
    table, params, limit = call.runtime.store.catalogue, call.params, cursors.check_limit(call.params)
    after = cursors.read("items", params.cursor)
    if params.item_id is not None:
        if len(params.item_id) > cursors.MAX_LIMIT:
            raise refused("item_id", f"{len(params.item_id)} are too many. Name up to {cursors.MAX_LIMIT}.")
        named = await table.items_by_id(params.item_id)
        return reply(ItemPage([ItemOut.of(item) for item in named if item.deleted_at is None], None))
    rows = await _beginning(params.prefix, limit + 1, after, table.item, table.items, lambda item: item.item_id)
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


async def list_users(call: Call[UsersParams, None]) -> Answer:
    """Users in order of id."""
    table, params, limit = call.runtime.store.catalogue, call.params, cursors.check_limit(call.params)
    after = cursors.read("users", params.cursor)
    rows = await _beginning(params.prefix, limit + 1, after, table.user, table.users, lambda user: user.user_id)
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


class _PageOf(Protocol[T]):
    async def __call__(self, *, limit: int, after: str | None = None) -> list[T]: ...


async def _beginning(
    prefix: str,
    limit: int,
    after: str | None,
    one: Callable[[str], Awaitable[T | None]],
    page: _PageOf[T],
    id_of: Callable[[T], str],
) -> list[T]:
    """A page of what has an id that begins with `prefix`: ids stand in order, so they are one behind the other."""
    if not prefix or after is not None:
        found = await page(limit=limit, after=after)
    else:
        first = await one(prefix)
        gone = first is None or getattr(first, "deleted_at", None) is not None
        found = [*([] if gone or first is None else [first]), *await page(limit=limit, after=prefix)][:limit]
    return [each for each in found if id_of(each).startswith(prefix)]


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
