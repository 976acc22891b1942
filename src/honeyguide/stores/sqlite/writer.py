"""The one thread that writes, and its group commit: whatever waits is committed together, and told afterwards.

The disk's answer to a commit takes longer than the rows of many callers, so those who come while one commit is
under way share the next. A group holds at most `GROUP_ROWS` rows: readers of other processes' locks wait no longer
than that takes. What a caller asked for is either wholly committed when the caller is told, or not at all.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, Final, TypeVar

import msgspec

from honeyguide.errors import HoneyguideError, InvalidInput, Unavailable
from honeyguide.stores.sqlite.connect import meaning, primary_code
from honeyguide.types import MAX_BATCH

P = TypeVar("P")
R = TypeVar("R")
Step = Callable[[sqlite3.Connection, Sequence[P]], list[R]]
"""Work inside an open transaction: payloads of several callers in, one result for each out. It may be run twice
(the first transaction may be rolled back), so it must leave no trace but in the database."""

GROUP_ROWS: Final = MAX_BATCH
LOCK_ATTEMPTS: Final = 5_000
LOCK_PAUSE: Final = 0.001
"""Seconds between attempts for the lock, and the gap a busy writer leaves for them: SQLite has no queue for it."""
_OWN_FAULTS: Final = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class _Work:
    """One caller's wish: what to run, and how to tell the caller."""

    __slots__ = ("_loop", "_told", "_waiter", "error", "payload", "result", "size", "step")

    def __init__(self, step: Step[Any, Any], payload: object, size: int, loop: asyncio.AbstractEventLoop | None):
        self.step = step
        self.payload = payload
        self.size = size
        self.result: Any = None
        self.error: Exception | None = None
        self._loop = loop
        self._waiter: asyncio.Future[Any] | None = loop.create_future() if loop else None
        self._told = None if loop else Event()

    def settle(self, result: object = None, error: Exception | None = None) -> None:
        """Note how it ended; the caller is told later, with the rest of the group."""
        self.result, self.error = result, error

    async def ended(self) -> Any:
        """Wait on the event loop."""
        assert self._waiter is not None
        return await self._waiter

    def wait(self) -> Any:
        """Wait on the caller's thread."""
        assert self._told is not None
        self._told.wait()
        if self.error is not None:
            raise self.error
        return self.result

    @staticmethod
    def tell(works: Iterable["_Work"]) -> None:
        """Wake the callers; one wake-up per event loop, however many of them wait there."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Work]] = {}
        for work in works:
            if work._loop is not None:
                by_loop.setdefault(work._loop, []).append(work)
            elif work._told is not None:
                work._told.set()
        for loop, waiting in by_loop.items():
            with suppress(RuntimeError):  # a closed loop: nobody waits there any more
                loop.call_soon_threadsafe(_Work._resolve, waiting)

    @staticmethod
    def _resolve(works: list["_Work"]) -> None:
        for work in works:
            if work._waiter is None or work._waiter.done():  # the caller gave up waiting
                continue
            if work.error is not None:
                work._waiter.set_exception(work.error)
            else:
                work._waiter.set_result(work.result)


class Writer:
    """The writing thread of one database."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        """`connect` opens the writing connection; it is called again after an error that may have broken it."""
        self._path = path
        self._connect = connect
        self._db: sqlite3.Connection | None = connect()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._held: _Work | None = None
        self._closed = False
        self._door = Lock()
        self._gap = Event()
        self.commits = 0
        self._thread = Thread(target=self._run, name=f"write {path.name}", daemon=True)
        self._thread.start()

    async def commit(self, step: Step[P, R], payload: P, size: int = 1) -> R:
        """Run `step` on `payload` (of `size` rows) in a transaction; returns its result once that is durable.

        A caller that is cancelled while waiting does not undo it."""
        work = _Work(step, payload, size, asyncio.get_running_loop())
        self._put(work)
        result: R = await work.ended()
        return result

    def call(self, step: Step[P, R], payload: P, size: int = 1) -> R:
        """The same for callers on other threads; waits."""
        work = _Work(step, payload, size, None)
        self._put(work)
        result: R = work.wait()
        return result

    def close(self) -> None:
        """Commit what was asked for, then stop."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _put(self, work: _Work) -> None:
        with self._door:  # nothing may come after the None that ends the thread: it would wait for ever
            if self._closed:
                raise Unavailable("The store is closed.", cure="Open it again.", code="store_closed")
            self._queue.put(work)

    def _run(self) -> None:
        while group := self._gather():
            self._transact(group)
            _Work.tell(group)
            if self._held is not None:  # more than fits: let other processes have a turn
                self._gap.wait(LOCK_PAUSE)
        self._drop()

    def _gather(self) -> list[_Work]:
        """The first that waits, and after it whatever else waits and fits. Empty at the end."""
        first = self._held or self._queue.get()
        self._held = None
        if first is None:
            return []
        group, size = [first], first.size
        while size < GROUP_ROWS:
            try:
                work = self._queue.get_nowait()
            except Empty:
                break
            if work is None:
                self._queue.put(None)
                break
            if size + work.size > GROUP_ROWS:
                self._held = work
                break
            group.append(work)
            size += work.size
        return group

    def _transact(self, group: list[_Work]) -> None:
        """Commit a group, or settle each of it with what went wrong."""
        try:
            db = self._begin()
            for step, run in groupby(group, attrgetter("step")):
                works = list(run)
                for work, result in zip(works, step(db, [work.payload for work in works]), strict=True):
                    work.settle(result)
            db.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            self._undo()
            if isinstance(error, _OWN_FAULTS):
                self._one_by_one(group, error)
            else:
                self._fail(group, error)
        except Exception as error:  # noqa: BLE001 - whatever a step raises is its caller's, never the thread's
            self._undo()
            self._one_by_one(group, error)

    def _one_by_one(self, group: list[_Work], error: Exception) -> None:
        """One of the group has a fault: find which by giving each a transaction of its own."""
        if len(group) == 1:
            group[0].settle(error=_fault(error))
            return
        for work in group:
            self._transact([work])

    def _fail(self, group: list[_Work], error: sqlite3.Error) -> None:
        if primary_code(error) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
            self._drop()  # a failed write to the disk is never repeated on the connection that met it
        for work in group:
            work.settle(error=meaning(error, self._path))

    def _begin(self) -> sqlite3.Connection:
        """Take the write lock, asking again while another process holds it."""
        db = self._db = self._db or self._connect()
        for attempt in range(LOCK_ATTEMPTS):
            try:
                db.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or attempt + 1 == LOCK_ATTEMPTS:
                    raise
                self._gap.wait(LOCK_PAUSE)
        return db

    def _undo(self) -> None:
        try:
            if self._db is not None and self._db.in_transaction:  # a full disk has already rolled it back
                self._db.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()

    def _drop(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None


def _fault(error: Exception) -> Exception:
    """A caller's own fault, in words: what SQLite or the decoder would not take."""
    if isinstance(error, HoneyguideError):
        return error
    if isinstance(error, (*_OWN_FAULTS, UnicodeEncodeError, OverflowError, msgspec.MsgspecError)):
        fault = InvalidInput(f"A row cannot be stored: {error}.", cure="Correct it and send the batch again.")
        fault.__cause__ = error
        return fault
    return error
