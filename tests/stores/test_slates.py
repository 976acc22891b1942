"""The slates' own file: it may be damaged, locked or gone, and nobody waits for it."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Unavailable
from honeyguide.stores.spool import Spool
from honeyguide.stores.sqlite import SLATES, SqliteStore, slates
from honeyguide.stores.sqlite.slates import SqliteSlates
from honeyguide.testing.stores.rows import event, run, slate
from honeyguide.types import SlatesLogged


def put_aside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.damaged-*"))


@pytest.mark.parametrize("damage", ["cut", "scribble", "no database", "empty"])
def test_a_damaged_file_is_begun_anew_and_the_truth_stays(
    open_sqlite: Callable[[], SqliteStore], tmp_path: Path, damage: str
) -> None:
    first = open_sqlite()
    run(first.log.append([event("u", "i")]))
    first.slates.append([slate(f"r{at}") for at in range(2000)])
    first.close()
    path = tmp_path / SLATES
    whole = path.read_bytes()
    broken = {
        "cut": whole[: len(whole) // 2],
        "scribble": bytes(100) + whole[100:],
        "no database": b"this is a text" * 1000,
        "empty": b"",
    }[damage]
    path.write_bytes(broken)
    store = open_sqlite()
    recreated = 0 if damage == "empty" else 1  # an empty file is an empty database to SQLite, with nothing to put aside
    assert store._slates.recreated == recreated == len(put_aside(tmp_path))
    assert store.slates.count() == 0
    assert store.slates.append([slate("new")]) == SlatesLogged(stored=1)
    assert run(store.slates.get("new")) == slate("new")
    assert [entry.item_id for entry in run(store.log.user_state("u", limit=5)).events] == ["i"]


def test_a_file_that_breaks_while_it_is_open_is_begun_anew(store: SqliteStore, tmp_path: Path) -> None:
    store.slates.append([slate(f"r{at}") for at in range(500)])
    with closing(sqlite3.connect(tmp_path / SLATES)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / SLATES).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 200_000)
    store._slates._drop()  # its page cache still knows better
    logged = [store.slates.append([slate(f"n{at}-{row}") for row in range(100)]) for at in range(5)]
    assert sum(entry.stored + entry.lost for entry in logged) == 500
    assert store._slates.recreated == len(put_aside(tmp_path)) == 1
    assert run(store.slates.get("n4-99")) is not None


def test_damaged_truth_is_an_error_with_its_cure(open_sqlite: Callable[[], SqliteStore], tmp_path: Path) -> None:
    (tmp_path / "honeyguide.sqlite").write_bytes(b"this is a text" * 1000)
    with pytest.raises(Unavailable, match="damaged") as told:
        open_sqlite()
    assert "backup" in told.value.cure
    assert (tmp_path / "honeyguide.sqlite").read_bytes().startswith(b"this is a text"), "it may be all that is left"


def test_slates_wait_while_the_file_is_locked(
    store: SqliteStore, open_sqlite: Callable[[], SqliteStore], tmp_path: Path
) -> None:
    store.slates.append([slate("before")])
    with closing(sqlite3.connect(tmp_path / SLATES, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.slates.append([slate("a"), slate("b")]) == SlatesLogged(spooled=2)
        assert store.slates.append([slate("c")]) == SlatesLogged(spooled=1)
    assert store.slates.count() == 1
    store.close()  # a restart finds them
    again = open_sqlite()
    assert again.slates.append([slate("d")]) == SlatesLogged(stored=4)
    assert run(again.slates.get("b")) == slate("b")
    assert again.slates.count() == 5
    assert again.slates.append([]) == SlatesLogged()
    assert not (tmp_path / "slates.spool").exists()


def test_a_slate_that_cannot_be_written_spoils_nothing(store: SqliteStore) -> None:
    bad = slate("bad")
    bad.ts = 2**63
    with pytest.raises(OverflowError):
        store.slates.append([slate("x"), bad])
    assert store.slates.append([slate("y")]) == SlatesLogged(stored=1)
    assert store.slates.count() == 1


def test_a_newer_file_is_not_a_damaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(slates, "migrate", refuse)
    with pytest.raises(Unavailable):
        SqliteSlates(tmp_path / SLATES, ManualClock())
    assert put_aside(tmp_path) == []


# --- the spool --------------------------------------------------------------------------------------------------------


def drained(spool: Spool) -> tuple[list[str], tuple[int, int]]:
    found: list[str] = []
    counts = spool.drain(lambda group: found.extend(entry.request_id for entry in group))
    return found, counts


def test_a_spool_gives_back_what_it_got_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    assert not spool
    assert spool.add([slate(f"r{at}") for at in range(1500)]) == 1500
    assert spool.add([slate("last")]) == 1
    assert Spool(tmp_path / "s"), "another process finds it"
    found, counts = drained(spool)
    assert found == [*(f"r{at}" for at in range(1500)), "last"]
    assert counts == (1501, 0)
    assert not spool


def test_a_spool_is_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", most=2000)
    kept = spool.add([slate(f"r{at}") for at in range(100)])
    assert 0 < kept < 100
    assert spool.add([slate("more")]) == 0
    assert (tmp_path / "s").stat().st_size <= 2000
    assert len(drained(spool)[0]) == kept
    assert spool.add([slate("room again")]) == 1


def test_processes_share_a_spool(tmp_path: Path) -> None:
    """What one adds while another drains is in this round or in the next, never in none."""
    found: list[str] = []

    def add(who: int) -> int:
        return sum(Spool(tmp_path / "s").add([slate(f"{who}-{at}")]) for at in range(200))

    with ThreadPoolExecutor(2) as pool:
        adding = [pool.submit(add, who) for who in range(2)]
        while not all(task.done() for task in adding):
            found += drained(Spool(tmp_path / "s"))[0]
        assert [task.result() for task in adding] == [200, 200]
    found += drained(Spool(tmp_path / "s"))[0]
    assert sorted(found) == sorted(f"{who}-{at}" for who in range(2) for at in range(200))


def test_a_line_cut_short_by_a_crash_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.add([slate("a"), slate("b")])
    text = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(text[:-20])
    assert spool.add([slate("c")]) == 1
    assert drained(spool) == (["a", "c"], (2, 1))


def test_what_cannot_be_stored_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.add([slate("a")])

    def away(group: object) -> None:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        spool.drain(away)
    assert drained(spool)[0] == ["a"]


def test_a_spool_that_cannot_be_written_keeps_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Spool(tmp_path / "file" / "s").add([slate("a")]) == 0
