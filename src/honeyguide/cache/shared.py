"""The tier that processes share, as caches see it: it may be absent, away or wrong, and never raises.

Names go out as keyed hashes, values as signed envelopes. What many readers ask in one turn of the event loop goes out as one
question. Calls run in tasks of their own: a caller that is cancelled never leaves half an answer on a connection.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from hashlib import blake2b
from math import inf
from typing import Final, Protocol

import msgspec

from honeyguide.cache.counted import TierMetrics
from honeyguide.cache.entry import Epoch
from honeyguide.cache.generations import Generations
from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.protocols import SharedCache
from honeyguide.types import Invalidation, SharedKey, SharedRead, SharedWrite, TokenChange, Tokens

_HASH_BYTES: Final = 16
_UNBEGUN: Final = (None, None)
_PAUSE: Final = 0.25
_MOST_WRITES: Final = 256
"""Writes under way at once; above it values stay in the memory tier only."""

_canonical = msgspec.msgpack.Encoder(order="sorted").encode


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
    """The tier behind a `SharedCache`. `pull` keeps the tokens that this process holds true: what it told may be served from
    for `trust` seconds. Without a pull that is younger it is as if the tier were not there."""

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
        self._begun: dict[bytes, tuple[bytes | None, blake2b | None]] = {}
        generations.share(self.subject)
        self.salt: bytes | None = None
        self._usable_until = -inf
        self._not_before = -inf
        self._pulling = asyncio.Lock()
        self._asked: list[tuple[SharedKey, asyncio.Future[SharedRead | None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def names(self, cache: str, key: Hashable, epoch: Epoch) -> tuple[bytes, ...]:
        """The hashes that a value is stored under: of the present epoch, and of the one before if that is known."""
        epochs = [epoch.now] if epoch.before is None else [epoch.now, epoch.before]
        return tuple([self._hash(_canonical((cache, each, key))) for each in epochs])

    def subject(self, name: str) -> bytes:
        """The hash of a subject."""
        return self._hash(name.encode(), b"subject")

    def _hash(self, text: bytes, kind: bytes = b"value") -> bytes:
        salt, begun = self._begun.get(kind, _UNBEGUN)
        if begun is None or salt != self.salt:  # the key is worked in once, which is half of the cost
            begun = blake2b(digest_size=_HASH_BYTES, key=self.secret, salt=self.salt or b"", person=kind)
            self._begun[kind] = self.salt, begun
        digest = begun.copy()
        digest.update(text)
        return digest.digest()

    async def read(self, asked: Sequence[SharedKey]) -> Sequence[SharedRead | None]:
        """What is there; None for all where there is no answer."""
        if not self._usable():
            await self._catch_up()
        if not self._usable():
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
        if not self._usable() or len(self._tasks) >= _MOST_WRITES or len(write.value) > self.value_size:
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
        if self._usable():
            try:
                return await self._store.claim(keys, holder, seconds)
            except Unavailable:
                self._metrics.failures.inc()
        return [True] * len(keys)

    def release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        """Give the leases back, in the background."""
        if keys and self._usable():
            self._begin(self._release(keys, holder))

    async def _release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        try:
            await self._store.release(keys, holder)
        except Unavailable:
            self._metrics.failures.inc()  # the lease ends by itself

    async def pull(self) -> bool:
        """Hear what was replaced since the last time; on a gap, forget all that was held. Whether there was an answer."""
        async with self._pulling:
            return await self._pull()

    async def _pull(self) -> bool:
        started = self._clock.monotonic()
        try:
            pulled = await self._store.pull()
        except Unavailable:
            self._metrics.pulls["failed"].inc()
            return False
        self._metrics.pulls["whole" if pulled.whole else "gap"].inc()
        cleared = pulled.salt != self.salt
        self.salt = pulled.salt
        if cleared or not pulled.whole:
            self._generations.forget_all()
        for subject, tokens in pulled.changes:
            self._generations.hear(subject, tokens)
        for clear in self.on_clear if cleared else ():
            clear()
        self._usable_until = started + self._trust
        self._generations.trust(self._usable_until)
        return True

    async def replace(self, changes: Sequence[Invalidation]) -> None:
        """Tell of events, and learn which tokens stand for them. Raises `Unavailable` unless all were taken.

        Had the names of subjects changed and this process not heard of it, they are told once more under the new ones."""
        for _ in range(2):
            salt, era, make = self.salt, self._generations.era, self._generations.token
            if salt is not None:
                told = [
                    TokenChange(self.subject(subject), Tokens(make(hard or soft), make(soft)), hard > 0)
                    for subject, hard, soft in changes
                ]
                present, salt_now = await self._store.replace(told)
                if salt_now == salt:
                    for change, tokens in zip(changes, present, strict=True):
                        if self._generations.era == era:
                            self._generations.learn(change.subject, tokens, trusted=True)
                        else:
                            self._generations.note(change.subject, tokens)
                    return
            await self.pull()
        raise Unavailable("Nobody knows how subjects are named in the shared cache now.", cure="It is asked again.")

    async def _catch_up(self) -> None:
        """Pull now, once for all who wait, and not again at once: a process that was held up is not alone until the job's
        next turn."""
        if self._pulling.locked():
            async with self._pulling:
                return
        now = self._clock.monotonic()
        if now >= self._not_before:
            self._not_before = now + _PAUSE
            await self.pull()

    def _usable(self) -> bool:
        return self._clock.monotonic() < self._usable_until

    async def clear(self) -> None:
        """Make every value unreachable: here at once, in other processes at their next pull. Raises `Unavailable`."""
        await self._store.clear()
        await self.pull()

    async def forget(self, subjects: Sequence[str]) -> None:
        """Make every value of these subjects unreachable: here at once, in other processes at their next pull. Raises
        `Unavailable`."""
        await self.pull()  # what they are called
        await self._store.forget([self.subject(subject) for subject in subjects])
        await self.pull()

    async def size(self) -> tuple[int, int] | None:
        """Bytes that the servers use and may use; None if they do not say."""
        try:
            return await self._store.size()
        except Unavailable:
            return None

    @property
    def silent(self) -> float | None:
        """Seconds since the last pull that was answered; None if none ever was."""
        return None if self._usable_until == -inf else self._clock.monotonic() - (self._usable_until - self._trust)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for what runs in the background."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))
