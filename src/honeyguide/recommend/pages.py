"""Cursors of lists: which items the pages before have shown, which versions made their list, and by which seed it was drawn.

A list may be made anew between two pages: something was bought, its time was over, an item was tried in place of another.
What was shown is not shown again all the same, since the cursor says what that was: a mark of four bytes for each item.
"""

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Final

from honeyguide.errors import FieldError, InvalidInput
from honeyguide.types import MAX_N

MARK: Final = 4
"""Bytes that stand for an item in a cursor. Two of the 600 items of a list look alike once in some 20,000 lists; the second
of them is then passed over."""
_HEAD: Final = b"hg3:"
_DIGEST: Final = 16
_SEED: Final = 5  # bytes: whether there is one, and the seed


def mark_of(item_id: str) -> bytes:
    """What stands for an item in a cursor."""
    return zlib.crc32(item_id.encode()).to_bytes(MARK, "little")


def marks_of(item_ids: Sequence[str]) -> bytes:
    """The marks of several, joined."""
    return b"".join(map(mark_of, item_ids))


def split(marks: bytes) -> list[bytes]:
    """The marks, one by one."""
    return [marks[start : start + MARK] for start in range(0, len(marks), MARK)]


def cursor_of(digest: str, shown: bytes, seed: int | None = None) -> str:
    """The cursor of the page after these items, of a list of the line-up `digest`, drawn by `seed` if anything was."""
    drawn = b"\0\0\0\0\0" if seed is None else b"\1" + seed.to_bytes(4, "little")
    return base64.urlsafe_b64encode(b"%b%b%b%b" % (_HEAD, digest.encode(), drawn, shown)).decode()


def page_of(cursor: str) -> tuple[bytes, str, int | None]:
    """The marks of what was shown, the line-up, and the seed if the list was drawn; raises InvalidInput for a cursor that
    we did not give."""
    try:
        told = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        told = b""
    rest = told.removeprefix(_HEAD)
    digest, drawn, shown = rest[:_DIGEST], rest[_DIGEST : _DIGEST + _SEED], rest[_DIGEST + _SEED :]
    fits = len(shown) % MARK == 0 and 0 < len(shown) <= MARK * MAX_N and drawn[0] <= 1
    if not told.startswith(_HEAD) or not fits or not set(digest) <= set(b"0123456789abcdef"):
        fault = FieldError("/cursor", "is not one that an answer gave; start again without a cursor.")
        raise InvalidInput("The page cannot be found.", errors=[fault])
    return shown, digest.decode(), int.from_bytes(drawn[1:], "little") if drawn[0] else None


def order_after(item_ids: Sequence[str], shown: bytes) -> tuple[list[int], int]:
    """Places of the list with what was shown at its beginning and all else behind, in order; and how many that are."""
    there = set(split(shown))
    seen = [mark_of(item_id) in there for item_id in item_ids]
    front = [place for place, was in enumerate(seen) if was]
    return front + [place for place, was in enumerate(seen) if not was], len(front)
