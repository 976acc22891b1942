"""Pseudonyms of users: a keyed hash, which says nothing to whoever does not hold the project's key.

They stand where an id may not: in tombstones, in the log's rows about an erasure, in the names of cached values.
"""

from hashlib import blake2b
from typing import Final

KEY_BYTES: Final = 32
_DIGEST_BYTES: Final = 16


class Pseudonyms:
    """The pseudonyms of one project: an id has the same one at all times and on every node (BLAKE2b-128, keyed)."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._begun = blake2b(key=key, digest_size=_DIGEST_BYTES)

    def of(self, user_id: str) -> str:
        """32 hexadecimal digits."""
        digest = self._begun.copy()  # the key is worked in once, which is half of the cost
        digest.update(user_id.encode())
        return digest.hexdigest()

    def secret(self, purpose: bytes) -> bytes:
        """A key of 32 bytes for another purpose (at most 16 bytes), the same on every node; no pseudonym tells it."""
        return blake2b(purpose, key=self._key, digest_size=KEY_BYTES, person=b"secret").digest()
