"""`honeyguide serve` as a process: it says where it answers, who holds the data, and ends when told to."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from honeyguide.clock import SystemClock
from tests.cli.conftest import Run

WAIT = 60


def start(folder: Path, *words: str, **environ: str) -> subprocess.Popen[str]:
    """`honeyguide serve` in a process of its own."""
    command = [sys.executable, "-m", "honeyguide", "serve", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=os.environ | environ, text=True, **pipes)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def served(shop: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on the built project, and its address."""
    process = start(shop, "--port", "0", "--json")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    document = ""
    for line in lines:
        document += line
        if line == "}\n":
            break
    assert document, process.communicate(timeout=WAIT)[1]
    try:
        yield process, json.loads(document)["url"]
    finally:
        process.kill()
        process.communicate(timeout=WAIT)


def polled(client: httpx.Client, path: str) -> dict[str, Any]:
    """A job once it has ended."""
    clock = SystemClock()
    limit = clock.monotonic() + WAIT
    while clock.monotonic() < limit:
        job: dict[str, Any] = client.get(path).json()
        if job["state"] not in ("queued", "running"):
            return job
    raise TimeoutError(path)


def test_it_answers_and_other_commands_work_beside_it(served: tuple[subprocess.Popen[str], str], run: Run) -> None:
    process, url = served
    with httpx.Client(base_url=url, trust_env=False, timeout=WAIT) as client:
        answer = client.post("/recommendations", params={"user_id": "u-01", "n": 3}).json()
        assert len(answer["items"]) == 3
        assert client.get("/health").json()["status"] == "healthy"
        told = run("status", "--json").json["server"]
        assert (told["running"], told["healthy"], told["url"], told["pid"]) == (True, True, url, process.pid)
        shown = run("status").out
        assert re.search(rf"server    {url} answers · process {process.pid}, started ", shown)
        assert run("recommend", "u-01", "-n", "3", "--json").json["items"]

        job = client.post("/v1/jobs", json={"kind": "train", "models": ["ease"]}).json()
        ended = polled(client, f"/v1/jobs/{job['job_id']}")
        assert (ended["state"], ended["result"]["champion"], ended["progress"]) == ("succeeded", "ease@2", 1.0), ended
        assert re.search(r"job       train succeeded · ", run("status").out)

        ran = run("serve", "--port", "0", code=1)
        assert f"process {process.pid}" in ran.err
        assert f"serve on {url}" in ran.err
        assert "kill" in ran.err
        port = url.rpartition(":")[2]
        assert f"Port {port} of 127.0.0.1 is in use" in run("serve", "--port", port, code=1).err

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert "stopped   all requests under way were finished" in err
    assert "Traceback" not in err
    assert run("status", "--json").json["server"] == {"running": False}


def test_for_people_it_says_what_to_try(shop: Path) -> None:
    process = start(shop, "--port", "0", HONEYGUIDE_AUTH__KEY="a key of some length")
    assert process.stderr is not None
    said = ""
    for line in iter(process.stderr.readline, ""):
        said += line
        if "ctrl-C" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert out == ""
    assert re.search(r"  serving   http://127\.0\.0\.1:\d+\n", said)
    assert "curl -X POST -H 'Authorization: Bearer KEY'" in said
    assert "a key of some length" not in said


def test_another_address_than_loopback_needs_a_key(run: Run, shop: Path) -> None:
    ran = run("serve", "--host", "0.0.0.0", "--port", "0", code=2)
    assert "can be reached from other machines, and no key is set" in ran.err
    assert "HONEYGUIDE_AUTH__KEY" in ran.err


def test_a_server_that_died_holds_nothing(run: Run, shop: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    lock = {"holder": "serve on http://127.0.0.1:1", "pid": int(dead.stdout), "host": os.uname().nodename, "since": 0}
    (shop / "data" / "server.lock").write_text(json.dumps(lock))
    assert run("status", "--json").json["server"] == {"running": False}


def test_a_server_that_does_not_answer_is_told(run: Run, shop: Path) -> None:
    lock = {"holder": "serve on http://127.0.0.1:1", "pid": os.getpid(), "host": os.uname().nodename, "since": 0}
    (shop / "data" / "server.lock").write_text(json.dumps(lock))
    told = run("status", "--json").json["server"]
    assert (told["running"], told["healthy"]) == (True, False)
    assert "does not answer" in run("status").out


def test_openapi_is_the_same_each_time_and_can_be_compared(run: Run, folder: Path) -> None:
    printed = run("openapi").out
    assert json.loads(printed)["openapi"].startswith("3.1")
    assert run("openapi", "--json").out == printed
    (folder / "openapi.json").write_text(printed)
    assert "is the API of this version" in run("openapi", "--check", "openapi.json").out
    (folder / "openapi.json").write_text(printed.replace('"honeyguide"', '"other"', 1))
    ran = run("openapi", "--check", "openapi.json", code=3)
    assert '-    "title": "other",' in ran.err
    assert "honeyguide openapi > openapi.json" in ran.err
    assert "There is no file x.json." in run("openapi", "--check", "x.json", code=1).err
