"""What a supervisor and its processes say to one another, over a pair of sockets that nobody else can reach.

Each message is its length in four bytes and MessagePack. The end of the stream is a message too: the other has died.
"""

import asyncio
import itertools
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from honeyguide.errors import Unavailable
from honeyguide.monitoring.merge import Snapshot

_LENGTH: Final = struct.Struct("!I")
_PATIENCE: Final = 5.0


class Start(msgspec.Struct, tag=True):
    """The supervisor's first word: the settings as JSON, and what the process is to know beside them."""

    settings: bytes
    config_options: list[str]
    process: str
    port: int
    debug: bool
    sources: dict[str, str] = {}


class Ready(msgspec.Struct, tag=True):
    """Requests are answered."""


class Failed(msgspec.Struct, tag=True):
    """The process cannot start: the error, whole."""

    detail: str
    cure: str
    code: str
    exit_code: int


class Count(msgspec.Struct, tag=True):
    """The supervisor asks what was counted."""

    number: int


class Counted(msgspec.Struct, tag=True):
    """What was counted so far; `number` is that of the question, 0 for the last word of a process that ends."""

    number: int
    metrics: Snapshot


class Scrape(msgspec.Struct, tag=True):
    """A process asks for the metrics of all."""

    number: int


class Scraped(msgspec.Struct, tag=True):
    """The metrics of all, as text."""

    number: int
    text: bytes


Message = Start | Ready | Failed | Count | Counted | Scrape | Scraped
_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder[Message](Message)
M = TypeVar("M", bound=Message)


def frame(message: Message) -> bytes:
    """A message as it goes over the line."""
    body = _encode(message)
    return _LENGTH.pack(len(body)) + body


async def read(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return _decoded(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def read_now(line: socket.socket) -> Message | None:
    """The same without an event loop; waits."""
    head = _exactly(line, _LENGTH.size)
    body = _exactly(line, _LENGTH.unpack(head)[0]) if head else b""
    return _decoded(body) if body else None


def _exactly(line: socket.socket, length: int) -> bytes:
    """So many bytes, no more; none at all if the stream ends before."""
    found = b""
    while len(found) < length:
        part = line.recv(length - len(found))
        if not part:
            return b""
        found += part
    return found


def _decoded(body: bytes) -> Message:
    message: Message = _decoder.decode(body)
    return message


def say_now(line: socket.socket, message: Message) -> None:
    """Send without an event loop; nothing happens if the other side is gone."""
    with suppress(OSError):
        line.setblocking(True)
        line.sendall(frame(message))


class Link:
    """The process's end. `count` tells what it has counted, `orphaned` is called when the supervisor is gone."""

    def __init__(self, line: socket.socket, count: Callable[[], Snapshot], orphaned: Callable[[], None]) -> None:
        self._line, self._count, self._orphaned = line, count, orphaned
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Say that requests are answered, and answer the supervisor from now on; on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._serve(), name="honeyguide-link")

    async def scrape(self) -> bytes:
        """The metrics of all processes. Raises `Unavailable` when the supervisor does not answer."""
        number = next(self._numbers)
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._say(Scrape(number))
            return await asyncio.wait_for(future, _PATIENCE)
        except TimeoutError:
            raise Unavailable("The supervisor does not answer.", cure="See its log.", code="no_supervisor") from None
        finally:
            del self._asked[number]

    def _say(self, message: Message) -> None:
        if self._writer is not None:
            self._writer.write(frame(message))

    async def _serve(self) -> None:
        reader, self._writer = await asyncio.open_connection(sock=self._line.dup())
        self._say(Ready())
        while (message := await read(reader)) is not None:
            if isinstance(message, Count):
                self._say(Counted(message.number, self._count()))
            elif isinstance(message, Scraped) and (future := self._asked.get(message.number)) and not future.done():
                future.set_result(message.text)
        self._writer.close()
        self._writer = None
        self._orphaned()
