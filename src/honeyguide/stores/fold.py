"""From rows of the log to the current items and users: the one definition, used by every append and every rebuild.

Pure: no store is touched. `payload` of a row is a JSON object with the fields given. A put replaces them all, a patch
the ones that it names; `properties` of a patch merge by RFC 7396 (null removes a name, objects merge, all else replaces).
"""

from array import array
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from honeyguide.types import Item, Json, LogRow, User


class _ItemFields(msgspec.Struct):
    title: str | None | UnsetType = UNSET
    categories: tuple[str, ...] | None | UnsetType = UNSET
    price: float | None | UnsetType = UNSET
    image_url: str | None | UnsetType = UNSET
    url: str | None | UnsetType = UNSET
    available: bool | None | UnsetType = UNSET
    hidden: bool | None | UnsetType = UNSET
    created_at: int | None | UnsetType = UNSET
    properties: Json | None | UnsetType = UNSET
    vector: tuple[float, ...] | None | UnsetType = UNSET


class _UserFields(msgspec.Struct):
    properties: Json | None | UnsetType = UNSET


class _Merge(msgspec.Struct):
    canonical_id: str | None


_item_fields: Final = msgspec.json.Decoder(_ItemFields)
_user_fields: Final = msgspec.json.Decoder(_UserFields)


class _Erased(msgspec.Struct):
    erased: list[str] = []


_merge: Final = msgspec.json.Decoder(_Merge)
_erased: Final = msgspec.json.Decoder(_Erased)
_DEFAULTS: Final = {"title": "", "categories": (), "available": True, "hidden": False, "properties": {}}


def merge_patch(target: Json, patch: Json) -> Json:
    """`target` with `patch` merged in (RFC 7396); neither is changed."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            old = merged.get(name)
            merged[name] = merge_patch(old if isinstance(old, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def fold_item(item: Item | None, row: LogRow) -> Item:
    """The item after `row`, which names it. An event makes a bare item of one that was unknown, and changes no other.

    `created_at` is what a row said, else when the item was first seen: by its event's time, or by when its put came
    (an imported put: by its own time, since it tells of the past)."""
    assert row.item_id is not None
    if row.kind == "event":
        return item or Item(item_id=row.item_id, created_at=row.ts, sequence=row.sequence)
    created_at = item.created_at if item else (row.ts if row.imported else row.received_at)
    if row.kind == "item_put" or item is None:
        before = Item(item_id=row.item_id, created_at=created_at)
    else:
        before = item
    if row.kind == "item_delete":
        return msgspec.structs.replace(before, deleted_at=row.ts, sequence=row.sequence)
    changes = _given(row.payload, before, merging=row.kind == "item_patch")
    return msgspec.structs.replace(before, **changes, sequence=row.sequence)


def _given(payload: str | None, before: Item, *, merging: bool) -> dict[str, Any]:
    """The fields that a payload sets; null sets a field to its default."""
    fields = _item_fields.decode(payload or "{}")
    changes = {name: value for name in fields.__struct_fields__ if (value := getattr(fields, name)) is not UNSET}
    if merging and isinstance(changes.get("properties"), dict):
        changes["properties"] = merge_patch(before.properties, changes["properties"])
    for name, value in changes.items():
        if value is None:
            changes[name] = before.created_at if name == "created_at" else _DEFAULTS.get(name)
    if changes.get("vector"):
        changes["vector"] = tuple(array("f", changes["vector"]))  # as it is stored: 32 bits
    return changes


class Catalogue:
    """Items while they are folded: start it with the present rows, `apply` rows of the log, then read what changed."""

    def __init__(self, present: Iterable[Item] = ()) -> None:
        self.items = {item.item_id: item for item in present}
        self.first: dict[str, int] = {}
        """Sequence of the row that made an item, for items made here."""
        self.changed: dict[str, Item] = {}

    def apply(self, row: LogRow) -> None:
        """Fold a row of any kind; rows that name no item change nothing."""
        item_id = row.item_id
        if item_id is None or row.kind.startswith("user"):
            return
        before = self.items.get(item_id)
        after = fold_item(before, row)
        if after is before:
            return
        if before is None:
            self.first[item_id] = row.sequence
        self.items[item_id] = self.changed[item_id] = after


class Move(NamedTuple):
    """A user who goes by another id from a log position on; None is the user's own."""

    user_id: str
    before: str | None
    after: str | None
    sequence: int


class People:
    """Users while they are folded. Pointers stay one step long: merging a user moves those who point at it along."""

    def __init__(self, present: Iterable[User] = ()) -> None:
        self.users: dict[str, User] = {}
        self.changed: dict[str, User | None] = {}
        """What to store; None: remove."""
        self.moves: list[Move] = []
        """Every change of a pointer, in order."""
        self._pointing: dict[str, set[str]] = {}
        for user in present:
            self._store(user)
        self.changed.clear()
        self.moves.clear()

    def root(self, user_id: str) -> str:
        """The id that a user goes by."""
        user = self.users.get(user_id)
        return user.canonical_id if user and user.canonical_id else user_id

    def group(self, user_id: str) -> list[User]:
        """All users merged with `user_id`, in order of id, the canonical one last."""
        root = self.root(user_id)
        names = [*sorted(self._pointing.get(root, ())), root]
        return [self.users[name] for name in names if name in self.users]

    def apply(self, row: LogRow) -> None:
        """Fold a row of any kind; rows that change no user do nothing."""
        if row.user_id is None or not row.kind.startswith("user"):
            return
        if row.kind == "user_delete":
            self._remove(row.user_id, row.sequence)
        elif row.kind == "user_merge":
            self._merge(row.user_id, _merge.decode(row.payload or "{}").canonical_id, row.sequence)
        else:
            before = self.users.get(row.user_id) or User(user_id=row.user_id)
            properties = fold_properties(before.properties, row)
            self._store(msgspec.structs.replace(before, properties=properties, sequence=row.sequence))

    def _merge(self, user_id: str, into: str | None, sequence: int) -> None:
        root = self.root(into) if into is not None else None
        if root == user_id:  # already one, the other way round
            return
        moving = [user_id] if root is None else [user_id, *sorted(self._pointing.get(user_id, ()))]
        for name in moving:
            user = self.users.get(name) or User(user_id=name)
            self._store(msgspec.structs.replace(user, canonical_id=root, sequence=sequence))
        if root is not None and root not in self.users:
            self._store(User(user_id=root, sequence=sequence))

    def _remove(self, user_id: str, sequence: int) -> None:
        gone = self.users.pop(user_id, None)
        self.changed[user_id] = None
        if gone and gone.canonical_id:
            self._pointing[gone.canonical_id].discard(user_id)
            self.moves.append(Move(user_id, gone.canonical_id, None, sequence))
        for name in sorted(self._pointing.get(user_id, ())):
            self._store(msgspec.structs.replace(self.users[name], canonical_id=None, sequence=sequence))

    def _store(self, user: User) -> None:
        present = self.users.get(user.user_id)
        before = present.canonical_id if present else None
        if before != user.canonical_id:
            self.moves.append(Move(user.user_id, before, user.canonical_id, user.sequence))
            if before is not None:
                self._pointing[before].discard(user.user_id)
            if user.canonical_id is not None:
                self._pointing.setdefault(user.canonical_id, set()).add(user.user_id)
        self.users[user.user_id] = self.changed[user.user_id] = user


def fold_properties(before: Json, row: LogRow) -> Json:
    """A user's own attributes after a change of that user."""
    if row.kind == "user_delete":
        return {}
    if row.kind == "user_merge":
        return before
    given = _user_fields.decode(row.payload or "{}").properties
    if row.kind == "user_put":
        return given or {}
    if given is UNSET:
        return before
    return {} if given is None else merge_patch(before, given)


def merged_properties(group: Iterable[User]) -> Json:
    """Attributes of a person with several ids, from `People.group`: the canonical id's own say counts most."""
    properties: Json = {}
    for user in group:
        properties.update(user.properties)
    return properties


def merges_named(rows: Iterable[LogRow]) -> set[str]:
    """The ids that merges among `rows` point at."""
    into = (_merge.decode(row.payload or "{}").canonical_id for row in rows if row.kind == "user_merge")
    return {name for name in into if name is not None}


def companions(user_ids: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """For each of the users in a link: all others with whom it is, or once was, one person, in order of id.

    `links` are (user, canonical id) of any time: those of the users, and all that point at the users or at their
    canonical ids."""
    into: dict[str, set[str]] = {}
    pointing: dict[str, set[str]] = {}
    for user_id, canonical_id in links:
        into.setdefault(user_id, set()).add(canonical_id)
        pointing.setdefault(canonical_id, set()).add(user_id)
    found = {}
    for user_id in user_ids:
        roots = into.get(user_id, set()) | {user_id}
        others = roots.union(*(pointing.get(root, ()) for root in roots)) - {user_id}
        if others:
            found[user_id] = sorted(others)
    return found


def erased_by(row: LogRow) -> list[str]:
    """The pseudonyms of the users whose erasure a row tells of."""
    return _erased.decode(row.payload).erased if row.kind == "user_delete" and row.payload else []
