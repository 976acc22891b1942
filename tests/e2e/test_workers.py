"""`serve --workers N`: several real processes on one socket; one is killed, frozen, switched or stopped under load."""

import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from honeyguide.clock import SystemClock
from tests.e2e.server import GENEROUS, Server, command, eventually, run, serving
from tests.redis_server import redis_server
from tests.shop import open_shop


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    with redis_server(tmp_path / "redis") as redis:
        yield {"HONEYGUIDE_REDIS__URL": redis.url}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return filled(tmp_path / "shop")


def filled(folder: Path) -> Path:
    with open_shop(folder, clock=SystemClock()):
        pass
    return folder


@dataclass(frozen=True)
class Shared:
    """A server with two processes for all tests that leave two processes behind."""

    server: Server
    data_dir: Path
    environ: dict[str, str]


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("workers")
    with redis_server(folder / "redis") as redis:
        data_dir, environ = filled(folder / "shop"), {"HONEYGUIDE_REDIS__URL": redis.url}
        with serving(data_dir, "--workers", "2", **environ) as running:
            yield Shared(running, data_dir, environ)


@pytest.fixture
def shared(_shared: Shared) -> Shared:
    """Found sound, whatever the test before has killed."""
    server = _shared.server
    eventually(lambda: len(children(server)) == 2, "two processes")
    eventually(lambda: server.metric("honeyguide_server_processes") == 2.0, "both answering")
    return _shared


@pytest.fixture
def server(shared: Shared) -> Server:
    return shared.server


def children(server: Server) -> list[int]:
    """The processes that answer."""
    found = subprocess.run(
        ["ps", "--ppid", str(server.process.pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return sorted(map(int, found.stdout.split()))


def ask(server: Server, times: int, path: str = "/recommendations?user_id=u1") -> Counter[int]:
    """Requests, each on a connection of its own: any process may take it."""
    statuses: Counter[int] = Counter()
    for _ in range(times):
        try:
            statuses[httpx.get(f"{server.url}{path}", timeout=GENEROUS, trust_env=False).status_code] += 1
        except httpx.TransportError:
            statuses[0] += 1
    return statuses


@contextmanager
def shoppers(number: int, shop_on: Callable[[httpx.Client], bool], url: str) -> Iterator[None]:
    """Callers who go on, each with a client of its own, until the block ends or they are told to leave."""
    done = threading.Event()

    def shop() -> None:
        with httpx.Client(base_url=url, timeout=GENEROUS, trust_env=False) as http:
            while not done.is_set() and shop_on(http):
                pass

    threads = [threading.Thread(target=shop) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join(GENEROUS)


def served(server: Server) -> float:
    return server.metric("honeyguide_recommend_requests_total")


def test_scrapes_add_up_whoever_answers_and_whoever_is_killed(server: Server) -> None:
    before, restarts = served(server), server.metric("honeyguide_server_restarts_total")
    assert ask(server, 30) == {200: 30}
    assert [served(server) - before for _ in range(4)] == [30.0] * 4
    first, second = children(server)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: server.metric("honeyguide_server_restarts_total") == restarts + 1.0, "the restart counted")
    assert served(server) - before == 30.0
    assert ask(server, 20) == {200: 20}
    assert served(server) - before == 50.0
    eventually(lambda: server.metric("honeyguide_server_processes") == 2.0, "two processes answering")
    assert second in children(server)
    assert first not in children(server)
    assert ask(server, 20) == {200: 20}
    assert served(server) - before == 70.0


def test_a_process_that_is_killed_or_frozen_leaves_the_others_answering(server: Server) -> None:
    frozen, _ = children(server)
    os.kill(frozen, signal.SIGSTOP)
    assert ask(server, 20) == {200: 20}
    assert server.metric("honeyguide_server_processes") == 2.0  # it is there, and its counters stand
    os.kill(frozen, signal.SIGCONT)
    for turn in range(3):
        os.kill(children(server)[turn % 2], signal.SIGKILL)  # again and again, faster than it comes back
        assert ask(server, 10) == {200: 10}
        assert ask(server, 1, "/readyz") == {200: 1}
        eventually(lambda: len(children(server)) == 2, "the process started again")
    eventually(lambda: server.metric("honeyguide_server_processes") == 2.0, "both answering again")


def test_models_are_switched_on_all_processes_without_a_failed_or_mixed_answer(shared: Shared) -> None:
    server = shared.server
    failures: list[str] = []
    seen: Counter[str] = Counter()

    def shop_on(http: httpx.Client) -> bool:
        queries = [{"user_id": f"u{number}", "n": 4} for number in range(8)]
        answer = http.post("/v1/recommendations:batch", json={"queries": queries}, headers={"connection": "close"})
        slates = answer.json()["slates"] if answer.status_code == 200 else []
        models = {slate["model"] for slate in slates}
        missing = {reason for slate in slates for reason in slate["degraded"] if not reason.startswith("source:")}
        if len(models) != 1 or missing or any(len(slate["items"]) != 4 for slate in slates):  # late is not mixed
            failures.append(answer.text)
        seen.update(models)
        return True

    before = server.recommend("u1")["model"]
    with shoppers(3, shop_on, server.url):
        after = run(shared.data_dir, "train", "popular", "ease")["champion"]
        eventually(lambda: seen[after] > 20, "the new version serving")

        def only_the_new() -> bool:
            found = Counter(server_model(server) for _ in range(6))
            return found == {after: 6}

        eventually(only_the_new, "all processes on the new version")
    assert failures == []
    assert set(seen) == {before, after}


def server_model(server: Server) -> str:
    answer = httpx.get(f"{server.url}/readyz", timeout=GENEROUS, trust_env=False)
    return str(answer.json()["aliases"]["champion"])


def test_what_one_process_took_the_other_shows(server: Server) -> None:
    """Each on a connection of its own, so that either process may answer."""
    for turn in range(10):
        user = f"new {turn}"
        assert httpx.get(f"{server.url}/recommendations?user_id={user}", trust_env=False, timeout=GENEROUS).is_success
        sequence = server.send("purchase", user, "tea")

        def knows(user: str = user, sequence: int = sequence) -> bool:
            asked = {"user_id": user, "n": 3}
            answer = httpx.post(f"{server.url}/v1/recommendations", json=asked, timeout=GENEROUS, trust_env=False).json()
            return bool(answer["as_of"] >= sequence)

        eventually(lambda: all(knows() for _ in range(4)), "the purchase in every list")


def test_the_processes_share_lists_and_what_invalidates_them(server: Server) -> None:
    """A list that one made the other serves from Redis; and once an event is known, by whatever way it came, nothing in
    either's memory or in Redis brings back a list from before."""
    before = {tier: from_tier(server, tier) for tier in ("l1", "l2")}
    for turn in range(5):
        user = f"shared {turn}"
        server.send("view", user, "ball")
        eventually(lambda user=user: {"l1", "l2"} <= tiers(server, user), "its list in both memories")  # type: ignore[misc]
        sequence = server.send("purchase", user, "tea")
        eventually(partial(all_know, server, user, sequence), "the purchase in every list")
        for _ in range(5):
            assert all_know(server, user, sequence), "it was known before"
    for tier, count in before.items():
        assert from_tier(server, tier) >= count + 5, tier


def from_tier(server: Server, tier: str) -> float:
    return server.metric(rf'honeyguide_recommend_requests_total\{{.*served_from="{tier}".*\}}')


def listed(server: Server, user: str) -> dict[str, Any]:
    """A list on a connection of its own: any process may make it."""
    answer = httpx.post(
        f"{server.url}/v1/recommendations", json={"user_id": user, "n": 3}, timeout=GENEROUS, trust_env=False
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tiers(server: Server, user: str) -> set[str]:
    return {listed(server, user)["served_from"] for _ in range(6)}


def all_know(server: Server, user: str, sequence: int) -> bool:
    return all(listed(server, user)["as_of"] >= sequence for _ in range(4))


def test_a_stop_fails_no_request_of_who_heeds_it(data_dir: Path, environ: dict[str, str]) -> None:
    failures: list[str] = []
    answers: Counter[int] = Counter()

    def shop_on(http: httpx.Client) -> bool:
        """As behind a load balancer: whoever hears that nobody is ready comes no more."""
        try:
            if http.get("/readyz").status_code != 200:
                return False
            answers[http.post("/v1/recommendations", json={"user_id": "u1"}).status_code] += 1
        except httpx.TransportError as error:
            failures.append(repr(error))
        return True

    with serving(data_dir, "--workers", "2", **environ, HONEYGUIDE_SERVER__LEAVE="3s") as server:
        gone = children(server)
        with shoppers(4, shop_on, server.url):
            eventually(lambda: answers[200] > 40, "shoppers")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(GENEROUS) == 0
        assert (failures, set(answers)) == ([], {200})
        for pid in gone:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_slates_and_acknowledged_events_outlive_the_kill_of_a_process(server: Server) -> None:
    acknowledged: list[str] = []
    numbers = iter(range(10**6))
    lock = threading.Lock()

    def send_on(http: httpx.Client) -> bool:
        with lock:
            name = f"k{next(numbers)}"
        event = {"event_id": name, "type": "view", "user_id": "u1", "item_id": "tea"}
        try:
            answer = http.post("/v1/events", json=event, headers={"connection": "close"})
        except httpx.TransportError:
            return True
        if answer.status_code == 202:
            acknowledged.append(name)
        return True

    with shoppers(3, send_on, server.url):
        for _ in range(2):
            had = len(acknowledged)
            eventually(lambda had=had: len(acknowledged) > had + 30, "events")  # type: ignore[misc]
            os.kill(children(server)[0], signal.SIGKILL)
            eventually(lambda: len(children(server)) == 2, "the process started again")
    again = [{"event_id": name, "type": "view", "user_id": "u1", "item_id": "tea"} for name in acknowledged]
    for start in range(0, len(again), 1000):
        report = server.http.post("/v1/events:batch", json=again[start : start + 1000]).json()
        assert (report["accepted"], report["duplicates"]) == (0, len(again[start : start + 1000]))


def refused(data_dir: Path, *words: str, **environ: str) -> tuple[int, Any]:
    done = subprocess.run(
        command(data_dir, "serve", "--port", "0", *words),
        capture_output=True,
        text=True,
        timeout=GENEROUS,
        check=False,
        env={**os.environ, **environ},
    )
    return done.returncode, done.stderr


def test_several_processes_without_redis_are_refused_with_what_mends_it(tmp_path: Path) -> None:
    code, told = refused(tmp_path, "--workers", "3")
    assert code == 2
    assert 'redis.url = "redis://127.0.0.1:6379/0"' in told
    assert not (tmp_path / "honeyguide.sqlite").exists()


def test_a_start_that_cannot_be_is_told_once(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "honeyguide.sqlite").write_bytes(b"not a database" * 1000)
    code, told = refused(tmp_path, "--workers", "2", **environ)
    assert code == 4
    assert told.count("is damaged") == 1


def test_a_second_server_on_the_data_is_told_who_holds_it(shared: Shared) -> None:
    code, told = refused(shared.data_dir, "--workers", "2", **shared.environ)
    assert code == 1
    assert str(shared.server.process.pid) in told


def test_processes_end_when_their_supervisor_is_killed(data_dir: Path, environ: dict[str, str]) -> None:
    with serving(data_dir, "--workers", "2", **environ) as server:
        left = children(server)
        assert len(left) == 2
        server.kill()

    def gone(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"

    eventually(lambda: all(gone(pid) for pid in left), "the end of all of them")
