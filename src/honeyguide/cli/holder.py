"""Who holds a data directory, read without touching its lock: a look must not keep a server from starting."""

import os
import socket
from pathlib import Path

import msgspec

from honeyguide.stores.lock import Holder


def holder_of(data_dir: Path) -> Holder | None:
    """The server on this data; None if there is none, or if it died without saying so."""
    try:
        holder = msgspec.json.decode((data_dir / "server.lock").read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None
    if holder.host == socket.gethostname() and not _alive(holder.pid):
        return None
    return holder


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
