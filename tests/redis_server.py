"""Private Redis servers for tests: real processes on free ports, stopped at the end. They persist only when told to."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")
needs_redis = pytest.mark.skipif(BINARY is None, reason="redis-server is not installed (apt-get install redis-server)")

GENEROUS = 30.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def eventually(condition: Callable[[], Any], limit: float = GENEROUS) -> Any:
    """Poll until the condition holds; its value."""
    end = time.monotonic() + limit
    while not (held := condition()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)
    return held


class RedisServer:
    """One server process. `start` again after `kill` or `stop` keeps port and folder."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.folder, self.options, self.port = folder, options, port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str) -> None:
        assert BINARY is not None
        base = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
            "--save",
            "",
            "--daemonize",
            "no",
        ]
        log = self.folder / f"redis-{self.port}.log"
        with log.open("ab") as out:
            command = [BINARY, *base, *self.options, *options]
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        eventually(lambda: self.reply("PING") == b"+PONG\r\n")

    def reply(self, *command: str | bytes) -> bytes:
        """What the server says to one command, raw; nothing if it does not answer."""
        parts = [part if isinstance(part, bytes) else part.encode() for part in command]
        text = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
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

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(GENEROUS)
        self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.thaw()
            self.process.terminate()
            self.process.wait(GENEROUS)
            self.process = None

    def _signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server that runs while the block does."""
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_cluster(folder: Path, nodes: int = 3) -> Iterator[Sequence[RedisServer]]:
    """A small cluster of primaries that shares the slots evenly."""
    servers: list[RedisServer] = []
    try:
        for number in range(nodes):
            home = folder / f"node{number}"
            home.mkdir()
            port = _cluster_port()
            server = RedisServer(home, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", port=port)
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
    """A port whose companion for the cluster's bus, 10,000 above, exists."""
    while (port := free_port()) > 55_000:
        pass
    return port
