"""Servers on one PostgreSQL: which may stand side by side, and what they must share."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyguide import Honeyguide
from tests import postgres
from tests.e2e.server import GENEROUS, Server, command, eventually, serving
from tests.redis_server import redis_server
from tests.shop import catalogue, history


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A shop in a database of its own, with a champion whose files are in `tmp_path/data`."""
    url = postgres.new_url()
    with Honeyguide.open(postgres.patient(url, tmp_path)) as hg:
        assert not hg.ingest(catalogue(), "items").rejected
        assert not hg.ingest(history()).rejected
        hg.train(["popular"])
    return {"HONEYGUIDE_STORAGE__URL": url}


@pytest.fixture
def with_redis(tmp_path: Path, environ: dict[str, str]) -> Iterator[dict[str, str]]:
    with redis_server(tmp_path / "redis") as redis:
        yield {**environ, "HONEYGUIDE_REDIS__URL": redis.url}


def refused(data_dir: Path, environ: dict[str, str]) -> tuple[int, str]:
    """Exit code and message of a server that does not start."""
    done = subprocess.run(
        command(data_dir, "serve", "--port", "0"),
        capture_output=True,
        text=True,
        timeout=GENEROUS,
        check=False,
        env={**os.environ, **environ},
    )
    return done.returncode, done.stderr


def test_a_second_server_without_redis_is_refused_by_a_heartbeat(tmp_path: Path, with_redis: dict[str, str]) -> None:
    alone = {"HONEYGUIDE_STORAGE__URL": with_redis["HONEYGUIDE_STORAGE__URL"]}
    with serving(tmp_path / "data", **alone) as first:
        for environ in (alone, with_redis):
            code, told = refused(tmp_path / "data", environ)
            assert code == 1
            assert f"Process {first.process.pid} of " in told
            assert "Traceback" not in told
            assert 'redis.url = "redis://127.0.0.1:6379/0"' in told
        assert first.recommend("u1")["items"]
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(GENEROUS) == 0
    with serving(tmp_path / "data", **with_redis) as one, serving(tmp_path / "data", **with_redis) as two:
        assert one.recommend("u1")["model"] == two.recommend("u1")["model"]


def test_what_is_cleared_on_one_server_is_on_the_other(tmp_path: Path, with_redis: dict[str, str]) -> None:
    """One user's lists, then all; the lists of others stay where they are in the first case."""

    def verdict(server: Server, user: str) -> str:
        return str(server.http.get("/v1/cache/why", params={"user_id": user}).json()["verdict"])

    with serving(tmp_path / "data", **with_redis) as one, serving(tmp_path / "data", **with_redis) as two:
        for server in (one, two):
            for user in ("u1", "u2"):
                server.recommend(user)
                eventually(lambda server=server, user=user: verdict(server, user) in ("l1", "l2"), "kept")  # type: ignore[misc]
        answer = one.http.post("/v1/cache:clear", json={"user_id": "u1"}).json()
        assert answer == {"cleared": "user", "user_ids": ["u1"], "reach": "all"}
        assert verdict(one, "u1") == "computed"
        eventually(lambda: verdict(two, "u1") == "computed", "cleared on the other server")
        assert verdict(two, "u2") in ("l1", "l2", "stale")
        assert two.recommend("u1")["served_from"] == "computed"
        assert one.http.post("/v1/cache:clear", json={}).json()["reach"] == "all"
        eventually(lambda: verdict(two, "u2") == "computed", "all cleared on the other server")
        assert two.recommend("u2")["served_from"] == "computed"


def test_a_server_without_the_others_model_files_says_what_to_mount(tmp_path: Path, environ: dict[str, str]) -> None:
    code, told = refused(tmp_path / "elsewhere", environ)
    assert code == 2
    assert "share this folder" in " ".join(told.split())
    assert str(tmp_path / "elsewhere" / "models") in "".join(told.split("\n"))
