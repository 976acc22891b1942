"""Experiments: created, checked, started, ramped, given new phases, stopped; which arm a unit is in."""

import asyncio
from typing import Any

from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.urls import refused
from honeyguide.api.wire.experiments import (
    ExperimentChangeOut,
    ExperimentHistory,
    ExperimentPage,
    ExperimentParams,
    RampIn,
    Signed,
    StopIn,
    UnitParams,
    given,
    out,
)
from honeyguide.errors import NotFound
from honeyguide.recommend.experiments import Checked, Experiments, read_definition, warnings_of
from honeyguide.types import id_fault


def _experiments(call: Call[Any, Any]) -> Experiments:
    return call.runtime.experiments


def _out(checked: Checked) -> Any:
    return out(checked.experiment, checked.warnings)


async def list_experiments(call: Call[object, None]) -> Answer:
    """All experiments, by name."""
    found = await asyncio.to_thread(call.runtime.store.experiments.all)
    return reply(ExperimentPage([out(each, warnings_of(each)) for each in found]))


async def get_experiment(call: Call[ExperimentParams, None]) -> Answer:
    """One experiment."""
    found = await asyncio.to_thread(call.runtime.store.experiments.get, call.params.experiment)
    return reply(out(found, warnings_of(found)))


async def create_experiment(call: Call[object, Any]) -> Answer:
    """Keep a new experiment as a draft; nobody takes part before it is started."""
    body: Signed = call.body
    return reply(_out(await _experiments(call).create(read_definition(given(body)), by=body.by, why=body.why)), 201)


async def check_experiment(call: Call[object, Any]) -> Answer:
    """Whether an experiment fits, by itself and beside those that run; nothing is kept."""
    return reply(_out(await _experiments(call).check(read_definition(given(call.body)))))


async def edit_experiment(call: Call[ExperimentParams, Any]) -> Answer:
    """Change a draft, or of one that runs what is safe."""
    body: Signed = call.body
    name, fields = call.params.experiment, given(body)
    return reply(_out(await _experiments(call).edit(name, fields, by=body.by, why=body.why)))


async def start_experiment(call: Call[ExperimentParams, Signed]) -> Answer:
    """Let a draft run; on this server at once, on the others within half a second."""
    body = call.body
    return reply(_out(await _experiments(call).start(call.params.experiment, by=body.by, why=body.why)))


async def ramp_experiment(call: Call[ExperimentParams, RampIn]) -> Answer:
    """Let more units take part; nobody who does is moved."""
    body = call.body
    return reply(_out(await _experiments(call).ramp(call.params.experiment, body.coverage, by=body.by, why=body.why)))


async def new_phase(call: Call[ExperimentParams, Any]) -> Answer:
    """Begin again with other arms, weights or goals, all units mixed anew."""
    body: Signed = call.body
    name, fields = call.params.experiment, given(body)
    return reply(_out(await _experiments(call).new_phase(name, fields, by=body.by, why=body.why)))


async def stop_experiment(call: Call[ExperimentParams, StopIn]) -> Answer:
    """End an experiment; its results stay."""
    body = call.body
    return reply(_out(await _experiments(call).stop(call.params.experiment, body.verdict, by=body.by, why=body.why)))


async def experiment_history(call: Call[ExperimentParams, None]) -> Answer:
    """What became of an experiment, latest first."""
    changes = await asyncio.to_thread(call.runtime.store.experiments.history, call.params.experiment)
    if not changes:
        raise NotFound(
            f"There is no experiment {call.params.experiment!r}.",
            cure="GET /v1/experiments lists them.",
            code="experiment_not_found",
        )
    return reply(ExperimentHistory([ExperimentChangeOut.of(change) for change in changes]))


async def get_assignment(call: Call[UnitParams, None]) -> Answer:
    """Which arm a unit is in, or why it is in none."""
    if fault := id_fault(call.params.user_id):
        raise refused("user_id", f"{fault}.")
    return reply(await _experiments(call).assignment(call.params.experiment, call.params.user_id))
