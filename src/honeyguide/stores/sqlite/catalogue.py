"""The current items and users in SQLite."""

from collections.abc import Collection
from operator import itemgetter

from honeyguide.stores.fold import companions
from honeyguide.stores.sql.catalogue import ANY_LINK, ITEM_PAGE, SELECT_LINK, USER_PAGE, TableCatalogue
from honeyguide.stores.sql.rows import SELECT_AGED_ITEM, SELECT_ITEM, SELECT_USER, item, user
from honeyguide.stores.sqlite import state
from honeyguide.stores.sqlite.connect import Readers
from honeyguide.stores.sqlite.rows import select_in
from honeyguide.stores.sqlite.writer import Writer
from honeyguide.types import Item, User


class SqliteCatalogue(TableCatalogue):
    """`protocols.CatalogueTable` on SQLite."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        super().__init__(writer, readers)
        self._readers = readers

    async def item(self, item_id: str) -> Item | None:
        """One item, deleted ones included; None if the log has never seen it."""
        with self._readers.snapshot() as db:
            values = db.execute(f"{SELECT_ITEM} WHERE item_id = ?", (item_id,)).fetchone()
        return item(values) if values else None

    async def items_by_id(self, item_ids: Collection[str]) -> list[Item]:
        """Those of the items that there are, deleted ones included, in order of first sight."""
        with self._readers.snapshot() as db:
            rows = select_in(db, f"{SELECT_AGED_ITEM} WHERE item_id", item_ids)
        return [item(values[:-1]) for values in sorted(rows, key=itemgetter(-1))]

    async def items(self, *, limit: int, after: str | None = None) -> list[Item]:
        """A page of items that are not deleted, in order of id."""
        with self._readers.snapshot() as db:
            return [item(values) for values in db.execute(ITEM_PAGE, (after or "", limit)).fetchall()]

    async def user(self, user_id: str) -> User | None:
        """One user, as stored."""
        with self._readers.snapshot() as db:
            values = db.execute(f"{SELECT_USER} WHERE user_id = ?", (user_id,)).fetchone()
        return user(values) if values else None

    async def users(self, *, limit: int, after: str | None = None) -> list[User]:
        """A page of users in order of id."""
        with self._readers.snapshot() as db:
            return [user(values) for values in db.execute(USER_PAGE, (after or "", limit)).fetchall()]

    async def person(self, user_id: str) -> list[User]:
        """All users that are one person with `user_id` now, the one that they go by last."""
        with self._readers.snapshot() as db:
            return state.group_now(db, user_id)

    async def merged(self, user_ids: Collection[str]) -> dict[str, list[str]]:
        """For those of the users that were ever merged: all other ids of the same person. One look where nobody was."""
        with self._readers.snapshot() as db:
            if not db.execute(ANY_LINK).fetchone()[0]:
                return {}
            ids = sorted(set(user_ids))
            links = set(select_in(db, f"{SELECT_LINK} WHERE user_id", ids))
            roots = sorted({canonical for _, canonical in links}.union(ids))
            links.update(select_in(db, f"{SELECT_LINK} WHERE canonical_id", roots))
        return companions(ids, links)
