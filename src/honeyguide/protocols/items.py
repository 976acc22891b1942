"""The seams of what is known of items: their columns, and their likeness by content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from honeyguide.expressions import Expression, Kind, Value, World
from honeyguide.protocols.features import ItemFeatures
from honeyguide.types import BoolArray, FloatArray, Found, IntArray, LongArray


@dataclass(frozen=True, slots=True)
class Described:
    """The content of an item: what says what it is like, before anybody has touched it. `vector` float32, where given."""

    title: str
    categories: tuple[str, ...]
    properties: Mapping[str, object]
    vector: FloatArray | None = None


class FieldValues(Protocol):
    """The fields of items that expressions name, for all items (`features.ItemValues`)."""

    def kinds(self) -> Mapping[str, Kind]:
        """The fields that there are, such as `price` and `properties.brand`."""

    def value(self, field: str) -> Value:
        """What a field holds for all items."""

    def holds(self, expression: Expression, world: World) -> BoolArray:
        """bool [items]: where an expression is true."""


class Items(Protocol):
    """The columns of all items (`features.ItemBlock`): a row number per item, given once."""

    ids: list[str]
    titles: list[str]
    properties: list[dict[str, object]]
    category_numbers: dict[str, int]
    category_names: list[str]
    denied: set[str]
    version: int

    def __len__(self) -> int: ...

    def content(self, row: int) -> Described:
        """What an item is like by its content."""

    @property
    def values(self) -> FieldValues:
        """The fields that expressions name, for all items."""

    @property
    def features(self) -> ItemFeatures:
        """The columns of the feature views; take them once per request."""

    @property
    def price(self) -> FloatArray:
        """float32 [items], NaN where unknown."""

    @property
    def created_at(self) -> LongArray:
        """int64 [items], ms."""

    @property
    def first_sequence(self) -> LongArray:
        """int64 [items]: the log position at which the item appeared."""

    @property
    def changed(self) -> LongArray:
        """int64 [items]: the log position of the item's last change."""

    @property
    def categories(self) -> IntArray:
        """int32 [items, 12], -1 where there are fewer; the first column is the main category."""

    @property
    def blocked(self) -> BoolArray:
        """bool [items]: hidden, deleted or not available."""

    def number(self, item_id: str) -> int:
        """The row of an item, -1 if it is not here."""

    def numbers_of(self, item_ids: Sequence[str]) -> IntArray:
        """Rows of those ids that are here."""

    def newest(self) -> IntArray:
        """Rows of all items with a creation time, newest first."""


class Companions(Protocol):
    """What is bought together with an item."""

    def of(self, number: int) -> tuple[IntArray, FloatArray]:
        """Item numbers and scores, best first, of a version's item number."""


class Content(Protocol):
    """Which items are alike by their content, those that no model knows included. Any thread may ask.

    `recall` is the share of the nearest that are found, 1 where all are looked at."""

    @property
    def recall(self) -> float:
        """Share of the nearest that are found."""

    def vectors(self, items: Items, rows: IntArray) -> FloatArray:
        """float32 [rows, dimensions], each of length 1, or 0 where nothing is known of an item."""

    def nearest(self, items: Items, vector: FloatArray, allowed: BoolArray, limit: int) -> Found:
        """The `limit` items of greatest likeness to a vector of length 1 (its cosine, above a floor), best first."""
