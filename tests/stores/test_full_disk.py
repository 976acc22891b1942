"""A disk that is full: nothing is half kept, reads go on, and it recovers without a restart."""

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import StorageFull
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.stores.sqlite.connect import open_writer
from honeyguide.testing.stores.rows import event, run, slate
from honeyguide.types import LogRow

SIZE = 3_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    mounted = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("mounting a small tmpfs needs root; the page-count test covers the store without it")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(store: SqliteStore, most: int = 400) -> list[LogRow]:
    """Append until the disk is full; returns what was acknowledged."""
    kept: list[LogRow] = []
    for at in range(most):
        rows = [event(f"u{row}", f"item {at}", session_id="s" * 200) for row in range(50)]
        try:
            asyncio.run(store.log.append(rows))
        except StorageFull:
            return kept
        kept += rows
    pytest.fail("the disk never got full")


def all_rows(store: SqliteStore) -> list[LogRow]:
    return [row for batch in store.log.scan() for row in batch]


def test_a_full_disk_keeps_what_was_acknowledged_and_recovers(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(SIZE // 3))
    store = SqliteStore(small_disk, ManualClock())
    kept = fill(store)
    assert kept
    assert all_rows(store) == kept, "reads go on"
    assert run(store.log.user_state("u7", limit=5)).as_of == kept[-1].sequence
    with pytest.raises(StorageFull, match="Free some space"):
        asyncio.run(store.log.append([event("u", "i", session_id="s" * 200_000)]))
    ballast.unlink()
    more = [event("u", "with space again") for _ in range(100)]
    assert asyncio.run(store.log.append(more)).accepted == 100
    assert all_rows(store) == [*kept, *more]
    store.catalogue.rebuild()
    store.close()
    again = SqliteStore(small_disk, ManualClock())
    assert all_rows(again) == [*kept, *more]
    again.close()


def test_slates_wait_for_space_or_are_counted(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(SIZE // 2))  # room enough to copy the write-ahead log back
    store = SqliteStore(small_disk, ManualClock())
    served = stored = spooled = lost = 0
    while not lost:
        logged = store.slates.append([slate(f"r{served + at}", user="u" * 256) for at in range(100)])
        served, stored = served + 100, stored + logged.stored
        spooled, lost = spooled + logged.spooled, lost + logged.lost
    assert stored
    ballast.unlink()
    logged = store.slates.append([slate("with space again")])
    assert logged.stored == spooled + 1
    assert store.slates.count() == stored + logged.stored == served - lost + 1
    store.close()


def test_an_artefact_that_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    artefacts = FileArtefacts(small_disk / "models")
    with pytest.raises(StorageFull), artefacts.create("ease", 1) as folder:
        (folder / "weights").write_bytes(bytes(2 * SIZE))
    assert artefacts.folders() == []
    assert list((small_disk / "models" / "ease").iterdir()) == []
    with artefacts.create("ease", 1) as folder:
        (folder / "weights").write_bytes(bytes(1000))
    assert artefacts.folders() == [("ease", 1)]


def test_a_database_at_its_page_limit_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without a file system of its own."""

    def limited(path: Path, **options: Any) -> sqlite3.Connection:
        db = open_writer(path, **options)
        db.execute(f"PRAGMA max_page_count = {limit}")
        return db

    limit = 200
    store = SqliteStore(tmp_path, ManualClock())
    writer = store._writer
    writer.call(lambda db, payloads: [db.execute(f"PRAGMA max_page_count = {limit}").fetchone()], None)
    kept = fill(store)
    assert kept
    assert all_rows(store) == kept
    monkeypatch.setattr(writer, "_connect", partial(limited, writer._path, synchronous="FULL"))
    writer.call(lambda db, payloads: [db.execute("PRAGMA max_page_count = 100000").fetchone()], None)
    more = [event("u", "i") for _ in range(100)]
    assert asyncio.run(store.log.append(more)).accepted == 100
    assert all_rows(store) == [*kept, *more]
    store.close()
