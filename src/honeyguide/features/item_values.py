"""The fields of items that expressions name, as columns; each is made when it is first asked for and kept up to date."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import numpy as np

from honeyguide.expressions import Expression, Kind, Value, World
from honeyguide.expressions.columns import Column, kind_of
from honeyguide.expressions.paths import at_path
from honeyguide.expressions.values import NOTHING, Lists, Numbers, Texts, Truths
from honeyguide.features.attributes import shown_price
from honeyguide.protocols import Items
from honeyguide.types import BoolArray, IntArray

FIXED: Final[Mapping[str, Kind]] = {
    "id": "text",
    "title": "text",
    "category": "text",
    "categories": "list",
    "price": "number",
    "available": "truth",
    "created_at": "time",
}
_PROPERTIES: Final = "properties."
_MOST_NAMES: Final = 1_000
_DEEPEST: Final = 3
_MASKS: Final = 64


class Block(Items, Protocol):
    """What is read of the item block."""

    numbers: dict[str, int]

    def put_after(self, version: int) -> IntArray:
        """Rows that were put since the block had this version."""


class ItemValues:
    """The values of all items by field: `title`, `price`, `properties.brand`, ...; not for several threads at once."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._columns: dict[str, tuple[int, Column]] = {}
        self._kinds: dict[str, Kind] = {}
        self._known_at = -1
        self._masks: OrderedDict[str, tuple[int, BoolArray]] = OrderedDict()

    def kinds(self) -> Mapping[str, Kind]:
        """All fields that an item has, or has had, with their kinds; of properties at most 1,000."""
        block = self._block
        for row in block.put_after(self._known_at).tolist() if self._known_at < block.version else ():
            for path, kind in _flat(block.properties[row], _PROPERTIES, 1):
                before = self._kinds.get(path)
                if before is None and len(self._kinds) < _MOST_NAMES:
                    self._kinds[path] = kind
                elif before is not None and before != kind:
                    self._kinds[path] = "any"
        self._known_at = block.version
        return {**self._kinds, **FIXED}

    def value(self, field: str) -> Value:
        """What a field holds for all items."""
        block = self._block
        match field:
            case "id":
                return Texts(np.arange(len(block), dtype=np.int32), block.ids, block.numbers)
            case "category":
                return Texts(block.categories[:, 0], block.category_names, block.category_numbers)
            case "categories":
                known = np.ones(len(block), np.bool_)
                return Lists(block.categories, block.category_names, block.category_numbers, known)
            case "available":
                return Truths(~block.blocked, np.ones(len(block), np.bool_))
            case "created_at":
                return Numbers(np.where(block.created_at > 0, block.created_at, np.nan).astype(np.float64))
            case "title":
                return self._column(field, lambda row: block.titles[row] or None)
            case "price":
                return self._column(field, lambda row: shown_price(block.price[row]))
        if not field.startswith(_PROPERTIES):
            return NOTHING
        path = field.removeprefix(_PROPERTIES)
        return self._column(field, lambda row: at_path(block.properties[row], path))

    def _column(self, field: str, of: Callable[[int], Any]) -> Value:
        version, column = self._columns.get(field, (-1, Column()))
        if version < self._block.version:
            rows = self._block.put_after(version).tolist()
            column.put(rows, map(of, rows), len(self._block))
            self._columns[field] = (self._block.version, column)
        return column.value()

    def holds(self, expression: Expression, world: World) -> BoolArray:
        """bool [items]: where an expression is true; one that looks at nothing but fields of items is evaluated once for
        each version of the block."""
        size = len(self._block)
        if not all(path.startswith("item.") and self._is_own(path[5:]) for path in expression.used):
            return expression.holds(world, size)
        version, mask = self._masks.get(expression.text, (-1, None))
        if mask is None or version != self._block.version or len(mask) != size:
            mask = expression.holds(world, size)
            self._masks[expression.text] = (self._block.version, mask)
            if len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
        self._masks.move_to_end(expression.text)
        return mask

    @staticmethod
    def _is_own(field: str) -> bool:
        return field in FIXED or field.startswith(_PROPERTIES)


def _flat(properties: Mapping[str, object], beginning: str, depth: int) -> Iterator[tuple[str, Kind]]:
    """Every property with its kind; those of tables inside with a dot."""
    for name, value in properties.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _flat(value, f"{beginning}{name}.", depth + 1)
        elif value is not None:
            yield f"{beginning}{name}", kind_of(value)
