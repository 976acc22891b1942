"""What every store must do for several processes: the queue of jobs, heartbeats, leases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict, NotFound
from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.types import Process, ProcessRole

PassTime = Callable[[float], None]
_MOST_TRIES = 20


def process(name: str, role: ProcessRole = "worker", started_at: int = 1) -> Process:
    """A process of that name."""
    return Process(process_id=name, role=role, host="here", pid=7, port=80, release="1", started_at=started_at)


class ProcessSuite(Fixtures):
    """The contracts of `JobTable`, `Heartbeats` and `Leases`."""

    def test_jobs_are_paged_from_the_newest(self, store: Store, opened: Callable[[], Store], clock: ManualClock) -> None:
        """Queued, read by other processes, and paged."""
        made = []
        for at in range(5):
            clock.advance(at % 2)  # some in the same millisecond
            made.append(store.jobs.create("train", {"models": ["ease"], "at": at}))
        assert (made[2].state, made[2].created_at, made[2].params["at"]) == ("queued", clock.now_ms() - 1000, 2)
        other = opened().jobs
        assert [found.job_id for found in other.page(limit=2)] == [made[4].job_id, made[3].job_id]
        assert other.page(limit=9, after=made[2].job_id) == [made[1], made[0]]
        for ask in (other.get, other.cancel):
            with pytest.raises(NotFound):
                ask("none")

    def test_a_job_is_one_workers_until_it_has_ended(self, store: Store, opened: Callable[[], Store]) -> None:
        """The oldest of the kinds asked for; what its worker stores is seen everywhere, what another stores is not."""
        first, second = store.jobs.create("train", {}), store.jobs.create("erase", {})
        other = opened().jobs
        assert other.claim("b", ["fly"]) is None
        assert other.claim("b", []) is None
        mine = other.claim("b", ["train", "erase"])
        assert mine is not None
        assert (mine.job_id, mine.state, mine.worker, mine.attempts) == (first.job_id, "running", "b", 1)
        theirs = store.jobs.claim("a", ["train", "erase"])
        assert theirs is not None
        assert theirs.job_id == second.job_id
        assert store.jobs.claim("a", ["train", "erase"]) is None
        mine.progress, mine.message = 0.5, "fit"
        assert other.update(mine) == store.jobs.get(mine.job_id)
        assert (store.jobs.get(mine.job_id).progress, store.jobs.get(mine.job_id).message) == (0.5, "fit")
        mine.worker, mine.progress = "a", 0.9
        assert other.update(mine).worker == "b"
        mine.worker, mine.state, mine.result, mine.finished_at = "b", "succeeded", {"version": 3}, 99
        assert other.update(mine).result == {"version": 3}
        mine.state = "failed"
        assert other.update(mine).state == "succeeded"
        mine.job_id = "none"
        with pytest.raises(NotFound):
            other.update(mine)

    def test_of_many_who_want_a_job_one_gets_it(self, store: Store, opened: Callable[[], Store]) -> None:
        """Each job exactly once, whoever asks at the same time."""
        made = {store.jobs.create("train", {}).job_id for _ in range(12)}
        tables = [store.jobs, opened().jobs, opened().jobs]

        def take_all(number: int) -> list[str]:
            taken, misses = [], 0
            while misses < _MOST_TRIES:  # a claim may be another's at the last moment: that is no end
                job = tables[number].claim(f"w{number}", ["train"])
                misses = 0 if job else misses + 1
                taken += [job.job_id] if job else []
            return taken

        with ThreadPoolExecutor(3) as threads:
            taken = [job_id for part in threads.map(take_all, range(3)) for job_id in part]
        assert sorted(taken) == sorted(made)

    def test_one_of_a_kind_at_a_time(self, store: Store, opened: Callable[[], Store]) -> None:
        """A job that wants to be alone is refused while another waits or runs, not afterwards."""
        first = store.jobs.create("train", {}, alone=True)
        other = opened().jobs
        with pytest.raises(Conflict, match=first.job_id):
            other.create("train", {}, alone=True)
        other.create("erase", {}, alone=True)
        job = store.jobs.claim("a", ["train"])
        assert job is not None
        with pytest.raises(Conflict):
            other.create("train", {}, alone=True)
        job.state = "failed"
        store.jobs.update(job)
        other.create("train", {}, alone=True)

    def test_a_job_is_cancelled_from_anywhere(self, store: Store, opened: Callable[[], Store]) -> None:
        """One that waits has ended at once; the worker of a running one is asked to end it."""
        waiting, running = store.jobs.create("train", {}), store.jobs.create("erase", {})
        other = opened().jobs
        assert other.cancel(waiting.job_id).state == store.jobs.get(waiting.job_id).state == "cancelled"
        job = store.jobs.claim("a", ["train", "erase"])
        assert job is not None
        assert (job.job_id, job.cancel) == (running.job_id, False)
        assert other.cancel(job.job_id).state == "running"
        assert store.jobs.update(job).cancel is True
        job.state = "cancelled"
        store.jobs.update(job)
        with pytest.raises(Conflict, match="cancelled"):
            other.cancel(job.job_id)

    def test_a_job_that_is_put_back_is_the_next_ones(self, store: Store, opened: Callable[[], Store]) -> None:
        """As if it had never begun; one that is another's by now stays."""
        made = store.jobs.create("train", {})
        job = store.jobs.claim("a", ["train"])
        assert job is not None
        store.jobs.put_back(job, "stopped")
        found = opened().jobs.claim("b", ["train"])
        assert found is not None
        assert (found.job_id, found.worker, found.attempts, found.progress) == (made.job_id, "b", 1, 0.0)
        store.jobs.put_back(job, "stopped")
        assert store.jobs.get(made.job_id).worker == "b"

    def test_jobs_of_the_dead_are_taken_away(self, store: Store, opened: Callable[[], Store], pass_time: PassTime) -> None:
        """Failed with a word on why, or queued again where that is safe; their worker finds out when it comes back."""
        for kind in ("train", "erase", "erase"):
            store.jobs.create(kind, {})
        train, erase = (store.jobs.claim("dead", [kind]) for kind in ("train", "erase"))
        living = store.jobs.claim("living", ["erase"])
        assert train is not None
        assert erase is not None
        assert living is not None
        other = opened().jobs
        assert other.abandoned([], 60.0, ["erase"]) == []
        taken = other.abandoned(["dead", "deader"], 60.0, ["erase"])
        assert [(job.kind, job.state) for job in taken] == [("train", "failed"), ("erase", "queued")]
        assert "POST /v1/jobs" in taken[0].message
        assert (store.jobs.update(train).state, store.jobs.update(erase).worker) == ("failed", None)
        again = store.jobs.claim("dead", ["erase"])
        assert again is not None
        assert (again.job_id, again.attempts) == (erase.job_id, 2)
        pass_time(2.1)
        store.jobs.update(living)
        assert [job.job_id for job in other.abandoned([], 2.0, [])] == [erase.job_id]
        assert store.jobs.get(living.job_id).state == "running"

    def test_a_job_that_ends_whoever_runs_it_is_not_taken_up_for_ever(self, store: Store) -> None:
        """After a few attempts it has failed."""
        made = store.jobs.create("erase", {})
        for turn in range(_MOST_TRIES):
            if store.jobs.claim(f"w{turn}", ["erase"]) is None:
                break
            store.jobs.abandoned([f"w{turn}"], 60.0, ["erase"])
        found = store.jobs.get(made.job_id)
        assert found.state == "failed"
        assert f"{found.attempts} times" in found.message

    def test_processes_are_known_until_they_leave(
        self, store: Store, opened: Callable[[], Store], pass_time: PassTime
    ) -> None:
        """With the seconds since they were last heard of; whoever died is forgotten after a day."""
        one, two = process("one", started_at=5), process("two", "api", started_at=4)
        for each in (one, two):
            assert store.heartbeats.enter(each, apart_from=[], within=9.0) is None
        other = opened().heartbeats
        assert [found.process_id for found in other.processes()] == ["two", "one"]
        pass_time(2.0)
        other.beat(one)
        silent = {found.process_id: found.silent for found in store.heartbeats.processes()}
        assert silent["two"] >= 2.0 > silent["one"] >= 0.0
        assert (two.host, two.pid, two.port, two.role) == next(
            (found.host, found.pid, found.port, found.role) for found in other.processes() if found.process_id == "two"
        )
        store.heartbeats.leave("two")
        assert [found.process_id for found in other.processes()] == ["one"]

    def test_a_process_enters_only_beside_those_that_it_may(
        self, store: Store, opened: Callable[[], Store], pass_time: PassTime
    ) -> None:
        """The one in its way is named; a silent one is in nobody's way, nor is one of another role."""
        assert store.heartbeats.enter(process("worker"), apart_from=["api"], within=0.2) is None
        assert store.heartbeats.enter(process("first", "api"), apart_from=["api", "alone"], within=0.2) is None
        other = opened().heartbeats
        met = other.enter(process("second", "alone"), apart_from=["api", "alone"], within=60.0)
        assert met is not None
        assert (met.process_id, met.role) == ("first", "api")
        assert [found.process_id for found in other.processes()] == ["first", "worker"]
        assert other.enter(process("first", "api"), apart_from=["api"], within=60.0) is None
        pass_time(0.3)
        assert other.enter(process("second", "alone"), apart_from=["api", "alone"], within=0.2) is None

    def test_of_two_that_enter_at_once_one_is_told(self, store: Store, opened: Callable[[], Store]) -> None:
        """Never both, never neither."""
        doors = [store.heartbeats, opened().heartbeats]

        def enter(number: int) -> Process | None:
            return doors[number].enter(process(f"p{number}", "alone"), apart_from=["alone"], within=60.0)

        for _ in range(_MOST_TRIES):
            with ThreadPoolExecutor(2) as threads:
                met = list(threads.map(enter, range(2)))
            assert sum(one is None for one in met) == 1
            for number in range(2):
                doors[number].leave(f"p{number}")

    def test_a_lease_is_one_holders_until_it_runs_out(
        self, store: Store, opened: Callable[[], Store], pass_time: PassTime
    ) -> None:
        """Prolonged by its holder, free when it has run out or was given back; others have leases of their own."""
        mine, theirs = store.leases, opened().leases
        assert theirs.leadership("leader") is None
        assert mine.acquire("leader", "a", 0.2)
        assert theirs.acquire("other", "b", 60.0)
        assert mine.acquire("leader", "a", 60.0)
        pass_time(0.3)
        assert not theirs.acquire("leader", "b", 60.0)
        found = theirs.leadership("leader")
        assert found is not None
        assert found.holder == "a"
        assert 0.0 < found.left <= 59.7
        assert mine.acquire("leader", "a", 0.2)
        pass_time(0.3)
        assert theirs.acquire("leader", "b", 60.0)
        assert not mine.acquire("leader", "a", 0.4)
        mine.release("leader", "a")
        assert theirs.acquire("leader", "b", 60.0)
        theirs.release("leader", "b")
        assert mine.acquire("leader", "a", 60.0)
