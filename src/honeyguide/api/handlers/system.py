"""How the system is: health, readiness, metrics, what is running, its OpenAPI document."""

import platform

import honeyguide
from honeyguide.api.cold import NO_STORE, Call, reply
from honeyguide.api.endpoint import JSON, Answer
from honeyguide.api.wire.base import iso
from honeyguide.api.wire.operations import Configuration, Health, Readiness, System
from honeyguide.bootstrap import Runtime
from honeyguide.config.shown import named, shown
from honeyguide.monitoring.metrics import CONTENT_TYPE


async def health(call: Call[object, None]) -> Answer:
    """The process answers. Nothing behind it is asked, so that nobody ends it for what another has."""
    return reply(Health("healthy", _models(call.runtime)))


async def ready(call: Call[object, None]) -> Answer:
    """Requests may come here: what is to be served is loaded, and the process is not about to end.

    Nothing behind the process is asked: `degraded` names what has not answered lately."""
    runtime = call.runtime
    runtime.readiness.check()
    return reply(Readiness(True, runtime.follow.position, runtime.serving.aliases(), runtime.readiness.missing()))


async def metrics(call: Call[object, None]) -> Answer:
    """Everything that is counted, for Prometheus; of several server processes on the port, by all of them."""
    return Answer(await call.runtime.scrape(), 200, [(b"content-type", CONTENT_TYPE.encode()), NO_STORE])


async def system(call: Call[object, None]) -> Answer:
    """What is running and how far it has come."""
    runtime, service = call.runtime, call.service
    answer = System(
        version=honeyguide.__version__,
        python=platform.python_version(),
        started_at=iso(service.started_at),
        uptime_seconds=max(0, runtime.clock.now_ms() - service.started_at) / 1000,
        position=await runtime.store.log.position(),
        config=runtime.fingerprint,
        aliases=runtime.serving.aliases(),
        refused=dict(runtime.serving.lineup.refused),
        surfaces=sorted(runtime.settings.all_surfaces()),
        protected=not service.gate.open,
    )
    return reply(answer)


async def configuration(call: Call[object, None]) -> Answer:
    """The settings in effect and where each comes from; secrets are not shown."""
    settings = call.runtime.settings
    return reply(Configuration(settings=shown(settings), sources=named(settings, call.runtime.sources)))


async def openapi(call: Call[object, None]) -> Answer:
    """The API as an OpenAPI 3.1 document."""
    return Answer(call.service.document, 200, [JSON])


def _models(runtime: Runtime) -> list[str]:
    served = runtime.serving
    labels = {pair for pair in (*served.aliases().values(), served.lineup.champion.label) if pair}
    return sorted(labels)
