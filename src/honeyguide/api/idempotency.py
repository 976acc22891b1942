"""Idempotency-Key: the same request again gets the same answer and has no second effect (IETF draft, revision 07).

The answer of a request that went well is stored with a digest of the request. The same key with another request is
refused, and so is a key whose first request has not ended yet. What was refused had no effect and may be sent again.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

from honeyguide.api.endpoint import JSON, Answer
from honeyguide.api.problems import IdempotencyMismatch
from honeyguide.clock import Clock
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.protocols import IdempotencyKeys

_PRINTABLE: Final = frozenset(range(0x21, 0x7F))
_LONGEST: Final = 255


class Idempotency:
    """Remembers the answers of keys for `window` seconds."""

    def __init__(self, keys: IdempotencyKeys, clock: Clock, *, window: float) -> None:
        self._keys, self._clock = keys, clock
        self._window_ms = round(window * 1000)
        self._under_way: set[str] = set()

    async def once(self, key: bytes, method: str, path: str, request: bytes, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """The stored answer for `key` on this route, or that of `act`, which is then stored.

        Raises `IdempotencyMismatch` if the key came with another request, `Conflict` while the first is under way."""
        if not 0 < len(key) <= _LONGEST or not _PRINTABLE.issuperset(key):
            raise InvalidInput(
                "The Idempotency-Key cannot be used.", cure=f"Send 1 to {_LONGEST} visible ASCII characters, such as a UUID."
            )
        name = _digest(method.encode(), path.encode(), key)
        body_hash = _digest(request)
        if name in self._under_way:
            raise Conflict(
                "The first request with this Idempotency-Key is still under way.",
                cure="Wait for its answer, or send this one again in a moment.",
                code="idempotency_key_in_use",
            )
        self._under_way.add(name)
        try:
            return await self._answer(name, body_hash, act)
        finally:
            self._under_way.discard(name)

    async def _answer(self, name: str, body_hash: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        now = self._clock.now_ms()
        stored = await self._keys.get(name, now=now)
        if stored is not None:
            if stored.body_hash != body_hash:
                raise IdempotencyMismatch(
                    "This Idempotency-Key came before, with another request.", cure="Take a new key for a new request."
                )
            return Answer(
                stored.body, stored.status, [JSON, (b"cache-control", b"no-store"), (b"idempotent-replayed", b"true")]
            )
        answer = await act()
        await self._keys.put(name, body_hash, answer.status, answer.body, expires_at=now + self._window_ms)
        return answer


def _digest(*parts: bytes) -> str:
    return hashlib.blake2b(b"\n".join(parts), digest_size=24).hexdigest()
