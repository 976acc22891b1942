"""Connections that are lent, returned, and replaced when they break; a bounded number of them.

Not bound to one event loop: a connection may serve one loop now and another later, as when a command runs several.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Condition, Lock
from typing import Any, Final, Generic, TypeVar

import psycopg

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.stores.postgres.address import Address
from honeyguide.stores.postgres.connect import Link, is_fit
from honeyguide.stores.postgres.faults import blame, busy, closed, is_lost, meaning, silent

C = TypeVar("C", Link, "psycopg.Connection[tuple[Any, ...]]")
R = TypeVar("R")
Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]

FAIL_FAST: Final = 0.25
"""Seconds after a failed attempt in which nobody tries again: many callers at once would all wait for a dead server."""
_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_GRACE: Final = 0.05
"""Seconds that the server has to say that it stopped what took too long."""


class _Idle(Generic[C]):
    """Connections that nobody uses, the last one used first; and the memory of a failed attempt."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free: deque[C] = deque()
        self._failure: Exception | None = None
        self._failed_at = 0.0
        self.closed = False
        self.opened = 0
        """How many connections were made."""

    def take(self) -> C | None:
        """An idle connection that is fit, if there is one. Raises the last failure while it is fresh."""
        if self.closed:
            raise closed()
        while self._free:
            connection = self._free.pop()
            if is_fit(connection):
                return connection
            connection.pgconn.finish()
        if self._failure is not None and self._clock.monotonic() - self._failed_at < FAIL_FAST:
            raise self._failure.with_traceback(None)
        return None

    def made(self) -> None:
        """A connection was made: the server is there."""
        self._failure = None
        self.opened += 1

    def failed(self, error: Exception) -> None:
        """No connection could be made."""
        self._failure, self._failed_at = error, self._clock.monotonic()

    def give(self, connection: C) -> None:
        """Take a connection back; one that is not fit for another use is closed."""
        if self.closed or not is_fit(connection):
            connection.pgconn.finish()
        else:
            self._free.append(connection)

    def close(self) -> None:
        """Close the idle ones; those that are lent out are closed when they come back."""
        self.closed = True
        while self._free:
            connection = self._free.pop()
            connection.pgconn.finish()


class Pool:
    """Connections for coroutines."""

    def __init__(
        self,
        address: Address,
        connect: Callable[[], Coroutine[Any, Any, Link]],
        clock: Clock,
        *,
        size: int,
        wait: float,
        limit: float,
    ) -> None:
        """At most `size` connections; a caller waits `wait` seconds for one, and `limit` (0: for ever) for the answer."""
        self._address, self._connect = address, connect
        self._size, self._wait = size, wait
        self._limit = wait + limit + _GRACE if limit else None
        self._idle: _Idle[Link] = _Idle(clock)
        self._lent = 0
        self._queue: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        self._door = Lock()

    @property
    def opened(self) -> int:
        """How many connections were ever made."""
        return self._idle.opened

    async def fetch(self, sql: str, values: Any = ()) -> list[Row]:
        """The rows of one reading statement."""

        async def ask(link: Link) -> list[Row]:
            return await (await link.execute(sql, values, prepare=True, binary=True)).fetchall()

        return await self._read(ask)

    async def together(self, statements: Sequence[tuple[str, Any]]) -> list[list[Row]]:
        """The rows of each of several reading statements, all in one round trip and in one snapshot."""

        async def ask(link: Link) -> list[list[Row]]:
            async with link.pipeline():
                await link.execute(_SNAPSHOT, prepare=True)
                cursors = [await link.execute(sql, values, prepare=True, binary=True) for sql, values in statements]
                await link.execute("COMMIT", prepare=True)
            return [await cursor.fetchall() for cursor in cursors]

        return await self._read(ask)

    async def _read(self, ask: Callable[[Link], Awaitable[R]]) -> R:
        """Read with bounded patience; a read that meets a broken connection is done again on another."""
        try:
            async with asyncio.timeout(self._limit):
                try:
                    async with self.lend() as link:
                        return await ask(link)
                except psycopg.Error as error:
                    if not is_lost(error):
                        raise
                async with self.lend() as link:
                    return await ask(link)
        except (psycopg.DataError, UnicodeEncodeError) as error:  # no such text can be there
            raise blame(error) from error
        except psycopg.Error as error:
            raise meaning(error, self._address) from error
        except TimeoutError:
            raise silent(self._address, self._limit or 0.0) from None

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Link]:
        """A connection for the caller alone; errors of PostgreSQL pass through."""
        await self._enter()
        try:
            link = self._idle.take()
        except BaseException:
            self._leave()
            raise
        if link is None:
            link = await self._open()
        try:
            yield link
        finally:
            self._idle.give(link)
            self._leave()

    async def _open(self) -> Link:
        """A new connection. A caller who is cancelled leaves it to the next one: making it may take longer than a request
        has time, and would else never come to its end."""
        making = asyncio.get_running_loop().create_task(self._make())
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._keep)
            raise
        except BaseException:
            self._leave()
            raise

    async def _make(self) -> Link:
        try:
            link = await self._connect()
        except (psycopg.Error, Unavailable) as error:
            self._idle.failed(error)
            raise
        self._idle.made()
        return link

    def _keep(self, making: "asyncio.Task[Link]") -> None:
        if not making.cancelled() and making.exception() is None:
            self._idle.give(making.result())
        self._leave()

    async def _enter(self) -> None:
        """Wait for a place."""
        with self._door:
            if self._lent < self._size:
                self._lent += 1
                return
            loop = asyncio.get_running_loop()
            turn = loop.create_future()
            self._queue.append((loop, turn))
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # the place came at the same moment
                self._leave()
            if isinstance(error, TimeoutError):
                raise busy(self._address, self._wait) from None
            raise

    def _leave(self) -> None:
        """Give the place to who has waited longest."""
        while True:
            with self._door:
                if not self._queue:
                    self._lent -= 1
                    return
                loop, turn = self._queue.popleft()
            with suppress(RuntimeError):  # a closed loop: nobody waits there any more
                loop.call_soon_threadsafe(self._grant, turn)
                return

    def _grant(self, turn: "asyncio.Future[None]") -> None:
        if turn.done():
            self._leave()
        else:
            turn.set_result(None)

    def close(self) -> None:
        """Close the idle connections, the others when they come back."""
        self._idle.close()


class ThreadPool:
    """Connections for threads."""

    def __init__(self, address: Address, connect: Callable[[], Connection], clock: Clock, *, size: int, wait: float) -> None:
        self._address, self._connect = address, connect
        self._size, self._wait = size, wait
        self._idle: _Idle[Connection] = _Idle(clock)
        self._lent = 0
        self._turn = Condition()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """A connection for the caller alone; errors of PostgreSQL come out with their meaning."""
        with self._turn:
            if not self._turn.wait_for(lambda: self._lent < self._size, self._wait):
                raise busy(self._address, self._wait)
            self._lent += 1
        try:
            connection = self._idle.take()
            if connection is None:
                connection = self._make()
            try:
                yield connection
            finally:
                self._idle.give(connection)
        except psycopg.Error as error:
            raise meaning(error, self._address) from error
        finally:
            with self._turn:
                self._lent -= 1
                self._turn.notify()

    def _make(self) -> Connection:
        try:
            connection = self._connect()
        except psycopg.Error as error:
            self._idle.failed(error)
            raise
        self._idle.made()
        return connection

    def close(self) -> None:
        """Close the idle connections, the others when they come back."""
        self._idle.close()
