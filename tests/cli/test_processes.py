"""What `status` and `doctor` say of the processes on the data."""

from pathlib import Path

import pytest

from honeyguide.cli.processes import Crew, process_findings, process_texts
from honeyguide.clock import SystemClock
from honeyguide.config import Settings
from honeyguide.config.settings import Project
from honeyguide.jobs.leader import LEASE
from honeyguide.stores.urls import open_store
from honeyguide.types import Process, ProcessRole
from tests.cli.conftest import Run

NOW = 1_700_000_000_000


def process(name: str, role: ProcessRole = "alone", silent: float = 1.0, host: str = "here") -> Process:
    about = {"host": host, "pid": 7, "port": 8000, "release": "1", "started_at": NOW - 60_000}
    return Process(process_id=name, role=role, silent=silent, **about)  # type: ignore[arg-type]


def crew(*processes: Process, leader: str = "a", behind: int = 0, shared: bool = False) -> Crew:
    return Crew(processes, leader, behind, shared)


@pytest.mark.parametrize(
    ("there", "codes"),
    [
        (crew(leader=""), []),
        (crew(process("a")), []),
        (crew(process("a"), leader=""), ["no_leader"]),
        (crew(process("a", silent=90.0), leader=""), ["dead_process"]),
        (crew(process("a"), process("b", silent=90.0)), []),
        (crew(process("a"), process("b", silent=90.0, host="there")), ["dead_process"]),
        (crew(process("a"), process("b", "worker", silent=90.0)), ["dead_process"]),
        (crew(process("a", "api"), shared=True), ["no_worker"]),
        (crew(process("a", "api"), process("w", "worker"), shared=True), []),
        (crew(process("a"), behind=200_000), ["features_behind"]),
    ],
)
def test_what_is_wrong_with_the_processes(there: Crew, codes: list[str]) -> None:
    found = list(process_findings(there, NOW))
    assert [finding.code for finding in found] == codes
    assert all("honeyguide" in finding.fix or finding.code == "no_leader" for finding in found)


def test_each_process_has_its_line() -> None:
    lines = [str(text) for text in process_texts(crew(process("a"), process("w", "worker", 300.0)), NOW)]
    assert lines == [
        "server 7 on here port 8000 leads · started 1 min ago",
        "worker 7 on here port 8000 died, last heard of 5 min ago",
    ]


def test_status_and_doctor_read_them_from_the_data(run: Run, shop: Path) -> None:
    store = open_store(Settings(project=Project(data_dir=shop / "data")), SystemClock())
    me = Process(process_id="me", role="worker", host="far", pid=9, port=81, release="1", started_at=1)
    store.heartbeats.enter(me, apart_from=[], within=10.0)
    told = run("status", "--json").json
    (found,) = told["processes"]
    assert (found["role"], found["pid"], found["leads"]) == ("worker", 9, False)
    assert "no_leader" in [finding["code"] for finding in run("doctor", "--json").json["findings"]]
    store.leases.acquire(LEASE, "me", 60.0)
    assert run("status", "--json").json["processes"][0]["leads"] is True
    assert "process   worker 9 on far port 81 leads" in run("status").out
    assert "no_leader" not in [finding["code"] for finding in run("doctor", "--json").json["findings"]]
    store.close()
