"""The table of jobs: what runs where."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from honeyguide.bootstrap import open_runtime
from honeyguide.errors import Unavailable
from honeyguide.jobs import DUTIES, Rounds, Schedule
from honeyguide.monitoring.metrics import Metrics
from tests.shop import settings

FOR_ALL = {name for name, duty in DUTIES.items() if duty.where == "every process"}
ANSWERING = {name for name, duty in DUTIES.items() if duty.where == "answers"}
RUNNING = {name for name, duty in DUTIES.items() if duty.where == "runs jobs"}
LEADING = {name for name, duty in DUTIES.items() if duty.where == "leads"}


def ran(*, answers: bool, runs_jobs: bool, leads: bool) -> set[str]:
    """The jobs that have had a round in such a process."""
    rounds: Counter[str] = Counter()

    def counting(name: str) -> Callable[[], Awaitable[None]]:
        async def round() -> None:
            rounds[name] += 1

        return round

    async def body() -> None:
        schedule = Schedule(
            {name: counting(name) for name in DUTIES},
            Metrics(),
            every={},
            answers=answers,
            runs_jobs=lambda: runs_jobs,
            leads=lambda: leads,
        )
        schedule.start()
        await asyncio.sleep(0)
        await schedule.stop()

    asyncio.run(body())
    return set(rounds)


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        ({"answers": True, "runs_jobs": False, "leads": False}, FOR_ALL | ANSWERING),
        ({"answers": True, "runs_jobs": True, "leads": True}, set(DUTIES)),
        ({"answers": False, "runs_jobs": True, "leads": False}, FOR_ALL | RUNNING),
        ({"answers": False, "runs_jobs": True, "leads": True}, FOR_ALL | RUNNING | LEADING),
    ],
)
def test_a_process_does_what_is_its_own(process: dict[str, bool], expected: set[str]) -> None:
    assert ran(**process) == expected


def test_a_leader_that_is_none_any_more_stops_before_its_next_round() -> None:
    acts: list[bool] = []
    leading = iter([True, True, False])

    async def act() -> None:
        acts.append(True)

    async def body() -> None:
        idle: dict[str, Callable[[], Awaitable[None]]] = dict.fromkeys(DUTIES, nothing)
        schedule = Schedule(
            {**idle, "abandoned": act},
            Metrics(),
            every={},
            answers=False,
            runs_jobs=lambda: False,
            leads=lambda: next(leading, False),
        )
        rounds = next(each for each in schedule._rounds if each._name == "abandoned")
        for _ in range(6):
            await rounds.once()

    asyncio.run(body())
    assert len(acts) == 2


async def nothing() -> None:
    """A job without work."""


def test_every_line_of_the_table_is_wired(tmp_path: Path) -> None:
    runtime = open_runtime(settings(tmp_path), role="api")
    assert [rounds._name for rounds in runtime._schedule._rounds] == list(DUTIES)
    runtime.store.close()


def test_an_outage_is_said_once_and_its_end_once() -> None:
    """A store that is away fails twenty rounds a second; the log says so in two lines, the metric counts each round."""
    ends: list[Exception | None] = [None, *[Unavailable("It is away.", code="storage_silent")] * 30, None, None]
    ends += [LookupError("a fault of ours"), LookupError("again"), None]
    turns, metrics = iter(ends), Metrics()

    async def round() -> None:
        if (error := next(turns)) is not None:
            raise error

    async def body() -> None:
        rounds = Rounds("follow", 1.0, round, metrics)
        for _ in ends:
            await rounds.once()

    with capture_logs() as said:
        asyncio.run(body())
    assert [(line["log_level"], line["event"].split(" ", 2)[2]) for line in said] == [
        ("warning", "waits for what does not answer"),
        ("info", "goes on"),
        ("error", "failed, it is tried again"),
        ("error", "failed, it is tried again"),
    ]
    assert said[0]["reason"] == "It is away."
    assert metrics.background_errors.labels("follow")._value.get() == 32
