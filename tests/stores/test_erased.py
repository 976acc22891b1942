"""Erasures in SQLite: no byte of a person is left in any file, others take turns, a process that dies is followed by one."""

import sqlite3
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from honeyguide.errors import Unavailable
from honeyguide.stores.spool import Spool
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.stores.sqlite.scrub import Scrub
from honeyguide.testing.stores.rows import change, event, run, slate
from honeyguide.types import LogRow
from tests.stores.processes import Child

CANARY = "canary-7f3a9c"


def found_in(folder: Path, text: str = CANARY) -> dict[str, int]:
    """How often a text stands in each file, whatever the file is.

    Another process copies them first: closing a handle of a database lets go of the locks that SQLite holds on it here."""
    with tempfile.TemporaryDirectory() as aside:
        subprocess.run(["cp", "-r", f"{folder}/.", aside], check=True)
        counts = {path.name: path.read_bytes().count(text.encode()) for path in Path(aside).rglob("*") if path.is_file()}
    return {name: count for name, count in counts.items() if count}


def fill(store: SqliteStore, seed: int = 1, rows: int = 6_000) -> None:
    """A history in which the canary is one of many, in no order: pages are split, filled and freed."""
    rng = np.random.default_rng(seed)
    made: list[LogRow] = []
    for at in range(rows):
        mine = rng.random() < 0.1
        user = CANARY if mine else f"u{rng.integers(400)}"
        row = event(user, f"i{rng.integers(300)}", ts=int(rng.integers(10**6)))
        row.event_id = f"{user}-{rng.integers(2**60)}-{at}"
        if mine:
            row.session_id, row.device_id, row.request_id = f"{CANARY}-s", f"{CANARY}-d", f"{CANARY}-r"
            row.payload = f'{{"secret": "{CANARY} {at} {"x" * int(rng.integers(3000))}"}}'  # some overflow their page
        made.append(row)
    for start in range(0, rows, 500):
        run(store.log.append(made[start : start + 500]))
    for at in range(30):  # each replaces the one before
        run(store.log.append([change("user_put", CANARY, properties={"name": CANARY * (at % 9), "at": at})]))
    run(store.log.append([change("user_merge", f"{CANARY}-phone", canonical_id=CANARY)]))
    for at in range(300):
        made_of = slate(f"r{seed}-{at}", user=CANARY if at % 5 == 0 else f"u{at}")
        made_of.context = {"about": made_of.user_id * 20}
        store.slates.append([made_of])
    run(store.idempotency.put("k", "h", 200, f"user_id '{CANARY}' is odd".encode(), expires_at=2**60))


def erase(store: SqliteStore) -> Counter[str]:
    ids = [CANARY, f"{CANARY}-phone"]
    until = store.people.bury(ids, at=10**7)
    removed: Counter[str] = Counter()
    for counts in store.people.erase(ids, until=until):
        removed.update(counts)
    for counts in store.slates.remove_users(dict.fromkeys(ids, until)):
        removed["slates"] += sum(counts.values())
    assert store.people.scrub()
    assert store.slates.scrub()
    return removed


@pytest.mark.parametrize("seed", range(3))
def test_no_byte_is_left_in_any_file(store: SqliteStore, tmp_path: Path, seed: int) -> None:
    fill(store, seed)
    assert store.people.scrub()  # into the database file
    assert store.slates.scrub()
    fill(store, seed + 10, rows=1_000)  # and some in the write-ahead log
    assert set(found_in(tmp_path)) >= {"honeyguide.sqlite", "slates.sqlite"}
    removed = erase(store)
    assert removed["slates"] == 120
    assert removed["log"] > 300
    assert found_in(tmp_path) == {}
    with sqlite3.connect(tmp_path / "honeyguide.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_reader_delays_the_scrubbing_and_nothing_else(store: SqliteStore, tmp_path: Path) -> None:
    fill(store, rows=500)
    with sqlite3.connect(tmp_path / "honeyguide.sqlite") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM log").fetchone()
        until = store.people.bury([CANARY], at=10**7)
        list(store.people.erase([CANARY], until=until))
        assert not store.people.scrub()
        assert run(store.log.append([event("u", "i")])).accepted == 1
        reader.rollback()
    assert store.people.scrub()


def test_files_put_aside_and_waiting_slates_go_too(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "slates.sqlite.damaged-17").write_bytes(CANARY.encode())
    spool = Spool(tmp_path / "slates.spool")
    spool.add([slate("w1", user=CANARY), slate("w2", user="bob"), slate("w3", user=CANARY)])
    with (tmp_path / "slates.spool").open("ab") as file:
        file.write(f'{{"user_id": "{CANARY}", "cut sh'.encode())
    assert next(store.slates.remove_users({CANARY: 99})) == {CANARY: 2}
    assert found_in(tmp_path) == {}
    assert store.slates.append([]).stored == 1
    assert run(store.slates.get("w2")) is not None


def test_a_spool_without_the_user_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert spool.remove(lambda slate: True) == {}
    spool.add([slate("w2", user="bob")])
    before = (tmp_path / "spool").stat().st_ino
    assert spool.remove(lambda slate: slate.user_id == CANARY) == {}
    assert (tmp_path / "spool").stat().st_ino == before


def test_others_append_while_an_erasure_goes_on(store: SqliteStore) -> None:
    """Steps and appends take turns: every append gets in between, none is lost."""
    fill(store, rows=3_000)
    until = store.people.bury([CANARY], at=10**7)
    before = run(store.log.position())
    steps, appended = iter(store.people.erase([CANARY], until=until)), 0
    done = threading.Event()

    def erasing() -> None:
        for _ in steps:
            pass
        done.set()

    thread = threading.Thread(target=erasing)
    thread.start()
    while not done.is_set() or appended < 20:
        run(store.log.append([event("bob", "i") for _ in range(20)]))
        appended += 20
    thread.join()
    assert run(store.log.position()) == before + appended


def test_an_erasure_that_is_killed_is_finished_by_the_next(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    store = open_sqlite()
    fill(store, rows=5_000)
    until = store.people.bury([CANARY], at=10**7)
    store.close()
    for _ in range(2):
        with Child("erase_slowly", tmp_path, CANARY, until) as child:
            child.go()
            child.line()
            child.kill()
    again = open_sqlite()
    assert list(again.people.erase([CANARY], until=until)), "the kills have left something to do"
    users = run(again.catalogue.users(limit=99))
    again.catalogue.rebuild()
    assert run(again.catalogue.users(limit=99)) == users
    assert all(row.user_id != CANARY for batch in again.log.scan(until=until) for row in batch)


def test_a_closed_store_removes_nothing(open_sqlite: Callable[[], SqliteStore]) -> None:
    store = open_sqlite()
    run(store.log.append([event("ann", "i")]))
    store.close()
    with pytest.raises(Unavailable):
        store.people.bury(["ann"], at=1)
    with pytest.raises(Unavailable):
        next(store.people.erase(["ann"], until=1))


def test_wiping_goes_on_beside_a_busy_writer_and_harms_nothing(store: SqliteStore, tmp_path: Path) -> None:
    """A process appends all the time, this one erases and wipes, again and again; at the end all is there and whole."""
    fill(store, rows=2_000)
    with Child("append_for_ever", tmp_path, "busy", 4) as child:
        for turn in range(3):
            until = store.people.bury([f"u{turn}"], at=10**7)
            list(store.people.erase([f"u{turn}"], until=until))
            while not store.people.scrub():
                pass
        names = child.kill()
    found = {
        row.event_id.rsplit("/", 1)[0] for batch in store.log.scan() for row in batch if row.event_id.startswith("busy")
    }
    assert set(names) <= found, "what was acknowledged is there"
    with sqlite3.connect(tmp_path / "honeyguide.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    items = [item.item_id for batch in store.catalogue.scan_items() for item in batch]
    store.catalogue.rebuild()
    assert [item.item_id for batch in store.catalogue.scan_items() for item in batch] == items


def test_the_wiper_says_when_it_cannot(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"was not wiped: FileNotFoundError"):
        Scrub(tmp_path / "not there.sqlite")()


def test_a_store_that_closes_ends_its_wiper(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    """A stop does not wait for a large file; the next process does it all again."""
    store = open_sqlite()
    run(store.log.append([event("u", "i")]))
    ended: list[BaseException] = []
    with sqlite3.connect(tmp_path / "honeyguide.sqlite") as reader:  # keeps the wiper waiting
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM log").fetchone()

        def scrubbing() -> None:
            try:
                while not store.people.scrub():
                    pass
            except Unavailable as error:
                ended.append(error)

        thread = threading.Thread(target=scrubbing)
        thread.start()
        store.close()
        thread.join()
    assert len(ended) == 1
