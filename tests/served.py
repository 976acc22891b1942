"""A real server process on a real project, for tests that look at it from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent


def environment() -> dict[str, str]:
    """This process's environment with `honeyguide` on the path."""
    return os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}


def run(command: str, folder: Path) -> str:
    """What a shell command prints; it must succeed."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """`honeyguide serve` on a free port; gives its `host:port` once it answers."""
    command = ["honeyguide", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            text = ""
            for line in server.stdout:
                text += line
                if line.rstrip().endswith("}"):
                    break
            yield json.loads(text)["url"].removeprefix("http://")
        finally:
            server.terminate()
            server.wait(timeout=60)
