"""Folds served lists and the log into what is known of the units of experiments: the leader's job.

Lists come first: they say which units were exposed, to what, since when. A unit that is new brings along what the log holds
of it up to where the log has been folded; from there on its events are counted as they are read. Each step stores what it
found together with how far it has come, in one transaction that fails if somebody else was faster: nothing counts twice,
whatever dies when. Sums are made anew from the units' totals, so that folding step by step and folding again give the same
bits.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import structlog

from honeyguide.clock import Clock
from honeyguide.config.metrics import Metric
from honeyguide.errors import Conflict
from honeyguide.experiments.outcomes import add_credit, add_event, add_list, add_named
from honeyguide.experiments.sketches import Sketch, Units, exposed, named, sketched
from honeyguide.lists import diversity
from honeyguide.messages import Experiment
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.protocols.outcomes import Exposure, FoldStep, Marks, PhaseKey, SketchRow, Total, phase_key
from honeyguide.types import Assigned, Json, LogRow, ServedSlate

log = structlog.get_logger(__name__)

_ROWS: Final = 1_000
_STEPS: Final = 20
_SETTLE_MS: Final = 1_000
"""Rows of the log wait so long, so that the lists that they name have been stored."""
_REMEMBERED: Final = 100_000
"""Lists whose units are remembered; others are looked up."""
_SKETCH_EVERY_MS: Final = 10_000
_COST: Final = 20
"""Making sketches takes at most one part in so many of the time."""

Owners = Mapping[PhaseKey, str]
"""The units that a list was served to, by phase; empty for a list of no experiment."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A phase whose units are followed: the metrics that are measured of them, and the moment (ms) at which it ended or
    will; `over` once nobody can put that off."""

    experiment: Experiment
    metrics: Sequence[Metric]
    by_age: frozenset[str]
    ends_at: int | None
    over: bool

    def unit_of(self, row: LogRow) -> str | None:
        """The unit that an event is of."""
        kind = self.experiment.unit
        return row.user_id if kind == "user" else row.session_id if kind == "session" else row.device_id

    def reach(self, first_at: int) -> int:
        """The moment (ms) from which on a unit's events are of use."""
        return first_at - round(max((metric.before for metric in self.metrics), default=0.0) * 1000)


@dataclass(slots=True)
class _Found:
    """What a step has found so far, over what was there."""

    exposures: dict[PhaseKey, dict[str, Exposure]]
    totals: dict[PhaseKey, dict[str, dict[str, Total]]]


class ExposureFolding:
    """Keeps exposures, totals and sketches near the end of the slates and of the log."""

    def __init__(
        self, store: Store, metrics: Mapping[str, Metric], attributes: Sequence[str], clock: Clock, counts: Metrics
    ) -> None:
        """`attributes` of users are kept with their exposures, as segments."""
        self._store, self._metrics, self._attributes = store, metrics, tuple(attributes)
        self._clock, self._counts = clock, counts
        self._owners: OrderedDict[str, Owners] = OrderedDict()
        self._shares: dict[str, Mapping[str, float | None]] = {}
        """Of interleaved lists that are remembered: whose each item is."""
        self._sketched: dict[PhaseKey, int] = {}
        self._changed: set[PhaseKey] = set()

    async def round(self) -> None:
        """Fold a part of what has come in since, and bring sketches up to date when it is time."""
        tracked = await asyncio.to_thread(self._tracked)
        if not tracked:
            await self._pass_by()
            return
        ended = await self._fold(tracked, _STEPS)
        for key, each in tracked.items():
            await asyncio.to_thread(self._sketch, key, each, ended)

    async def refresh(self) -> None:
        """Fold up to the end, however long it takes, and bring all sketches up to date."""
        tracked = await asyncio.to_thread(self._tracked)
        while not await self._fold(tracked, _STEPS, settle=0):
            pass
        for key, each in tracked.items():
            self._sketched.pop(key, None)
            self._changed.add(key)
            await asyncio.to_thread(self._sketch, key, each, True)

    async def rebuild(self) -> None:
        """Throw away all that was folded of the experiments that go on, and fold it again from slates and log. What lies
        further back than served lists are kept is not lost: then first exposures could not be made again."""
        tracked = await asyncio.to_thread(self._tracked)
        first = next(iter(next(iter(self._store.slates.scan()), [])), None)
        for key, each in tracked.items():
            if first is not None and first[0] > 1 and (each.experiment.phase_started_at or 0) < first[1].ts:
                raise Conflict(
                    f"Lists that were served when {key[0]!r} began are no longer kept: exposures cannot be made again.",
                    cure="Leave it as it is, or keep lists longer: retention.slates.",
                )
        for key in tracked:
            await asyncio.to_thread(self._store.outcomes.drop, key)
        await asyncio.to_thread(self._store.outcomes.rewind, Marks())
        self._owners.clear()
        await self.refresh()

    def erased(self) -> None:
        """Make the sketches of what goes on anew, without users that have been erased."""
        for key, each in self._tracked().items():
            self._sketched.pop(key, None)
            self._changed.add(key)
            self._sketch(key, each, ended=False)

    # --- which phases there are ---------------------------------------------------------------------------------------

    def _tracked(self) -> dict[PhaseKey, Tracked]:
        """The phases that go on, and those that have ended and are not yet folded to their end."""
        found = {}
        for experiment in self._store.experiments.all():
            if experiment.state == "draft":
                continue
            for period in range(max(0, experiment.period - 1), experiment.period + 1):
                key = phase_key(experiment.name, experiment.phase, period)
                if not self._store.outcomes.sketches(key)[2]:
                    over = None if period == experiment.period else experiment.period_started_at
                    found[key] = self._track(experiment, over)
        return found

    def _track(self, experiment: Experiment, over: int | None) -> Tracked:
        """What is followed of a phase; of a period that is `over` what came until then: later the unit is in another arm."""
        names = dict.fromkeys([*experiment.goals, *(each.metric for each in experiment.guardrails), *experiment.watched])
        metrics = [self._metrics[name] for name in names if name in self._metrics]
        is_over = over is not None or experiment.state == "stopped"
        return Tracked(experiment, metrics, frozenset(experiment.goals), over or experiment.closes_at, is_over)

    async def _pass_by(self) -> None:
        """While there is no experiment nothing is read: the marks follow the ends."""
        marks = await asyncio.to_thread(self._store.outcomes.marks)
        end = await self._store.log.position()
        slates = await asyncio.to_thread(self._store.slates.position)
        if (end, slates) != (marks.log, marks.slates) and (end > marks.log + _ROWS or slates > marks.slates + _ROWS):
            experiments = await asyncio.to_thread(self._store.experiments.running)
            if not experiments:
                step = FoldStep(marks, Marks(slates, end, marks.last_slate))
                await asyncio.to_thread(self._store.outcomes.advance, step)

    # --- the fold -----------------------------------------------------------------------------------------------------

    async def _fold(self, tracked: Mapping[PhaseKey, Tracked], steps: int, settle: int = _SETTLE_MS) -> bool:
        """Take some steps, first of the slates, then of the log; True when both are at their ends."""
        try:
            for _ in range(steps):
                if not await self._slates(tracked):
                    break
            else:
                return False
            for _ in range(steps):
                if not await self._events(tracked, settle):
                    return True
        except Conflict:  # somebody else folds: go on from there in the next round
            return False
        return False

    async def _slates(self, tracked: Mapping[PhaseKey, Tracked]) -> bool:
        """Fold the next slates; False if there are none."""
        marks = await asyncio.to_thread(self._store.outcomes.marks)
        batch = await asyncio.to_thread(self._next_slates, marks)
        if not batch:
            return False
        slates = [slate for _, slate in batch]
        for slate in slates:
            self._remember(slate)
        served = [(key, each.unit, each, slate) for slate in slates for key, each in _assigned(slate) if key in tracked]
        units: dict[PhaseKey, set[str]] = {}
        for key, unit, _, _ in served:
            units.setdefault(key, set()).add(unit)
        found = await asyncio.to_thread(self._known, units)
        new = await asyncio.to_thread(self._expose, found, served)
        await self._catch_up(tracked, found, new, marks.log)
        measured = await self._measured(tracked, [slate for *_, slate in served])
        for (key, unit, _, slate), values in zip(served, measured, strict=True):
            first_at = found.exposures[key][unit].first_at
            totals = found.totals[key].setdefault(unit, {})
            for metric in tracked[key].metrics:
                by_age = metric.name in tracked[key].by_age
                add_list(totals, metric, first_at, slate.ts, values, by_age=by_age)
        after = Marks(batch[-1][0], marks.log, slates[-1].request_id)
        await self._store_step(FoldStep(marks, after, found.exposures, found.totals))
        return True

    def _next_slates(self, marks: Marks) -> list[tuple[int, ServedSlate]]:
        """The next slates. Where their file was begun anew, after damage, numbers begin anew too."""
        after = marks.slates if self._store.slates.position() >= marks.slates else 0
        return next(iter(self._store.slates.scan(after=after)), [])

    def _known(self, units: Mapping[PhaseKey, Collection[str]]) -> _Found:
        outcomes = self._store.outcomes
        return _Found(
            {key: outcomes.exposures(key, ids) for key, ids in units.items()},
            {key: outcomes.totals(key, ids) for key, ids in units.items()},
        )

    def _expose(
        self, found: _Found, served: Iterable[tuple[PhaseKey, str, Assigned, ServedSlate]]
    ) -> list[tuple[PhaseKey, str, ServedSlate]]:
        """Count the lists that were served; the units that are new. A first exposure stays as it is."""
        new = []
        for key, unit, assigned, slate in served:
            held = found.exposures[key].get(unit)
            if held is None:
                made = assigned.arm if slate.served_arm == slate.arm else ""
                found.exposures[key][unit] = Exposure(
                    unit, assigned.arm, made, assigned.weight, assigned.reason, assigned.scheme, slate.ts, slate.ts,
                    slate.request_id,
                )  # fmt: skip
                new.append((key, unit, slate))
            else:
                found.exposures[key][unit] = held._replace(
                    served=held.served + 1, last_at=slate.ts, crossed=held.crossed + (held.arm != assigned.arm)
                )
        return new

    async def _catch_up(
        self,
        tracked: Mapping[PhaseKey, Tracked],
        found: _Found,
        new: Sequence[tuple[PhaseKey, str, ServedSlate]],
        until: int,
    ) -> None:
        """What the log holds of new units, as far as it has been folded; and what is known of their users."""
        for key, unit, slate in new:
            each, exposure = tracked[key], found.exposures[key][unit]
            attributes = await self._attributes_of(slate.user_id)
            found.exposures[key][unit] = exposure._replace(attributes=attributes)
            since = each.reach(exposure.first_at) if each.experiment.unit == "user" else exposure.first_at
            kind = each.experiment.unit
            rows = await asyncio.to_thread(self._store.outcomes.events_of, kind, unit, since=since, until=until)
            owners = await self._owners_of(rows)
            for row in rows:
                self._count(key, each, unit, exposure, row, found.totals[key].setdefault(unit, {}), owners)

    async def _attributes_of(self, user_id: str) -> str | None:
        """The values of the configured segments of a user at the first exposure, as JSON."""
        if not self._attributes or not user_id:
            return None
        user = await self._store.catalogue.user(user_id)
        properties: Json = user.properties if user else {}
        values = {name: str(properties[name]) for name in self._attributes if properties.get(name) is not None}
        return msgspec.json.encode(values).decode() if values else None

    async def _events(self, tracked: Mapping[PhaseKey, Tracked], settle: int) -> bool:
        """Fold the next rows of the log that have settled; False if there are none."""
        marks = await asyncio.to_thread(self._store.outcomes.marks)
        rows = await self._store.log.rows_after(marks.log, limit=_ROWS)
        end = self._clock.now_ms() - settle
        ready = [row for row in rows if row.received_at <= end] if settle else rows
        ready = ready if len(ready) == len(rows) else rows[: _first_late(rows, end)]
        if not ready:
            return False
        events = [row for row in ready if row.kind == "event"]
        units: dict[PhaseKey, set[str]] = {}
        for key, each in tracked.items():
            units[key] = {unit for row in events if (unit := each.unit_of(row)) is not None}
        found = await asyncio.to_thread(self._known, units)
        owners = await self._owners_of(events)
        for key, each in tracked.items():
            for row in events:
                unit = each.unit_of(row)
                exposure = found.exposures[key].get(unit) if unit is not None else None
                if unit is not None and exposure is not None:
                    self._count(key, each, unit, exposure, row, found.totals[key].setdefault(unit, {}), owners)
        after = Marks(marks.slates, ready[-1].sequence, marks.last_slate)
        await self._store_step(FoldStep(marks, after, totals=found.totals))
        return len(rows) == _ROWS

    def _count(
        self,
        key: PhaseKey,
        tracked: Tracked,
        unit: str,
        exposure: Exposure,
        row: LogRow,
        totals: dict[str, Total],
        owners: Mapping[str, Owners | None],
    ) -> None:
        """Add one event to a unit's totals."""
        if tracked.ends_at is not None and row.received_at >= tracked.ends_at:
            return
        owned = owners.get(row.request_id) if row.request_id else None
        if row.request_id and row.ts >= exposure.first_at:
            add_named(totals, unknown=owned is None)
        of_list = owned is not None and owned.get(key) == unit
        for metric in tracked.metrics:
            by_age = metric.name in tracked.by_age
            add_event(totals, metric, row, exposure.first_at, by_age=by_age, of_list=of_list)
        if of_list and row.request_id in self._shares and tracked.metrics:
            add_credit(totals, tracked.metrics[0], row, self._shares[row.request_id])

    async def _store_step(self, step: FoldStep) -> None:
        await asyncio.to_thread(self._store.outcomes.advance, step)
        self._changed.update(step.totals)

    # --- which units a list was for -----------------------------------------------------------------------------------

    def _remember(self, slate: ServedSlate) -> None:
        self._owners[slate.request_id] = {key: each.unit for key, each in _assigned(slate)}
        if slate.interleaved is not None:
            self._shares[slate.request_id] = dict(zip(slate.items, slate.interleaved.shares, strict=True))
        while len(self._owners) > _REMEMBERED:
            gone, _ = self._owners.popitem(last=False)
            self._shares.pop(gone, None)

    async def _owners_of(self, rows: Iterable[LogRow]) -> dict[str, Owners | None]:
        """The units of the lists that rows name; None for a list that is not known."""
        found: dict[str, Owners | None] = {}
        for request_id in {row.request_id for row in rows if row.request_id}:
            if request_id not in self._owners and (slate := await self._store.slates.get(request_id)) is not None:
                self._remember(slate)
            found[request_id] = self._owners.get(request_id)
        return found

    async def _measured(self, tracked: Mapping[PhaseKey, Tracked], slates: Sequence[ServedSlate]) -> list[dict[str, float]]:
        """What system metrics are of, for each list."""
        wanted = {metric.of for each in tracked.values() for metric in each.metrics if metric.kind == "system"}
        found = [
            {"degraded": float(bool(slate.degraded)), "cached": float(slate.served_from in ("l1", "l2", "stale"))}
            for slate in slates
        ]
        if "diversity" in wanted and slates:
            items = await self._store.catalogue.items_by_id({item_id for slate in slates for item_id in slate.items})
            for values, value in zip(
                found, _diversities(slates, {item.item_id: item.categories for item in items}), strict=True
            ):
                values["diversity"] = value
        return found

    # --- sketches -----------------------------------------------------------------------------------------------------

    def _sketch(self, key: PhaseKey, tracked: Tracked, ended: bool) -> None:
        """Make the sketches of a phase anew, if something has changed and it is time; for the last time once it is over."""
        now, started = self._clock.now_ms(), self._clock.monotonic()
        over = ended and tracked.over and tracked.ends_at is not None and now > tracked.ends_at + 2 * _SETTLE_MS
        if not over and (key not in self._changed or now < self._sketched.get(key, 0)):
            return
        rows = sketches_of(self._store, key, tracked.metrics, as_of=now)
        self._store.outcomes.put_sketches(key, rows, as_of=now, final=over)
        self._changed.discard(key)
        took = round((self._clock.monotonic() - started) * 1000)
        self._sketched[key] = now + max(_SKETCH_EVERY_MS, _COST * took)
        self._counts.job_last_success.labels("exposures").set(now / 1000)


def sketches_of(store: Store, key: PhaseKey, metrics: Sequence[Metric], *, as_of: int) -> list[SketchRow]:
    """The sketches of a phase, from all its units."""
    exposures = [each for batch in store.outcomes.all_exposures(key) for each in batch]
    held: dict[str, dict[str, Total]] = {}
    for batch in store.outcomes.all_totals(key):
        for metric, unit, total in batch:
            held.setdefault(metric, {})[unit] = total
    units = _units(exposures)
    crossed = np.array([each.crossed > 0 for each in exposures], dtype=np.float64)
    mixed = np.array([each.served_arm != each.arm for each in exposures], dtype=np.float64)
    found = [*exposed(units, crossed, mixed), *named(held), *sketched(units, metrics, held, as_of=as_of)]
    return [_row(each) for each in found]


def _row(sketch: Sketch) -> SketchRow:
    sums = sketch.sums
    return SketchRow(
        sketch.arm, sketch.metric, sketch.day, sketch.segment, round(sums.units), sums.x, sums.xx, sums.y, sums.yy, sums.xy
    )


def _units(exposures: Sequence[Exposure]) -> Units:
    arms = sorted({each.arm for each in exposures})
    numbers = {arm: at for at, arm in enumerate(arms)}
    labels: dict[str, list[int]] = {}
    for at, each in enumerate(exposures):
        for name, value in (msgspec.json.decode(each.attributes) if each.attributes else {}).items():
            labels.setdefault(f"{name}={value}", []).append(at)
    segments = {}
    for label in sorted(labels, key=lambda name: (-len(labels[name]), name))[:200]:
        segments[label] = np.zeros(len(exposures), dtype=np.bool_)
        segments[label][labels[label]] = True
    return Units(
        [each.unit for each in exposures],
        np.array([numbers[each.arm] for each in exposures], dtype=np.int32),
        arms,
        np.array([each.first_at for each in exposures], dtype=np.int64),
        segments,
    )


def _assigned(slate: ServedSlate) -> list[tuple[PhaseKey, Assigned]]:
    """The arms of a slate that are analysed: units that were put into theirs by hand are not."""
    return [
        (phase_key(each.experiment, each.phase, each.period), each)
        for each in slate.assigned
        if each.reason in ("hash", "uniform", "sticky")
    ]


def _first_late(rows: Sequence[LogRow], end: int) -> int:
    return next((at for at, row in enumerate(rows) if row.received_at > end), len(rows))


def _diversities(slates: Sequence[ServedSlate], categories: Mapping[str, Sequence[str]]) -> list[float]:
    """The diversity of each list, as everywhere (`lists.diversity`), by the categories that items have now."""
    names = sorted({item_id for slate in slates for item_id in slate.items})
    rows = {item_id: at for at, item_id in enumerate(names)}
    words = {word: at for at, word in enumerate(sorted({word for name in names for word in categories.get(name, ())}))}
    width = max((len(categories.get(name, ())) for name in names), default=0) or 1
    matrix = np.full((len(names), width), -1, dtype=np.int32)
    for at, name in enumerate(names):
        for place, word in enumerate(dict.fromkeys(categories.get(name, ()))):
            matrix[at, place] = words[word]
    found = []
    for slate in slates:  # lists differ in length
        own = np.array([[rows[item_id] for item_id in slate.items]], dtype=np.int32).reshape(1, -1)
        found.append(float(diversity(own, matrix)[0]) if slate.items else 1.0)
    return found
