"""Who holds a data directory, read without touching its lock: a look must not keep a server from starting."""

import socket
from pathlib import Path

import msgspec

from honeyguide.stores.lock import Holder, is_running


def holder_of(data_dir: Path) -> Holder | None:
    """The server on this data; None if there is none, or if it died without saying so."""
    try:
        holder = msgspec.json.decode((data_dir / "server.lock").read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None
    if holder.host == socket.gethostname() and not is_running(holder.pid):
        return None
    return holder
