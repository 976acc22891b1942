"""Numbers of the log become visible in their order, whatever commits late, dies or is cut off."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from honeyguide.errors import Unavailable
from honeyguide.stores.postgres import PostgresStore
from honeyguide.stores.postgres.append import COPY_ROWS
from honeyguide.stores.postgres.position import KEEP_POSITION, LOG_LOCK
from honeyguide.testing.stores.rows import all_items, change, event, run
from honeyguide.types import LogRow
from tests import postgres

_INSERT = (
    "INSERT INTO log (sequence, kind, event_id, ts, received_at, type, imported) "
    "SELECT coalesce(max(sequence), 0) + 1, 'event', %s, 0, 0, 'view', false FROM log RETURNING sequence"
)


def ids(store: PostgresStore) -> list[str]:
    return [row.event_id for batch in store.log.scan() for row in batch]


async def until(condition: Callable[[], Any]) -> None:
    """Poll; the test's own limit of time ends it."""
    while not condition():
        await asyncio.sleep(0.01)


def waiting(other: psycopg.Connection[Any]) -> int:
    """How many wait for a lock of the log."""
    sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return int((other.execute(sql).fetchone() or [0])[0])


@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK", "dies"])
def test_who_follows_never_skips_a_row_that_commits_late(
    store: PostgresStore, url: str, other: psycopg.Connection[Any], ends: str
) -> None:
    """A transaction has taken a number and is not committed: nothing above it may become visible before it ends."""
    run(store.log.append([event("u", "before", event_id="before")]))
    late = psycopg.connect(url, autocommit=True, options="-c search_path=honeyguide")
    late.execute("BEGIN")
    late.execute(LOG_LOCK)
    (taken,) = late.execute(_INSERT, ["late"]).fetchone() or (0,)

    async def body() -> tuple[list[LogRow], list[LogRow]]:
        appends = [asyncio.create_task(store.log.append([event("u", f"i{at}", event_id=f"e{at}")])) for at in range(3)]
        await until(lambda: waiting(other))
        seen = await store.log.rows_after(0, limit=100)
        assert await store.log.position() == 1
        if ends == "dies":
            other.execute("SELECT pg_terminate_backend(%s)", [late.info.backend_pid])
        else:
            late.execute(ends)
        await asyncio.gather(*appends)
        return seen, await store.log.rows_after(seen[-1].sequence, limit=100)

    seen, after = run(body())
    late.close()
    assert taken == 2
    assert [row.event_id for row in seen] == ["before"]
    expected = ["late"] if ends == "COMMIT" else []
    assert [row.event_id for row in after] == [*expected, "e0", "e1", "e2"]
    assert [row.sequence for row in [*seen, *after]] == list(range(1, len(seen) + len(after) + 1)), "no gap and no repeat"


def test_followers_of_several_writers_see_every_row_once(open_postgres: Callable[..., PostgresStore]) -> None:
    """Four stores write at the same time, in groups of all sizes; two others read whatever is new, again and again."""
    writers, readers = [open_postgres() for _ in range(4)], [open_postgres() for _ in range(2)]
    told: list[list[int]] = [[] for _ in readers]
    done = asyncio.Event()

    async def write(writer: PostgresStore, name: int) -> None:
        for part in range(25):
            size = (1, 3, COPY_ROWS, 7)[(part + name) % 4]
            await writer.log.append([event(f"u{name}", f"i{part}", event_id=f"{name}/{part}/{at}") for at in range(size)])

    async def follow(reader: PostgresStore, seen: list[int]) -> None:
        while True:
            last = done.is_set()
            rows = await reader.log.rows_after(seen[-1] if seen else 0, limit=50)
            seen += [row.sequence for row in rows]
            if last and not rows:
                return

    async def body() -> None:
        followers = [asyncio.create_task(follow(*each)) for each in zip(readers, told, strict=True)]
        await asyncio.gather(*(write(writer, name) for name, writer in enumerate(writers)))
        done.set()
        await asyncio.gather(*followers)

    run(body())
    position = run(readers[0].log.position())
    assert told == [list(range(1, position + 1))] * 2
    assert position == len(set(ids(readers[0])))


def test_many_cut_connections_lose_nothing_and_halve_nothing(
    open_postgres: Callable[..., PostgresStore], database: str
) -> None:
    """All connections are cut again and again during ingest; who is not acknowledged sends the same again."""
    stores = [open_postgres() for _ in range(2)]
    per_batch, acknowledged, refused = 9, Counter[str](), 0
    cut = 0

    async def send(store: PostgresStore, name: str) -> None:
        nonlocal refused
        while True:
            rows = [event(name, f"{name}/{at}", event_id=f"{name}/{at}") for at in range(per_batch - 1)]
            rows.append(change("user_put", name, properties={"from": name}))
            rows[-1].event_id = f"{name}/user"
            try:
                appended = await store.log.append(rows)
            except Unavailable:
                refused += 1
                continue
            acknowledged[name] += 1
            assert appended.accepted in (0, per_batch), "half a batch"
            assert appended.accepted + len(appended.duplicates) == per_batch
            return

    async def task(store: PostgresStore, name: int) -> None:
        for part in range(40):
            await send(store, f"t{name}-{part}")

    async def cutter() -> None:
        nonlocal cut
        while True:
            cut += await asyncio.to_thread(postgres.server().kill_clients, database)
            await asyncio.sleep(0.02)

    async def body() -> None:
        cutting = asyncio.create_task(cutter())
        await asyncio.gather(*(task(stores[name % 2], name) for name in range(8)))
        cutting.cancel()

    run(body())
    assert cut > 10
    counts = Counter(name.split("/")[0] for name in ids(stores[0]))
    assert set(counts.values()) == {per_batch}
    assert set(counts) == set(acknowledged)
    assert len(counts) == 8 * 40
    assert len(all_items(stores[0])) == 8 * 40 * (per_batch - 1)
    derived = (all_items(stores[0]), run(stores[0].catalogue.users(limit=10**6)))
    stores[1].catalogue.rebuild()
    assert (all_items(stores[0]), run(stores[0].catalogue.users(limit=10**6))) == derived


def test_a_holder_that_hangs_is_ended_by_the_server(
    open_postgres: Callable[..., PostgresStore], url: str, other: psycopg.Connection[Any]
) -> None:
    """A frozen process holds the lock of the log only as long as the server lets a transaction do nothing."""
    store = open_postgres()
    limited = "-c search_path=honeyguide -c idle_in_transaction_session_timeout=300"
    frozen = psycopg.connect(url, autocommit=True, options=limited)
    frozen.execute("BEGIN")
    frozen.execute(LOG_LOCK)
    assert run(store.log.append([event("u", "i")])).accepted == 1
    frozen.close()


def test_a_lock_that_is_never_let_go_is_told(open_postgres: Callable[..., PostgresStore], other: Any) -> None:
    store = open_postgres(lock_timeout=0.2)
    with other.transaction():
        other.execute(LOG_LOCK)
        with pytest.raises(Unavailable, match="is locked") as told:
            run(store.log.append([event("u", "i")]))
        assert told.value.code == "storage_locked"
        assert run(store.log.position()) == 0, "reads do not wait for writers"
    assert run(store.log.append([event("u", "i")])).accepted == 1


def test_the_position_stays_when_the_newest_rows_are_removed(
    store: PostgresStore, open_postgres: Callable[..., PostgresStore], other: psycopg.Connection[Any]
) -> None:
    run(store.log.append([event("u", f"i{at}") for at in range(5)]))
    with other.transaction():
        other.execute(LOG_LOCK)
        other.execute(KEEP_POSITION)
        other.execute("DELETE FROM log WHERE sequence > 2")
    for each in (store, open_postgres()):
        assert run(each.log.position()) == 5
        assert run(each.log.user_state("u", limit=9)).as_of == 5
    assert run(store.log.append([event("u", "later")])).sequence == 6
