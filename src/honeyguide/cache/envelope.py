"""A value as the shared tier holds it: versioned, signed, and true on any machine's clock.

    "hg" | schema (1 byte) | checksum (8) | MessagePack of `Envelope`

The checksum is keyed: bytes that this project did not write do not pass. No time of day is in it that matters: how long the
value has left is told by the server that holds it, and the envelope says only how much of it is which.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from honeyguide.types import Tokens

SCHEMA: Final = 1
_MAGIC: Final = b"hg"
_SUM_BYTES: Final = 8
_HEAD_BYTES: Final = len(_MAGIC) + 1 + _SUM_BYTES


class Envelope(msgspec.Struct, array_like=True, frozen=True):
    """`key` is the hash that the value is stored under; `soft`, `hard` and `kept` are milliseconds from when it was made:
    fresh so long, usable so long, held by the server so long. `compute_ms` is how long the making took."""

    key: bytes
    hard_token: bytes
    soft_token: bytes
    soft: int
    hard: int
    kept: int
    compute_ms: float
    payload: bytes

    @property
    def tokens(self) -> Tokens:
        """The tokens that the value was made under."""
        return Tokens(self.hard_token, self.soft_token)


class NotOurs(ValueError):
    """Bytes that are no value of this key; `args[0]` says why in a word: size, foreign, schema, checksum, decode, key."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def seal(envelope: Envelope, secret: bytes) -> bytes:
    """The bytes for the shared tier."""
    body = _encoder.encode(envelope)
    return b"%b%c%b%b" % (_MAGIC, SCHEMA, _checksum(body, secret), body)


def unseal(data: bytes, key: bytes, secret: bytes, limit: int) -> Envelope:
    """The envelope again; raises NotOurs for anything that `seal` did not write for this key, or that is longer than
    `limit` bytes."""
    if not _HEAD_BYTES < len(data) <= limit:
        raise NotOurs("size")
    if data[: len(_MAGIC)] != _MAGIC:
        raise NotOurs("foreign")
    if data[len(_MAGIC)] != SCHEMA:
        raise NotOurs("schema")
    body = data[_HEAD_BYTES:]
    if _checksum(body, secret) != data[_HEAD_BYTES - _SUM_BYTES : _HEAD_BYTES]:
        raise NotOurs("checksum")
    try:
        envelope = _decoder.decode(body)
    except msgspec.DecodeError:
        raise NotOurs("decode") from None
    if envelope.key != key:
        raise NotOurs("key")
    return envelope


def _checksum(body: bytes, secret: bytes) -> bytes:
    return blake2b(body, digest_size=_SUM_BYTES, key=secret).digest()
