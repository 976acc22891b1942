"""PostgreSQL that is down, restarted, frozen, slow, locked, full of connections, read-only, or not ours: every answer is
bounded in time, says what mends it, and nothing that was acknowledged is lost."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from honeyguide.clock import SystemClock
from honeyguide.errors import ConfigError, Conflict, HoneyguideError, Unavailable
from honeyguide.protocols import Store
from honeyguide.stores.postgres import SPOOL, PostgresStore
from honeyguide.stores.urls import open_store
from honeyguide.testing.stores.rows import all_items, event, run, slate
from tests import postgres


@pytest.fixture(scope="module")
def victim() -> Iterator[postgres.Server]:
    """A server of its own, to be stopped and frozen."""
    server = postgres.Server(max_connections=20, superuser_reserved_connections=2)
    yield server
    server.close()


@pytest.fixture
def on_victim(victim: postgres.Server, tmp_path: Path) -> Iterator[Callable[..., PostgresStore]]:
    """Opens stores on a new database of that server."""
    opened: list[Store] = []
    url = victim.url_of(victim.database())

    def open_one(**storage: Any) -> PostgresStore:
        given = {"read_timeout": 5.0, "pool_wait": 5.0, **storage}
        store = open_store(postgres.settings(url, tmp_path, **given), SystemClock())
        assert isinstance(store, PostgresStore)
        opened.append(store)
        return store

    yield open_one
    victim.start()
    for store in opened:
        store.close()


def everything(store: Store) -> list[Callable[[], Any]]:
    """One use of each part of a store."""
    return [
        lambda: run(store.log.append([event("u", "i")])),
        lambda: run(store.log.position()),
        lambda: run(store.log.user_state("u", limit=5)),
        lambda: run(store.log.rows_after(0, limit=5)),
        lambda: list(store.log.scan()),
        store.log.interactions,
        lambda: run(store.catalogue.item("i")),
        lambda: run(store.catalogue.items(limit=5)),
        lambda: list(store.catalogue.scan_items()),
        store.catalogue.rebuild,
        lambda: run(store.slates.get("r")),
        store.slates.count,
        store.registry.aliases,
        lambda: store.registry.next_version("m"),
        lambda: store.jobs.create("train", {}),
        lambda: run(store.idempotency.get("k", now=0)),
        lambda: run(store.idempotency.put("k", "h", 200, b"", expires_at=1)),
        lambda: store.checkpoints.record("s", 1),
        lambda: run(store.features.read(["u"], "user-x", ["i"], "item-x")),
        lambda: store.features.mark("user-x"),
    ]


def until_it_answers(store: Store) -> None:
    """Use every part until it works again; the test's own limit of time ends it."""
    for use in everything(store):
        worked = False
        while not worked:
            with suppress(Unavailable):
                use()
                worked = True


def codes(store: Store) -> set[str]:
    """What each use of the store raises."""
    found = set()
    for use in everything(store):
        with pytest.raises(Unavailable) as told:
            use()
        assert told.value.cure
        assert postgres.PASSWORD not in f"{told.value}"
        found.add(told.value.code)
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_down_is_told_and_back_is_noticed(
    victim: postgres.Server, on_victim: Callable[..., PostgresStore], how: signal.Signals, tmp_path: Path
) -> None:
    store = on_victim()
    assert run(store.log.append([event("u", "before")])).accepted == 1
    for use in everything(store):
        use()
    before = [row for batch in store.log.scan() for row in batch]
    victim.stop(how)
    assert codes(store) <= {"storage_unavailable", "storage_starting"}
    logged = store.slates.append([slate("while it is away")])
    assert (logged.stored, logged.spooled, logged.lost) == (0, 1, 0)
    assert (tmp_path / "data" / SPOOL).exists()
    victim.start()
    until_it_answers(store)
    for use in everything(store):
        use()
    assert store.slates.append([slate("later")]).stored == 2
    assert run(store.slates.get("while it is away")) == slate("while it is away")
    assert [row for batch in store.log.scan() for row in batch][: len(before)] == before


def test_restarts_under_way_lose_nothing_that_was_acknowledged(
    victim: postgres.Server, on_victim: Callable[..., PostgresStore]
) -> None:
    """Events come in all the time while the server crashes twice; the ids that were acknowledged are all there, once."""
    store = on_victim()
    acknowledged: set[str] = set()
    stop = asyncio.Event()

    async def send(task: int) -> None:
        at = 0
        while not stop.is_set():
            name = f"{task}-{at}"
            try:
                await store.log.append([event("u", f"i{at % 9}", event_id=f"{name}-{part}") for part in range(3)])
            except Unavailable:
                await asyncio.sleep(0.01)
                continue
            acknowledged.add(name)
            at += 1

    async def body() -> None:
        tasks = [asyncio.create_task(send(task)) for task in range(6)]
        for _ in range(2):
            seen = len(acknowledged)
            while len(acknowledged) < seen + 50:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(victim.stop, signal.SIGQUIT)
            await asyncio.to_thread(victim.start)
        seen = len(acknowledged)
        while len(acknowledged) < seen + 50:
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*tasks)

    run(body())
    stored = [row.event_id for batch in store.log.scan() for row in batch]
    assert len(stored) == len(set(stored))
    assert {f"{name}-{part}" for name in acknowledged for part in range(3)} <= set(stored)
    assert len(stored) % 3 == 0, "a part of a batch"


def test_a_frozen_server_holds_nobody(victim: postgres.Server, on_victim: Callable[..., PostgresStore]) -> None:
    """No answer at all, not even a refusal: each use of the request path ends by itself, and works again afterwards."""
    store = on_victim(read_timeout=0.2, pool_wait=0.1, connect_timeout=0.5, lock_timeout=0.3)
    for use in everything(store):
        use()
    victim.signal(signal.SIGSTOP)
    try:
        for use in (
            lambda: run(store.log.position()),
            lambda: run(store.log.user_state("u", limit=5)),
            lambda: run(store.log.append([event("u", "frozen", event_id="frozen")])),
            lambda: run(store.features.read(["u"], "user-x")),
            lambda: run(store.idempotency.put("k2", "h", 200, b"", expires_at=1)),
        ):
            with pytest.raises(Unavailable) as told:
                use()
            assert told.value.code in ("storage_silent", "storage_busy")
    finally:
        victim.signal(signal.SIGCONT)
    until_it_answers(store)
    retried = run(store.log.append([event("u", "frozen", event_id="frozen")]))
    assert retried.accepted + len(retried.duplicates) == 1
    assert [item.item_id for item in all_items(store)].count("frozen") == 1


def test_reads_fail_fast_while_the_log_is_locked(open_postgres: Callable[..., PostgresStore], other: Any) -> None:
    """As when somebody changes the table: the server itself ends the wait."""
    store = open_postgres(read_timeout=0.15, lock_timeout=0.4, pool_size=2, pool_wait=0.05)
    run(store.log.append([event("u", "i")]))

    async def many() -> list[Any]:
        reads = (store.log.user_state("u", limit=5) for _ in range(8))
        return await asyncio.gather(*reads, return_exceptions=True)

    with other.transaction():
        other.execute("LOCK TABLE log IN ACCESS EXCLUSIVE MODE")
        results = run(many())
        assert {type(result) for result in results} == {Unavailable}
        assert {result.code for result in results} <= {"storage_slow", "storage_busy", "storage_silent"}
        assert "storage_slow" in {result.code for result in results}
        with pytest.raises(Unavailable) as told:
            run(store.log.append([event("u", "i")]))
        assert told.value.code == "storage_locked"
    assert run(store.log.user_state("u", limit=5)).known


def test_a_caller_that_is_cancelled_leaves_the_pool_whole(open_postgres: Callable[..., PostgresStore], other: Any) -> None:
    store = open_postgres(pool_size=2)

    async def give_up() -> None:
        reads = [asyncio.create_task(store.log.position()) for _ in range(6)]
        await asyncio.sleep(0.05)
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    with other.transaction():
        other.execute("LOCK TABLE log IN ACCESS EXCLUSIVE MODE")
        for _ in range(5):
            run(give_up())

    async def together() -> list[int]:
        return await asyncio.gather(*(store.log.position() for _ in range(20)))

    assert run(together()) == [0] * 20
    assert store._pools[0]._lent == 0


def test_out_of_connections(victim: postgres.Server, on_victim: Callable[..., PostgresStore]) -> None:
    store = on_victim()
    with open_all(victim):
        with pytest.raises(Unavailable, match="max_connections") as told:
            run(store.log.position())
        assert told.value.code == "storage_connections"
        with pytest.raises(Unavailable, match="max_connections"):
            on_victim()
    until_it_answers(store)  # ended connections are counted until the server has noticed


class open_all:  # noqa: N801 - reads like a function
    """Takes every connection that an ordinary user can have."""

    def __init__(self, server: postgres.Server) -> None:
        self._server = server
        self._taken: list[psycopg.Connection[Any]] = []
        server.admin("DO $$ BEGIN CREATE ROLE plain LOGIN PASSWORD 'plain'; EXCEPTION WHEN duplicate_object THEN END $$")

    def __enter__(self) -> None:
        try:
            while True:
                self._taken.append(psycopg.connect(self._server.url_of("postgres")))
        except psycopg.OperationalError:
            return

    def __exit__(self, *_: object) -> None:
        for connection in self._taken:
            connection.close()


def test_a_server_that_takes_no_writes(store: PostgresStore, database: str, url: str) -> None:
    """A standby, or one that its owner has made read-only: reads go on."""
    run(store.log.append([event("u", "i")]))
    server = postgres.server()
    server.admin(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    server.kill_clients(database)
    assert run(store.log.user_state("u", limit=5)).known
    for write in (
        lambda: run(store.log.append([event("u", "i")])),
        lambda: store.jobs.create("train", {}),
        lambda: run(store.idempotency.put("k", "h", 200, b"", expires_at=1)),
    ):
        with pytest.raises(Unavailable, match="primary") as told:
            write()
        assert told.value.code == "storage_read_only"
    assert store.slates.append([slate("r")]).spooled == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "storage_refused"),
        ({"user": "nobody_here"}, "storage_refused"),
        ({"database": "no_such_database"}, "storage_missing"),
    ],
)
def test_what_a_url_may_have_wrong(tmp_path: Path, change: dict[str, str], code: str) -> None:
    given = {"database": "postgres", **change}
    url = postgres.server().url_of(given.pop("database"), **given)
    with pytest.raises(Unavailable) as told:
        open_store(postgres.patient(url, tmp_path), SystemClock())
    assert told.value.code == code
    assert "storage.url" in told.value.cure
    for secret in ("wrong", postgres.PASSWORD):
        assert f":{secret}" not in str(told.value)


def test_nothing_listens(tmp_path: Path) -> None:
    url = f"postgresql://ann:secret@127.0.0.1:{postgres.free_port()}/shop"
    with pytest.raises(Unavailable, match="does not answer") as told:
        open_store(postgres.settings(url, tmp_path), SystemClock())
    assert "psql" in told.value.cure
    assert "secret" not in str(told.value)


def test_a_database_of_another_encoding_is_refused(tmp_path: Path) -> None:
    server = postgres.server()
    server.admin("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(ConfigError, match="UTF8"):
        open_store(postgres.patient(server.url_of("latin"), tmp_path), SystemClock())


def test_tables_that_went_away(store: PostgresStore, other: psycopg.Connection[Any]) -> None:
    run(store.log.append([event("u", "i")]))
    other.execute("DROP SCHEMA honeyguide CASCADE")
    with pytest.raises(Unavailable, match="db upgrade") as told:
        run(store.log.position())
    assert told.value.code == "storage_missing"


def test_a_user_who_may_not_create_tables_is_told_who_may(tmp_path: Path) -> None:
    """The owner upgrades, others use; who uses needs no right to create anything."""
    server = postgres.server()
    name = server.database()
    server.admin("DO $$ BEGIN CREATE ROLE plain LOGIN PASSWORD 'plain'; EXCEPTION WHEN duplicate_object THEN END $$")
    url = server.url_of(name, user="plain", password="plain", schema="shop")
    with pytest.raises(Unavailable, match="db upgrade") as told:
        open_store(postgres.patient(url, tmp_path), SystemClock())
    assert told.value.code == "storage_forbidden"
    open_store(postgres.patient(server.url_of(name, schema="shop"), tmp_path), SystemClock()).close()
    server.admin("GRANT USAGE ON SCHEMA shop TO plain", name)
    server.admin("GRANT ALL ON ALL TABLES IN SCHEMA shop TO plain", name)
    server.admin("GRANT ALL ON ALL SEQUENCES IN SCHEMA shop TO plain", name)
    store = open_store(postgres.patient(url, tmp_path), SystemClock())
    for use in everything(store):
        use()
    store.close()


def test_a_newer_schema_is_refused(store: PostgresStore, other: Any, url: str, tmp_path: Path) -> None:
    for table in ("alembic_version", "alembic_version_losable"):
        other.execute(f"UPDATE {table} SET version_num = '9999'")
        with pytest.raises(Conflict, match=r"9999.*pip install") as refused:
            open_store(postgres.patient(url, tmp_path), SystemClock())
        assert refused.value.code == "schema_too_new"
        other.execute(f"UPDATE {table} SET version_num = '0001'")


def test_an_error_of_an_unknown_kind_is_still_ours(store: PostgresStore, other: Any) -> None:
    other.execute("ALTER TABLE log RENAME COLUMN ts TO moved")
    with pytest.raises(HoneyguideError):
        run(store.log.user_state("u", limit=5))
