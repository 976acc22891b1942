"""Who holds a data directory, read without touching its lock: a look must not keep a server from starting."""

import re
import socket
from pathlib import Path

import msgspec

from honeyguide.stores.lock import Holder, is_running


def url_of(holder: Holder, port: int) -> str:
    """Where that server answers, as its own words say; on this port if they do not."""
    if named := re.search(r"https?://\S+", holder.holder):
        return named[0]
    told = re.search(r"port (\d+)", holder.holder)
    return f"http://127.0.0.1:{told[1] if told else port}"


def holder_of(data_dir: Path) -> Holder | None:
    """The server on this data; None if there is none, or if it died without saying so."""
    try:
        holder = msgspec.json.decode((data_dir / "server.lock").read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None
    if holder.host == socket.gethostname() and not is_running(holder.pid):
        return None
    return holder
