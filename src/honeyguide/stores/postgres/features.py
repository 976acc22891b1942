"""Feature states in PostgreSQL."""

from collections.abc import Collection
from typing import Final

from honeyguide.clock import Clock
from honeyguide.stores.postgres import state
from honeyguide.stores.postgres.pool import Pool
from honeyguide.stores.postgres.position import POSITION
from honeyguide.stores.sql import Reads, Writes
from honeyguide.stores.sql.features import FOLD, TableFeatures
from honeyguide.types import FeatureRows

_ITEMS: Final = f"""
SELECT {POSITION}, coalesce(sequence, 0), coalesce(updated_at, 0),
    (SELECT array_agg(entity_id ORDER BY entity_id) FROM found), (SELECT array_agg(state ORDER BY entity_id) FROM found)
FROM (SELECT 1) AS one LEFT JOIN folds ON fold = %(fold)s"""
_FOUND: Final = (
    "WITH found AS (SELECT entity_id, state FROM feature_states WHERE view = %(group)s AND entity_id = ANY(%(ids)s::text[]))"
)


class PostgresFeatures(TableFeatures):
    """`protocols.FeatureStates` on PostgreSQL."""

    def __init__(self, pool: Pool, writes: Writes, reads: Reads, clock: Clock) -> None:
        super().__init__(writes, reads, clock)
        self._pool = pool

    async def read(
        self, users: Collection[str] = (), user_group: str = "", items: Collection[str] = (), item_group: str = ""
    ) -> FeatureRows:
        """What features are read from, in one snapshot and one round trip; see `protocols.FeatureStates.read`."""
        names = list(users)
        asked = [(_FOUND + _ITEMS, {"group": item_group, "fold": FOLD + item_group, "ids": list(items)})]
        asked += [state.question(name, limit=0, features=user_group) for name in names]
        ((found,), *rows) = await self._pool.together(asked)
        as_of, through, at, ids, states = found
        return FeatureRows(
            as_of=as_of,
            users={name: state.answer(row, name, features=user_group) for name, (row,) in zip(names, rows, strict=True)},
            items=dict(zip(ids or (), states or (), strict=True)),
            items_through=through if items else 0,
            items_at=at if items else 0,
        )
