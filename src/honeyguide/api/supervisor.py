"""Several server processes on one socket: started, watched, started again when one dies, stopped together.

The supervisor binds the socket and never takes a connection. Each process is a new program (spawned, not forked) that
accepts from the socket once it has loaded everything, so that one which starts again is not met before it is ready.
"""

import asyncio
import itertools
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from honeyguide.api.link import Count, Counted, Failed, Message, Ready, Scrape, Scraped, Start, frame, read
from honeyguide.api.server import address_of, announce, bind, check_binding
from honeyguide.clock import Clock, SystemClock
from honeyguide.config import Settings, revealed
from honeyguide.errors import HoneyguideError
from honeyguide.monitoring.merge import Snapshot, counted, merged, render, snapshot
from honeyguide.monitoring.metrics import Supervised
from honeyguide.stores.urls import open_store

POLL_SECONDS: Final = 1.0
"""How often each process is asked what it has counted: what is counted later is lost if it is killed."""
_ANSWER_SECONDS: Final = 1.0
_HUNG_SECONDS: Final = 60.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 30.0
_SETTLED_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


def supervise(
    settings: Settings,
    *,
    config_options: Sequence[str] = (),
    ready: Callable[[str], None] | None = None,
    clock: Clock | None = None,
    debug: bool = False,
    sources: Mapping[str, str] | None = None,
) -> None:
    """Answer with `server.workers` processes until SIGTERM or SIGINT; raises as `api.server.serve` does."""
    check_binding(settings, settings.server.host)
    clock = clock or SystemClock()
    with bind(settings.server.host, settings.server.port) as listener:
        address = address_of(listener)
        store = open_store(settings, clock)  # migrates once, before all of them
        try:
            with store.hold(f"serve on {address}"):
                told = ready or announce
                start = Start(
                    revealed(settings), list(config_options), "", listener.getsockname()[1], debug, dict(sources or {})
                )
                Supervisor(settings, start, listener, clock, lambda: told(address)).run()
        finally:
            store.close()


@dataclass(slots=True, eq=False)
class _Child:
    """One process: what is known of it, and the line to it."""

    process: asyncio.subprocess.Process
    writer: asyncio.StreamWriter
    ready_at: float | None = None
    heard_at: float = 0.0
    counted: Snapshot = field(default_factory=list)
    failed: Failed | None = None

    def say(self, message: Message) -> None:
        """Send; what a dead process does not hear is nobody's loss."""
        if not self.writer.is_closing():
            self.writer.write(frame(message))


class Supervisor:
    """Keeps `server.workers` processes running."""

    def __init__(
        self, settings: Settings, start: Start, listener: socket.socket, clock: Clock, ready: Callable[[], None]
    ) -> None:
        self._settings, self._start, self._listener = settings, start, listener
        self._clock, self._ready = clock, ready
        self._children: dict[str, _Child] = {}
        self._waiting = {str(number) for number in range(settings.server.workers)}
        self._dead: Snapshot = []
        self._metrics = Supervised(lambda: sum(child.ready_at is not None for child in self._children.values()))
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Event] = {}
        self._stopping = asyncio.Event()
        self._failure: HoneyguideError | None = None
        self._answered = False

    def run(self) -> None:
        """Until told to stop, or until none of the processes can start: then raises why."""
        asyncio.run(self._run())
        if self._failure is not None:
            raise self._failure

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        polling = loop.create_task(self._poll())
        await asyncio.gather(*(self._keep(name) for name in sorted(self._waiting)))
        polling.cancel()

    def stop(self) -> None:
        """Stop all processes, each finishing what is under way; the second time, none of them waits."""
        for child in self._children.values():
            _send(child, signal.SIGTERM)
        if not self._stopping.is_set():
            self._stopping.set()
            loop = asyncio.get_running_loop()
            server = self._settings.server
            loop.call_later(server.leave, self._listener.close)  # else callers would queue where nobody serves
            loop.call_later(server.leave + server.drain + _GRACE_SECONDS, self._kill)

    def _kill(self) -> None:
        for child in self._children.values():
            log.error("a server process does not end and is killed", pid=child.process.pid)
            _send(child, signal.SIGKILL)

    async def _keep(self, name: str) -> None:
        """Have a process of this name, again and again."""
        failures = 0
        while not self._stopping.is_set():
            child = await self._live(name)
            if self._stopping.is_set() or self._gave_up(name, child):
                return
            lived = 0.0 if child.ready_at is None else self._clock.monotonic() - child.ready_at
            failures = 0 if lived > _SETTLED_SECONDS else failures + 1
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**failures)
            self._metrics.restarts.inc()
            log.error("a server process ended", process=name, code=child.process.returncode, again_in=round(pause, 1))
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                continue

    def _gave_up(self, name: str, child: _Child) -> bool:
        """Whether the start has failed: one that ends while none has been ready yet speaks for all."""
        self._started(name)
        if self._answered:
            return False
        code, said = child.process.returncode, child.failed
        failed = said or Failed(f"A server process ended with code {code} before it was ready.", "See its log.", "", 1)
        self._failure = HoneyguideError(failed.detail, cure=failed.cure, code=failed.code)
        self._failure.exit_code = failed.exit_code
        self.stop()
        return True

    async def _live(self, name: str) -> _Child:
        """One process from its start to its end."""
        child, reader = await self._spawn(name)
        self._children[name] = child
        if self._stopping.is_set():
            _send(child, signal.SIGTERM)
        while (message := await read(reader)) is not None:
            self._hear(name, child, message)
        await child.process.wait()
        child.writer.close()
        del self._children[name]
        self._dead = merged([self._dead, counted(child.counted)])
        return child

    async def _spawn(self, name: str) -> tuple[_Child, asyncio.StreamReader]:
        ours, theirs = socket.socketpair()
        listener = self._listener.fileno()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "honeyguide.api.child", str(listener), str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(listener, theirs.fileno()),
                start_new_session=True,  # ctrl-C is for the supervisor, which tells them once
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        child = _Child(process, writer)
        start = self._start
        child.say(Start(start.settings, start.config_options, name, start.port, start.debug, start.sources))
        return child, reader

    def _hear(self, name: str, child: _Child, message: Message) -> None:
        child.heard_at = self._clock.monotonic()
        if isinstance(message, Ready):
            child.ready_at, self._answered = child.heard_at, True
            log.info("a server process answers", process=name, pid=child.process.pid)
            self._started(name)
        elif isinstance(message, Counted):
            child.counted = message.metrics
            if message.number in self._answers:
                self._answers[message.number].set()
        elif isinstance(message, Failed):
            child.failed = message
        elif isinstance(message, Scrape):
            asyncio.get_running_loop().create_task(self._scrape(child, message.number))

    def _started(self, name: str) -> None:
        """Each has become ready or died once: if any is ready, requests are answered."""
        if name in self._waiting:
            self._waiting.remove(name)
            if not self._waiting and any(child.ready_at is not None for child in self._children.values()):
                self._ready()

    async def _scrape(self, child: _Child, number: int) -> None:
        await self._ask(list(self._children.values()))
        parts = [self._dead, *(each.counted for each in self._children.values()), snapshot(self._metrics.registry)]
        child.say(Scraped(number, render(merged(parts))))

    async def _ask(self, children: Sequence[_Child]) -> None:
        """Ask what they have counted; of one that does not answer soon, what it said last stands."""
        asked = {next(self._numbers): child for child in children if child.ready_at is not None}
        self._answers.update({number: asyncio.Event() for number in asked})
        for number, child in asked.items():
            child.say(Count(number))
        waits = [asyncio.create_task(self._answers[number].wait()) for number in asked]
        if waits:
            _, late = await asyncio.wait(waits, timeout=_ANSWER_SECONDS)
            for task in late:
                task.cancel()
        for number in asked:
            del self._answers[number]

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self._ask(list(self._children.values()))
            now = self._clock.monotonic()
            for child in self._children.values():
                if child.ready_at is not None and now - child.heard_at > _HUNG_SECONDS:
                    log.error("a server process does not answer and is killed", pid=child.process.pid)
                    _send(child, signal.SIGKILL)


def _send(child: _Child, number: signal.Signals) -> None:
    if child.process.returncode is None:
        child.process.send_signal(number)
