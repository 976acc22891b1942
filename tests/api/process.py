"""A server process of one's own, on a free port."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAM = """
import sys
from honeyguide.api.server import serve
from honeyguide.config import Settings
from honeyguide.errors import HoneyguideError
try:
    serve(Settings.model_validate_json(sys.argv[1]))
except HoneyguideError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


class ServerProcess:
    """Starts `serve` with these settings; `port` is there once it is ready."""

    def __init__(self, data_dir: Path, **sections: Any) -> None:
        given = {"project": {"data_dir": str(data_dir)}, **sections}
        given["server"] = {"port": 0, **given.get("server", {})}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(given)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.port = 0

    def ready(self) -> Self:
        """Wait for the ready line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.search(r"answers on http://\S+:(\d+) ", line)
        if match is None:
            raise AssertionError(f"{line!r} {self.end()}")
        self.port = int(match[1])
        return self

    def __enter__(self) -> Self:
        return self.ready()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end(kill=True)

    def end(self, *, kill: bool = False) -> tuple[int, str, str]:
        """Wait until it has ended: exit code, standard output, standard error."""
        if kill:
            self.process.kill()
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def connect(self) -> socket.socket:
        """A connection of raw bytes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send raw bytes, read one answer: status, header fields, body."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer from a connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError(received)
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    while len(body) < int(fields.get("content-length", 0)):
        part = connection.recv(65_536)
        if not part:
            break
        body += part
    return int(lines[0].split(" ")[1]), fields, body
