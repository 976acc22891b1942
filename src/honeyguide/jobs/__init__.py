"""What runs beside the requests: THE table of background jobs, and who starts and stops them.

One file per job, each a class with a coroutine `round` that does a little and returns. To add one: its file, a line in
`DUTIES`, a line in `bootstrap.py`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from honeyguide.errors import Unavailable
from honeyguide.monitoring.metrics import Metrics

__all__ = ["DUTIES", "Duty", "Rounds", "Schedule"]

log = structlog.get_logger(__name__)

Round = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Duty:
    """Which processes do a job, and how many seconds lie between two of its rounds.

    `every process`: all that have a heartbeat; `answers`: those that serve lists; `runs jobs`: workers, and where there is
    none those that answer; `leads`: one of all, elected. A round of the leader's that takes long asks in between whether
    it still leads, or writes only on the condition that nobody else has."""

    where: Literal["every process", "answers", "runs jobs", "leads"]
    every: float


DUTIES: Final = {
    "presence": Duty("every process", 2.0),  # this process's heartbeat, and a look at the others'
    "lease": Duty("every process", 1.0),  # be the leader, stay it, or stand by
    "lag": Duty("every process", 0.1),  # notice whether the event loop is held up
    "database": Duty("every process", 1.0),  # notice whether it answers
    "follow": Duty("answers", 0.05),  # what others wrote: tokens, items, the deny set
    "pull": Duty("answers", 0.25),  # what the shared cache tells was invalidated
    "models": Duty("answers", 0.2),  # what the aliases point at
    "rules": Duty("answers", 0.2),  # what the shop has decided
    "experiments": Duty("answers", 0.2),  # which of them run
    "slates": Duty("answers", 0.1),  # write what was served
    "baseline": Duty("answers", 1.0),  # popularity while nothing is trained
    "embeddings": Duty("answers", 1.0),  # ask the endpoint for vectors of new and changed items
    "columns": Duty("answers", 2.0),  # features of items; feature_store.refresh says how often
    "queue": Duty("runs jobs", 1.0),  # take jobs up, say how far they are
    "retention": Duty("leads", 600.0),  # remove what is older than it may be
    "tokens": Duty("leads", 0.1),  # repeat to the shared cache what the log invalidates, until it has it
    "abandoned": Duty("leads", 2.0),  # jobs whose process has died
    "features": Duty("leads", 0.5),  # fold the log into the states of feature views
    "exposures": Duty("leads", 1.0),  # what units of experiments were shown, and what they did
    "weights": Duty("leads", 5.0),  # set the weights of bandits anew when a period is over
    "judging": Duty("leads", 5.0),  # stop experiments that break their guardrails
    "quality": Duty("leads", 30.0),  # how good the lists of the last hours and days were
    "feature_check": Duty("leads", 3600.0),  # compare the features of served lists with the log
}


class Rounds:
    """A job that does one short round again and again, `every` seconds apart, until it is stopped.

    A round that fails is counted and tried again at the next turn: a background job never ends the process."""

    def __init__(self, name: str, every: float, round: Round, metrics: Metrics) -> None:
        self._name, self._every, self._round = name, every, round
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._away = ""
        """What did not answer in the last round."""

    def start(self) -> None:
        """Begin on the running event loop."""
        self._stopping = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._forever(), name=f"honeyguide-{self._name}")

    async def stop(self) -> None:
        """End after the round under way."""
        if self._task is not None:
            self._stopping.set()
            await asyncio.wait([self._task])
            self._task = None

    async def _forever(self) -> None:
        while not self._stopping.is_set():
            await self.once()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every)

    async def once(self) -> None:
        """One round. That something behind it is away is said once, and once that it is back."""
        try:
            await self._round()
        except Exception as error:  # counted; tried again at the next turn
            self._metrics.background_errors.labels(self._name).inc()
            if not isinstance(error, Unavailable):
                log.exception("background job failed, it is tried again", job=self._name)
            elif not self._away:
                log.warning("background job waits for what does not answer", job=self._name, reason=str(error))
                self._away = error.code
        else:
            if self._away:
                log.info("background job goes on", job=self._name, was=self._away)
            self._away = ""


class Schedule:
    """The jobs of one process. `rounds` are those of `DUTIES` by name, `every` what is settable of their periods; the others
    say what this process does."""

    def __init__(
        self,
        rounds: Mapping[str, Round],
        metrics: Metrics,
        *,
        every: Mapping[str, float],
        answers: bool,
        runs_jobs: Callable[[], bool],
        leads: Callable[[], bool],
    ) -> None:
        may = {"every process": lambda: True, "answers": lambda: answers, "runs jobs": runs_jobs, "leads": leads}
        self._rounds = [
            Rounds(name, every.get(name, duty.every), _when(may[duty.where], rounds[name]), metrics)
            for name, duty in DUTIES.items()
            if duty.where != "answers" or answers
        ]

    def start(self) -> None:
        """Begin all of them on the running event loop."""
        for rounds in self._rounds:
            rounds.start()

    async def stop(self) -> None:
        """End each after the round under way."""
        await asyncio.gather(*(rounds.stop() for rounds in self._rounds))


def _when(may: Callable[[], bool], round: Round) -> Round:
    async def one() -> None:
        if may():
            await round()

    return one
