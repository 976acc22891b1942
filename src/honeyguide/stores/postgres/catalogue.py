"""The current items and users in PostgreSQL."""

from collections.abc import Collection
from typing import Final

from honeyguide.stores.fold import People, companions
from honeyguide.stores.postgres.dialect import translated
from honeyguide.stores.postgres.pool import Pool
from honeyguide.stores.postgres.state import PERSON
from honeyguide.stores.sql import Reads, Writes
from honeyguide.stores.sql.catalogue import ITEM_PAGE, SELECT_LINK, USER_PAGE, TableCatalogue
from honeyguide.stores.sql.rows import SELECT_AGED_ITEM, SELECT_ITEM, SELECT_USER, item, user
from honeyguide.types import Item, User

_ITEM: Final = f"{SELECT_ITEM} WHERE item_id = %s"
_USER: Final = f"{SELECT_USER} WHERE user_id = %s"
_LINKS: Final = f"""
WITH own AS MATERIALIZED ({SELECT_LINK} WHERE user_id = ANY(%(ids)s::text[])),
roots AS (SELECT unnest(%(ids)s::text[]) COLLATE "C" AS id UNION SELECT canonical_id FROM own)
SELECT * FROM own UNION {SELECT_LINK} WHERE canonical_id IN (SELECT id FROM roots)"""
_ITEMS: Final = f"{SELECT_AGED_ITEM} WHERE item_id = ANY(%s) ORDER BY first_sequence"


class PostgresCatalogue(TableCatalogue):
    """`protocols.CatalogueTable` on PostgreSQL."""

    def __init__(self, pool: Pool, pages: Pool, writes: Writes, reads: Reads) -> None:
        """`pool` is for single rows, `pages` for many: it has more time."""
        super().__init__(writes, reads)
        self._pool, self._pages = pool, pages

    async def item(self, item_id: str) -> Item | None:
        """One item, deleted ones included; None if the log has never seen it."""
        return next((item(values) for values in await self._pool.fetch(_ITEM, [item_id])), None)

    async def items_by_id(self, item_ids: Collection[str]) -> list[Item]:
        """Those of the items that there are, deleted ones included, in order of first sight."""
        if not item_ids:
            return []
        return [item(values[:-1]) for values in await self._pages.fetch(_ITEMS, [list(item_ids)])]

    async def items(self, *, limit: int, after: str | None = None) -> list[Item]:
        """A page of items that are not deleted, in order of id."""
        return [item(values) for values in await self._pages.fetch(translated(ITEM_PAGE), [after or "", limit])]

    async def user(self, user_id: str) -> User | None:
        """One user, as stored."""
        return next((user(values) for values in await self._pool.fetch(_USER, [user_id])), None)

    async def person(self, user_id: str) -> list[User]:
        """All users that are one person with `user_id` now, the one that they go by last."""
        return People(user(values) for values in await self._pool.fetch(PERSON, {"user": user_id})).group(user_id)

    async def merged(self, user_ids: Collection[str]) -> dict[str, list[str]]:
        """For those of the users that were ever merged: all other ids of the same person."""
        ids = sorted(set(user_ids))
        return companions(ids, await self._pages.fetch(_LINKS, {"ids": ids}))

    async def users(self, *, limit: int, after: str | None = None) -> list[User]:
        """A page of users in order of id."""
        return [user(values) for values in await self._pages.fetch(translated(USER_PAGE), [after or "", limit])]
