"""The writing thread: groups, faults, locks, callers who go away."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from honeyguide.errors import InvalidInput, StorageFull, Unavailable
from honeyguide.stores.sqlite import writer as module
from honeyguide.stores.sqlite.connect import open_writer
from honeyguide.stores.sqlite.writer import GROUP_ROWS, Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "w.sqlite"
    with closing(open_writer(path, synchronous="OFF")) as db:
        db.execute("CREATE TABLE t (x TEXT UNIQUE)")
    return path


class Held:
    """A writer that is kept busy until `go`, so that what comes meanwhile waits together."""

    def __init__(self, path: Path) -> None:
        self.connections = 0
        self._path = path
        self.writer = Writer(path, self._connect)
        self._go, self._busy = Event(), Event()

    def _connect(self) -> sqlite3.Connection:
        self.connections += 1
        return open_writer(self._path, synchronous="OFF")

    def busy(self, db: sqlite3.Connection, payloads: Sequence[None]) -> list[None]:
        self._busy.set()
        self._go.wait(60)
        return [None]

    async def hold(self) -> asyncio.Task[None]:
        self._go.clear()
        self._busy.clear()
        task = asyncio.create_task(self.writer.commit(self.busy, None))
        await asyncio.to_thread(self._busy.wait, 60)
        return task

    def go(self) -> None:
        self._go.set()


@pytest.fixture
def held(path: Path) -> Iterator[Held]:
    held = Held(path)
    yield held
    held.go()
    held.writer.close()


def insert(db: sqlite3.Connection, payloads: Sequence[str]) -> list[int]:
    db.executemany("INSERT INTO t VALUES (?)", [(payload,) for payload in payloads])
    return [len(payloads)] * len(payloads)


def stored(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT x FROM t ORDER BY rowid")]


def test_those_who_wait_share_a_commit(held: Held, path: Path) -> None:
    async def work() -> list[int]:
        busy = await held.hold()
        before = held.writer.commits
        waiting = [asyncio.create_task(held.writer.commit(insert, str(at))) for at in range(64)]
        await asyncio.sleep(0)
        held.go()
        await busy
        results = await asyncio.gather(*waiting)
        assert held.writer.commits - before == 2, "the busy one, and one for all who waited"
        return results

    assert asyncio.run(work()) == [64] * 64
    assert stored(path) == [str(at) for at in range(64)], "in the order in which they asked"


def test_a_group_is_bounded_in_rows(held: Held, path: Path) -> None:
    async def work() -> None:
        busy = await held.hold()
        before = held.writer.commits
        size = GROUP_ROWS // 4
        waiting = [asyncio.create_task(held.writer.commit(insert, str(at), size=size)) for at in range(10)]
        await asyncio.sleep(0)
        held.go()
        await asyncio.gather(busy, *waiting)
        assert held.writer.commits - before == 1 + 3, "4 + 4 + 2 of a quarter each"

    asyncio.run(work())
    assert stored(path) == [str(at) for at in range(10)]


def test_one_that_is_larger_than_a_group_goes_alone(held: Held, path: Path) -> None:
    async def work() -> None:
        busy = await held.hold()
        sizes = [1, 5 * GROUP_ROWS, 1]
        waiting = [asyncio.create_task(held.writer.commit(insert, str(at), size=size)) for at, size in enumerate(sizes)]
        await asyncio.sleep(0)
        held.go()
        await asyncio.gather(busy, *waiting)

    asyncio.run(work())
    assert stored(path) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (sqlite3.IntegrityError("UNIQUE"), InvalidInput),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), InvalidInput),
        (KeyError("a mistake of ours"), KeyError),
    ],
)
def test_a_fault_of_one_is_not_a_fault_of_the_others(
    held: Held, path: Path, fault: Exception, told: type[Exception]
) -> None:
    def step(db: sqlite3.Connection, payloads: Sequence[str]) -> list[int]:
        results = insert(db, payloads)
        if "bad" in payloads:
            raise fault
        return results

    async def work() -> list[Any]:
        busy = await held.hold()
        names = ["a", "b", "bad", "c"]
        waiting = [asyncio.create_task(held.writer.commit(step, name)) for name in names]
        await asyncio.sleep(0)
        held.go()
        await busy
        return await asyncio.gather(*waiting, return_exceptions=True)

    results = asyncio.run(work())
    assert [type(result) for result in results] == [int, int, told, int]
    assert stored(path) == ["a", "b", "c"]
    assert held.writer.call(insert, "after") == 1, "the thread goes on"
    assert held.connections == 1


def disk_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("from the disk")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "told", "connections"),
    [
        (sqlite3.SQLITE_FULL, StorageFull, 1),
        (sqlite3.SQLITE_IOERR_FSYNC, Unavailable, 2),
        (sqlite3.SQLITE_CORRUPT, Unavailable, 2),
        (sqlite3.SQLITE_READONLY, Unavailable, 2),
    ],
)
def test_a_fault_of_the_disk_is_told_to_all_and_is_not_for_ever(
    held: Held, path: Path, code: int, told: type[Exception], connections: int
) -> None:
    broken = True

    def step(db: sqlite3.Connection, payloads: Sequence[str]) -> list[int]:
        results = insert(db, payloads)
        if broken:
            raise disk_error(code)
        return results

    async def work() -> list[Any]:
        busy = await held.hold()
        waiting = [asyncio.create_task(held.writer.commit(step, str(at))) for at in range(3)]
        await asyncio.sleep(0)
        held.go()
        await busy
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(result) for result in asyncio.run(work())] == [told] * 3
    assert stored(path) == []
    broken = False
    assert held.writer.call(step, "later") == 1
    assert stored(path) == ["later"]
    assert held.connections == connections, "a connection that met a failing disk is not used again"


def test_a_lock_is_waited_for(held: Held, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        waits: list[float] = []

        def wait(seconds: float) -> bool:
            waits.append(seconds)
            if len(waits) == 3:
                other.execute("ROLLBACK")
            return False

        monkeypatch.setattr(held.writer._gap, "wait", wait)
        assert held.writer.call(insert, "x") == 1
        assert len(waits) == 3
    assert stored(path) == ["x"]


def test_a_lock_is_not_waited_for_for_ever(held: Held, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_ATTEMPTS", 3)
    monkeypatch.setattr(held.writer._gap, "wait", lambda seconds: False)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked") as told:
            held.writer.call(insert, "x")
        assert told.value.code == "storage_locked"
    assert held.writer.call(insert, "y") == 1
    assert stored(path) == ["y"]


def test_a_caller_who_gives_up_undoes_nothing(held: Held, path: Path) -> None:
    async def work() -> None:
        busy = await held.hold()
        gone = asyncio.create_task(held.writer.commit(insert, "gone"))
        stays = asyncio.create_task(held.writer.commit(insert, "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        held.go()
        await busy
        assert await stays == 2

    asyncio.run(work())
    assert stored(path) == ["gone", "stays"]


def test_a_loop_that_has_ended_is_passed_over(held: Held, path: Path) -> None:
    async def ask() -> None:
        await held.hold()
        task = asyncio.create_task(held.writer.commit(insert, "from a loop that ends"))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(ask())
    held.go()
    assert held.writer.call(insert, "next") >= 1
    assert stored(path) == ["from a loop that ends", "next"]


def test_closing_finishes_what_was_asked_for(path: Path) -> None:
    held = Held(path)

    async def work() -> None:
        busy = await held.hold()
        waiting = [asyncio.create_task(held.writer.commit(insert, str(at), size=600)) for at in range(3)]
        await asyncio.sleep(0)
        closing_down = asyncio.create_task(asyncio.to_thread(held.writer.close))
        held.go()
        await asyncio.gather(busy, *waiting, closing_down)
        with pytest.raises(Unavailable):
            await held.writer.commit(insert, "too late")

    asyncio.run(work())
    assert stored(path) == ["0", "1", "2"]
    held.writer.close()


def test_a_sync_caller_is_told_the_fault(held: Held) -> None:
    def step(db: sqlite3.Connection, payloads: Sequence[str]) -> list[int]:
        raise LookupError(payloads[0])

    with pytest.raises(LookupError, match="why"):
        held.writer.call(step, "why")


@pytest.mark.parametrize("calls", [3])
def test_sync_and_async_callers_share_the_thread(held: Held, path: Path, calls: int) -> None:
    async def work() -> None:
        for at in range(calls):
            sync = asyncio.to_thread(held.writer.call, insert, f"s{at}")
            await asyncio.gather(sync, held.writer.commit(insert, f"a{at}"))

    asyncio.run(work())
    assert len(stored(path)) == 2 * calls
