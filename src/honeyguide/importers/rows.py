"""A row of a table -> a message for INGEST, or why it cannot be one."""

import re
import shlex
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, Final

from honeyguide.importers import cells
from honeyguide.importers.cells import CellFault
from honeyguide.importers.columns import ColumnMap
from honeyguide.importers.moments import TimeUnit
from honeyguide.importers.sources import Row
from honeyguide.ingest.events import declaration
from honeyguide.ingest.faults import Fault, nearest, shown, spelled
from honeyguide.ingest.times import EPOCH, SMALLEST_MS
from honeyguide.messages import EventIn, ItemIn, UserIn
from honeyguide.types import Json

Cell = Callable[[Row], Any]
_REMEMBERED_TYPES: Final = 10_000
_EVENT_READERS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "item_id": cells.identifier,
    "event_id": cells.identifier,
    "session_id": cells.identifier,
    "device_id": cells.identifier,
    "request_id": cells.identifier,
    "surface": cells.identifier,
    "value": cells.number,
    "quantity": cells.number,
}
_ITEM_READERS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "title": cells.words,
    "price": cells.number,
    "image_url": cells.words,
    "url": cells.words,
    "available": cells.flag,
    "hidden": cells.flag,
    "vector": cells.vector,
}


class EventReader:
    """Reads the rows of one source as events; `unit` is that of its times, `types` are the declared ones."""

    def __init__(
        self, columns: ColumnMap, unit: TimeUnit, types: Collection[str], numeric: frozenset[str] = frozenset()
    ) -> None:
        self._user, self._ts, self._type = (_cell(columns, name) for name in ("user_id", "ts", "type"))
        self._unit = unit
        self._optional = [(name, _cell(columns, name), read) for name, read in _EVENT_READERS.items() if _has(columns, name)]
        self._properties = _Properties(columns, numeric) if columns.properties or _has(columns, "properties") else None
        self._declared = tuple(types)
        self._by_spelling = {spelled(kind): kind for kind in reversed(self._declared)}
        self._renamed = columns.types
        self._types: dict[Any, str | Fault] = {}
        self.undeclared: dict[str, int] = {}
        """How many rows were of types that are not declared."""

    def __call__(self, row: Row) -> EventIn | Fault:
        """The event, or the first thing that keeps the row from being one."""
        try:
            kind = self._kind(self._type(row))
            if isinstance(kind, Fault):
                return kind
            user_id = cells.identifier(self._user(row), "user_id")
            if user_id is None:
                return Fault("missing_user", "user_id", "the row names no user; without one it teaches nothing.")
            fields = {name: read(cell(row), name) for name, cell, read in self._optional}
            if self._properties is not None:
                fields["properties"] = self._properties(row) or None
            return EventIn(type=kind, user_id=user_id, ts=_moment(self._ts(row), self._unit, "ts"), **fields)
        except CellFault as error:
            return error.fault

    def _kind(self, value: Any) -> str | Fault:
        word = value if isinstance(value, str) else "" if value is None else str(value)
        kind = self._types.get(word)
        if kind is None:
            kind = self._find_kind(word.strip())
            if len(self._types) < _REMEMBERED_TYPES:
                self._types[word] = kind
        if isinstance(kind, Fault) and kind.code == "undeclared_type":
            self.undeclared[word.strip()] = self.undeclared.get(word.strip(), 0) + 1
        return kind

    def _find_kind(self, word: str) -> str | Fault:
        """The declared type that is spelled like `word`, but for case and punctuation."""
        word = self._renamed.get(word, word)
        if cells.is_empty(word):
            return Fault("missing_type", "type", "the row names no type; --map type==view gives all rows one.")
        if word in self._declared:
            return word
        if (kind := self._by_spelling.get(spelled(word))) is not None:
            return kind
        line, meant = declaration(snake(word)), nearest(word, self._declared) or "view"
        argument = shlex.quote(f"type.{word}={meant}")
        detail = f"type {shown(word)} is not declared; add {line} to honeyguide.toml, or say --map {argument}"
        return Fault("undeclared_type", "type", detail + ", and import again.")


def snake(word: str) -> str:
    """`COMMENT CREATED` -> `comment_created`: the usual spelling of a type."""
    return re.sub(r"\W+", "_", word.casefold()).strip("_") or word


class ItemReader:
    """Reads the rows of one source as items; `unit` is that of `created_at`, `numeric` are columns of numbers."""

    def __init__(
        self, columns: ColumnMap, unit: TimeUnit | None, numeric: frozenset[str], separator: str | None = None
    ) -> None:
        self._id = _cell(columns, "item_id")
        self._fields = [(name, _cell(columns, name), read) for name, read in _ITEM_READERS.items() if _has(columns, name)]
        self._categories = _cell(columns, "categories") if _has(columns, "categories") else None
        self._created = _cell(columns, "created_at") if _has(columns, "created_at") else None
        self._unit, self._separator = unit, separator
        self._properties = _Properties(columns, numeric)

    def __call__(self, row: Row) -> ItemIn | Fault:
        """The item, or the first thing that keeps the row from being one."""
        try:
            item_id = cells.identifier(self._id(row), "item_id")
            if item_id is None:
                return Fault("missing_item", "item_id", "the row names no item.")
            item = ItemIn(item_id=item_id)
            for name, cell, read in self._fields:
                if (value := read(cell(row), name)) is not None:
                    setattr(item, name, value)
            if self._categories and (parts := cells.several(self._categories(row), "categories", self._separator)):
                item.categories = parts
            if self._created and self._unit and not cells.is_empty(created := self._created(row)):
                item.created_at = _moment(created, self._unit, "created_at")
            if properties := self._properties(row):
                item.properties = properties
        except CellFault as error:
            return error.fault
        return item


class UserReader:
    """Reads the rows of one source as users."""

    def __init__(self, columns: ColumnMap, numeric: frozenset[str]) -> None:
        self._id = _cell(columns, "user_id")
        self._properties = _Properties(columns, numeric)

    def __call__(self, row: Row) -> UserIn | Fault:
        """The user, or the first thing that keeps the row from being one."""
        try:
            user_id = cells.identifier(self._id(row), "user_id")
            if user_id is None:
                return Fault("missing_user", "user_id", "the row names no user.")
            return UserIn(user_id=user_id, properties=self._properties(row))
        except CellFault as error:
            return error.fault


class _Properties:
    """Collects the properties of a row: a column of objects, single columns, all other columns. Empty cells are left out."""

    def __init__(self, columns: ColumnMap, numeric: frozenset[str]) -> None:
        self._whole = _cell(columns, "properties") if _has(columns, "properties") else None
        self._single = tuple(columns.properties.items())
        self._used = columns.used if columns.keeps_rest else None
        self._numeric = numeric

    def __call__(self, row: Row) -> Json:
        found = cells.mapping(self._whole(row), "properties") if self._whole else {}
        pairs = self._single
        if self._used is not None:
            pairs += tuple((column, column) for column in row if column and column not in self._used)
        for name, column in pairs:
            if not cells.is_empty(value := row.get(column)):
                found[name] = cells.plain(cells.typed(value, column in self._numeric), "properties")
        return found


def _has(columns: ColumnMap, name: str) -> bool:
    return name in columns.columns or name in columns.constants


def _cell(columns: ColumnMap, name: str) -> Cell:
    if name in columns.constants:
        constant = columns.constants[name]
        return lambda row: constant
    column = columns.columns.get(name, "")
    return lambda row: row.get(column)


def _moment(value: Any, unit: TimeUnit, field: str) -> int | str:
    """The time in ms; before 1973, where a number of ms would be taken for seconds, as ISO 8601 text."""
    try:
        ms = unit.read(value)
        return ms if ms >= SMALLEST_MS else (EPOCH + timedelta(milliseconds=ms)).isoformat()
    except (ValueError, TypeError, OverflowError):
        if cells.is_empty(value):
            detail = f"the row has no time; --map {field}==2024-01-01 gives all rows one."
            raise CellFault("missing_time", field, detail) from None
        detail = f"{field} {shown(value)} is not in the unit of the column, {unit.name}; correct the cell."
        raise CellFault("bad_time", field, detail) from None
