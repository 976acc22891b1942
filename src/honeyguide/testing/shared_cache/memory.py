"""A shared cache in the memory of one process, for tests: clients of one server, each step of which can be held up."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.types import Noted, Pulled, SharedKey, SharedRead, SharedWrite, TokenChange, Tokens

_POSITION: Final = 8
_PASSING_SECONDS: Final = 10.0
_TOKEN_SECONDS: Final = 86_400.0


async def _at_once() -> None:
    return


@dataclass
class MemoryServer:
    """What the clients share. `away` makes every call fail."""

    clock: Clock
    tokens: dict[bytes, tuple[Tokens, float]] = field(default_factory=dict)
    values: dict[bytes, tuple[bytes, float]] = field(default_factory=dict)
    leases: dict[bytes, tuple[bytes, float]] = field(default_factory=dict)
    stream: list[tuple[bytes, Tokens]] = field(default_factory=list)
    births: int = 0
    salts: int = 0
    salt: bytes = b""
    noted: tuple[int, bytes] | None = None
    away: bool = False

    def wipe(self) -> None:
        """Lose everything."""
        self.tokens.clear()
        self.values.clear()
        self.leases.clear()
        self.cut_stream()
        self.salt, self.noted = b"", None

    def cut_stream(self) -> None:
        """Lose what was told."""
        self.stream.clear()
        self.births += 1

    def new_salt(self) -> bytes:
        """One that there never was."""
        self.salts += 1
        return b"salt %d" % self.salts

    def tokens_of(self, subject: bytes) -> Tokens | None:
        """The tokens of a subject that have not ended."""
        found = self.tokens.get(subject)
        return found[0] if found is not None and found[1] > self.clock.monotonic() else None


class MemoryShared:
    """One client. `pause` is awaited before and after each step on the server, so that a test can order them."""

    def __init__(self, server: MemoryServer, pause: Callable[[], Awaitable[None]] = _at_once) -> None:
        self._server, self._pause = server, pause
        self._seen: tuple[int, int] | None = None

    async def _step(self) -> float:
        await self._pause()
        if self._server.away:
            raise Unavailable("The shared cache is away.")
        return self._server.clock.monotonic()

    async def read(self, wanted: Sequence[SharedKey]) -> list[SharedRead]:
        """Tokens and values, in one round trip."""
        now = await self._step()
        reads = [self._read(key, now) for key in wanted]
        await self._pause()
        return reads

    def _read(self, key: SharedKey, now: float) -> SharedRead:
        server, tokens = self._server, self._server.tokens_of(key.subject)
        if tokens is None or _older(tokens, key.least):
            if key.proposed is not None:
                server.tokens[key.subject] = key.proposed, now + _PASSING_SECONDS
            return SharedRead(key.proposed, (None,) * len(key.keys))
        found = [server.values.get(name) for name in key.keys]
        live = tuple([(each[0], each[1] - now) if each is not None and each[1] > now else None for each in found])
        return SharedRead(tokens, live)

    async def write(self, writes: Sequence[SharedWrite]) -> list[Tokens | None]:
        """Store values whose subject still has the hard token they name; where not, the tokens that it has."""
        now = await self._step()
        answers: list[Tokens | None] = []
        for write in writes:
            tokens = self._server.tokens_of(write.subject)
            if tokens is not None and tokens.hard == write.hard:
                self._server.values[write.key] = write.value, now + write.seconds
                self._server.tokens[write.subject] = tokens, now + _TOKEN_SECONDS
                answers.append(None)
            else:
                answers.append(tokens or Tokens(b"", b""))
            self._give_back(write.key, write.holder)
        await self._pause()
        return answers

    async def claim(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes, seconds: float) -> list[bool]:
        """Whether `holder` has now the lease on each (subject, key)."""
        now, won = await self._step(), []
        for _, key in keys:
            won.append(key not in self._server.leases or self._server.leases[key][1] <= now)
            if won[-1]:
                self._server.leases[key] = holder, now + seconds
        await self._pause()
        return won

    async def release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        """Give back those of the leases that `holder` has."""
        await self._step()
        for _, key in keys:
            self._give_back(key, holder)

    def _give_back(self, key: bytes, holder: bytes) -> None:
        if holder and self._server.leases.get(key, (b"", 0.0))[0] == holder:
            del self._server.leases[key]

    async def replace(self, changes: Sequence[TokenChange]) -> tuple[list[Tokens], bytes]:
        """Set each token whose log position is later than that of the token there is, and tell all who `pull`."""
        now, server = await self._step(), self._server
        present = []
        for change in changes:
            before = server.tokens_of(change.subject)
            after = change.tokens
            if before is not None:
                hard = _later(change.tokens.hard, before.hard) if change.hard else before.hard
                after = Tokens(hard, _later(change.tokens.soft, before.soft))
            if after != before:
                server.tokens[change.subject] = after, now + _TOKEN_SECONDS
            if after != before or (change.hard and _starting(after.hard)) or _starting(after.soft):
                server.stream.append((change.subject, after))
            present.append(after)
        salt = server.salt
        await self._pause()
        return present, salt

    async def pull(self) -> Pulled:
        """What was replaced since the last call."""
        await self._step()
        server = self._server
        whole = self._seen is not None and self._seen[0] == server.births
        seen = self._seen[1] if whole and self._seen is not None else len(server.stream)
        told = tuple(server.stream[seen:])
        self._seen = server.births, len(server.stream)
        server.salt = server.salt or server.new_salt()
        salt = server.salt
        await self._pause()
        return Pulled(told, whole, salt)

    async def clear(self) -> None:
        """Make every value unreachable."""
        await self._step()
        self._server.salt = self._server.new_salt()

    async def forget(self, subjects: Sequence[bytes]) -> None:
        """Lose the tokens of these subjects, and have nobody trust any."""
        await self._step()
        for subject in subjects:
            self._server.tokens.pop(subject, None)
        self._server.cut_stream()

    async def size(self) -> tuple[int, int]:
        """Bytes of the values; there is no bound."""
        await self._step()
        return sum(len(value) for value, _ in self._server.values.values()), 0

    async def told(self) -> Noted:
        """Up to which log position tokens were replaced, as `tell` noted it."""
        await self._step()
        position, salt = self._server.noted or (None, b"")
        return Noted(position, position is not None and salt == self._server.salt, self._server.salt)

    async def tell(self, position: int, salt: bytes) -> None:
        """Note the position."""
        await self._step()
        self._server.noted = position, salt

    async def close(self) -> None:
        """Nothing is to be let go of."""


def _older(tokens: Tokens, least: Tokens | None) -> bool:
    return least is not None and any(a[:_POSITION] < b[:_POSITION] for a, b in zip(tokens, least, strict=True))


def _later(one: bytes, other: bytes) -> bytes:
    return one if one[:_POSITION] > other[:_POSITION] else other


def _starting(token: bytes) -> bool:
    return token[_POSITION] >= 128
