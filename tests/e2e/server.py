"""A real server process on a data directory, as a user starts it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

GENEROUS = 60.0
_TOLD = 30


@dataclass
class Server:
    """A running server and a client for it."""

    process: subprocess.Popen[str]
    url: str
    http: httpx.Client
    said: list[str]

    def end(self) -> str:
        """How the process ended, and what it said last; nothing while it runs."""
        code = self.process.poll()
        return "" if code is None else f"process {self.process.pid} ended with {code}:\n{''.join(self.said[-_TOLD:])}"

    def recommend(self, user: str, n: int = 10, **fields: Any) -> dict[str, Any]:
        answer = self.http.post("/v1/recommendations", json={"user_id": user, "n": n, **fields})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def send(self, kind: str, user: str, item: str) -> int:
        answer = self.http.post(f"/track/{kind}", params={"user_id": user, "item_id": item})
        assert answer.status_code == 202, answer.text
        return int(answer.json()["sequence"])

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels, as it is scraped, on a connection that any process may take."""
        lines = httpx.get(f"{self.url}/metrics", timeout=GENEROUS, trust_env=False).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[ {{]", line))

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(GENEROUS)


class Telling(httpx.HTTPTransport):
    """Says of a server that does not answer how it ended."""

    server: Server | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except httpx.TransportError as error:
            if self.server is None or not (end := self.server.end()):
                raise
            raise type(error)(f"{error}; {end}") from error


def command(data_dir: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "honeyguide", "--data-dir", str(data_dir), *words]


def run(data_dir: Path, *words: str) -> Any:
    """A command's JSON."""
    done = subprocess.run(command(data_dir, *words, "--json"), capture_output=True, text=True, timeout=GENEROUS, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def serving(data_dir: Path, *words: str, **environ: str) -> AbstractContextManager[Server]:
    """A server on a free port, stopped at the end."""
    return running(command(data_dir, "serve", "--port", "0", "--json", *words), **environ)


def working(data_dir: Path, **environ: str) -> AbstractContextManager[Server]:
    """A worker; its client reaches its health and metrics."""
    return running(command(data_dir, "worker", "--port", "0", "--json"), **environ)


def _address(output: IO[str], complaints: list[str]) -> str:
    """Where a process says it is, in its first JSON; fails with what it says instead."""
    text = ""
    while line := output.readline():
        text += line
        with suppress(json.JSONDecodeError):
            told = json.loads(text)
            assert "url" in told, text
            return str(told["url"])
    raise AssertionError(text + "".join(complaints))


@contextmanager
def running(words: Sequence[str], **environ: str) -> Iterator[Server]:
    """A process that says its address once it is ready, and is stopped at the end."""
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    complaints: list[str] = []
    drain = threading.Thread(target=lambda: complaints.extend(process.stderr or []), daemon=True)
    drain.start()
    try:
        url = _address(process.stdout, complaints)
        telling = Telling()
        with httpx.Client(base_url=url, timeout=GENEROUS, trust_env=False, transport=telling) as http:
            telling.server = Server(process, url, http, complaints)
            yield telling.server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)  # a test may have frozen it
            process.terminate()
        process.wait(GENEROUS)
        drain.join(GENEROUS)
        process.stdout.close()
        process.stderr.close()


def eventually(condition: Callable[[], object], what: str) -> None:
    """Ask again until it holds; the limit is for a machine that is stuck, not a promise."""
    end = time.monotonic() + GENEROUS
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.02)
