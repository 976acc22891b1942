"""HTTP/1.1 as uvicorn's httptools protocol reads it, with two things mended and a short way.

A request that is no HTTP gets a problem like every other error, and a request head may not grow without bound. What an
application has ready (`App.ready`) is answered while the request is read, in one write: no task, no ASGI messages. Whatever
is unusual about a request, such as a body or an answer before it that is not out yet, sends it the ordinary way.
"""

from asyncio import Event
from collections.abc import Mapping
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from honeyguide.api.bodies import has_body
from honeyguide.api.endpoint import Endpoint, encode
from honeyguide.api.problems import MEDIA_TYPE, PROBLEM_PAGE, Headers, Problem

MAX_HEAD: Final = 65_536
_NO_HTTP: Final = ("bad_request", 400, "This is no HTTP/1.1 request. Send one.")
_TOO_LONG: Final = ("head_too_large", 431, f"The address and header fields are above {MAX_HEAD} bytes. Send a body instead.")


class State(ServerState):
    """What the connections of a server share; while it is `leaving`, none is kept for another request."""

    leaving = False


class _Answered:
    """Stands where uvicorn keeps the request under way: it is over."""

    response_complete = True
    message_event = Event()


_ANSWERED: Final[Any] = _Answered()


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ready: Mapping[tuple[bytes, bytes], Endpoint] = getattr(self.app, "ready", {})

    _head = 0  # bytes of a request's head that have come in, while it is incomplete
    _latest = 0  # bytes of what is being read now
    _ended = False  # whether a request ended in them: then they are not all of the head after it

    def on_message_begin(self) -> None:
        """A new request begins."""
        super().on_message_begin()
        self._head = 1

    def on_headers_complete(self) -> None:
        """The head of a request is read."""
        if self._answered_at_once():
            self._head = 0
            return
        super().on_headers_complete()
        self._head = 0
        if isinstance(self.server_state, State) and self.server_state.leaving:
            self.cycle.keep_alive = False

    def _answered_at_once(self) -> bool:
        """Answer a request if it can be done here and now."""
        path, _, query = self.url.partition(b"?")
        method = self.parser.get_method()
        endpoint = self._ready.get((method, path))
        if endpoint is None or not self._is_free() or b"#" in query:
            return False
        headers = dict(self.headers)
        if has_body(headers) or b"upgrade" in headers or self.expect_100_continue:
            return False
        found = endpoint.at_once(
            {"method": method.decode(), "raw_path": path, "query_string": query, "headers": self.headers}, headers
        )
        if found is None:
            return False
        answer, fields = found
        self.transport.write(_whole(answer.status, [*self.server_state.default_headers, *fields], answer.body))
        self.cycle = _ANSWERED
        self.on_response_complete()
        return True

    def _is_free(self) -> bool:
        """Whether nothing is under way on the connection, and it stays open after this request."""
        before: Any = self.cycle
        return (
            (before is None or before.response_complete)
            and not (self.flow.write_paused or self.transport.is_closing())
            and not (isinstance(self.server_state, State) and self.server_state.leaving)
            and self.parser.should_keep_alive()
            and self.parser.get_http_version() == "1.1"
        )

    def on_message_complete(self) -> None:
        """A request is read to its end."""
        self._ended = True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """More of a request has come in. Of a head that begins behind other requests only what comes later is counted."""
        self._latest, self._ended = len(data), False
        super().data_received(data)
        if self._head and not self._ended:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                self._refuse(*_TOO_LONG)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or an address that the parser finds too long before it has all of the head."""
        too_long = self._head and not self._ended and self._head + self._latest > MAX_HEAD
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


def _whole(status: int, fields: Headers, body: bytes) -> bytes:
    """An answer as it goes over the wire. Our own fields need no check: the one that a caller gives is checked as an id."""
    lines = [b"%b: %b\r\n" % field for field in fields]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])
