"""The tier that processes share, as caches see it: it may be absent, away or wrong, and never raises.

Names go out as keyed hashes, values as signed envelopes. What many readers ask in one turn of the event loop goes out as one
question. Calls run in tasks of their own: a caller that is cancelled never leaves half an answer on a connection.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from hashlib import blake2b
from typing import Final, Protocol

import msgspec

from honeyguide.cache.counted import TierMetrics
from honeyguide.cache.entry import Epoch
from honeyguide.cache.generations import Generations
from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.protocols import SharedCache
from honeyguide.types import SharedKey, SharedRead, SharedWrite, Tokens

_HASH_BYTES: Final = 16
_MOST_WRITES: Final = 256
"""Writes under way at once; above it values stay in the memory tier only."""

_canonical = msgspec.msgpack.Encoder(order="sorted").encode


def subject_digest(subject: str, secret: bytes) -> bytes:
    """The name of a subject in the shared tier."""
    return blake2b(subject.encode(), digest_size=_HASH_BYTES, key=secret, person=b"subject").digest()


class Tier(Protocol):
    """What a cache asks of the shared tier."""

    shared: bool
    secret: bytes
    value_size: int

    def names(self, cache: str, key: Hashable, epoch: Epoch) -> tuple[bytes, ...]:
        """The hashes that a value is stored under: of the present epoch, and of the one before if that is known."""

    def subject(self, name: str) -> bytes:
        """The hash of a subject."""

    async def read(self, asked: Sequence[SharedKey]) -> Sequence[SharedRead | None]:
        """What is there; None for all where there is no answer."""

    def write(self, write: SharedWrite, done: Callable[[Tokens | None], None]) -> bool:
        """Store a value in the background, and whether it is tried; `done` hears the tokens there are if it was refused,
        else None."""

    async def claim(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes, seconds: float) -> Sequence[bool]:
        """Whether this process may make each value; yes for all where there is no answer."""

    def release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        """Give the leases back, in the background."""

    async def drain(self) -> None:
        """Wait for what runs in the background."""


class NoTier:
    """There is none: the process is alone."""

    shared = False
    secret = b""
    value_size = 0

    def names(self, cache: str, key: Hashable, epoch: Epoch) -> tuple[bytes, ...]:
        """No names are needed."""
        return ()

    def subject(self, name: str) -> bytes:
        """No name is needed."""
        return b""

    async def read(self, asked: Sequence[SharedKey]) -> Sequence[SharedRead | None]:
        """Nothing is there."""
        return [None] * len(asked)

    def write(self, write: SharedWrite, done: Callable[[Tokens | None], None]) -> bool:
        """Nothing is stored."""
        return False

    async def claim(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes, seconds: float) -> Sequence[bool]:
        """Nobody else is there."""
        return [True] * len(keys)

    def release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        """Nothing was claimed."""

    async def drain(self) -> None:
        """Nothing runs."""


class SharedTier:
    """The tier behind a `SharedCache`. `pull` keeps the tokens that this process holds true; until it has succeeded once,
    and while there is no answer, it is as if the tier were not there.

    `trust` is how many seconds after a pull what it told may be served from."""

    shared = True

    def __init__(
        self,
        store: SharedCache,
        generations: Generations,
        clock: Clock,
        metrics: TierMetrics,
        *,
        secret: bytes,
        value_size: int,
        trust: float,
    ) -> None:
        self._store, self._generations, self._clock, self._metrics = store, generations, clock, metrics
        self.secret, self.value_size, self._trust = secret, value_size, trust
        self.on_clear: list[Callable[[], None]] = []
        self._salt: bytes | None = None
        self._asked: list[tuple[SharedKey, asyncio.Future[SharedRead | None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def names(self, cache: str, key: Hashable, epoch: Epoch) -> tuple[bytes, ...]:
        """The hashes that a value is stored under: of the present epoch, and of the one before if that is known."""
        epochs = [epoch.now] if epoch.before is None else [epoch.now, epoch.before]
        return tuple([self._hash(_canonical((cache, each, key))) for each in epochs])

    def subject(self, name: str) -> bytes:
        """The hash of a subject."""
        return subject_digest(name, self.secret)

    def _hash(self, text: bytes) -> bytes:
        return blake2b(text, digest_size=_HASH_BYTES, key=self.secret, salt=self._salt or b"", person=b"value").digest()

    async def read(self, asked: Sequence[SharedKey]) -> Sequence[SharedRead | None]:
        """What is there; None for all where there is no answer."""
        if self._salt is None:
            return [None] * len(asked)
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._ask)
        waiting: list[asyncio.Future[SharedRead | None]] = [loop.create_future() for _ in asked]
        self._asked += zip(asked, waiting, strict=True)
        return await asyncio.gather(*waiting)

    def _ask(self) -> None:
        asked, self._asked = self._asked, []
        self._begin(self._answer(asked))

    async def _answer(self, asked: "list[tuple[SharedKey, asyncio.Future[SharedRead | None]]]") -> None:
        reads: Sequence[SharedRead | None] = [None] * len(asked)
        try:
            reads = await self._store.read([key for key, _ in asked])
        except Unavailable:
            self._metrics.failures.inc()
        for (_, future), read in zip(asked, reads, strict=True):
            if not future.done():
                future.set_result(read)

    def write(self, write: SharedWrite, done: Callable[[Tokens | None], None]) -> bool:
        """Store a value in the background, and whether it is tried; `done` hears the tokens there are if it was refused,
        else None."""
        if self._salt is None or len(self._tasks) >= _MOST_WRITES or len(write.value) > self.value_size:
            self._metrics.skipped.inc()
            return False
        self._begin(self._write(write, done))
        return True

    async def _write(self, write: SharedWrite, done: Callable[[Tokens | None], None]) -> None:
        try:
            (refused,) = await self._store.write([write])
        except Unavailable:
            self._metrics.failures.inc()
            return
        done(refused)

    async def claim(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes, seconds: float) -> Sequence[bool]:
        """Whether this process may make each value; yes for all where there is no answer."""
        if self._salt is not None:
            try:
                return await self._store.claim(keys, holder, seconds)
            except Unavailable:
                self._metrics.failures.inc()
        return [True] * len(keys)

    def release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        """Give the leases back, in the background."""
        if self._salt is not None and keys:
            self._begin(self._release(keys, holder))

    async def _release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        try:
            await self._store.release(keys, holder)
        except Unavailable:
            self._metrics.failures.inc()  # the lease ends by itself

    async def pull(self) -> None:
        """Hear what was replaced since the last time; on a gap, forget all that was held."""
        started = self._clock.monotonic()
        try:
            pulled = await self._store.pull()
        except Unavailable:
            self._metrics.pulls["failed"].inc()
            return
        self._metrics.pulls["whole" if pulled.whole else "gap"].inc()
        if not pulled.whole:
            self._generations.forget_all()
        for subject, tokens in pulled.changes:
            self._generations.hear(subject, tokens)
        if pulled.salt != self._salt:
            self._salt = pulled.salt
            for clear in self.on_clear:
                clear()
        self._generations.trust(started + self._trust)

    async def clear(self) -> None:
        """Make every value unreachable: here at once, in other processes at their next pull. Raises `Unavailable`."""
        await self._store.clear()
        await self.pull()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for what runs in the background."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))
