"""The ceiling: an ASGI application that answers every request with the same bytes, on the same server and settings.

python -m benchmarks.bare PORT
"""

import os
import sys
from typing import Any

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


if __name__ == "__main__":
    Server(configuration(app), lambda: None).run(sockets=[bind("127.0.0.1", int(sys.argv[1]))])
