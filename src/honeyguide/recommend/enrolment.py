"""Puts requests into the arms of the experiments that run.

Each process reads the experiments that run a few times a second, and decides by itself: the arm of a unit is a function of
the unit. Where nothing runs on a surface, one look-up is all that a request pays.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from honeyguide.clock import Clock
from honeyguide.errors import FieldError, FilterError, InvalidInput
from honeyguide.experiments.assignment import Trial, assign
from honeyguide.messages import Experiment, Query
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import ExperimentTable, Items
from honeyguide.ranking.seen import Seen
from honeyguide.recommend.persons import Person, Persons
from honeyguide.recommend.places import Places
from honeyguide.recommend.query import subject_of
from honeyguide.types import INTERLEAVED, Assigned

log = structlog.get_logger(__name__)

EVERYWHERE = "*"
NOBODY = Person()


@dataclass(frozen=True, slots=True)
class Running:
    """What runs on a surface: holdouts first, those of other surfaces included. `looks`: more than ids must be known;
    `epoch` stands for what arms may be kept of."""

    trials: tuple[Trial, ...]
    looks: bool
    epoch: bytes

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> "Running":
        """In the order in which units are put into arms."""
        order = sorted(trials, key=lambda trial: (not trial.experiment.holdout, trial.experiment.name))
        kept = [f"{trial.experiment.name}:{trial.experiment.phase}" for trial in order if trial.experiment.sticky]
        epoch = hashlib.blake2b("\n".join(kept).encode(), digest_size=16).digest()
        return cls(tuple(order), any(trial.looks_at_users for trial in order), epoch)


class Enrolment:
    """The experiments that run, by surface, and the arms of requests."""

    def __init__(
        self,
        table: ExperimentTable,
        places: Places,
        persons: Persons,
        items: Items,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._table, self._places, self._persons, self._items = table, places, persons, items
        self._clock, self._metrics = clock, metrics
        self._known: list[Experiment] = []
        self.running: Mapping[str, Running] = {}

    async def refresh(self) -> None:
        """Take the experiments as the table has them now."""
        found = await asyncio.to_thread(self._table.running)
        if found != self._known:
            self._known = found
            self._places.learn(found)
            self.running = self._by_surface([trial for each in found if (trial := self._ready(each)) is not None])

    def _ready(self, experiment: Experiment) -> Trial | None:
        try:
            return Trial.of(experiment)
        except (ValueError, FilterError) as error:  # another release may have written it
            self._metrics.background_errors.labels("experiments").inc()
            log.error("an experiment cannot be read, nobody is enrolled", experiment=experiment.name, reason=str(error))
            return None

    def _by_surface(self, trials: Sequence[Trial]) -> dict[str, Running]:
        own = {
            name: [trial for trial in trials if trial.experiment.surface in (name, EVERYWHERE)]
            for name in self._places.surfaces
        }
        held = [trial for trial in trials if trial.experiment.holdout]
        found = {name: {trial.experiment.name: trial for trial in (*held, *here)} for name, here in own.items() if here}
        return {name: Running.of(here.values()) for name, here in found.items()}

    def at_once(self, query: Query) -> Query | None:
        """The request with its arms, None if more must be known of its user than is in memory; never waits."""
        running = self.running.get(query.surface)
        if running is None or not takes_part(query):
            return query
        if not running.looks:
            return self._enrolled(query, running, NOBODY)
        person = self._persons.at_once(query, _keeping(query, running), running.epoch)
        return None if person is None else self._enrolled(query, running, person)

    async def of(self, query: Query) -> Query:
        """The request with its arms. Raises `InvalidInput` where it names one that there is not."""
        running = self.running.get(query.surface)
        self._check_asked(query, running)
        if running is None or not takes_part(query):
            return query
        person: Person | None = NOBODY
        if running.looks:
            person = await self._persons.of(query, _keeping(query, running), running.epoch)
        return self._enrolled(query, running, person)

    def sides(self, query: Query, interleaved: Assigned) -> tuple[Query, Query]:
        """The two requests whose lists an interleaved one sees in one."""
        return self._places.sides(query, interleaved)

    async def then(self, query: Query, assigned: Sequence[Assigned]) -> Query:
        """The request with the arms that its slate says."""
        return await asyncio.to_thread(self._places.recall, query, assigned) if assigned else query

    def _check_asked(self, query: Query, running: Running | None) -> None:
        there = {trial.experiment.name: trial for trial in running.trials} if running is not None else {}
        for name, arm in (query.arms or {}).items():
            trial = there.get(name)
            if trial is None or arm not in trial.weights:
                known = f"its arms are {', '.join(trial.weights)}" if trial else f"there are {', '.join(there) or 'none'}"
                what = f"has no arm {arm!r}" if trial else f"does not run on {query.surface!r}"
                detail = f"the experiment {name!r} {what}; {known}."
                raise InvalidInput("The request cannot be answered.", errors=[FieldError(f"/arms/{name}", detail)])

    def _enrolled(self, query: Query, running: Running, person: Person | None) -> Query:
        """The request with its arms; without those that depend on what could not be read of the person."""
        found: list[Assigned] = []
        now, held = self._clock.now_ms(), False
        world = self.world(query, person or NOBODY, now)
        for trial in running.trials:
            experiment = trial.experiment
            asked = (query.arms or {}).get(experiment.name)
            if (held or (person is None and trial.looks_at_users)) and asked is None:
                continue
            kept = person.kept.get(experiment.name) if person is not None else None
            arm = assign(trial, unit_of(query, experiment), world, now, kept=kept, asked=asked)
            if arm is None or (arm.arm == INTERLEAVED and any(each.arm == INTERLEAVED for each in found)):
                continue  # two lists in one are enough
            held = held or (experiment.holdout and arm.arm == experiment.control)
            if experiment.surface in (query.surface, EVERYWHERE):
                found.append(arm)
        return self._places.enrolled(query, found)

    def world(self, query: Query, person: Person, now: int) -> Seen:
        """What targeting sees of a request."""
        user: dict[str, object] = {"properties": person.properties}
        if subject_of(query):
            user["id"] = query.user_id
        return Seen(self._items, now, query.context or {}, user)


def takes_part(query: Query) -> bool:
    """Whether the request is one of those that experiments are about: not a rehearsal, nor one that says itself what its
    list is made of, nor one that is for nobody. That of a session has no user, but events."""
    someone = query.personalised or query.events is not None
    return someone and not query.dry_run and query.model is None and query.recipe is None


def unit_of(query: Query, experiment: Experiment) -> str:
    """The id that is put into an arm; empty if the request has none."""
    if experiment.unit == "user":
        return subject_of(query)
    return (query.session_id if experiment.unit == "session" else query.device_id) or ""


def _keeping(query: Query, running: Running) -> dict[str, str]:
    """The units that may have arms to keep, by experiment."""
    found = {each.experiment.name: unit_of(query, each.experiment) for each in running.trials if each.experiment.sticky}
    return {name: unit for name, unit in found.items() if unit}
