"""The shop on two real nodes with PostgreSQL and Redis: the load balancer, the patient page, the drill, exact counts."""

import asyncio
import io
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from honeyguide.clock import ManualClock
from honeyguide.errors import Unavailable
from honeyguide.simulate.balanced import BOUND, Balanced, PatientService
from honeyguide.simulate.cluster import run_cluster
from honeyguide.simulate.demo import DemoOptions
from honeyguide.simulate.drill import Times
from honeyguide.simulate.private import PrivatePostgres, PrivateRedis
from honeyguide.simulate.service import Failed

LIST: dict[str, Any] = {"served_from": "l1", "as_of": 10, "degraded": [], "items": []}
PURCHASE = {"event_id": "e1", "user_id": "u", "type": "purchase"}


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
    await writer.drain()
    writer.close()


def test_requests_go_to_the_nodes_in_turn_and_past_one_that_is_gone() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        servers = [await asyncio.start_server(answer_ok, "127.0.0.1", 0) for _ in range(2)]
        urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
        nodes = Balanced(urls, clock)
        async with httpx.AsyncClient(transport=nodes, base_url=urls[0]) as client:
            for _ in range(4):
                (await client.get("/")).raise_for_status()
            assert nodes.asked == dict.fromkeys(urls, 2)
            servers[0].close()
            await servers[0].wait_closed()
            for _ in range(6):
                (await client.get("/")).raise_for_status()
            assert nodes.asked[urls[1]] == 8
            assert nodes.moved == 1, "it is passed over for a while"
            clock.advance(1)
            for _ in range(2):
                (await client.get("/")).raise_for_status()
            assert nodes.moved == 2
            servers[1].close()
            await servers[1].wait_closed()
            with pytest.raises(httpx.ConnectError):
                await client.get("/")

    asyncio.run(scenario())


class Node:
    """A server that takes events only when it is told to."""

    def __init__(self) -> None:
        self.takes = True
        self.sequence = 10
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/recommendations":
            return httpx.Response(200, json=LIST)
        if not self.takes:
            return httpx.Response(503)
        self.bodies.append(request.content)
        self.sequence += 1
        return httpx.Response(202, json={"accepted": 1, "duplicates": 0, "rejected": [], "sequence": self.sequence})


def patient(node: Node, clock: ManualClock) -> PatientService:
    client = httpx.AsyncClient(transport=httpx.MockTransport(node), base_url="http://node")
    return PatientService(client, clock, ["purchase"])


def test_events_wait_until_a_node_takes_them() -> None:
    node = Node()
    service = patient(node, ManualClock())

    async def scenario() -> None:
        node.takes = False
        await service.send([PURCHASE])
        await service.put_items([{"item_id": "i1"}])
        assert (service.waiting, service.repeated, service.acknowledged) == (2, 2, set())
        node.takes = True
        await service.settle()
        assert (service.waiting, service.acknowledged, service.sent) == (0, {"e1"}, {"e1"})
        assert len(node.bodies) == 2

    asyncio.run(scenario())


def test_a_list_that_is_too_old_is_counted_unless_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    service = patient(Node(), clock)

    async def scenario() -> None:
        await service.send([PURCHASE])
        await service.recommend("u", 10)
        assert (service.checked, service.late) == (0, 0), "the other node has half a second"
        clock.advance(BOUND)
        await service.recommend("u", 10)
        assert (service.checked, service.late) == (1, 1)
        monkeypatch.setitem(LIST, "degraded", ["stale"])
        await service.recommend("u", 10)
        assert (service.checked, service.late) == (2, 1)

    asyncio.run(scenario())


def test_what_is_refused_for_good_is_not_sent_again() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(202, json={"accepted": 0, "duplicates": 0, "rejected": [{"code": "bad"}], "sequence": 0})

    service = PatientService(
        httpx.AsyncClient(transport=httpx.MockTransport(refuse), base_url="http://n"), ManualClock(), []
    )
    with pytest.raises(Failed, match="bad"):
        asyncio.run(service.send([PURCHASE]))


def test_a_private_server_keeps_its_port_through_a_kill(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path / "redis") as redis:
        assert redis.answers()
        redis.kill()
        assert not redis.answers()
        redis.start()
        assert redis.answers()
    assert not redis.answers()
    assert not redis.alive


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path / "redis") as redis, pytest.raises(Unavailable) as told:
        PrivateRedis(tmp_path / "second", redis.port).start()
    assert f"did not start on port {redis.port}" in told.value.detail
    assert "Address already in use" in told.value.detail


def test_a_folder_that_postgresql_cannot_reach_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has to let another user run PostgreSQL")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Unavailable) as told:
        PrivatePostgres(closed / "postgres")
    assert "user postgres" in told.value.cure


def test_the_drill_fails_no_list_and_loses_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONEYGUIDE_MODELS__TRAIN", '["popular", "ease"]')
    stream = io.StringIO()
    options = DemoOptions(users=40, items=90, port=0, pace=20)
    result = run_cluster(options, Console(file=stream, width=160), times=Times(calm=0.5, frozen=1.0, away=1.0))
    text = stream.getvalue()
    assert result.failures == [], text
    counts = result.traffic["cluster"]
    assert result.traffic["failures"] == {}
    assert counts["acknowledged"] == counts["in_log"] > 0
    assert (counts["lost"], counts["twice"], counts["not_taken"], counts["late"]) == (0, 0, 0, 0)
    assert len(counts["asked"]) == 2
    parts = [part["what"] for part in counts["drill"] if part["what"] != "all in order"]
    assert [part.split()[0] for part in parts] == ["Redis", "PostgreSQL", "node"]
    assert sum(part["lists"] for part in counts["drill"]) > 0
    assert re.search(r"acknowledged, [\d,]+ in the log +each once, none lost", text)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{result.url}/healthz", trust_env=False)
