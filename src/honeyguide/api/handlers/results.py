"""What experiments show, and how large they must be."""

import asyncio

from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.wire.experiments import ExperimentParams
from honeyguide.api.wire.results import ResultParams
from honeyguide.experiments.design import SizeIn, sized


async def results(call: Call[ResultParams, None]) -> Answer:
    """Health, every metric, and what to do; of the moment up to which units have been folded."""
    asked = call.params
    return reply(await asyncio.to_thread(call.runtime.judging.results, asked.experiment, asked.phase))


async def standing(call: Call[ExperimentParams, None]) -> Answer:
    """How it stands with a bandit, or which of two interleaved lists is preferred."""
    return reply(await asyncio.to_thread(call.runtime.other_results.standing, call.params.experiment))


async def sample_size(call: Call[object, SizeIn]) -> Answer:
    """Units for a lift, or the lift that units find."""
    return reply(sized(call.body))
