"""What is SQLite's own in the event log: known items, chunks, reads beside writes."""

import asyncio
import sqlite3
from collections.abc import Callable

import polars as pl
import pytest

from honeyguide.errors import Unavailable
from honeyguide.stores.sql import rows
from honeyguide.stores.sql.derive import KnownItems
from honeyguide.stores.sqlite import SqliteStore, derive, history
from honeyguide.stores.sqlite.connect import meaning
from honeyguide.testing.stores.rows import all_items, change, event, run, some_history
from honeyguide.types import LogRow


def test_a_known_item_costs_no_look_up(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[list[str | None]] = []
    real = derive.apply

    def apply(db: sqlite3.Connection, fresh: list[LogRow]) -> None:
        applied.append([row.item_id for row in fresh])
        real(db, fresh)

    monkeypatch.setattr(derive, "apply", apply)
    run(store.log.append([event("u", "a"), event("u", "b"), event("u", None)]))
    run(store.log.append([event("u", "b"), event("v", "c"), change("item_put", "a")]))
    run(store.log.append([event("u", item) for item in "abc"]))
    assert applied == [["a", "b"], ["c", "a"], []]


def test_an_item_is_known_only_once_it_is_committed(store: SqliteStore) -> None:
    bad = LogRow(kind="item_put", event_id="bad", ts=0, received_at=0, item_id="x", payload="not JSON")
    with pytest.raises(Exception, match="cannot be stored"):
        run(store.log.append([event("u", "new"), bad]))
    assert all_items(store) == []
    run(store.log.append([event("u", "new")]))
    assert [item.item_id for item in all_items(store)] == ["new"]


def test_what_is_known_is_bounded() -> None:
    known = KnownItems(most=10)
    batches = [[event("u", f"{part}/{at}", sequence=1 + part * 5 + at) for at in range(5)] for part in range(20)]
    for batch in batches:
        known.add(batch)
        assert known.relevant(batch) == []
        assert len(known._ids) <= 15
    assert known.relevant(batches[0]) == batches[0], "forgotten, so it is looked up again"
    known.add([event("u", "of a duplicate")])
    assert known.relevant([row := event("u", "of a duplicate")]) == [row], "a row that was left out made no item"


@pytest.mark.parametrize("size", [1, 9, 10, 11, 99, 100, 101, 387, 1000])
def test_rows_go_in_whole_whatever_their_number(store: SqliteStore, size: int) -> None:
    made = [event(f"u{at}", "i", ts=at) for at in range(size)]
    assert run(store.log.append(made)).accepted == size
    assert [row for batch in store.log.scan() for row in batch] == made


def test_every_thirteenth_is_a_duplicate(store: SqliteStore) -> None:
    """Over the edges of the statements that rows are inserted by."""
    old = [event("u", "old", event_id=f"x{at}") for at in range(0, 1000, 13)]
    run(store.log.append(old))
    mixed = [event("u", f"i{at}", event_id=f"x{at}") for at in range(1000)]
    appended = run(store.log.append(mixed))
    assert appended.duplicates == tuple(range(0, 1000, 13))
    assert [row.sequence == 0 for row in mixed] == [at % 13 == 0 for at in range(1000)]
    found = [row.event_id for batch in store.log.scan(after=len(old)) for row in batch]
    assert found == [f"x{at}" for at in range(1000) if at % 13]


def test_rows_of_one_group_know_each_other(store: SqliteStore) -> None:
    """Appends that share a commit: ids, new items and changes of one are seen by the next."""

    async def together() -> list[tuple[int, tuple[int, ...]]]:
        twin = [event("u", "first", event_id="twin"), event("u", "second", event_id="twin")]
        batches = [[twin[0], event("u", "x", ts=9)], [twin[1]], [change("item_patch", "x", title="X")], [event("v", "x")]]
        done = await asyncio.gather(*(store.log.append(batch) for batch in batches))
        return [(appended.accepted, appended.duplicates) for appended in done]

    assert asyncio.run(together()) == [(2, ()), (0, (0,)), (1, ()), (1, ())]
    assert [(item.item_id, item.title, item.created_at) for item in all_items(store)] == [("first", "", 0), ("x", "X", 9)]


def test_interactions_are_read_in_chunks(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_CHUNK", 7)
    made = [event(f"u{at % 3}", f"i{at}", ts=at // 2) for at in range(28)]
    run(store.log.append([*made, event("u0", None), change("user_merge", "u1", canonical_id="u2")]))
    found = store.log.interactions()
    assert found["item_id"].to_list() == [f"i{at}" for at in range(28)]
    assert found["user_id"].to_list() == [{1: "u2"}.get(at % 3, f"u{at % 3}") for at in range(28)]
    assert found["ts"].is_sorted()
    assert found["value"].dtype == pl.Float64


@pytest.mark.parametrize("seed", range(3))
def test_a_rebuild_gives_the_same_links(store: SqliteStore, seed: int) -> None:
    def links() -> list[tuple[str, int, int | None, str]]:
        with store._readers.snapshot() as db:
            return db.execute("SELECT user_id, since, until, canonical_id FROM user_links ORDER BY 1, 2").fetchall()

    run(store.log.append([*some_history(seed, 200), change("user_merge", "ann", canonical_id="zoe")]))
    before = links()
    assert any(until is None for _, _, until, _ in before)
    assert any(until is not None for _, _, until, _ in before)
    store.catalogue.rebuild()
    assert links() == before


def test_reads_do_not_wait_for_the_writer(store: SqliteStore, open_sqlite: Callable[[], SqliteStore]) -> None:
    run(store.log.append([event("u", "i")]))
    reader = open_sqlite()

    def while_writing(db: sqlite3.Connection, payloads: object) -> list[int]:
        db.execute("DELETE FROM log")
        state = run(reader.log.user_state("u", limit=5))
        db.execute("INSERT INTO log (kind, event_id, ts, received_at, type, imported) VALUES ('event', 'x', 0, 0, '', 0)")
        return [len(state.events)]

    assert store._writer.call(while_writing, None) == 1


def test_a_snapshot_sees_one_moment(store: SqliteStore) -> None:
    run(store.log.append([event("u", "i")]))
    with store._readers.snapshot() as db:
        before = db.execute("SELECT count(*) FROM log").fetchone()
        run(store.log.append([event("u", "j")]))
        assert db.execute("SELECT count(*) FROM log").fetchone() == before == (1,)
    assert run(store.log.position()) == 2


def test_readers_are_lent_out_again(store: SqliteStore) -> None:
    with store._readers.snapshot() as first, store._readers.snapshot() as second:
        assert first is not second
    for _ in range(5):
        with store._readers.snapshot() as again:
            assert again in (first, second)
    assert len(store._readers._idle) == 2


def test_an_error_in_a_snapshot_leaves_the_reader_usable(store: SqliteStore) -> None:
    with pytest.raises(Unavailable, match="no such table"), store._readers.snapshot() as db:
        db.execute("SELECT * FROM nowhere")
    with pytest.raises(LookupError), store._readers.snapshot() as db:
        raise LookupError
    assert run(store.log.position()) == 0


def test_an_error_says_what_to_do(store: SqliteStore) -> None:
    for code, words in {
        sqlite3.SQLITE_BUSY: "locked",
        sqlite3.SQLITE_FULL: "full",
        sqlite3.SQLITE_CORRUPT: "damaged",
        sqlite3.SQLITE_IOERR_READ: "does not answer",
        sqlite3.SQLITE_CANTOPEN: "does not answer",
    }.items():
        error = sqlite3.OperationalError("so says SQLite")
        error.sqlite_errorcode = code
        told = meaning(error, store._readers.path)
        assert words in told.detail
        assert told.cure
        assert isinstance(told, Unavailable)


def test_floats_of_a_vector_are_four_bytes_each(store: SqliteStore) -> None:
    run(store.log.append([change("item_put", "i", vector=[1.0, -2.5]), change("item_put", "j", vector=[])]))
    with store._readers.snapshot() as db:
        blobs = db.execute("SELECT vector FROM items ORDER BY item_id").fetchall()
    assert blobs == [(b"\x00\x00\x80?\x00\x00 \xc0",), (b"",)]
    assert [item.vector for item in all_items(store)] == [(1.0, -2.5), ()]
    assert rows.ITEM_COLUMNS[-1] == "sequence"


def test_an_item_outlives_the_event_that_it_was_first_seen_in(store: SqliteStore) -> None:
    """Retention removes old events; the item was there all the same."""
    run(store.log.append([event("u", "i", ts=7), change("item_put", "i", title="T"), event("u", "j", ts=8)]))
    store._writer.call(lambda db, payloads: [db.execute("DELETE FROM log WHERE kind = 'event'").rowcount], None)
    early = store.catalogue.item_at("i", 1)
    assert early is not None
    assert (early.title, early.created_at) == ("", 7)
    late = store.catalogue.item_at("i", 2)
    assert late is not None
    assert late.title == "T"
    assert store.catalogue.item_at("j", 2) is None


def test_the_position_does_not_go_back_when_rows_are_erased(store: SqliteStore) -> None:
    last = run(store.log.append([event("u", "i"), event("u", "j")])).sequence
    store._writer.call(lambda db, payloads: [db.execute("DELETE FROM log").rowcount], None)
    assert run(store.log.position()) == last
    assert run(store.log.append([event("u", "k")])).sequence == last + 1
