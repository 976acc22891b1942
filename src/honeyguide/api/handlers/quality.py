"""How good the lists are."""

import asyncio

from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.urls import refused
from honeyguide.api.wire.quality import QualityOut, QualityParams
from honeyguide.config.values import parse_duration
from honeyguide.errors import InvalidInput
from honeyguide.messages import Timestamp
from honeyguide.monitoring.quality.report import DAY, Reports
from honeyguide.protocols.quality import Slice
from honeyguide.recommend.decisions import moment_of

_MOST = 400 * DAY


async def quality(call: Call[QualityParams, None]) -> Answer:
    """The measures of a stretch of time with their targets, and how they went hour by hour or day by day."""
    runtime, params = call.runtime, call.params
    since, until = _stretch(params, runtime.clock.now_ms())
    registry = runtime.store.registry

    def found() -> QualityOut:
        report = Reports(runtime.store.quality, runtime.settings).report(
            Slice(params.surface, params.arm, params.model),
            since=since,
            until=until,
            per=params.per or ("hour" if until - since <= 3 * DAY else "day"),
            eligible=runtime.quality.eligible(),
            versions=registry.versions(),
            serving=registry.aliases().get("champion"),
        )
        return QualityOut.of(report)

    return reply(await asyncio.to_thread(found))


def _stretch(params: QualityParams, now: int) -> tuple[int, int]:
    """From when to when (ms)."""
    for name, value, most in (("surface", params.surface, 64), ("arm", params.arm, 320), ("model", params.model, 320)):
        if value and len(value) > most:
            raise refused(name, f"{len(value)} characters are too long for a name; there are at most {most}.")
    if params.arm and not params.surface:
        raise refused("arm", "An arm is one of a surface: name the surface, too.")
    if params.arm and params.model:
        raise refused("model", "Ask for an arm or for a model version, not for both.")
    if params.per not in (None, "hour", "day"):
        raise refused("per", f"{params.per!r} is no step; write hour or day.")
    until = _moment(params.until, "until", now)
    since = _moment(params.since, "since", until - _length(params.window))
    if not 0 < until - since <= _MOST:
        raise refused("since", "The time asked for is to begin before it ends, and to be at most 400 days.")
    return since, until


def _moment(value: Timestamp | None, name: str, otherwise: int) -> int:
    try:
        found = moment_of(int(value) if isinstance(value, str) and value.isdecimal() else value, name)
    except InvalidInput as error:
        raise refused(name, error.errors[0].detail) from None
    return otherwise if found is None else found


def _length(window: str) -> int:
    try:
        return round(1000 * parse_duration(window))
    except ValueError as error:
        raise refused("window", f"{error}.") from None
