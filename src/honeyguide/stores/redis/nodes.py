"""The servers: one, or the primaries of a cluster. What is to be asked goes to each in one write.

The library gives connections and the protocol; timeouts, routing and patience are ours. Its own defaults (5 s, ten retries,
a cluster client that looks for the topology while the caller waits) are not for the path of a request.
"""

import asyncio
import binascii
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, RedisError, ResponseError

from honeyguide.clock import Clock
from honeyguide.errors import ConfigError, Unavailable

SHARDS: Final = 256
_SLOTS: Final = 16_384
_TOPOLOGY_SECONDS: Final = 1.0

Command = tuple[Any, ...]
Reply = Any
"""What a server says; an error is a `ResponseError` among the replies."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for a connection and for an exchange, connections per server."""

    connect: float
    exchange: float
    connections: int


class Node:
    """One server, with a few connections that are kept open."""

    def __init__(self, options: Mapping[str, Any], limits: Limits) -> None:
        self._options, self._limits = options, limits
        self._room = asyncio.Semaphore(limits.connections)
        self._idle: list[Connection] = []

    async def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """The replies, in order. Raises `TimeoutError`, `OSError` or `RedisError`.

        A connection on which something went wrong, a cancelled caller included, may hold half an answer and is dropped;
        those that idle were made before the trouble and go with it."""
        async with asyncio.timeout(self._limits.exchange):
            await self._room.acquire()
        connection: Connection | None = None
        try:
            connection = self._idle.pop() if self._idle else await self._connected()
            async with asyncio.timeout(self._limits.exchange):
                await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
                replies = [await _reply(connection) for _ in commands]
            self._idle.append(connection)
        except BaseException:
            await self._drop(connection)
            raise
        finally:
            self._room.release()
        return replies

    async def _connected(self) -> Connection:
        options = dict(self._options)
        kind: type[Connection] = options.pop("connection_class")
        connection = kind(
            **options,
            socket_connect_timeout=self._limits.connect,
            socket_timeout=None,  # the exchange as a whole has a timeout
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=2,
            driver_info=None,
        )
        try:
            async with asyncio.timeout(self._limits.connect):
                await connection.connect()  # type: ignore[no-untyped-call]  # the library has no annotation here
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def _drop(self, connection: Connection | None) -> None:
        dropped, self._idle = [*self._idle, *([connection] if connection is not None else [])], []
        for each in dropped:
            await each.disconnect(nowait=True)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._drop(None)


async def _reply(connection: Connection) -> Reply:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


Aimed = tuple[int | Node, Command]
"""A command and where it goes: to the server of a shard, or to a certain one."""


class Nodes:
    """Where each of the 256 shards is. With `cluster` that is asked of the servers, and asked again when they say so."""

    def __init__(self, url: str, clock: Clock, limits: Limits, *, cluster: bool) -> None:
        self.cluster = cluster
        self._options, self._limits, self._now = options_of(url, cluster=cluster), limits, clock.monotonic
        self._seed = Node(self._options, limits)
        self._nodes: dict[tuple[str, int], Node] = {}
        self._of_shard: list[Node] = [] if cluster else [self._seed] * SHARDS
        self._asked_at = -_TOPOLOGY_SECONDS
        self._asking: asyncio.Task[None] | None = None

    async def everyone(self) -> list[Node]:
        """All servers that hold a shard."""
        return list(dict.fromkeys(await self.by_shard()))

    async def by_shard(self) -> list[Node]:
        """The server of each shard; raises `Unavailable` while no server of the cluster says."""
        if not self._of_shard:
            self.outdated()
            if self._asking is not None:
                await asyncio.shield(self._asking)
        if not self._of_shard:
            raise Unavailable(
                "No server of the Redis cluster says where its slots are.", cure="Check redis.url and the cluster."
            )
        return self._of_shard

    def outdated(self) -> None:
        """A server said that a shard is elsewhere, or did not answer: ask again, at most once a second, while callers go on
        with what was known."""
        if self.cluster and self._asking is None and self._now() - self._asked_at >= _TOPOLOGY_SECONDS:
            self._asked_at = self._now()
            self._asking = asyncio.get_running_loop().create_task(self._ask_topology())

    async def _ask_topology(self) -> None:
        try:
            for node in [*self._nodes.values(), self._seed]:
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    (slots,) = await node.ask([("CLUSTER", "SLOTS")])
                    if not isinstance(slots, ResponseError) and self._take(slots):
                        return
        finally:
            self._asking = None

    def _take(self, slots: Any) -> bool:
        """The reply of CLUSTER SLOTS: [first, last, [host, port, ...], replicas...] per range."""
        places: dict[int, tuple[str, int]] = {}
        for first, last, primary, *_ in slots:
            host = (primary[0] or b"").decode() or self._options["host"]
            for shard in range(SHARDS):
                if first <= slot_of(tag_of(shard)) <= last:
                    places[shard] = (host, int(primary[1]))
        if len(places) < SHARDS:
            return False  # some slots are nobody's: what was known is still the best guess
        for place in set(places.values()) - set(self._nodes):
            self._nodes[place] = Node({**self._options, "host": place[0], "port": place[1]}, self._limits)
        self._of_shard = [self._nodes[places[shard]] for shard in range(SHARDS)]
        return True

    async def close(self) -> None:
        """Let go of all connections."""
        if self._asking is not None:
            await asyncio.wait([self._asking])
        for node in [self._seed, *self._nodes.values()]:
            await node.close()


def tag_of(shard: int) -> str:
    """The hash tag of a shard: two hexadecimal digits."""
    return f"{shard:02x}"


def slot_of(tag: str) -> int:
    """The slot of a hash tag in a cluster (CRC16 as in the cluster specification)."""
    return binascii.crc_hqx(tag.encode(), 0) % _SLOTS


def options_of(url: str, *, cluster: bool) -> dict[str, Any]:
    """The connection options in a URL; raises ConfigError for one that is none."""
    cure = "Write redis://[user:password@]host:port/0, or rediss:// for TLS."
    if url.partition("://")[0] not in ("redis", "rediss"):
        raise ConfigError("redis.url begins with neither redis:// nor rediss://.", cure=cure)
    try:
        options = dict(parse_url(url))
    except ValueError as error:
        raise ConfigError(f"redis.url cannot be read ({type(error).__name__}).", cure=cure) from None
    if cluster and options.get("db"):
        raise ConfigError("redis.url names a database number, and a cluster has none.", cure="Leave the number out.")
    secure = options.pop("connection_class", None) is SSLConnection
    defaults: dict[str, Any] = {"host": "localhost", "port": 6379}
    return {**defaults, **options, "connection_class": SSLConnection if secure else Connection}


def moved(reply: Reply) -> bool:
    """Whether a server says that a shard is elsewhere."""
    return isinstance(reply, MovedError)
