"""What people decide about experiments: checked, started, ramped, given new phases and stopped, with who and why."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from honeyguide.clock import Clock
from honeyguide.config.check import types_of
from honeyguide.config.settings import Settings, Surface
from honeyguide.config.surfaces import surface_faults
from honeyguide.errors import Conflict, FieldError, InvalidInput
from honeyguide.experiments.assignment import Trial, assign, why_not
from honeyguide.experiments.defining import EVERYWHERE, check_beside, check_definition
from honeyguide.messages import Arm, Definition, Experiment, Query
from honeyguide.protocols import Recipe, Store
from honeyguide.recommend.enrolment import Enrolment
from honeyguide.recommend.persons import Person
from honeyguide.recommend.places import RULES, surface_with
from honeyguide.recommend.stages import all_sources
from honeyguide.types import Json, Unit

SAFE: Final = ("hypothesis", "owner", "forced", "watched", "ends_at")
"""What may be changed while an experiment runs: nobody's arm depends on it, and no result."""
OF_A_PHASE: Final = (
    "arms", "coverage", "seed", "sticky", "targeting", "layer", "range", "forced", "interleave", "bandit", "goals",
    "guardrails", "watched", "alpha", "planned_units", "engine", "looks", "min_days", "ends_at",
)  # fmt: skip
"""What a new phase may change; the unit, the hash and the surface stay what they were at the start."""
_NEVER: Final = ("name", "invalidate", "goals")
"""Fields of a surface that no arm changes: what invalidates lists and what a ranker was trained for hold for all of it."""
_FIELDS: Final = Definition.__struct_fields__

changed = msgspec.structs.replace


class Checked(msgspec.Struct, kw_only=True):
    """An experiment as it is kept, or would be, with what may not be meant so."""

    experiment: Experiment
    warnings: list[str] = []


class Assignment(msgspec.Struct, kw_only=True):
    """Which arm a unit is in now, or why it is in none; of a draft, the arm that it would get.

    `kept`: the arm of its first exposure so far."""

    experiment: str
    phase: int
    state: str
    unit: Unit
    unit_id: str
    enrolled: bool
    because: str
    arm: str | None = None
    reason: str | None = None
    weight: float | None = None
    kept: str | None = None


class Experiments:
    """Checks experiments against what is known now, and keeps them."""

    def __init__(
        self, store: Store, enrolment: Enrolment, recipes: dict[str, Recipe], settings: Settings, clock: Clock
    ) -> None:
        self._store, self._table, self._enrolment, self._recipes = store, store.experiments, enrolment, recipes
        self._settings, self._surfaces, self._clock = settings, settings.all_surfaces(), clock

    async def check(self, given: Definition) -> Checked:
        """What an experiment would be kept as. Raises `InvalidInput` for one that does not fit, `Conflict` beside others."""
        check_definition(given, self._surfaces, self._settings.all_metrics(), self._clock.now_ms())
        await self._check_changes(given)
        experiment = _experiment(given)
        check_beside(experiment)(await asyncio.to_thread(self._table.running))
        return Checked(experiment=experiment, warnings=warnings_of(given))

    async def create(self, given: Definition, *, by: str, why: str = "") -> Checked:
        """Keep a new experiment as a draft."""
        checked = await self.check(given)
        return await self._put(checked.experiment, "created", by, why)

    async def edit(self, name: str, fields: Json, *, by: str, why: str = "") -> Checked:
        """Change a draft, or of one that runs what is safe. Raises `Conflict` for what is not, naming the cure."""
        there = await asyncio.to_thread(self._table.get, name)
        unsafe = sorted(set(fields) - set(SAFE))
        if there.state == "stopped":
            raise _stopped(there, "changed")
        if there.state == "running" and unsafe:
            raise Conflict(
                f"The experiment {name!r} runs: other {', '.join(unsafe)} would mix units or results of before and after.",
                cure="Ramp raises the coverage; for all else begin a new phase, or stop it and create another. "
                f"While it runs {', '.join(SAFE)} can be edited.",
                code="needs_new_phase",
            )
        new = await self._revised(there, fields)
        return await self._put(new, "edited", by, why)

    async def start(self, name: str, *, by: str, why: str = "") -> Checked:
        """Let a draft run: from `starts_at` on, or from now."""
        there = await asyncio.to_thread(self._table.get, name)
        if there.state != "draft":
            raise Conflict(
                f"The experiment {name!r} is {there.state}.", cure="Only a draft can be started.", code="no_draft"
            )
        await self.check(_definition(there))
        now = self._clock.now_ms()
        began = there.starts_at or now
        new = changed(there, state="running", phase=1, started_at=began, phase_started_at=began)
        return await self._put(new, "started", by, why)

    async def ramp(self, name: str, coverage: float, *, by: str, why: str = "") -> Checked:
        """Let more units take part: nobody who does is moved. Raises `Conflict` for fewer."""
        there = await self._running(name)
        if fault := _ramp_fault(there.coverage, coverage):
            raise InvalidInput(f"The ramp does not fit: coverage {fault}", errors=[FieldError("/coverage", fault)])
        return await self._put(await self._revised(there, {"coverage": coverage}), "ramped", by, why)

    async def new_phase(self, name: str, fields: Json, *, by: str, why: str = "") -> Checked:
        """Begin again with other arms, weights or goals: with a seed of its own, so that all are mixed anew; what was
        measured before is not counted with it."""
        there = await self._running(name)
        wrong = sorted(set(fields) - set(OF_A_PHASE))
        if wrong:
            told = f"a new phase cannot change {', '.join(wrong)}; it can change {', '.join(OF_A_PHASE)}."
            raise InvalidInput("The phase does not fit.", errors=[FieldError(f"/{wrong[0]}", told)])
        phase = there.phase + 1
        seed = fields.get("seed") or f"{name}:{phase}"
        if seed == there.seed and not fields.get("sticky", there.sticky):
            told = (
                "is that of the phase before: units would carry its effect over in their arms; leave it out for a new one."
            )
            raise InvalidInput("The phase does not fit.", errors=[FieldError("/seed", f"{seed!r} {told}")])
        new = await self._revised(there, {**fields, "seed": seed})
        now = self._clock.now_ms()
        return await self._put(changed(new, phase=phase, period=0, phase_started_at=now), "phase", by, why)

    async def stop(self, name: str, verdict: str = "", *, by: str, why: str = "") -> Checked:
        """End an experiment: from now on all lists are those of the surface."""
        there = await asyncio.to_thread(self._table.get, name)
        if there.state == "stopped":
            raise _stopped(there, "stopped again")
        if len(verdict) > 2_000 or len(why) > 2_000:
            pointer = "/verdict" if len(verdict) > 2_000 else "/why"
            raise InvalidInput("The verdict does not fit.", errors=[FieldError(pointer, "has more than 2,000 letters.")])
        new = changed(there, state="stopped", stopped_at=self._clock.now_ms(), verdict=verdict)
        return await self._put(new, "stopped", by, why, beside=False)

    async def assignment(self, name: str, unit_id: str) -> Assignment:
        """Which arm of an experiment a unit is in. Raises `NotFound`."""
        there = await asyncio.to_thread(self._table.get, name)
        query, now = self._query_of(there, unit_id), self._clock.now_ms()
        kept = (await asyncio.to_thread(self._table.first_arms, unit_id, [name])).get(name)
        told = Assignment(
            experiment=name, phase=there.phase, state=there.state, unit=there.unit, unit_id=unit_id, enrolled=False,
            because="", kept=kept,
        )  # fmt: skip
        if there.state == "running":
            await self._enrolment.refresh()
            enrolled = (await self._enrolment.of(query)).in_arms
            found = next((each for each in enrolled if each.experiment == name), None)
            told.enrolled = found is not None
            told.because = self._held_by(enrolled) if found is None else f"by {found.reason}"
        else:
            properties = (await self._store.log.user_state(unit_id, limit=1)).properties if there.unit == "user" else {}
            world = self._enrolment.world(query, Person(properties), now)
            found = assign(Trial.of(there), unit_id, world, now, kept=kept)
            told.because = "it is a draft: this is the arm that it would get" if there.state == "draft" else "it is stopped"
        if found is None:
            properties = (await self._store.log.user_state(unit_id, limit=1)).properties if there.unit == "user" else {}
            world = self._enrolment.world(query, Person(properties), now)
            told.because = told.because or why_not(Trial.of(there), unit_id, world, now)
            return told
        told.arm, told.reason, told.weight = found.arm, found.reason, found.weight
        return told

    def _held_by(self, enrolled: Sequence[Any]) -> str:
        holdouts = {
            trial.experiment.name: trial.experiment for each in self._enrolment.running.values() for trial in each.trials
        }
        for each in enrolled:
            experiment = holdouts.get(each.experiment)
            if experiment is not None and experiment.holdout and each.arm == experiment.control:
                return f"held out by {experiment.name}"
        return ""

    def _query_of(self, experiment: Experiment, unit_id: str) -> Query:
        surface = experiment.surface if experiment.surface in self._surfaces else next(iter(self._surfaces))
        field = {"user": "user_id", "session": "session_id", "device": "device_id"}[experiment.unit]
        fields: dict[str, Any] = {"surface": surface, field: unit_id}
        return Query(**fields)

    async def _running(self, name: str) -> Experiment:
        there = await asyncio.to_thread(self._table.get, name)
        if there.state != "running":
            cure = "Start it first." if there.state == "draft" else "Create another."
            raise Conflict(f"The experiment {name!r} is {there.state}.", cure=cure, code="not_running")
        return there

    async def _revised(self, there: Experiment, fields: Json) -> Experiment:
        """The experiment with some fields changed, if that fits. A time that has passed since it began is no fault."""
        given = msgspec.to_builtins(_definition(there)) | fields
        definition = read_definition(given)
        looked_at = changed(definition, starts_at=None) if there.state == "running" else definition
        checked = await self.check(looked_at)
        new = {name: getattr(checked.experiment, name) for name in _FIELDS if name != "starts_at"}
        return changed(there, **new, starts_at=definition.starts_at)

    async def _put(self, experiment: Experiment, change: str, by: str, why: str, *, beside: bool = True) -> Checked:
        guard = check_beside(experiment) if beside else None
        kept = await asyncio.to_thread(
            lambda: self._table.put(experiment, change, by=by, why=why, beside=guard),
        )
        await self._enrolment.refresh()
        return Checked(experiment=kept, warnings=warnings_of(kept))

    # --- what arms change ---------------------------------------------------------------------------------------------

    async def _check_changes(self, given: Definition) -> None:
        """Raise `InvalidInput` where an arm changes what there is not, or into what cannot be."""
        models, rules = await asyncio.to_thread(self._known)
        surfaces = [each for name, each in self._surfaces.items() if given.surface in (name, EVERYWHERE)]
        faults = []
        for place, arm in enumerate(given.arms):
            for surface in surfaces:
                told = list(self._faults(arm, surface, models, rules))
                faults += [FieldError(f"/arms/{place}/changes{each.pointer}", each.detail) for each in told]
                if told:
                    break
        if faults:
            first = f"{faults[0].pointer.removeprefix('/')} {faults[0].detail}"
            raise InvalidInput(f"The experiment does not fit: {first}", errors=faults, code="invalid_experiment")

    def _known(self) -> tuple[set[str], dict[str, str]]:
        """Names of models that lists can be made with, and of rules with the surface that they are for."""
        registry = self._store.registry
        versions = registry.versions()
        named = {each.label for each in versions} | {each.model for each in versions}
        return {"champion", *registry.aliases(), *named}, {rule.name: rule.surface for rule in self._store.rules.all()}

    def _faults(self, arm: Arm, surface: Surface, models: set[str], rules: dict[str, str]) -> Iterator[FieldError]:
        for name in sorted(set(arm.changes) & set(_NEVER)):
            yield FieldError(f"/{name}", "cannot be changed by an arm: it holds for the whole surface; leave it out.")
        yield from _rule_faults(arm.changes.get(RULES, {}), surface, rules)
        fields = {name: value for name, value in arm.changes.items() if name not in (RULES, *_NEVER)}
        try:
            made, _ = surface_with(surface, [fields], self._recipes)
        except InvalidInput as error:
            for each in error.errors:
                yield FieldError(each.pointer.removeprefix("/recipe"), each.detail.replace("a recipe has", "a surface has"))
            return
        alone = self._settings.model_copy(update={"surfaces": [made]})
        label = f"surfaces[0] ({made.name})"
        types = set(self._settings.events.all_types())
        for fault in [*surface_faults(alone, all_sources(self._recipes)), *types_of(made, 0, label, types)]:
            path = "".join(f"/{part}" for part in fault.path[2:])
            problem = fault.problem.removeprefix(f"{label}: ")
            yield FieldError(path, problem if problem.endswith("?") else f"{problem}.")
        if "model" in fields and made.model not in models:
            known = ", ".join(sorted(models))
            yield FieldError("/model", f"there is no model {made.model!r}; there are {known}.")


def _rule_faults(switches: Any, surface: Surface, rules: dict[str, str]) -> Iterator[FieldError]:
    if not isinstance(switches, dict) or any(not isinstance(on, bool) for on in switches.values()):
        yield FieldError(f"/{RULES}", 'says for rules, by name, whether they are in force: {"summer-sale": false}.')
        return
    for name in switches:
        if rules.get(name) not in (surface.name, "*"):
            there = ", ".join(sorted(each for each, where in rules.items() if where in (surface.name, "*"))) or "none"
            yield FieldError(f"/{RULES}/{name}", f"there is no rule {name!r} on {surface.name!r}; there are {there}.")


def read_definition(given: Json) -> Definition:
    """A definition from plain JSON values. Raises `InvalidInput`."""
    try:
        return msgspec.convert(given, Definition)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"The experiment does not fit: {error}.", code="invalid_experiment") from None


def _definition(experiment: Experiment) -> Definition:
    return Definition(**{name: getattr(experiment, name) for name in _FIELDS})


def _experiment(given: Definition) -> Experiment:
    """A draft."""
    fields = {name: getattr(given, name) for name in _FIELDS}
    return Experiment(**{**fields, "seed": given.seed or given.name})


def _ramp_fault(present: float, coverage: float) -> str:
    """What is wrong with the coverage of a ramp; empty if it fits."""
    if not 0 <= coverage <= 1:
        return f"{coverage:g} is no share; write a number from 0 to 1, such as 0.5 for half of the units."
    if present >= 1:
        return "is 1: all units take part, and there is nothing to ramp up to; to shrink or to move units begin a new phase."
    if coverage <= present:
        return f"{coverage:g} is not above the present {present:g}; a phase only grows: write more, or begin a new phase."
    return ""


def _stopped(experiment: Experiment, what: str) -> Conflict:
    return Conflict(
        f"The experiment {experiment.name!r} is stopped, and cannot be {what}.",
        cure="Create another one; its results stay.",
        code="experiment_stopped",
    )


def warnings_of(given: Definition) -> list[str]:
    """What may not be meant so with an experiment that fits."""
    found = []
    control = given.arms[0]
    alike = [arm.name for arm in given.arms[1:] if arm.changes == control.changes]
    if alike and not given.holdout:
        found.append(f"{', '.join(alike)} and {control.name} are made the same: a test of the test itself (A/A)")
    if not given.goals:
        found.append("there is no goal: nothing will decide")
    if given.coverage == 0:
        found.append("the coverage is 0: nobody takes part but those who are forced")
    return found
