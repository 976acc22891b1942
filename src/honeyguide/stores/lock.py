"""One server per data directory: a lock that the operating system lets go of when its holder dies."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import DataDirectoryBusy


class Holder(msgspec.Struct):
    """Who holds a data directory; `since` in ms."""

    holder: str
    pid: int
    host: str
    since: int


@contextmanager
def hold(path: Path, holder: str, clock: Clock) -> Iterator[None]:
    """Hold the lock file at `path` while the block runs; `holder` says what for, such as `serve on port 8000`.

    Raises `DataDirectoryBusy`, saying who holds it. The file stays, the lock does not."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _busy(path) from error
        mine = Holder(holder=holder, pid=os.getpid(), host=socket.gethostname(), since=clock.now_ms())
        os.ftruncate(handle, 0)
        os.pwrite(handle, msgspec.json.encode(mine), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def is_running(pid: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _busy(path: Path) -> DataDirectoryBusy:
    try:
        who = msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):  # between its lock and its name, or on another machine
        return DataDirectoryBusy(
            f"{path.parent} is held by another server.", cure="Stop that one, or set project.data_dir to another folder."
        )
    since = datetime.fromtimestamp(who.since / 1000, UTC).isoformat(timespec="seconds")
    return DataDirectoryBusy(
        f"{path.parent} is held by {who.holder} (process {who.pid} on {who.host}, since {since}).",
        cure=f"Stop it with: kill {who.pid} - or set project.data_dir to another folder.",
    )
