"""Redis that is away, frozen, slow, full, read-only, flushed, replaced, or full of somebody else's bytes."""

import asyncio
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from honeyguide.errors import ConfigError, Unavailable
from honeyguide.stores.redis import Limits, RedisCache
from honeyguide.stores.redis.nodes import SHARDS, options_of, slot_of, tag_of
from honeyguide.testing.shared_cache.suite import asked, hard, name, soft, token, tokens, value
from honeyguide.types import Noted, Tokens
from tests.redis_server import RedisServer, eventually, needs_redis, redis_server
from tests.stores.redis.conftest import Counted, client

pytestmark = needs_redis

T = TypeVar("T")

SHORT = Limits(connect=0.1, exchange=0.05, connections=4)
"""As in production: 100 ms to connect, 50 ms for an exchange."""


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body())


async def failing(call: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises(Unavailable):
        await call()


async def filled(cache: RedisCache) -> None:
    """One value under `u` and `k`."""
    await cache.pull()
    await cache.read([asked("u", proposed=tokens(5))])
    assert await cache.write([value("u", "k", tokens(5))]) == [None]


async def later(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(3000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_server_that_is_not_there_is_unavailable_at_once_and_left_alone(tmp_path: Path) -> None:
    async def body() -> None:
        counted = Counted()
        cache = client("redis://127.0.0.1:1", counted, SHORT)
        for _ in range(10):
            for call in (lambda: cache.read([asked("u", "k")]), cache.pull, cache.told):
                await failing(call)
        await cache.close()
        assert counted.seen["breaker opened"] == 2
        assert counted.seen["failed connection"] == 10, "five in a row for each of the two breakers"

    run(body)


def test_a_frozen_server_holds_nobody_up_and_leaks_nothing(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:

        async def body() -> None:
            counted = Counted()
            cache = client(server.url, counted, SHORT)
            await cache.pull()
            before = open_files()
            server.freeze()
            answers = await asyncio.gather(
                *(cache.read([asked(f"u{number}", "k")]) for number in range(200)), return_exceptions=True
            )
            assert all(isinstance(answer, Unavailable) for answer in answers)
            assert counted.seen["breaker opened"] == 1
            assert counted.seen["failed timeout"] >= 5
            await failing(cache.pull)
            server.thaw()

            async def back() -> bool:
                try:
                    await cache.pull()
                    await cache.read([asked("u", "k")])
                except Unavailable:
                    return False
                return True

            await later(back)
            assert open_files() <= before + SHORT.connections
            await cache.close()

        run(body)


def test_a_killed_server_is_found_again_and_what_it_lost_is_noticed(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:

        async def body() -> None:
            cache = client(server.url, limits=SHORT)
            await filled(cache)
            assert (await cache.pull()).whole
            server.kill()
            await failing(lambda: cache.read([asked("u", "k")]))
            server.start()

            async def back() -> bool:
                try:
                    pulled = await cache.pull()
                except Unavailable:
                    return False
                assert not pulled.whole
                return True

            await later(back)
            assert (await cache.pull()).whole
            (read,) = await cache.read([asked("u", "k")])
            assert read.tokens is None
            await cache.close()

        run(body)


async def _lose(loss: str, server: RedisServer, writer: RedisCache) -> None:
    if loss == "flush":
        server.said("FLUSHALL")
    elif loss == "stream":
        server.said("DEL", "hg:changes")
    elif loss == "begun again":  # in the millisecond of what the reader saw last
        seen = re.findall(rb"\d{13}-\d+", server.said("XRANGE", "hg:changes", "-", "+"))[-2]
        server.said("DEL", "hg:changes")
        server.said("XADD", "hg:changes", seen, "b", b"another")
    elif loss == "trim":
        await writer.replace([hard("u", 3)])
        server.said("XTRIM", "hg:changes", "MAXLEN", "1")
    elif loss == "type":
        server.said("SET", "hg:changes", "not a stream")
    else:
        server.kill()
        server.start()


async def insisting(call: Callable[[], Awaitable[T]]) -> T:
    """The answer, asking again while there is none: connections from before a restart are found dead one by one."""
    while True:
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("loss", ["flush", "stream", "begun again", "trim", "type", "restart"])
def test_what_may_have_been_missed_is_never_called_whole(tmp_path: Path, loss: str) -> None:
    with redis_server(tmp_path) as server:

        async def body() -> None:
            reader, writer = client(server.url), client(server.url)
            await reader.pull()
            await writer.replace([hard("u", 1)])
            assert (await reader.pull()).changes == ((name("u"), tokens(1, 1)),)
            await writer.replace([hard("u", 2)])
            await _lose(loss, server, writer)
            assert not (await insisting(reader.pull)).whole
            assert (await reader.pull()).whole
            await insisting(lambda: writer.replace([hard("v", 9)]))
            pulled = await reader.pull()
            assert pulled.whole
            assert pulled.changes == ((name("v"), tokens(9, 1)),)
            await reader.close()
            await writer.close()

        run(body)


def test_an_older_copy_is_noticed_and_the_position_goes_back_with_it(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:

        async def body() -> None:
            cache = client(server.url)
            salt = (await cache.pull()).salt
            await cache.replace([hard("u", 1)])
            await cache.tell(1, salt)
            server.said("SAVE")
            shutil.copy(tmp_path / "dump.rdb", tmp_path / "older.rdb")
            await cache.replace([hard("u", 2)])
            await cache.tell(2, salt)
            assert await cache.told() == Noted(2, True, salt)
            await cache.close()
            server.kill()
            shutil.copy(tmp_path / "older.rdb", tmp_path / "dump.rdb")
            server.start()
            cache = client(server.url)
            assert await cache.told() == Noted(1, False, salt), "another server than the one that was told"
            (read,) = await cache.read([asked("u")])
            assert read.tokens == tokens(1, 1)
            await cache.replace([hard("u", 2)])
            (read,) = await cache.read([asked("u")])
            assert read.tokens == tokens(2, 1)
            await cache.close()

        run(body)


def test_a_full_server_takes_no_value_and_leaves_no_token_that_is_not_true(server: RedisServer) -> None:
    async def body() -> None:
        counted = Counted()
        writer, reader = client(server.url, counted), client(server.url)
        await filled(writer)
        await reader.pull()
        assert (await reader.pull()).whole
        server.said("CONFIG", "SET", "maxmemory", "1")
        assert await writer.write([value("u", "k2", tokens(5))]) == [None], "no error: it is just not there"
        assert await writer.claim([(name("u"), name("k2"))], b"holder", 60) == [True], "then everybody makes it"
        (read,) = await writer.read([asked("new", "k", proposed=tokens(5))])
        assert read.tokens is None
        (read,) = await writer.read([asked("u", "k", "k2")])
        assert [found is not None for found in read.values] == [True, False]
        await failing(lambda: writer.replace([hard("u", 6)]))
        (read,) = await writer.read([asked("u", "k")])
        assert read.tokens is None, "the old token would make old values valid"
        await failing(reader.pull)
        assert counted.seen["failed refused"] >= 2
        assert not counted.seen["breaker opened"]
        server.said("CONFIG", "SET", "maxmemory", "0")
        await writer.replace([hard("u", 6)])
        assert not (await reader.pull()).whole
        await writer.close()
        await reader.close()

    run(body)


def test_a_replica_takes_nothing_and_fails_nobody(tmp_path: Path, server: RedisServer) -> None:
    with redis_server(tmp_path, replicaof=f"127.0.0.1 {server.port}") as replica:

        async def body() -> None:
            counted = Counted()
            primary, cache = client(server.url), client(replica.url, counted)
            await filled(primary)
            eventually(lambda: b"master_link_status:up" in replica.reply("INFO", "replication"))
            eventually(lambda: b":t:" in replica.reply("KEYS", "*"))

            async def copied() -> bool:
                (read,) = await cache.read([asked("u", "k")])
                return read.values[:1] != (None,) and read.tokens is not None

            await later(copied)
            assert await cache.write([value("u", "k2", tokens(5))]) == [None]
            await failing(lambda: cache.replace([hard("u", 6)]))
            await failing(lambda: cache.tell(7, b""))
            assert counted.seen["failed readonly"] >= 1
            await primary.close()
            await cache.close()

        run(body)


def test_bytes_and_types_that_are_not_ours_count_as_missing(server: RedisServer) -> None:
    async def body() -> None:
        cache = client(server.url)
        await filled(cache)
        await cache.claim([(name("u"), name("k"))], b"holder", 60)
        for key in server.all_keys():
            server.said("DEL", key)
            server.said("RPUSH", key, "a", "b")
        pulled = await cache.pull()
        assert not pulled.whole
        assert len(pulled.salt) == 16
        assert (await cache.told()).position is None
        (read,) = await cache.read([asked("u", "k", proposed=tokens(7))])
        assert (read.tokens, read.values) == (tokens(7), (None,))
        await cache.replace([hard("u", 8)])
        assert await cache.write([value("u", "k", tokens(8, 1), b"new", holder=b"holder")]) == [None]
        (read,) = await cache.read([asked("u", "k")])
        assert read.values[0] is not None
        assert read.values[0][0] == b"new"
        token_key = next(key for key in server.all_keys() if ":t:" in key)
        for garbage in (b"", b"x" * 31, b"x" * 33, bytes(range(256)) * 100):
            server.said("SET", token_key, garbage)
            (read,) = await cache.read([asked("u", "k", proposed=tokens(9))])
            assert (read.tokens, read.values) == (tokens(9), (None,))
        server.said("XADD", "hg:changes", "*", "who", "knows")
        server.said("XADD", "hg:changes", "*", "t", "torn")
        assert (await cache.pull()).whole
        await cache.close()

    run(body)


def test_a_caller_that_is_cancelled_leaves_no_half_answer_to_the_next(server: RedisServer) -> None:
    async def body() -> None:
        cache = client(server.url, limits=Limits(connect=10, exchange=10, connections=1))
        await cache.pull()
        for number in range(20):
            await cache.read([asked(f"u{number}", proposed=tokens(number + 1))])
        for number in range(20):
            victim = asyncio.create_task(cache.read([asked(f"u{number}")]))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            victim.cancel()
            (read,) = await cache.read([asked(f"u{(number + 7) % 20}")])
            assert read.tokens == tokens((number + 7) % 20 + 1)
        await cache.close()

    run(body)


def test_scripts_that_a_server_has_forgotten_are_told_again(server: RedisServer) -> None:
    async def body() -> None:
        counted = Counted()
        cache = client(server.url, counted)
        await filled(cache)
        server.said("SCRIPT", "FLUSH")
        (read,) = await cache.read([asked("u", "k")])
        assert read.values[0] is not None
        await cache.replace([soft("u", 6)])
        assert not [seen for seen in counted.seen if seen.startswith("failed")]
        await cache.close()

    run(body)


def test_only_hashes_go_to_the_server_and_nothing_stays_for_ever(server: RedisServer) -> None:
    async def body() -> None:
        cache = client(server.url)
        await filled(cache)
        await cache.replace([hard("u", 6)])
        await cache.claim([(name("u"), name("k"))], b"holder", 60)
        await cache.tell(6, b"salt")
        await cache.close()

    run(body)
    lasting = {"hg:changes", "hg:{00}:salt", "hg:{00}:told"}
    for key in server.all_keys():
        ends = server.said("PTTL", key).strip()
        assert (ends == b":-1") == (key in lasting), key
        if key not in lasting:
            prefix, tag, kind, digest = key.split(":")
            assert (prefix, tag, kind in "tvl", len(digest)) == ("hg", f"{{{name('u')[0]:02x}}}", True, 32)


def test_a_wrong_password_is_said_and_is_no_error_of_a_request(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        server.said("CONFIG", "SET", "requirepass", "secret")

        async def body() -> None:
            for url, works in ((f":secret@127.0.0.1:{server.port}", True), (f"127.0.0.1:{server.port}", False)):
                cache = client(f"redis://{url}")
                if works:
                    await cache.pull()
                else:
                    with pytest.raises(Unavailable, match=r"[Aa]uth"):
                        await cache.pull()
                await cache.close()

        run(body)


@pytest.mark.parametrize("url", ["", "http://x", "redis:/x", "127.0.0.1:6379", "redis://h:port", "unix:///tmp/redis.sock"])
def test_a_url_that_is_none_names_its_cure(url: str) -> None:
    with pytest.raises(ConfigError, match=r"redis://"):
        options_of(url, cluster=False)


def test_a_cluster_has_no_database_numbers() -> None:
    with pytest.raises(ConfigError, match="number"):
        options_of("redis://h:1/3", cluster=True)
    assert options_of("redis://h:1/0", cluster=True)["port"] == 1


def test_the_shards_are_spread_over_the_slots() -> None:
    slots = {slot_of(tag_of(shard)) for shard in range(SHARDS)}
    assert slot_of("123456789") == 12739, "the check value of the cluster specification"
    assert len(slots) == SHARDS
    for thirds in range(3):
        share = sum(16384 * thirds // 3 <= slot < 16384 * (thirds + 1) // 3 for slot in slots)
        assert 60 <= share <= 110


def test_what_one_node_of_a_cluster_holds_moves_with_its_slot(cluster: "list[RedisServer]") -> None:
    """A slot is handed to another node: its keys are misses until the client has asked again who holds it."""
    for server in cluster:
        server.said("FLUSHALL")
    shard = name("u")[0]
    slot = slot_of(tag_of(shard))
    owner, other = (
        next(server for server in cluster if _holds(server, slot)),
        next(server for server in cluster if not _holds(server, slot)),
    )

    async def body() -> None:
        counted = Counted()
        cache = client(cluster[0].url, counted, cluster=True)
        await cache.pull()
        _give(slot, owner, other, cluster)
        try:
            (read,) = await cache.read([asked("u", "k", proposed=tokens(5))])
            assert read.tokens is None
            assert counted.seen["failed moved"] >= 1

            async def there() -> bool:
                (read,) = await cache.read([asked("u", "k", proposed=tokens(5))])
                return read.tokens == tokens(5)

            await later(there)
            assert await cache.write([value("u", "k", tokens(5))]) == [None]
            await cache.replace([hard("u", 6)])
            (read,) = await cache.read([asked("u")])
            assert read.tokens == Tokens(token(6, 1), token(6, 1))
        finally:
            server_keys = [key for key in other.all_keys() if f"{{{shard:02x}}}" in key]
            for key in server_keys:
                other.said("DEL", key)
            _give(slot, other, owner, cluster)
        await cache.close()

    run(body)


def _holds(server: RedisServer, slot: int) -> bool:
    me = server.said("CLUSTER", "MYID").split(b"\r\n")[1]
    for line in server.said("CLUSTER", "NODES").split(b"\n"):
        if line.startswith(me):
            ranges = [part.split(b"-") for part in line.split()[8:]]
            return any(int(each[0]) <= slot <= int(each[-1]) for each in ranges)
    return False


def _give(slot: int, owner: RedisServer, other: RedisServer, cluster: "list[RedisServer]") -> None:
    for key in owner.all_keys():
        if f"{{{name('u')[0]:02x}}}" in key:
            owner.said("DEL", key)
    target = other.said("CLUSTER", "MYID").split(b"\r\n")[1]
    for server in [other, owner, *cluster]:
        server.said("CLUSTER", "SETSLOT", str(slot), "NODE", target)
    eventually(lambda: all(b"cluster_state:ok" in server.reply("CLUSTER", "INFO") for server in cluster))
