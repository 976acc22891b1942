"""A server and a worker that start before their database: as containers do."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from honeyguide.clock import SystemClock
from honeyguide.config.settings import Storage
from honeyguide.simulate.private import free_port
from honeyguide.testing.faults import FaultProxy
from tests import postgres
from tests.e2e.server import GENEROUS, command, eventually, running
from tests.faults.site import DOWN
from tests.shop import open_shop


@pytest.fixture
def away(tmp_path: Path) -> Iterator[tuple[FaultProxy, str]]:
    """A filled database behind a proxy that lets nobody in, and its URL."""
    url, port = postgres.new_url(), postgres.server().port
    open_shop(tmp_path / "shop", clock=SystemClock(), train=False, storage=Storage(url=url)).close()
    with FaultProxy(("127.0.0.1", port)) as proxy:
        proxy.set(DOWN)
        yield proxy, url.replace(f":{port}/", f":{proxy.address[1]}/")


def status(url: str) -> int:
    with suppress(httpx.TransportError):
        return httpx.get(url, timeout=GENEROUS, trust_env=False).status_code
    return 0


@pytest.mark.parametrize("role", ["serve", "worker"])
def test_it_waits_lives_and_is_not_ready(away: tuple[FaultProxy, str], tmp_path: Path, role: str) -> None:
    proxy, url = away
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    words = command(tmp_path / "shop", role, "--port", str(port), "--json")
    starting = running(words, HONEYGUIDE_STORAGE__URL=url, HONEYGUIDE_STORAGE__START_WAIT=f"{GENEROUS}s")
    with ThreadPoolExecutor(1) as threads:
        coming = threads.submit(starting.__enter__)
        try:
            eventually(lambda: status(f"{here}/readyz") == 503, "it saying that it is not ready")
            assert status(f"{here}/healthz") == 200
            assert status(f"{here}/v1/recommendations") == 503
            assert not coming.done()
        finally:
            proxy.clear()
            server = coming.result()
    try:
        assert "waiting for the database" in "".join(server.said)
        eventually(lambda: server.http.get("/readyz").status_code == 200, "it being ready")
        if role == "serve":
            assert server.recommend("u1")["items"]
    finally:
        starting.__exit__(None, None, None)


def test_it_does_not_wait_for_ever(away: tuple[FaultProxy, str], tmp_path: Path) -> None:
    _, url = away
    environ = {**os.environ, "HONEYGUIDE_STORAGE__URL": url, "HONEYGUIDE_STORAGE__START_WAIT": "0s"}
    words = command(tmp_path / "shop", "serve", "--port", "0")
    done = subprocess.run(words, capture_output=True, text=True, timeout=GENEROUS, check=False, env=environ)
    assert done.returncode == 4
    assert "does not answer" in done.stderr
