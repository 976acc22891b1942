"""`cache` on a running server: its figures, why a list comes from where it does, warming, clearing."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run
from tests.e2e.server import Server, serving
from tests.redis_server import redis_server

KEY = "a key of some length"


@pytest.fixture
def server(shop: Path) -> Iterator[Server]:
    """A server on the built project."""
    with serving(shop / "data") as running:
        yield running


def user_of(shop: Path) -> str:
    """Somebody with a history."""
    return (shop / "events.csv").read_text().splitlines()[1].split(",")[1]


def test_what_an_operator_asks_of_one_server(server: Server, run: Run, shop: Path) -> None:
    user = user_of(shop)
    told = run("cache", "why", user).out
    assert "no tier holds it" in told
    assert "computed" in told
    request_id = server.recommend(user)["request_id"]
    told = run("cache", "why", user, "--n", "5").out
    assert "because   fresh in l1 for" in told
    assert "fresh for" in told
    assert run("cache", "why", user, "--json").json["verdict"] == "l1"
    sequence = server.send("view", user, "\x1b[31mred")
    told = run("cache", "why", request_id).out
    assert "because   stale: the user's view of \\x1b[31mred came after it was made" in told
    assert f"log position {sequence}" in told
    assert "then      computed by" in told

    ran = run("cache", "clear", "--user", user)
    assert f"cleared   the lists of {user}, at {server.url}" in ran.out
    assert "the cache was cleared" in run("cache", "why", user).out
    warmed = run("cache", "warm", user, "somebody new", "--progress", "json")
    assert "2 lists of 2" in warmed.out
    assert '"progress": 1.0' in warmed.err
    assert run("cache", "why", user, "--json").json["verdict"] == "l1"

    refused = run("cache", "clear", code=1).err
    assert "nobody is there to ask" in refused
    assert "--yes" in refused
    assert "all lists" in run("cache", "clear", "--yes").out
    assert run("cache", "warm", "--json", "--users", "5").json["made"] >= 1
    assert run("cache", "why", user, "--json").json["verdict"] == "l1", "its list was asked for lately"

    told = run("cache", "stats").out
    assert f"{server.url} · 1 process" in told
    assert "2 cleared" in told
    figures = run("cache", "stats", "--json").json
    assert figures["tiers"][0]["entries"] >= 1
    assert figures["made"]["warmed"]["request"] >= 3
    assert figures["pid"] == server.process.pid


def test_what_is_wrong_is_said_with_its_cure(server: Server, run: Run) -> None:
    assert "there is no surface 'nowhere'" in run("cache", "why", "u", "--surface", "nowhere", code=1).err
    assert "Leave one of them out" in run("cache", "warm", "u", "--users", "3", code=1).err
    answer = run("cache", "stats", "--url", "http://127.0.0.1:9", code=4)
    assert "No server answers at http://127.0.0.1:9" in answer.err
    assert "honeyguide serve" in answer.err
    assert run("cache", "stats", "--url", "127.0.0.1", code=4).err


def test_without_a_server_there_is_no_cache(shop: Path, run: Run) -> None:
    for words in (["stats"], ["why", "u"], ["warm"], ["clear", "--user", "u"]):
        ran = run("cache", *words, code=4)
        assert "No server runs on ./data" in ran.err
        assert "honeyguide serve" in ran.err


def test_the_key_of_the_configuration_is_sent(shop: Path, run: Run) -> None:
    with serving(shop / "data", HONEYGUIDE_AUTH__KEY=KEY):
        ran = run("cache", "stats", code=1)
        assert "auth.key" in ran.err
        assert "auth.key" in run("cache", "stats", HONEYGUIDE_AUTH__KEY="not that one", code=1).err
        assert "1 process" in run("cache", "stats", HONEYGUIDE_AUTH__KEY=KEY).out


def test_several_processes_and_redis(shop: Path, run: Run) -> None:
    user = user_of(shop)
    with (
        redis_server(shop / "redis") as redis,
        serving(shop / "data", "--workers", "2", HONEYGUIDE_REDIS__URL=redis.url) as server,
    ):
        served = 0
        while served < 8:  # each on a connection of its own, so that both processes are met
            answer = httpx.post(f"{server.url}/v1/recommendations", json={"user_id": user}, trust_env=False, timeout=60)
            served += answer.status_code == 200
        figures = run("cache", "stats", "--json").json
        assert figures["processes"] == 2
        l1, l2 = figures["tiers"]
        assert (l1["bound"], l2["tier"]) == (2 * 256_000_000, "l2")
        assert l1["hits"] + l1["stale"] + l1["misses"] + l1["unverified"] >= 8
        assert l2["bytes"] > 100_000
        assert (figures["shared"]["answers"], figures["shared"]["breakers_open"]) == (True, [])
        assert figures["shared"]["silent_seconds"] is not None
        told = run("cache", "stats").out
        assert "2 processes" in told
        assert "redis     answers · heard" in told
        found = run("cache", "why", user, "--json").json
        assert found["verdict"] in ("l1", "l2", "stale")
        assert "l2" in [copy["tier"] for copy in found["copies"]]
        assert found["shared_name"] in run("cache", "why", user).out
        assert "on all servers" in run("cache", "clear", "--user", user).out
