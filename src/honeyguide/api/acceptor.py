"""Takes connections from a listening socket that other processes take from too: one at a turn of the event loop.

An event loop's own server takes all that wait at once, so that a burst of connections, such as a load balancer opens,
would end up in one process and stay there. One at a turn leaves the rest to whoever is free sooner.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

import structlog

_PAUSE: Final = 1.0
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = structlog.get_logger(__name__)


class Acceptor:
    """Takes from `listener` on the running loop until it is closed; `protocol` makes the protocol of a connection."""

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener, self._protocol = listener, protocol
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._closed = False
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._loop.remove_reader(self._listener)

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener, self._take)

    def _take(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another process was faster, or the caller left
            return
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            log.error("connections wait: this process may open no more files", reason=error.strerror)
            self._loop.remove_reader(self._listener)
            self._loop.call_later(_PAUSE, self._listen)
            return
        connection.setblocking(False)
        task: asyncio.Task[object] = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
