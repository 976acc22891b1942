"""Feature states in SQLite."""

from collections.abc import Collection

from honeyguide.clock import Clock
from honeyguide.stores.sql.features import TableFeatures, mark_of, states_of
from honeyguide.stores.sqlite.connect import Readers
from honeyguide.stores.sqlite.state import position, user_state
from honeyguide.stores.sqlite.writer import Writer
from honeyguide.types import FeatureRows


class SqliteFeatures(TableFeatures):
    """`protocols.FeatureStates` on SQLite. Like the log, it is read at once on the caller's thread."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        super().__init__(writer, readers, clock)
        self._readers = readers

    async def read(
        self, users: Collection[str] = (), user_group: str = "", items: Collection[str] = (), item_group: str = ""
    ) -> FeatureRows:
        """What features are read from, in one snapshot; see `protocols.FeatureStates.read`."""
        with self._readers.snapshot() as db:
            mark = mark_of(db, item_group) if items else None
            return FeatureRows(
                as_of=position(db),
                users={name: user_state(db, name, limit=0, features=user_group) for name in users},
                items=states_of(db, item_group, items) if items else {},
                items_through=mark.sequence if mark else 0,
                items_at=mark.updated_at if mark else 0,
            )
