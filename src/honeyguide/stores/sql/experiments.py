"""Experiments as the tables hold them: what they are now, and every change there ever was."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import Conflict, NotFound
from honeyguide.messages import Experiment
from honeyguide.protocols.experiments import ExperimentChange, Guard
from honeyguide.stores.sql import Database, Reads, Writes

_ALL: Final = "SELECT definition FROM experiments ORDER BY experiment"
_RUNNING: Final = "SELECT definition FROM experiments WHERE state = 'running' ORDER BY experiment"
_ONE: Final = "SELECT definition FROM experiments WHERE experiment = ?"
_PUT: Final = (
    "INSERT INTO experiments (experiment, kind, state, phase, definition, created_at, started_at, stopped_at, verdict) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (experiment) DO UPDATE SET kind = excluded.kind, "
    "state = excluded.state, phase = excluded.phase, definition = excluded.definition, "
    "started_at = excluded.started_at, stopped_at = excluded.stopped_at, verdict = excluded.verdict"
)
_NOTE: Final = "INSERT INTO experiment_changes (experiment, phase, changed_at, changed_by, change) VALUES (?, ?, ?, ?, ?)"
_HISTORY: Final = (
    "SELECT change, changed_at, changed_by FROM experiment_changes WHERE experiment = ? ORDER BY change_id DESC"
)
_AT: Final = "SELECT change FROM experiment_changes WHERE experiment = ? AND phase = ? ORDER BY change_id DESC LIMIT 1"
_PHASE: Final = "SELECT phase FROM experiments WHERE experiment = ?"
_FIRST_ARM: Final = (
    "SELECT arm FROM exposures WHERE experiment = ? AND unit = ? AND phase = ? AND reason IN ('hash', 'sticky')"
)


class _Change(msgspec.Struct):
    """What a row of `experiment_changes` holds."""

    change: str
    why: str
    experiment: Experiment


class _Put(NamedTuple):
    experiment: Experiment
    change: str
    by: str
    why: str
    beside: Guard | None
    now: int


_decode: Final = msgspec.json.Decoder(Experiment).decode
_decode_change: Final = msgspec.json.Decoder(_Change).decode
_encode: Final = msgspec.json.Encoder().encode


class TableExperiments:
    """`protocols.experiments.ExperimentTable` on any database."""

    def __init__(self, writes: Writes, reads: Reads, clock: Clock) -> None:
        self._writes, self._reads, self._clock = writes, reads, clock

    def all(self) -> list[Experiment]:
        """All experiments, by name."""
        return self._read(_ALL)

    def running(self) -> list[Experiment]:
        """Those that run, by name."""
        return self._read(_RUNNING)

    def _read(self, sql: str) -> list[Experiment]:
        with self._reads.snapshot() as db:
            return [_decode(row[0]) for row in db.execute(sql).fetchall()]

    def get(self, name: str) -> Experiment:
        """One experiment; raises `NotFound`."""
        with self._reads.snapshot() as db:
            row = db.execute(_ONE, (name,)).fetchone()
            if row is not None:
                return _decode(row[0])
            there = [row[0] for row in db.execute("SELECT experiment FROM experiments ORDER BY experiment LIMIT 20")]
        cure = f"There are: {', '.join(there)}." if there else "There are none yet."
        raise NotFound(f"There is no experiment {name!r}.", cure=cure, code="experiment_not_found")

    def put(self, experiment: Experiment, change: str, *, by: str, why: str = "", beside: Guard | None = None) -> Experiment:
        """Keep an experiment and note what has changed it. Raises `Conflict`."""
        return self._writes.call(_put, _Put(experiment, change, by, why, beside, self._clock.now_ms()))

    def history(self, name: str) -> list[ExperimentChange]:
        """All changes, latest first."""
        with self._reads.snapshot() as db:
            rows = db.execute(_HISTORY, (name,)).fetchall()
        return [_change(*row) for row in rows]

    def at(self, phases: Collection[tuple[str, int]]) -> dict[tuple[str, int], Experiment]:
        """Experiments as they were last in these phases."""
        found = {}
        with self._reads.snapshot() as db:
            for name, phase in phases:
                row = db.execute(_AT, (name, phase)).fetchone()
                if row is not None:
                    found[name, phase] = _decode_change(row[0]).experiment
        return found

    def first_arms(self, unit: str, names: Collection[str]) -> Mapping[str, str]:
        """The arms of a unit's exposures, of the latest phase for each experiment."""
        found = {}
        with self._reads.snapshot() as db:
            for name in names:
                row = db.execute(_PHASE, (name,)).fetchone()
                for phase in range(int(row[0]) if row else 0, 0, -1):
                    met = db.execute(_FIRST_ARM, (name, unit, phase)).fetchone()
                    if met is not None:
                        found[name] = str(met[0])
                        break
        return found


def _put(db: Database, payloads: Sequence[_Put]) -> list[Experiment]:
    return [_put_one(db, each) for each in payloads]


def _put_one(db: Database, asked: _Put) -> Experiment:
    experiment, now = asked.experiment, asked.now
    row = db.execute(_ONE, (experiment.name,)).fetchone()
    _check_revision(experiment, _decode(row[0]) if row else None)
    if asked.beside is not None:
        running = [_decode(row[0]) for row in db.execute(_RUNNING).fetchall()]
        asked.beside([each for each in running if each.name != experiment.name])
    created_at = experiment.created_at if row else now
    new = msgspec.structs.replace(experiment, revision=experiment.revision + 1, changed_at=now, created_at=created_at)
    values = (new.kind, new.state, new.phase, _encode(new).decode(), new.created_at, new.started_at, new.stopped_at)
    db.execute(_PUT, (new.name, *values, new.verdict or None))
    change = _encode(_Change(asked.change, asked.why, new)).decode()
    db.execute(_NOTE, (new.name, new.phase, now, asked.by, change))
    return new


def _check_revision(experiment: Experiment, there: Experiment | None) -> None:
    if there is not None and experiment.revision == 0:
        raise Conflict(
            f"The experiment {experiment.name!r}: there is one already, and names are never used again.",
            cure="Take another name, or change that one.",
            code="experiment_exists",
        )
    if experiment.revision and (there is None or there.revision != experiment.revision):
        now = f"it is at revision {there.revision} now" if there else "there is none"
        raise Conflict(
            f"The experiment {experiment.name!r} has changed since revision {experiment.revision}: {now}.",
            cure="Read it again, and repeat the change if it is still meant.",
            code="experiment_changed",
        )


def _change(text: Any, changed_at: Any, changed_by: Any) -> ExperimentChange:
    found = _decode_change(text)
    return ExperimentChange(found.change, int(changed_at), changed_by, found.why, found.experiment)
