"""A server or a worker in a process of its own: started, waited for, stopped or killed, and started again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from honeyguide.errors import Unavailable

_STOP_SECONDS: Final = 20
_TOLD: Final = 2_000


class Server:
    """`honeyguide serve` (or another `command` that answers) on the project of a configuration file.

    `url` is where it answers, `log` the file that has its log lines. Port 0 takes a free one, and keeps it."""

    def __init__(self, config: Path, port: int, log: Path, command: str = "serve") -> None:
        self.url, self.log, self.port = "", log, port
        self._config, self._command = config, command
        self._process: subprocess.Popen[str] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of the process; 0 if there is none."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it and wait until it answers.

        The process has a session of its own, so that ctrl-C reaches only us, who stop it in good order. Raises
        `Unavailable` with the end of its log if it does not come up."""
        words = [self._command, "--port", str(self.port), "--json"]
        command = [sys.executable, "-m", "honeyguide", "--config", str(self._config), *words]
        with self.log.open("a", encoding="utf-8") as lines:
            self._process = subprocess.Popen(  # noqa: S603  our own program
                command, stdout=subprocess.PIPE, stderr=lines, stdin=subprocess.DEVNULL, text=True, start_new_session=True
            )
        self.url = self._address(self._process)
        self.port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """Stop it in good order; nothing happens if there is none."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._forget(self._process)

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        if self._process is not None:
            self._process.kill()
            self._forget(self._process)

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-_TOLD:].strip()

    def _forget(self, process: "subprocess.Popen[str]") -> None:
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._process = None

    def _address(self, process: "subprocess.Popen[str]") -> str:
        """What it says of itself once it answers; or what kept it from it."""
        said = ""
        for line in iter(process.stdout.readline, "") if process.stdout is not None else ():
            said += line
            if line == "}\n":
                break
        told = json.loads(said) if said else {}
        if "url" in told:
            return str(told["url"])
        process.wait()
        error = told.get("error", {"detail": self.last_words(), "cure": ""})
        raise Unavailable(f"The server did not start: {error['detail']}", cure=error["cure"])


@contextmanager
def serving(config: Path, port: int, log: Path, command: str = "serve") -> Iterator[Server]:
    """Serve the project of a configuration file during the block."""
    server = Server(config, port, log, command)
    try:
        server.start()
        yield server
    finally:
        server.stop()
