"""Users as they were at a log position, from the links and the rows of then."""

from collections.abc import Iterable

from honeyguide.stores.fold import fold_properties
from honeyguide.types import LogRow, User


def group_then(root: str, pointing: Iterable[str], rows: Iterable[LogRow]) -> list[User]:
    """Those who went by the id `root`: `pointing` in order of id, `root` last; attributes folded from their own `rows`,
    which are in log order."""
    group = {name: User(user_id=name, canonical_id=root) for name in pointing} | {root: User(user_id=root)}
    for row in rows:
        assert row.user_id is not None
        member = group[row.user_id]
        member.properties = fold_properties(member.properties, row)
    return list(group.values())
