"""Cursors of pages in order of id: opaque to callers, the last id of the page inside."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from honeyguide.api.urls import refused
from honeyguide.api.wire.base import PageParams
from honeyguide.errors import InvalidInput

T = TypeVar("T")

MAX_LIMIT: Final = 1000


def write(kind: str, last_id: str) -> str:
    """The cursor of the page after `last_id` in the list `kind`."""
    return base64.urlsafe_b64encode(f"{kind}\n{last_id}".encode()).decode().rstrip("=")


def read(kind: str, cursor: str | None) -> str | None:
    """The id that a page begins after; raises InvalidInput for a cursor that this list did not give."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        of, _, last_id = raw.decode().partition("\n")
    except (binascii.Error, ValueError):
        raise _unknown() from None
    if of != kind or not last_id or write(kind, last_id) != cursor:
        raise _unknown()
    return last_id


def check_limit(params: PageParams) -> int:
    """The length of the page, from 1 to 1000."""
    if not 1 <= params.limit <= MAX_LIMIT:
        raise refused("limit", f"{params.limit} is not possible. Ask for 1 to {MAX_LIMIT}.")
    return params.limit


def page(kind: str, rows: Sequence[T], limit: int, id_of: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """The page out of up to `limit + 1` rows, and the cursor of the next one: null at the end."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], write(kind, id_of(rows[limit - 1]))


def _unknown() -> InvalidInput:
    return refused("cursor", "This is no cursor of this list. Begin again without one.")
