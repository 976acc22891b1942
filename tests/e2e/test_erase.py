"""Erasures with real processes: beside traffic, after a kill, from the command line."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.server import Server, eventually, run, serving
from tests.shop import BALL, TEA
from tests.stores.test_erased import found_in

CANARY = "canary-90ab12"


def send(server: Server, user: str, events: int, stem: str) -> int:
    """Events in batches; returns how many were acknowledged."""
    taken = 0
    for start in range(0, events, 500):
        batch = [
            {
                "type": "view",
                "user_id": user,
                "item_id": (TEA + BALL)[at % 16],
                "event_id": f"{stem}-{at}",
                "properties": {"of": user},
            }
            for at in range(start, min(start + 500, events))
        ]
        answer = server.http.post("/v1/events:batch", json=batch)
        assert answer.status_code == 202, answer.text
        taken += answer.json()["accepted"]
    return taken


def job_of(server: Server, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.http.get(f"/v1/jobs/{job_id}").json()
    return found


def test_traffic_goes_on_and_nothing_of_others_is_lost(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert send(server, CANARY, 4_000, f"{CANARY}-a") == 4_000
        done, acknowledged, failures = threading.Event(), [0], list[str]()

        def shop_on() -> None:
            with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
                turn = 0
                while not done.is_set():
                    turn += 1
                    sent = http.post("/track/view", params={"user_id": f"u{turn % 9}", "item_id": TEA[turn % 8]})
                    asked = http.post("/v1/recommendations", json={"user_id": f"u{turn % 9}"})
                    failures.extend(answer.text for answer in (sent, asked) if answer.status_code >= 300)
                    acknowledged[0] += sent.status_code == 202

        shopper = threading.Thread(target=shop_on)
        shopper.start()
        job = server.http.delete(f"/v1/users/{CANARY}").json()
        eventually(lambda: job_of(server, job["job_id"])["state"] == "succeeded", "the receipt")
        done.set()
        shopper.join()
        assert failures == []
        receipt = job_of(server, job["job_id"])["result"]
        assert receipt["removed"]["log"] == 4_000
        assert found_in(tmp_path, CANARY) == {}
        others = 0
        for number in range(9):
            exported = server.http.get(f"/v1/users/u{number}/export")
            lines = exported.text.splitlines() if exported.status_code == 200 else []
            others += sum(json.loads(line).get("table") == "log" for line in lines)
        assert others == acknowledged[0]


def test_a_kill_in_the_middle_is_made_good_at_the_next_start(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert send(server, CANARY, 6_000, f"{CANARY}-a") == 6_000
        job_id = server.http.delete(f"/v1/users/{CANARY}").json()["job_id"]
        eventually(lambda: job_of(server, job_id)["params"].get("removed", {}).get("log", 0) > 0, "the first rows to go")
        server.kill()
    assert found_in(tmp_path, CANARY)
    with serving(tmp_path) as server:
        eventually(lambda: job_of(server, job_id)["state"] == "succeeded", "the receipt")
        assert job_of(server, job_id)["result"]["resumed"]
        assert found_in(tmp_path, CANARY) == {}
        assert send(server, "bob", 10, "b") == 10
        held = server.http.get(f"/v1/users/{CANARY}/export").text.splitlines()
        assert [json.loads(line)["table"] for line in held] == ["export", "jobs", "end"]


def test_the_command_line_leaves_it_to_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        send(server, CANARY, 500, f"{CANARY}-a")
        receipt = run(tmp_path, "users", "erase", CANARY, "--yes")
        assert receipt["removed"] == {"log": 500}
        assert found_in(tmp_path, CANARY) == {}
        (job,) = server.http.get("/v1/jobs").json()["items"]
        assert (job["kind"], job["state"], job["result"]) == ("erase", "succeeded", receipt)
