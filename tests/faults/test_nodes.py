"""A node killed, short of files, held up by slow callers: the other serves, and what was acknowledged is there."""

import resource
import signal
import socket
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import Server, eventually, serving
from tests.faults.site import Site, together
from tests.faults.test_database import stored
from tests.shop import TEA


def test_kill_nine_while_events_come_loses_none_that_was_acknowledged(site: Site) -> None:
    acknowledged: set[str] = set()
    told = threading.Event()

    def tell(at: int) -> None:
        node = (site.a, site.b)[at % 2]
        http, other = node.server.http, site.b.server.http
        for turn in range(30):
            batch = [kept(f"kill-{at}-{turn}-{row}", at) for row in range(2)]
            try:
                answer = http.post("/v1/events:batch", json=batch)
            except httpx.TransportError:  # a page tells it again, elsewhere
                http = other
                answer = http.post("/v1/events:batch", json=batch)
            assert answer.status_code == 202, answer.text
            acknowledged.update(each["event_id"] for each in batch)
            if turn == 5:
                told.set()

    def kill(_: int) -> None:
        assert told.wait(60)
        site.a.kill()

    together(5, lambda at: kill(at) if at == 4 else tell(at))
    site.a.start()
    assert sorted(acknowledged) == stored(site, "kill-")
    assert len(acknowledged) == 4 * 30 * 2
    for at in range(4):
        assert site.a.ask(f"killed{at}")["as_of"] > 0


def kept(event_id: str, at: int) -> dict[str, Any]:
    return {"event_id": event_id, "user_id": f"killed{at}", "item_id": "tea", "type": "click"}


def test_without_a_free_file_a_node_goes_on_with_whom_it_has_and_recovers(site: Site) -> None:
    http = site.b.server.http
    site.b.ask("u1")  # a connection that is there already
    soft, hard = resource.prlimit(site.b.pid, resource.RLIMIT_NOFILE)
    host, port = site.b.server.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        resource.prlimit(site.b.pid, resource.RLIMIT_NOFILE, (site.b.files() + 8, hard))
        for _ in range(60):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
        assert site.b.ask("u1")["items"]
        assert http.get("/healthz").status_code == 200
        assert site.a.ask("u1")["items"]
    eventually(
        lambda: httpx.get(f"{site.b.server.url}/healthz", timeout=60, trust_env=False).status_code == 200, "a new caller"
    )
    resource.prlimit(site.b.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert site.b.ask("u2")["items"]


def test_callers_that_never_end_their_request_hold_nobody_up(site: Site) -> None:
    host, port = site.a.server.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for _ in range(100):
            slow = stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
            slow.sendall(b"POST /v1/recommendations HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        assert all(answer["items"] for answer in together(10, lambda at: site.a.ask(f"u{at}")))
        assert site.a.send("view", "u1", "tea")


def test_a_node_that_is_held_up_fails_its_probe_while_the_other_serves_and_says_so_afterwards(site: Site) -> None:
    before = site.a.metric("honeyguide_event_loop_lag_seconds_sum")
    site.a.server.process.send_signal(signal.SIGSTOP)
    with (
        httpx.Client(base_url=site.a.server.url, timeout=1.0, trust_env=False) as probe,
        pytest.raises(httpx.TimeoutException),
    ):
        probe.get("/readyz")
    assert all(answer["items"] for answer in together(4, lambda at: site.b.ask(f"u{at}")))
    site.a.server.process.send_signal(signal.SIGCONT)
    eventually(lambda: site.a.metric("honeyguide_event_loop_lag_seconds_sum") > before + 0.5, "the lag noted")
    assert site.a.server.http.get("/readyz").status_code == 200


@pytest.mark.parametrize("offset", ["+1h", "-1h"])
def test_a_node_whose_clock_is_an_hour_off_is_one_of_them(site: Site, offset: str) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not installed (apt-get install faketime)")
    odd = {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with serving(site.a.data_dir, **site.b.environ, **odd) as other:
        user = f"clock{offset}"
        for teller, hearer in ((site.a.server, other), (other, site.a.server)):
            hearer.recommend(user)
            sequence = teller.send("purchase", user, TEA[3] if teller is other else TEA[4])
            eventually(partial(knows, hearer, user, sequence), "the other knowing")
        ids = [{item["item_id"] for item in node.recommend(user)["items"]} for node in (site.a.server, other)]
        assert ids[0] == ids[1]
        assert not ids[0] & {TEA[3], TEA[4]}
        eventually(lambda: other.recommend(user)["cached"], "a kept list")
        for node in (site.a.server, other):
            assert node.http.get("/readyz").json()["degraded"] == []
            assert not node.recommend("fresh-one")["degraded"]


def knows(node: Server, user: str, sequence: int) -> bool:
    return bool(node.recommend(user)["as_of"] >= sequence)
