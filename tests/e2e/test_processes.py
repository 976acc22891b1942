"""Several real processes on one project: who leads, who runs jobs, and what killing or freezing one does to the rest."""

import signal
from pathlib import Path

import pytest

from honeyguide.clock import SystemClock
from tests.e2e.server import GENEROUS, Server, eventually, serving, working
from tests.shop import open_shop


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    with open_shop(tmp_path / "shop", clock=SystemClock()):
        pass
    return tmp_path / "shop"


def leads(process: Server) -> bool:
    return process.metric("honeyguide_leader") == 1.0


def test_a_worker_that_leads_is_killed_or_frozen_and_the_next_leads(data_dir: Path) -> None:
    with working(data_dir) as first, working(data_dir) as second:
        eventually(lambda: leads(first), "a leader")
        assert not leads(second)
        first.process.send_signal(signal.SIGSTOP)
        eventually(lambda: leads(second), "the second leading while the first is frozen")
        first.process.send_signal(signal.SIGCONT)
        for _ in range(50):
            assert not (leads(first) and leads(second))
        assert leads(second)
        second.kill()
        eventually(lambda: leads(first), "the first leading again")


def test_a_worker_runs_the_servers_jobs_and_the_server_serves_what_it_made(data_dir: Path) -> None:
    with serving(data_dir) as server:
        assert server.http.get("/readyz").json()["ready"] is True
        with working(data_dir) as worker:
            assert worker.http.get("/readyz").status_code == 200
            assert worker.http.get("/recommendations?user_id=u1").status_code == 404
            eventually(lambda: leads(worker) and not leads(server), "the worker leading")
            before = server.recommend("u1")["model"]
            job_id = server.http.post("/v1/jobs", json={"kind": "train", "models": ["popular", "ease"]}).json()["job_id"]

            def ended() -> bool:
                job = server.http.get(f"/v1/jobs/{job_id}").json()
                assert job["state"] != "failed", job
                return bool(job["state"] == "succeeded")

            eventually(ended, "the training")
            assert worker.metric("honeyguide_job_runs_total") == 1.0
            assert server.metric("honeyguide_job_runs_total") == 0.0
            eventually(lambda: server.recommend("u2")["model"] != before, "the new version serving")
            worker.process.terminate()
            assert worker.process.wait(GENEROUS) == 0
        eventually(lambda: leads(server), "the server leading where no worker is")


def test_a_training_whose_worker_is_killed_says_so(data_dir: Path) -> None:
    with serving(data_dir) as server, working(data_dir) as worker:
        eventually(lambda: leads(worker) and not leads(server), "the worker leading")
        server.http.post("/v1/jobs", json={"kind": "train", "models": ["popular", "als"]}).raise_for_status()
        job = server.http.get("/v1/jobs").json()["items"][0]
        eventually(lambda: server.http.get(f"/v1/jobs/{job['job_id']}").json()["state"] == "running", "the training begun")
        worker.kill()
        eventually(lambda: server.http.get(f"/v1/jobs/{job['job_id']}").json()["state"] == "failed", "the end noticed")
        told = server.http.get(f"/v1/jobs/{job['job_id']}").json()["message"]
        assert told == "The process that ran it has ended. Start it again with: POST /v1/jobs"
        server.http.post("/v1/jobs", json={"kind": "train", "models": ["popular"]}).raise_for_status()
