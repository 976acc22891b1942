"""Several processes on one folder, and what is left of one that is killed."""

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from honeyguide.errors import DataDirectoryBusy
from honeyguide.stores.sqlite import LOCK, SLATES, TRUTH, SqliteStore
from honeyguide.testing.stores.rows import all_items, event, run
from tests.stores.processes import PER_BATCH, Child


def is_whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as db:
        return bool(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


@pytest.mark.parametrize("after", [3, 120])
def test_a_kill_loses_nothing_that_was_acknowledged(
    open_sqlite: Callable[[], SqliteStore], tmp_path: Path, after: int
) -> None:
    with Child("append_for_ever", tmp_path) as child:
        acknowledged = {child.line() for _ in range(after)}
        acknowledged |= set(child.kill())
    store = open_sqlite()
    batches = Counter(row.event_id.split("/")[0] for rows in store.log.scan() for row in rows)
    assert acknowledged <= set(batches), "acknowledged and lost"
    assert set(batches.values()) == {PER_BATCH}, "half a batch"
    derived = (all_items(store), run(store.catalogue.users(limit=10**6)))
    assert len(derived[0]) == len(batches) * (PER_BATCH - 1)
    store.catalogue.rebuild()
    assert (all_items(store), run(store.catalogue.users(limit=10**6))) == derived, "tables that do not follow the log"
    position = run(store.log.position())
    assert run(store.log.append([event("u", "after")])).sequence == position + 1
    store.close()
    assert is_whole(tmp_path / TRUTH)


def test_processes_write_at_the_same_time(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    """From the first moment: all of them find an empty folder, and one makes the database."""
    with ExitStack() as stack:
        children = [stack.enter_context(Child("append_some", tmp_path, f"own{at}", 15)) for at in range(2)]
        for child in children:
            child.go()
        assert sum(int(child.line()) for child in children) == (15 + 2 * 15) * PER_BATCH
    store = open_sqlite()
    rows = [row for batch in store.log.scan() for row in batch]
    assert len({row.event_id for row in rows}) == len({row.sequence for row in rows}) == len(rows) == 45 * PER_BATCH
    items = all_items(store)
    store.catalogue.rebuild()
    assert all_items(store) == items
    assert [item.sequence for item in items] == sorted(row.sequence for row in rows if row.item_id is not None)


def test_a_busy_process_lets_others_write_and_is_seen(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    with Child("append_for_ever", tmp_path, "busy", 64) as child:
        store = open_sqlite()
        watch = store.log.watch()
        for at in range(20):
            appended = run(store.log.append([event("me", f"i{at}", ts=at)]))
            assert run(store.log.user_state("me", limit=99)).as_of >= appended.sequence
        assert len(run(store.log.user_state("me", limit=99)).events) == 20
        seen = run(store.log.position())
        run(watch.changed())  # of what was there until now, and maybe a little later
        while not run(watch.changed()):  # the test's own limit of time ends it
            assert child.process.poll() is None
        while run(store.log.position()) == seen:
            assert child.process.poll() is None


def test_a_second_server_is_told_who_holds_the_folder(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    store = open_sqlite()
    with Child("hold", tmp_path) as child:
        with pytest.raises(DataDirectoryBusy) as told, store.hold("serve on port 8000"):
            pytest.fail("two servers on one folder")
        message = str(told.value)
        assert f"port 8765 (process {child.process.pid} on {os.uname().nodename}, since 20" in message
        assert f"kill {child.process.pid}" in told.value.cure
        child.kill()
        with store.hold("serve on port 8000"):
            assert b"8000" in (tmp_path / LOCK).read_bytes()
    assert (tmp_path / LOCK).read_bytes() == b"", "a name that nobody goes by any more"


def test_a_lock_without_a_name_is_a_lock_all_the_same(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    store = open_sqlite()
    with store.hold("serve"):
        (tmp_path / LOCK).write_bytes(b"torn")
        with pytest.raises(DataDirectoryBusy, match="another server"), store.hold("serve"):
            pytest.fail("two servers on one folder")


def test_a_hold_ends_with_an_error_too(store: SqliteStore) -> None:
    for _ in range(2):
        with pytest.raises(LookupError), store.hold("serve"):
            raise LookupError


def test_files_of_a_closed_store_need_no_other(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    """After a close everything is in the files themselves: they may be copied."""
    store = open_sqlite()
    asyncio.run(store.log.append([event("u", "i")]))
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [TRUTH, SLATES]
