"""What the databases share: SQL that all of them understand, and the code that runs it.

Values stand as `?` or `:name` in it; a store whose driver writes them otherwise translates. Code here is handed a
`Database` inside a transaction, and `Reads` and `Writes` that open one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

__all__ = ["Database", "Found", "Now", "Reads", "Step", "Writes"]

P = TypeVar("P")
R = TypeVar("R")


class Found(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any:
        """The next row as a tuple, None after the last."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """An open transaction."""

    def execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ..., /) -> Found:
        """Run one statement."""

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Found:
        """Run one statement with each of the values."""


Step = Callable[[Database, Sequence[P]], list[R]]
"""Work inside an open transaction: payloads of several callers in, one result for each out. It may be run twice
(the first transaction may be rolled back), so it must leave no trace but in the database."""


Now = Callable[[Database], int]
"""The present in ms by the one clock that all processes on the database share; their own may differ by hours."""


class Reads(Protocol):
    """Where to read."""

    def snapshot(self) -> AbstractContextManager[Database]:
        """A transaction whose reads all see the same moment."""


class Writes(Protocol):
    """Where to write; one step at a time runs on the whole database, whoever asks for it."""

    def call(self, step: Step[P, R], payload: P, size: int = 1) -> R:
        """Run `step` on `payload` (of `size` rows) in a transaction; returns its result once that is durable."""
