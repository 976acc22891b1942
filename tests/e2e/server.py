"""A real server process on a data directory, as a user starts it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

GENEROUS = 60.0


@dataclass
class Server:
    """A running server and a client for it."""

    process: subprocess.Popen[str]
    url: str
    http: httpx.Client

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
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, "".join(complaints)
            text += line
        url = json.loads(text)["url"]
        with httpx.Client(base_url=url, timeout=GENEROUS, trust_env=False) as http:
            yield Server(process, url, http)
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


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A private Redis; its address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: _answers(port), "Redis answering")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(GENEROUS)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(100).startswith(b"+PONG")
    return False
