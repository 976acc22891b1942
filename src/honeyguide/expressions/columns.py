"""A column of values that may be of any kind, one per item, changed row by row and read as arrays."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from honeyguide.expressions.kinds import Kind
from honeyguide.expressions.values import (
    MISSING,
    NOTHING,
    Lists,
    Mixed,
    Numbers,
    Texts,
    Truths,
    Value,
    Word,
    as_float,
    words_of,
)

LONGEST_LIST: Final = 64
"""Entries of a list that are looked at."""


def kind_of(value: Any) -> Kind:
    """The kind that a plain value has in a column; `any` for one that no column holds."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list | tuple) else "any"


class Column:
    """Values of rows 0, 1, ...; parts are made when the first value of their kind comes."""

    def __init__(self) -> None:
        self._size = 0
        self._numbers = np.empty(0)
        self._truths = np.empty(0, np.int8)
        self._codes = np.empty(0, np.int32)
        self._lists = np.empty((0, 0), np.int32)
        self._listed = np.empty(0, np.bool_)
        self._words: list[str] = []
        self._number_of: dict[str, int] = {}
        self._entries: list[Word] = []
        self._entry_of: dict[Word, int] = {}
        self._kinds: set[Kind] = set()

    @property
    def kind(self) -> Kind:
        """The one kind that all values have had so far; `any` if there were several, or none."""
        return next(iter(self._kinds)) if len(self._kinds) == 1 else "any"

    def put(self, rows: Iterable[int], values: Iterable[Any], size: int) -> None:
        """Set the values of some rows of a column of `size` rows; new rows are missing until they are set."""
        if size > len(self._numbers):
            self._grow(max(size, 2 * len(self._numbers)))
        self._size = size
        for row, value in zip(rows, values, strict=True):
            self._numbers[row], self._truths[row], self._codes[row] = np.nan, MISSING, MISSING
            self._listed[row] = False
            if isinstance(value, str):
                self._codes[row] = self._number(value)
            elif isinstance(value, bool):
                self._truths[row] = value
                self._kinds.add("truth")
            elif isinstance(value, int | float):
                number = as_float(value)
                self._numbers[row] = number if np.isfinite(number) else np.nan
                self._kinds.add("number")
            elif isinstance(value, list | tuple):
                self._put_list(row, words_of(value)[:LONGEST_LIST])

    def _grow(self, size: int) -> None:
        before = len(self._numbers)
        more = size - before
        self._numbers = np.concatenate([self._numbers, np.full(more, np.nan)])
        self._truths = np.concatenate([self._truths, np.full(more, MISSING, np.int8)])
        self._codes = np.concatenate([self._codes, np.full(more, MISSING, np.int32)])
        self._listed = np.concatenate([self._listed, np.zeros(more, np.bool_)])
        self._lists = np.vstack([self._lists, np.full((more, self._lists.shape[1]), MISSING, np.int32)])

    def _number(self, word: str) -> int:
        number = self._number_of.get(word)
        if number is None:
            number = self._number_of[word] = len(self._words)
            self._words.append(word)
            self._kinds.add("text")
        return number

    def _put_list(self, row: int, words: list[Word]) -> None:
        self._kinds.add("list")
        if len(words) > self._lists.shape[1]:
            more = np.full((len(self._lists), len(words) - self._lists.shape[1]), MISSING, np.int32)
            self._lists = np.hstack([self._lists, more])
        for word in words:
            if word not in self._entry_of:
                self._entry_of[word] = len(self._entries)
                self._entries.append(word)
        self._lists[row] = MISSING
        self._lists[row, : len(words)] = [self._entry_of[word] for word in words]
        self._listed[row] = True

    def value(self) -> Value:
        """The values of all rows now."""
        parts: dict[Kind, Value] = {kind: self._part(kind) for kind in self._kinds}
        if len(parts) == 1:
            return next(iter(parts.values()))
        found = NOTHING
        for part in parts.values():
            found = _with(found, part)
        return found

    def _part(self, kind: Kind) -> Value:
        size = self._size
        if kind == "number":
            return Numbers(self._numbers[:size])
        if kind == "truth":
            return Truths(self._truths[:size] == 1, self._truths[:size] >= 0)
        if kind == "text":
            return Texts(self._codes[:size], self._words, self._number_of)
        return Lists(self._lists[:size], self._entries, self._entry_of, self._listed[:size])


def _with(mixed: Mixed, part: Value) -> Mixed:
    return Mixed(
        part if isinstance(part, Numbers) else mixed.numbers,
        part if isinstance(part, Truths) else mixed.truths,
        part if isinstance(part, Texts) else mixed.texts,
        part if isinstance(part, Lists) else mixed.lists,
    )
