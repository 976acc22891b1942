"""HTTP/1.1 as uvicorn's httptools protocol reads it, with two things mended.

A request that is no HTTP gets a problem like every other error, and a request head may not grow without bound.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from honeyguide.api.endpoint import encode
from honeyguide.api.problems import MEDIA_TYPE, PROBLEM_PAGE, Problem

MAX_HEAD: Final = 65_536
_NO_HTTP: Final = ("bad_request", 400, "This is no HTTP/1.1 request. Send one.")
_TOO_LONG: Final = ("head_too_large", 431, f"The address and header fields are above {MAX_HEAD} bytes. Send a body instead.")


class State(ServerState):
    """What the connections of a server share; while it is `leaving`, none is kept for another request."""

    leaving = False


class Protocol(HttpToolsProtocol):
    """One connection."""

    _head = 0  # bytes of a request's head that have come in, while it is incomplete
    _latest = 0  # bytes of what is being read now

    def on_message_begin(self) -> None:
        """A new request begins."""
        super().on_message_begin()
        self._head = 1

    def on_headers_complete(self) -> None:
        """The head of a request is read."""
        super().on_headers_complete()
        self._head = 0
        if isinstance(self.server_state, State) and self.server_state.leaving:
            self.cycle.keep_alive = False

    def data_received(self, data: bytes) -> None:
        """More of a request has come in."""
        self._latest = len(data)
        super().data_received(data)
        if self._head:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                self._refuse(*_TOO_LONG)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or an address that the parser finds too long before it has all of the head."""
        too_long = self._head and self._head + self._latest > MAX_HEAD
        self._refuse(*(_TOO_LONG if too_long else _NO_HTTP))

    def _refuse(self, code: str, status: int, detail: str) -> None:
        problem = Problem(
            type=f"{PROBLEM_PAGE}#{code}",
            title=code.replace("_", " ").capitalize(),
            status=status,
            detail=detail,
            instance="",
            code=code,
            errors=[],
            request_id="",
        )
        body = encode(problem)
        fields = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (MEDIA_TYPE, len(body))
        self.transport.write(STATUS_LINE[status] + fields + body)
        self.transport.close()
