"""The item block: every item's features as columns in memory, so that features of 500 candidates are array gathers.

An item has a number, its row, which never changes while the process lives; numbers are given in order of first sight.
Rows change in place and columns grow by doubling. A reader in another thread may see a row half changed, which is
harmless: what must never be shown is checked again after every list by the deny set (`denied`), apart from the columns.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from honeyguide.expressions.paths import at_path
from honeyguide.features.attributes import MAX_CATEGORIES, is_shown, shown_price
from honeyguide.features.columns import Columns
from honeyguide.features.item_values import ItemValues
from honeyguide.protocols import Described
from honeyguide.types import BoolArray, FloatArray, IntArray, Item, LongArray

NO_CATEGORY = -1


class ItemBlock:
    """Columns of all items; row numbers are int32.

    `price` float32 (NaN where unknown), `created_at` int64 ms (0 where unknown), `first_sequence` int64 (log position at
    which the item appeared), `changed` int64 (that of its last change), `categories` int32 [items, 12] (numbers of the
    first 12 categories, -1 where there are fewer).
    `features` are the columns of the feature views, one consistent moment of them, exchanged as a whole.
    """

    def __init__(self, *, keeps_vectors: bool = False) -> None:
        """Content vectors are kept only where a view looks at them."""
        self.features = Columns()
        self.keeps_vectors = keeps_vectors
        self._vectors: dict[int, FloatArray] = {}
        self.ids: list[str] = []
        self.numbers: dict[str, int] = {}
        self.titles: list[str] = []
        self.properties: list[dict[str, object]] = []
        self.category_names: list[str] = []
        self.category_numbers: dict[str, int] = {}
        self.denied: set[str] = set()
        self.version = 0
        self.values = ItemValues(self)
        self._put_at: LongArray = np.empty(0, np.int64)
        self._capacity = 0
        self._price: FloatArray = np.empty(0, np.float32)
        self._created: LongArray = np.empty(0, np.int64)
        self._first: LongArray = np.empty(0, np.int64)
        self._changed: LongArray = np.empty(0, np.int64)
        self._blocked: BoolArray = np.empty(0, np.bool_)
        self._categories: IntArray = np.empty((0, MAX_CATEGORIES), np.int32)
        self._newest: tuple[int, IntArray] = (-1, np.empty(0, np.int32))
        self._allocate(1024)

    def _allocate(self, capacity: int) -> None:
        """Make room for `capacity` rows; readers keep the columns that they hold."""
        price, created = np.full(capacity, np.nan, np.float32), np.zeros(capacity, np.int64)
        first, blocked = np.zeros(capacity, np.int64), np.zeros(capacity, np.bool_)
        changed, put_at = np.zeros(capacity, np.int64), np.zeros(capacity, np.int64)
        categories = np.full((capacity, MAX_CATEGORIES), NO_CATEGORY, np.int32)
        price[: self._capacity], created[: self._capacity] = self._price, self._created
        first[: self._capacity], blocked[: self._capacity] = self._first, self._blocked
        categories[: self._capacity], changed[: self._capacity] = self._categories, self._changed
        put_at[: self._capacity] = self._put_at
        self._price, self._created, self._first, self._changed = price, created, first, changed
        self._put_at = put_at
        self._categories, self._blocked, self._capacity = categories, blocked, capacity

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def price(self) -> FloatArray:
        """float32 [items]."""
        return self._price[: len(self.ids)]

    @property
    def created_at(self) -> LongArray:
        """int64 [items], ms."""
        return self._created[: len(self.ids)]

    @property
    def first_sequence(self) -> LongArray:
        """int64 [items]."""
        return self._first[: len(self.ids)]

    @property
    def changed(self) -> LongArray:
        """int64 [items]: the log position of the item's last change, set when all else of it is."""
        return self._changed[: len(self.ids)]

    @property
    def categories(self) -> IntArray:
        """int32 [items, 12]; the first column is the main category."""
        return self._categories[: len(self.ids)]

    @property
    def blocked(self) -> BoolArray:
        """bool [items]: hidden, deleted or not available."""
        return self._blocked[: len(self.ids)]

    def number(self, item_id: str) -> int:
        """The row of an item, -1 if it is not here."""
        return self.numbers.get(item_id, -1)

    def numbers_of(self, item_ids: Iterable[str]) -> IntArray:
        """Rows of those ids that are here."""
        find = self.numbers.get
        found = [number for item_id in item_ids if (number := find(item_id, -1)) >= 0]
        return np.asarray(found, dtype=np.int32)

    def put(self, items: Iterable[Item]) -> None:
        """Take the items' present state; unknown ones are added."""
        for item in items:
            row = self.numbers.get(item.item_id)
            if row is None:
                row = self._add(item)
            self._price[row] = np.nan if item.price is None else item.price
            self._created[row] = item.created_at or 0
            self.titles[row] = item.title
            self.properties[row] = item.properties
            names = item.categories[:MAX_CATEGORIES]
            self._categories[row] = NO_CATEGORY
            self._categories[row, : len(names)] = [self._category_number(name) for name in names]
            self._set_blocked(row, item.item_id, not is_shown(item))
            if self.keeps_vectors:
                self._keep_vector(row, item)
            self._changed[row] = item.sequence
            self._put_at[row] = self.version + 1
        self.version += 1

    def put_after(self, version: int) -> IntArray:
        """Rows that were put since the block had this version; all of them for one below 0."""
        return np.flatnonzero(self._put_at[: len(self.ids)] > version).astype(np.int32)

    def content(self, row: int) -> Described:
        """What an item is like by its content; the vector only where the block keeps them."""
        return Described(self.titles[row], self._category_names(row), self.properties[row], self._vectors.get(row))

    def _keep_vector(self, row: int, item: Item) -> None:
        if item.vector is None:
            self._vectors.pop(row, None)
        else:
            self._vectors[row] = np.array(item.vector, dtype=np.float32)

    def fields(self, item_id: str) -> dict[str, Any]:
        """What views see of an item (`attributes.fields_of`); empty for one that is not here."""
        row = self.number(item_id)
        if row < 0:
            return {}
        vector = self._vectors.get(row)
        return {
            "title": self.titles[row],
            "categories": self._category_names(row),
            "price": shown_price(self._price[row]),
            "available": not self._blocked[row],
            "created_at": int(self._created[row]) or None,
            "vector": None if vector is None else tuple(vector.tolist()),
            "properties": self.properties[row],
        }

    def attribute(self, item_id: str, path: str) -> Any:
        """One of these fields, or a value inside of `properties`; None for an item that is not here."""
        row = self.number(item_id)
        if row < 0:
            return None
        if path == "categories":
            return self._category_names(row)
        if path.startswith("properties."):
            return at_path(self.properties[row], path.removeprefix("properties."))
        return self.fields(item_id).get(path)

    def _category_names(self, row: int) -> tuple[str, ...]:
        names = self.category_names
        return tuple([names[number] for number in self._categories[row].tolist() if number >= 0])

    def _add(self, item: Item) -> int:
        row = len(self.ids)
        if row == self._capacity:
            self._allocate(2 * self._capacity)
        self._first[row] = item.sequence
        self.titles.append("")
        self.properties.append({})
        self.ids.append(item.item_id)
        self.numbers[item.item_id] = row
        return row

    def _set_blocked(self, row: int, item_id: str, blocked: bool) -> None:
        self._blocked[row] = blocked
        if blocked:
            self.denied.add(item_id)
        else:
            self.denied.discard(item_id)

    def _category_number(self, name: str) -> int:
        number = self.category_numbers.get(name)
        if number is None:
            number = len(self.category_names)
            self.category_names.append(name)
            self.category_numbers[name] = number
        return number

    def newest(self) -> IntArray:
        """Rows of all items with a creation time, newest first, ties in order of first sight."""
        version, rows = self._newest
        if version != self.version:
            known = np.flatnonzero(self.created_at > 0)
            rows = known[np.argsort(-self.created_at[known], kind="stable")].astype(np.int32)
            self._newest = (self.version, rows)
        return rows

    def as_it_was(self, changed: Sequence[tuple[str, Item | None]]) -> "ItemBlock":
        """A copy with the same row numbers in which these items stand as given (None: not there yet, so blocked).

        Its feature columns are those of now: `features.then` works out what they were."""
        twin = ItemBlock()
        twin.ids, twin.numbers = self.ids[:], dict(self.numbers)
        twin.titles, twin.properties = self.titles[:], self.properties[:]
        twin.category_names, twin.category_numbers = self.category_names[:], dict(self.category_numbers)
        twin.denied, twin._capacity = set(self.denied), self._capacity
        twin._price, twin._created, twin._first = self._price.copy(), self._created.copy(), self._first.copy()
        twin._categories, twin._blocked = self._categories.copy(), self._blocked.copy()
        twin._changed, twin._put_at = self._changed.copy(), self._put_at.copy()
        twin.version = self.version
        twin.keeps_vectors, twin._vectors, twin.features = self.keeps_vectors, dict(self._vectors), self.features
        twin.put(item for _, item in changed if item is not None)
        for item_id, item in changed:
            row = twin.number(item_id)
            if item is None and row >= 0:
                twin._set_blocked(row, item_id, True)
                twin._created[row] = 0
        return twin
