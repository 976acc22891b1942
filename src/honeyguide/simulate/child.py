"""A server in a process of its own: started, waited for, and stopped."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from honeyguide.errors import Unavailable

_STOP_SECONDS: Final = 20
_TOLD: Final = 2_000


@dataclass(frozen=True, slots=True)
class Server:
    """A running `honeyguide serve`: where it answers, and the file that has its log lines."""

    url: str
    log: Path
    process: "subprocess.Popen[str]"

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-_TOLD:].strip()


@contextmanager
def serving(config: Path, port: int, log: Path) -> Iterator[Server]:
    """Serve the project of a configuration file during the block; port 0 takes a free one.

    The process has a session of its own, so that ctrl-C reaches only us, who stop it in good order. Raises
    `Unavailable` with the end of its log if it does not come up."""
    command = [sys.executable, "-m", "honeyguide", "--config", str(config), "serve", "--port", str(port), "--json"]
    with log.open("w", encoding="utf-8") as lines:
        process = subprocess.Popen(  # noqa: S603  our own program
            command, stdout=subprocess.PIPE, stderr=lines, stdin=subprocess.DEVNULL, text=True, start_new_session=True
        )
    try:
        server = Server("", log, process)
        yield replace(server, url=_address(server))
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _address(server: Server) -> str:
    """What the server says of itself once it answers; or what kept it from it."""
    said = ""
    for line in iter(server.process.stdout.readline, "") if server.process.stdout is not None else ():
        said += line
        if line == "}\n":
            break
    told = json.loads(said) if said else {}
    if "url" in told:
        return str(told["url"])
    server.process.wait()
    error = told.get("error", {"detail": server.last_words(), "cure": ""})
    raise Unavailable(f"The server did not start: {error['detail']}", cure=error["cure"])
