"""Cursors of lists: where the next page begins, which versions made the list that it belongs to, and by which seed."""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from honeyguide.errors import FieldError, InvalidInput
from honeyguide.types import MAX_N

_CURSOR: Final = re.compile(rb"hg2:([0-9]{1,3}):([0-9a-f]{16})(?::([0-9]{1,10}))?")


@lru_cache(maxsize=8)
def cursors(digest: str) -> Sequence[str]:
    """The cursor of every offset in a list of the line-up `digest`; made once, since most answers carry one."""
    return [base64.urlsafe_b64encode(b"hg2:%d:%b" % (offset, digest.encode())).decode() for offset in range(MAX_N + 1)]


def drawn_cursor(digest: str, offset: int, seed: int) -> str:
    """The cursor of an offset in a list of which something was drawn by `seed`."""
    return base64.urlsafe_b64encode(b"hg2:%d:%b:%d" % (offset, digest.encode(), seed)).decode()


def page_of(cursor: str) -> tuple[int, str, int | None]:
    """Offset, line-up and seed (if its list was drawn) of a cursor; raises InvalidInput for one that we did not give."""
    try:
        match = _CURSOR.fullmatch(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        match = None
    seed = int(match[3]) if match is not None and match[3] else None
    if match is None or int(match[1]) > MAX_N or (seed or 0) >= 2**32:
        fault = FieldError("/cursor", "is not one that an answer gave; start again without a cursor.")
        raise InvalidInput("The page cannot be found.", errors=[fault])
    return int(match[1]), match[2].decode(), seed
