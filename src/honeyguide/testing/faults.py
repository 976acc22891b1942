"""A TCP proxy that does to a connection what networks do: eight faults, switched on and off while it runs.

The names are Toxiproxy's (github.com/Shopify/toxiproxy), whose behaviour they follow. It serves from a thread of its own, so
that synchronous and asynchronous tests use it alike:

    with FaultProxy(("127.0.0.1", 6379)) as proxy:
        client = connect(proxy.address)
        proxy.set(Fault("latency", seconds=0.08))
        proxy.clear()
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

Address = tuple[str, int]
FaultName = Literal["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "down"]
Direction = Literal["both", "upstream", "downstream"]
_CHUNK: Final = 16_384


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to data on its way.

    `latency`: each piece waits `seconds`. `bandwidth`: at most `amount` bytes a second. `slow_close`: a close waits
    `seconds`. `timeout`: nothing passes and nothing is closed, as if the other side had vanished. `reset_peer`: the
    connection is reset. `slicer`: pieces of `amount` bytes, `seconds` apart. `limit_data`: closed after `amount` bytes.
    `down`: connections are refused and those that there are cut. `direction`: upstream is towards the server."""

    name: FaultName
    seconds: float = 0.0
    amount: int = 0
    direction: Direction = "both"


class FaultProxy:
    """A proxy in front of one server, on a free port of this machine."""

    def __init__(self, upstream: Address) -> None:
        self._upstream = upstream
        self._fault: Fault | None = None
        self._changed = asyncio.Event()
        self._pairs: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self.address: Address = ("127.0.0.1", 0)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Cut everything and stop."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many connections there are now."""
        return len(self._pairs)

    def set(self, fault: Fault) -> None:
        """From now on this happens, to the connections that there are too."""
        self._run(self._set(fault))

    def clear(self) -> None:
        """From now on data passes again; what was held back is let go."""
        self._run(self._set(None))

    def cut(self) -> None:
        """End all connections once."""
        self._run(self._cut())

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, *self.address, limit=_CHUNK)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def _set(self, fault: Fault | None) -> None:
        self._fault = fault
        self._changed.set()
        self._changed = asyncio.Event()
        if fault is not None and fault.name == "down":
            await self._stop_listening()
            await self._cut()
        elif self._server is None:
            await self._listen()

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _cut(self) -> None:
        for pair in self._pairs:
            pair.cancel()
        if self._pairs:
            await asyncio.wait(self._pairs)

    async def _close(self) -> None:
        await self._stop_listening()
        await self._cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # either side may end it at any time
        finally:
            await self._end(writer)
            self._pairs.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream, limit=_CHUNK)
        ways = [
            asyncio.ensure_future(self._pump(reader, upstream_writer, "upstream")),
            asyncio.ensure_future(self._pump(upstream_reader, writer, "downstream")),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            try:
                await asyncio.gather(*ways, return_exceptions=True)
            finally:
                await self._end(upstream_writer)

    def _acting(self, way: Direction) -> Fault | None:
        fault = self._fault
        return fault if fault is not None and fault.direction in ("both", way) else None

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Direction) -> None:
        passed = 0
        while data := await reader.read(_CHUNK):
            await self._delay(way, len(data))
            fault = self._acting(way)
            if fault is not None and fault.name == "reset_peer":
                _reset(writer)
                return
            if fault is not None and fault.name == "limit_data":
                data = data[: max(0, fault.amount - passed)]
            for piece in _sliced(data, fault):
                writer.write(piece)
                await writer.drain()
                if fault is not None and fault.name == "slicer":
                    await asyncio.sleep(fault.seconds)
            passed += len(data)
            if fault is not None and fault.name == "limit_data" and passed >= fault.amount:
                return

    async def _delay(self, way: Direction, size: int) -> None:
        """Hold a piece back for as long as the fault says; `timeout` holds until it is over."""
        while (fault := self._acting(way)) is not None and fault.name == "timeout":
            await self._changed.wait()
        if fault is not None and fault.name == "latency":
            await asyncio.sleep(fault.seconds)
        elif fault is not None and fault.name == "bandwidth":
            await asyncio.sleep(size / fault.amount)

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        fault = self._fault
        try:
            if fault is not None and fault.name == "slow_close":
                await asyncio.sleep(fault.seconds)
        finally:
            writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()


def _sliced(data: bytes, fault: Fault | None) -> list[bytes]:
    if fault is None or fault.name != "slicer":
        return [data] if data else []
    return [data[start : start + fault.amount] for start in range(0, len(data), fault.amount)]


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset: no farewell, what is unsent is dropped."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
