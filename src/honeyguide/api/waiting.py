"""A server that comes up before its database: it waits, says so, and answers probes meanwhile.

Where a machine or a set of containers starts, nothing comes in order. It lives (`/healthz`), and is not ready for anything.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable

T = TypeVar("T")

_AWAY: Final = frozenset(("storage_unavailable", "storage_silent", "storage_starting", "storage_connections"))
"""What passes by itself: the server is not reached, or not yet or no longer there."""
_PAUSE: Final = 0.5
_READ_SECONDS: Final = 0.2
_MOST: Final = 4_096
_HEAD: Final = b"HTTP/1.1 %b\r\ncontent-type: application/%b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
_ALIVE: Final = b'{"status":"healthy","models":[]}'
_WAITS: Final = b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"It waits for its database."}'

log = structlog.get_logger(__name__)


def opened(open: Callable[[], T], listener: socket.socket, seconds: float, clock: Clock) -> T:
    """What `open` returns, once the database is there; it is tried for so many seconds. Callers of `listener` are told.

    Raises what `open` raised last, at once where waiting does not help."""
    began, said = clock.monotonic(), False
    while True:
        try:
            found = open()
        except Unavailable as error:
            if error.code not in _AWAY or clock.monotonic() - began >= seconds:
                raise
            if not said:
                log.warning("waiting for the database", reason=error.detail, cure=error.cure, seconds=seconds)
            said = True
            _answer(listener, clock.monotonic() + _PAUSE, clock)
        else:
            if said:
                log.info("the database is there", waited=round(clock.monotonic() - began, 1))
            return found


def _answer(listener: socket.socket, until: float, clock: Clock) -> None:
    """Tell who comes that it lives and is not ready, until then."""
    blocks = listener.gettimeout()
    try:
        while (left := until - clock.monotonic()) > 0:
            listener.settimeout(left)
            with suppress(OSError):
                caller, _ = listener.accept()
                with caller:
                    caller.settimeout(_READ_SECONDS)
                    caller.sendall(_reply(caller.recv(_MOST)))
    finally:
        listener.settimeout(blocks)


def _reply(asked: bytes) -> bytes:
    if asked.split(b" ", 2)[1:2] == [b"/healthz"]:
        return _HEAD % (b"200 OK", b"json", len(_ALIVE)) + _ALIVE
    return _HEAD % (b"503 Service Unavailable", b"problem+json\r\nretry-after: 1", len(_WAITS)) + _WAITS
