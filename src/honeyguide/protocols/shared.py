"""The seam to the cache tier that processes share."""

from collections.abc import Sequence
from typing import Protocol

from honeyguide.types import Noted, Pulled, SharedKey, SharedRead, SharedWrite, TokenChange, Tokens


class SharedCache(Protocol):
    """The cache tier that processes share, and their tokens. All of it may be lost at any moment, and values are never
    deleted to invalidate. Names are hashes of 16 bytes, values are opaque.

    Each method raises `Unavailable` within its timeout if there is no answer, and nothing else. What the server refuses to
    store, for want of memory or because it is a replica, is not stored, and counted."""

    async def read(self, wanted: Sequence[SharedKey]) -> list[SharedRead]:
        """Tokens and values, in one round trip."""

    async def write(self, writes: Sequence[SharedWrite]) -> list[Tokens | None]:
        """Store values whose subject still has the hard token they name; where not, the tokens that it has. None: stored,
        or not taken by the server."""

    async def claim(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes, seconds: float) -> list[bool]:
        """Whether `holder` has now the lease on each (subject, key); a lease ends by itself after `seconds`."""

    async def release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        """Give back those of the leases that `holder` has."""

    async def replace(self, changes: Sequence[TokenChange]) -> tuple[list[Tokens], bytes]:
        """Set each token whose log position is later than that of the token there is, and tell all who `pull`.

        A token that was made for want of any is told as well, if it stands for the change: others may hold one from before.
        Repeating it, in any order, changes nothing. Returns the tokens that each subject has now, and the salt. Raises
        `Unavailable` also if a token could not be set."""

    async def pull(self) -> Pulled:
        """What was replaced since the last call, by anybody; not `whole` at the first call, after anything was lost, and
        when another server answers than before."""

    async def clear(self) -> None:
        """Make every value unreachable, for all processes."""

    async def forget(self, subjects: Sequence[bytes]) -> None:
        """Lose the tokens of these subjects, so that their values are of no use, and have nobody trust any that he holds:
        the next `pull` of each client is not whole."""

    async def size(self) -> tuple[int, int]:
        """Bytes of memory that the servers use, whatever is in it, and how many they may use at most, 0 for all there is."""

    async def told(self) -> Noted:
        """Up to which log position tokens were replaced, as `tell` noted it."""

    async def tell(self, position: int, salt: bytes) -> None:
        """Note the position; `salt` is that of the hashes by which the tokens were named."""

    async def close(self) -> None:
        """Let go of all connections."""
