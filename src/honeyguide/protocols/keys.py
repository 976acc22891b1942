"""The seam of what must not happen twice: answers by idempotency key."""

from typing import Protocol

from honeyguide.types import StoredAnswer


class IdempotencyKeys(Protocol):
    """Answers to requests that must not act twice."""

    async def get(self, key: str, *, now: int) -> StoredAnswer | None:
        """The answer kept for `key`, unless it has expired by `now` (ms)."""

    async def put(self, key: str, body_hash: str, status: int, body: bytes, *, expires_at: int) -> None:
        """Keep an answer until `expires_at` (ms); one that is kept already stays until it expires."""

    async def sweep(self, *, now: int) -> int:
        """Remove a few answers that have expired by `now` (ms); how many, 0 if there are none."""
