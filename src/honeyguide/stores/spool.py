"""A bounded file that served slates wait in while their database is away.

One slate per line as JSON, in order of arrival. It may hold a slate that the database has got since: storing is by
request id, so a second time changes nothing. A line that a crash cut short is left out and counted.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from honeyguide.types import ServedSlate

MAX_BYTES: Final = 64_000_000
_GROUP: Final = 1_000
_slate: Final = msgspec.json.Decoder(ServedSlate)
_encode: Final = msgspec.json.Encoder().encode


class Spool:
    """The waiting slates of one process group; `path` need not exist."""

    def __init__(self, path: Path, most: int = MAX_BYTES) -> None:
        """At most `most` bytes are kept."""
        self._path = path
        self._most = most

    def __bool__(self) -> bool:
        """Whether slates are waiting."""
        return self._size() > 0

    def add(self, slates: Sequence[ServedSlate]) -> int:
        """Append what there is room for; returns how many were kept. A disk that takes no more keeps none."""
        size = self._size()
        lines: list[bytes] = [] if self._ends_whole(size) else [b"\n"]
        kept = 0
        for slate in slates:
            line = _encode(slate) + b"\n"
            size += len(line)
            if size > self._most:
                break
            lines.append(line)
            kept += 1
        try:
            self._write(b"".join(lines))
        except OSError:
            return 0
        return kept

    def drain(self, store: Callable[[Sequence[ServedSlate]], None]) -> tuple[int, int]:
        """Give all that wait to `store`, group by group, then forget them; returns how many there were, and how many
        lines could not be read. If `store` raises, everything stays."""
        waiting = unreadable = 0
        group: list[ServedSlate] = []
        with self._path.open("rb") as lines:
            for line in lines:
                if line == b"\n":
                    continue
                try:
                    group.append(_slate.decode(line))
                except msgspec.MsgspecError:
                    unreadable += 1
                    continue
                if len(group) == _GROUP:
                    store(group)
                    waiting += len(group)
                    group = []
        if group:
            store(group)
        self._path.unlink()
        return waiting + len(group), unreadable

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def _ends_whole(self, size: int) -> bool:
        """Whether the last line has its end: a crash may have cut it short."""
        if size == 0:
            return True
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _write(self, text: bytes) -> None:
        before = self._size()
        try:
            with self._path.open("ab") as file:
                file.write(text)
        except OSError:
            if self._size() > before:  # half a group is no group
                os.truncate(self._path, before)
            raise
