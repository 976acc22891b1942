"""The promises with real processes: kills, other processes on the data, a switch of models under load."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from honeyguide.clock import SystemClock
from tests.e2e.server import GENEROUS, Server, command, eventually, run, serving
from tests.shop import BALL, TEA, open_shop


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    with open_shop(tmp_path / "shop", clock=SystemClock()):
        pass
    return tmp_path / "shop"


@pytest.fixture
def server(data_dir: Path) -> Iterator[Server]:
    with serving(data_dir) as running:
        yield running


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_read_your_writes_over_http(server: Server) -> None:
    for turn in range(20):
        user = f"u{turn}"
        server.recommend(user)
        item = (TEA if turn % 2 else BALL)[turn % 8]
        sequence = server.send("purchase", user, item)
        after = server.recommend(user)
        assert after["as_of"] >= sequence
        assert item not in ids(after)


def test_what_another_process_writes_is_seen(server: Server, data_dir: Path, tmp_path: Path) -> None:
    before = server.recommend("u1")
    item = ids(before)[0]
    source = tmp_path / "late.csv"
    source.write_text(f"user_id,item_id,type,ts\nu1,{item},purchase,2026-11-01T10:00:00Z\n")
    assert run(data_dir, "import", "events", str(source))[0]["new"] == 1
    eventually(lambda: item not in ids(server.recommend("u1")), "the purchase that another process imported")


def test_models_are_switched_without_a_failed_request(server: Server, data_dir: Path) -> None:
    failures, served, done = [], set(), threading.Event()

    def shop_on() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            answer = server.http.post("/v1/recommendations", json={"user_id": f"u{turn % 40}", "n": 5})
            if answer.status_code != 200 or answer.json()["degraded"] or len(answer.json()["items"]) != 5:
                failures.append(answer.text)
            served.add(answer.json()["model"])

    before = server.recommend("u1")["model"]
    shopper = threading.Thread(target=shop_on)
    shopper.start()
    try:
        report = run(data_dir, "train", "popular", "ease")
        eventually(lambda: report["champion"] in served, "the new version serving")
    finally:
        done.set()
        shopper.join()
    assert failures == []
    assert served == {before, report["champion"]}
    assert before != report["champion"]


def test_an_altered_artefact_is_refused_and_the_old_version_serves(server: Server, data_dir: Path) -> None:
    before = server.recommend("u1")["model"]
    report = run(data_dir, "train", "popular", "ease")
    eventually(lambda: server.recommend("u1")["model"] == report["champion"], "the new version")
    model, version = before.split("@")
    arrays = data_dir / "models" / model / version / "arrays.safetensors"
    content = bytearray(arrays.read_bytes())
    content[-1] ^= 1
    arrays.chmod(0o644)
    arrays.write_bytes(content)
    done = subprocess.run(
        command(data_dir, "models", "rollback"), capture_output=True, text=True, timeout=GENEROUS, check=False
    )
    assert done.returncode == 1
    assert "altered" in done.stderr
    assert server.recommend("u2")["model"] == report["champion"]


def test_a_truncated_champion_at_the_start_still_gives_lists(data_dir: Path) -> None:
    for arrays in (data_dir / "models").glob("*/*/arrays.safetensors"):
        arrays.chmod(0o644)
        arrays.write_bytes(arrays.read_bytes()[:40])
    with serving(data_dir) as server:
        answer = server.recommend("u1", n=5)
        assert len(answer["items"]) == 5
        assert answer["degraded"] == ["model"]
        assert answer["served_from"] == "fallback"


def test_a_second_server_is_told_who_holds_the_data(server: Server, data_dir: Path) -> None:
    second = subprocess.run(
        command(data_dir, "serve", "--port", "0"), capture_output=True, text=True, timeout=GENEROUS, check=False
    )
    assert second.returncode != 0
    assert str(server.process.pid) in second.stderr
    assert server.recommend("u1")["items"]


@pytest.mark.parametrize("batch", [1, 500])
def test_kill_nine_loses_nothing_that_was_acknowledged(data_dir: Path, batch: int) -> None:
    """Events stream in over HTTP until the server is killed in the middle; every acknowledged one is in the log."""
    acknowledged: list[str] = []
    with serving(data_dir) as server:
        enough = threading.Event()

        def stream() -> None:
            number = 0
            while True:
                events = [
                    {"event_id": f"k{number + place}", "type": "view", "user_id": "u1", "item_id": "tea"}
                    for place in range(batch)
                ]
                number += batch
                try:
                    answer = server.http.post("/v1/events:batch", json=events)
                except httpx.HTTPError:
                    return
                if answer.status_code == 202 and answer.json()["accepted"] == batch:
                    acknowledged.extend(event["event_id"] for event in events)
                if len(acknowledged) >= 20 * batch:
                    enough.set()

        sender = threading.Thread(target=stream)
        sender.start()
        assert enough.wait(GENEROUS)
        server.kill()
        sender.join(GENEROUS)
    with serving(data_dir) as server:
        again = [{"event_id": name, "type": "view", "user_id": "u1", "item_id": "tea"} for name in acknowledged]
        for start in range(0, len(again), 1000):
            report = server.http.post("/v1/events:batch", json=again[start : start + 1000]).json()
            assert report["accepted"] == 0, "an acknowledged event was lost"
            assert report["duplicates"] == len(again[start : start + 1000])


def test_kill_nine_during_training_leaves_the_old_version_serving(server: Server, data_dir: Path) -> None:
    before = server.recommend("u1")["model"]
    training = subprocess.Popen(
        command(data_dir, "train", "popular", "ease"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert training.stderr is not None
    while (line := training.stderr.readline()) and "on everything" not in line:
        pass
    training.kill()
    training.communicate(timeout=GENEROUS)
    assert server.recommend("u1")["model"] in {before, f"ease@{int(before.split('@')[1]) + 1}"}
    with serving_again(server, data_dir) as restarted:
        assert restarted.recommend("u1")["degraded"] == []
    report = run(data_dir, "train", "popular", "ease")
    assert report["champion"].startswith("ease@")


def serving_again(server: Server, data_dir: Path) -> Any:
    server.process.terminate()
    server.process.wait(GENEROUS)
    return serving(data_dir)


def test_a_stop_finishes_what_is_under_way_and_writes_the_slates(data_dir: Path) -> None:
    with serving(data_dir) as server:
        request_id = server.recommend("u3")["request_id"]
        server.process.terminate()
        assert server.process.wait(GENEROUS) == 0
    with serving(data_dir) as server:
        told = server.http.get(f"/v1/recommendations/{request_id}/explanation").json()
        assert told["matches"] is True
        assert told["served"] == told["replayed"]


def test_a_full_disk_refuses_events_and_keeps_serving(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """The database may grow no further: events are refused with 503, lists go on, and all is well afterwards."""
    import resource

    size = (data_dir / "honeyguide.sqlite-wal").stat().st_size if (data_dir / "honeyguide.sqlite-wal").exists() else 0
    limit = max(size, (data_dir / "honeyguide.sqlite").stat().st_size) + 4096
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    refused = 0
    for turn in range(200):
        rows = [{"type": "view", "user_id": "u1", "item_id": "tea", "properties": {"note": "x" * 500}} for _ in range(50)]
        answer = server.http.post("/v1/events:batch", json=rows)
        assert answer.status_code in (202, 503), answer.text
        if answer.status_code == 503:
            refused += 1
            assert answer.headers["content-type"] == "application/problem+json"
            assert server.recommend(f"u{turn % 40}")["items"]
        if refused == 3:
            break
    assert refused == 3, "the limit was never met"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert server.send("purchase", "u1", "tea") > 0


def test_the_same_answer_after_a_restart(data_dir: Path) -> None:
    lists = []
    for _ in range(2):
        with serving(data_dir) as server:
            lists.append([ids(server.recommend(f"u{n}", n=16)) for n in range(6)])
    assert lists[0] == lists[1]


def test_jobs_train_beside_the_server(server: Server) -> None:
    started = server.http.post("/v1/jobs", json={"kind": "train", "models": ["popular", "ease"]})
    assert started.status_code == 202, started.text
    where = started.headers["location"]
    before = server.recommend("u1")["model"]
    eventually(lambda: server.http.get(where).json()["state"] not in ("queued", "running"), "the end of the job")
    job = server.http.get(where).json()
    assert job["state"] == "succeeded", json.dumps(job)
    assert job["result"]["champion"] != before
    eventually(lambda: server.recommend("u1")["model"] == job["result"]["champion"], "the new version")


def test_an_item_that_has_just_been_created_has_similar_items_and_is_one(server: Server) -> None:
    sent = server.http.put("/v1/items/teapot", json={"title": "Teapot", "categories": ["kitchen"]})
    assert sent.status_code in (200, 201), sent.text
    about_it = server.recommend("nobody", surface="similar", item_id="teapot")
    assert {item["item_id"] for item in about_it["items"] if item["sources"][0] == "content"} == set(TEA)
    assert "teapot" in ids(server.recommend("nobody", surface="similar", item_id=TEA[0]))
