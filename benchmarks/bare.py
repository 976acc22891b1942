"""The ceiling: an ASGI application that answers every request with the same bytes, on the same server and settings.

python -m benchmarks.bare PORT

With BARE_WAY=short in the environment it goes the short way that lists in memory go: no task, no messages, one write.
"""

import os
import sys
from typing import Any

from honeyguide.api.endpoint import Answer
from honeyguide.api.server import Server, bind, configuration

BODY = b"x" * int(os.environ.get("BARE_BYTES", "300"))
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer; a body is read to its end first, as any application must."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["method"] == "POST":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


class Short:
    """The same application with its answer at hand (`api/protocol.py`)."""

    ready: dict[tuple[bytes, bytes], "Short"]

    def __init__(self) -> None:
        self.ready = {(b"POST", path): self for path in (b"/recommendations", b"/v1/recommendations")}

    def at_once(self, scope: Any, headers: Any) -> tuple[Answer, list[tuple[bytes, bytes]]]:
        """The answer with its header fields."""
        return Answer(BODY), HEADERS

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The ordinary way, for what is no POST."""
        await app(scope, receive, send)


if __name__ == "__main__":
    served = Short() if os.environ.get("BARE_WAY") == "short" else app
    Server(configuration(served), lambda: None).run(sockets=[bind("127.0.0.1", int(sys.argv[1]))])
