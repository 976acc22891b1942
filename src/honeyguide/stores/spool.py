"""A bounded file that served slates wait in while their database is away.

One slate per line as JSON, in order of arrival. It may hold a slate that the database has got since: storing is by
request id, so a second time changes nothing. A line that a crash cut short is left out and counted.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

import msgspec

from honeyguide.errors import Unavailable
from honeyguide.types import ServedSlate, SlatesLogged

MAX_BYTES: Final = 64_000_000
_GROUP: Final = 1_000
_slate: Final = msgspec.json.Decoder(ServedSlate)
_encode: Final = msgspec.json.Encoder().encode


class Spool:
    """The waiting slates of all processes on a folder; `path` need not exist."""

    def __init__(self, path: Path, most: int = MAX_BYTES) -> None:
        """At most `most` bytes are kept."""
        self._path = path
        self._most = most

    def __bool__(self) -> bool:
        """Whether slates are waiting."""
        return self._size() > 0

    def add(self, slates: Sequence[ServedSlate]) -> int:
        """Append what there is room for; returns how many were kept. A disk that takes no more keeps none."""
        try:
            with self._locked() as file:
                size = file.seek(0, os.SEEK_END)
                text, kept = self._fitting(slates, size, whole=self._ends_whole(file, size))
                if file.write(text) == len(text):
                    return kept
                file.truncate(size)  # the disk took a part: half a group is no group
                return 0
        except OSError:
            return 0

    def drain(self, store: Callable[[Sequence[ServedSlate]], None]) -> tuple[int, int]:
        """Give all that wait to `store`, group by group, then forget them; returns how many there were, and how many
        lines could not be read. If `store` raises, everything stays."""
        waiting = unreadable = 0
        group: list[ServedSlate] = []
        with self._locked(), self._path.open("rb") as lines:
            for line in lines:
                if line == b"\n":
                    continue
                if (slate := _read(line)) is None:
                    unreadable += 1
                    continue
                group.append(slate)
                waiting += 1
                if len(group) == _GROUP:
                    store(group)
                    group = []
            if group:
                store(group)
            self._path.unlink()
        return waiting, unreadable

    def through(self, slates: Sequence[ServedSlate], commit: Callable[[Sequence[ServedSlate]], None]) -> SlatesLogged:
        """Commit what waits, then a group; while `commit` raises `Unavailable`, the group waits, too."""
        replayed = unreadable = 0
        try:
            if self:
                replayed, unreadable = self.drain(commit)
            commit(slates)
        except (Unavailable, OSError):
            kept = self.add(slates)
            return SlatesLogged(stored=replayed, spooled=kept, lost=len(slates) - kept + unreadable)
        return SlatesLogged(stored=len(slates) + replayed, lost=unreadable)

    def remove(self, unwanted: Callable[[ServedSlate], bool]) -> Counter[str]:
        """Remove waiting slates; returns how many of which user. Lines that cannot be read go with them, as nobody knows
        whom they are about; a file with nothing to remove is left alone."""
        removed: Counter[str] = Counter()
        if not self:
            return removed
        with self._locked() as file:
            lines = [line for line in file.read().splitlines(keepends=True) if line != b"\n"]
            kept = []
            for line in lines:
                slate = _read(line)
                if slate is not None and unwanted(slate):
                    removed[slate.user_id] += 1
                elif slate is not None:
                    kept.append(line)
            if len(kept) < len(lines):
                beside = self._path.with_suffix(".spool-new")
                beside.write_bytes(b"".join(kept))
                beside.replace(self._path)  # who waits for the lock sees that the file is another one
        return removed

    @contextmanager
    def _locked(self) -> Iterator[FileIO]:
        """The file, while no other process changes it. One that somebody has drained meanwhile is not the file any more."""
        while True:
            with FileIO(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if self._is_there(file):
                    yield file
                    return

    def _is_there(self, file: FileIO) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def _fitting(self, slates: Sequence[ServedSlate], size: int, *, whole: bool) -> tuple[bytes, int]:
        """The lines of as many slates as there is room for, and how many those are."""
        lines = [] if whole else [b"\n"]
        for kept, slate in enumerate(slates):
            line = _encode(slate) + b"\n"
            size += len(line)
            if size > self._most:
                return b"".join(lines), kept
            lines.append(line)
        return b"".join(lines), len(slates)

    @staticmethod
    def _ends_whole(file: FileIO, size: int) -> bool:
        """Whether the last line has its end: a crash may have cut it short."""
        if size == 0:
            return True
        file.seek(size - 1)
        return file.read(1) == b"\n"

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def _read(line: bytes) -> ServedSlate | None:
    try:
        return _slate.decode(line)
    except msgspec.MsgspecError:
        return None
