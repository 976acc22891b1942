"""Nouns of the cache tier that processes share: tokens, and what is asked of it and told by it."""

from dataclasses import dataclass
from typing import NamedTuple


class Tokens(NamedTuple):
    """The generation tokens of a subject, 16 bytes each: 8 of the log position that it stands for (big endian), 8 of chance,
    whose highest bit marks a token that was made for want of any, and not for a row of the log.

    `hard` is replaced by events after which a value is never served, `soft` by every event."""

    hard: bytes
    soft: bytes


@dataclass(frozen=True, slots=True)
class SharedKey:
    """What is asked of the shared cache: the value under one of `keys`, the tokens of `subject`; hashes of 16 bytes.

    `proposed` becomes the tokens of a subject that has none, for a short while. One has none as well if its tokens stand for
    earlier positions than those of `least`: on a server that lost what it was told, and then heard of late rows."""

    subject: bytes
    keys: tuple[bytes, ...]
    proposed: Tokens | None = None
    least: Tokens | None = None


@dataclass(frozen=True, slots=True)
class SharedRead:
    """What the shared cache holds: the subject's tokens, and per key the value with the seconds that it has left."""

    tokens: Tokens | None
    values: tuple[tuple[bytes, float] | None, ...]


@dataclass(frozen=True, slots=True)
class SharedWrite:
    """A value for the shared cache: kept for `seconds` if the subject's hard token is still `hard`.

    The lease on the key goes if `holder` has it."""

    subject: bytes
    key: bytes
    hard: bytes
    value: bytes
    seconds: float
    holder: bytes = b""


@dataclass(frozen=True, slots=True)
class TokenChange:
    """New tokens for a subject (its hash). Without `hard` only the soft one is new; the other is for a subject without.

    They are made for one attempt and used for nothing before: one that arrives late makes no old value valid again."""

    subject: bytes
    tokens: Tokens
    hard: bool


class Invalidation(NamedTuple):
    """Log positions of the last hard event (0 if there is none) and of the last event of a subject."""

    subject: str
    hard: int
    soft: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """What the shared cache tells since the last time: subjects (hashes) and their tokens, oldest first.

    `whole` says that nothing is missing in between; `salt` is part of the hash of every key, replaced to empty the cache."""

    changes: tuple[tuple[bytes, Tokens], ...]
    whole: bool
    salt: bytes


@dataclass(frozen=True, slots=True)
class Noted:
    """How far tokens were replaced from the log (None if that is lost), whether the servers and the salt are still those of
    then, and the salt now."""

    position: int | None
    same: bool
    salt: bytes
