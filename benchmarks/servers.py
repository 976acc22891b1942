"""Starts servers on one core and loads them from another."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from honeyguide.simulate.private import PrivatePostgres, PrivateRedis

SERVER_CORE, LOAD_CORE = 0, 1


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command on one core, where that can be said."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(core), *command] if taskset and (os.cpu_count() or 1) > 1 else list(command)


@contextmanager
def serving(command: Sequence[str], url: str, *, env: dict[str, str] | None = None) -> Iterator[None]:
    """Run a server until the block ends; the block begins when `url` answers."""
    process = subprocess.Popen(
        pinned(SERVER_CORE, command), env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def bare_server(answer_bytes: int, way: str = "asgi") -> Iterator[str]:
    """The empty application on the server and settings that honeyguide uses; `way`: `asgi`, or `short` (`bare.py`)."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", str(port)]
    url = f"http://127.0.0.1:{port}"
    with serving(command, url, env={"BARE_BYTES": str(answer_bytes), "BARE_WAY": way}):
        yield url


@contextmanager
def honeyguide_server(data_dir: Path, env: dict[str, str] | None = None) -> Iterator[str]:
    """`honeyguide serve` on a data directory, with settings of the environment laid over."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "honeyguide", "--data-dir", str(data_dir), "serve", "--port", str(port)]
    with serving(command, f"{url}/readyz", env=env):
        yield url


@contextmanager
def behind() -> Iterator[dict[str, str]]:
    """Private PostgreSQL and Redis servers, as settings of the environment; PostgreSQL commits durably, as installed."""
    with tempfile.TemporaryDirectory(prefix="honeyguide-behind-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # for the user who runs PostgreSQL where this one is root
        with PrivatePostgres(folder / "postgres") as postgres, PrivateRedis(folder / "redis") as redis:
            yield {"HONEYGUIDE_STORAGE__URL": postgres.url, "HONEYGUIDE_REDIS__URL": redis.url}


def load(url: str, script: Path, *, connections: int, seconds: int, environ: dict[str, str] | None = None) -> float:
    """Requests per second that the server answered with success, measured by wrk on the other core."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    done = subprocess.run(
        pinned(LOAD_CORE, command), capture_output=True, text=True, check=True, env={**os.environ, **(environ or {})}
    )
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    if failed or "Socket errors" in done.stdout:
        raise RuntimeError(done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if rate is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(rate[1])


def cpu_seconds(url: str) -> float:
    """CPU time that the server behind an address has taken, all of its threads together."""
    port = url.rpartition(":")[2].encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if port in words and not words[0].endswith(b"taskset"):
                times = [int((task / "schedstat").read_text().split()[0]) for task in (folder / "task").iterdir()]
                return sum(times) / 1e9
    raise RuntimeError(f"no server at {url}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
