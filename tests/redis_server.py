"""Private Redis servers for tests: real processes on free ports, stopped at the end. They persist only when told to."""

import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from honeyguide.errors import Unavailable
from honeyguide.simulate.private import PrivateRedis, free_port, program


def _installed() -> bool:
    try:
        return bool(program("redis-server"))
    except Unavailable:
        return False


INSTALLED = _installed()
needs_redis = pytest.mark.skipif(not INSTALLED, reason="redis-server is not installed (apt-get install redis-server)")

GENEROUS = 30.0


def eventually(condition: Callable[[], Any], limit: float = GENEROUS) -> Any:
    """Poll until the condition holds; its value."""
    end = time.monotonic() + limit
    while not (held := condition()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)
    return held


class RedisServer(PrivateRedis):
    """A server, and a client of its own. `start` again after `kill` or `stop` keeps port and folder."""

    def reply(self, *command: str | bytes) -> bytes:
        """What the server says to one command, raw; nothing if it does not answer."""
        parts = [part if isinstance(part, bytes) else part.encode() for part in command]
        text = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=GENEROUS) as connection:
                connection.sendall(text)
                return connection.recv(1 << 20)
        except OSError:
            return b""

    def said(self, *command: str | bytes) -> bytes:
        """The reply to a command that must be taken."""
        reply = self.reply(*command)
        assert reply, f"{command}: no reply"
        assert not reply.startswith(b"-"), reply
        return reply

    def all_keys(self) -> list[str]:
        """All keys, by a client of its own."""
        text = self.said("KEYS", "*").decode()
        return [line for line in text.split("\r\n")[1:] if line and not line.startswith("$")]

    def peak(self) -> int:
        """The most memory that it ever had in use, in bytes."""
        (line,) = [line for line in self.said("INFO", "memory").split(b"\r\n") if line.startswith(b"used_memory_peak:")]
        return int(line.partition(b":")[2])

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path, **options: Any) -> Iterator[RedisServer]:
    """A server that runs while the block does."""
    with RedisServer(folder, options=options) as server:
        yield server


@contextmanager
def redis_cluster(folder: Path, nodes: int = 3) -> Iterator[Sequence[RedisServer]]:
    """A small cluster of primaries that shares the slots evenly."""
    servers: list[RedisServer] = []
    try:
        for number in range(nodes):
            options = {"cluster-enabled": "yes", "cluster-node-timeout": 2000}
            server = RedisServer(folder / f"node{number}", _cluster_port(), options)
            servers.append(server)
            server.start()
        share = -(-16_384 // nodes)
        for number, server in enumerate(servers):
            last = min((number + 1) * share, 16_384) - 1
            server.said("CLUSTER", "ADDSLOTSRANGE", str(number * share), str(last))
            server.said("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for server in servers[1:]:
            servers[0].said("CLUSTER", "MEET", "127.0.0.1", str(server.port))
        for server in servers:
            eventually(lambda server=server: b"cluster_state:ok" in server.reply("CLUSTER", "INFO"))  # type: ignore[misc]
            eventually(lambda server=server: server.reply("CLUSTER", "SLOTS").startswith(b"*%d" % nodes))  # type: ignore[misc]
        yield servers
    finally:
        for server in servers:
            server.stop()


def _cluster_port() -> int:
    """A port whose companion for the cluster's bus, 10,000 above, exists and is free."""
    while True:
        port = free_port()
        with suppress(OSError, OverflowError), socket.socket() as companion:
            companion.bind(("127.0.0.1", port + 10_000))
            return port
