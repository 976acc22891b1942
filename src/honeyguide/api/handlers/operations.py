"""Model versions, aliases and jobs."""

import asyncio
import re
from typing import Final

import msgspec

from honeyguide.api import cursors
from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.urls import refused
from honeyguide.api.wire.base import PageParams
from honeyguide.api.wire.operations import (
    AliasIn,
    AliasOut,
    AliasPage,
    AliasParams,
    JobIn,
    JobOut,
    JobPage,
    JobParams,
    VersionDetail,
    VersionOut,
    VersionPage,
    VersionParams,
)
from honeyguide.errors import Conflict, DamagedArtefact, NotFound
from honeyguide.train.lineage import lineage_of
from honeyguide.types import ModelVersion

_ALIAS: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")


async def list_versions(call: Call[PageParams, None]) -> Answer:
    """All trained versions, newest first."""
    limit, after = cursors.check_limit(call.params), cursors.read("versions", call.params.cursor)
    registry = call.runtime.store.registry
    versions, aliases = await asyncio.to_thread(lambda: (registry.versions(), registry.aliases()))
    if after is not None:
        labels = [version.label for version in versions]
        versions = versions[labels.index(after) + 1 :] if after in labels else []
    shown, next_cursor = cursors.page("versions", versions, limit, lambda version: version.label)
    return reply(VersionPage([VersionOut.of(version, aliases) for version in shown], next_cursor))


async def get_version(call: Call[VersionParams, None]) -> Answer:
    """One version with its manifest."""
    registry = call.runtime.store.registry
    found = await asyncio.to_thread(registry.version, call.params.name, call.params.version)
    out = VersionOut.of(found, await asyncio.to_thread(registry.aliases))
    return reply(VersionDetail(**msgspec.structs.asdict(out), manifest=found.manifest, lineage=lineage_of(found)))


async def list_aliases(call: Call[object, None]) -> Answer:
    """All aliases and what they point at."""
    aliases = await asyncio.to_thread(call.runtime.store.registry.aliases)
    return reply(AliasPage([_alias(call, name, aliases[name]) for name in sorted(aliases)], None))


async def get_alias(call: Call[AliasParams, None]) -> Answer:
    """What one alias points at."""
    return reply(_alias(call, call.params.alias, await _target(call)))


async def put_alias(call: Call[AliasParams, AliasIn]) -> Answer:
    """Point an alias at a version, which is loaded first: a damaged one, or one whose items are not those of the shop, is
    refused and the old one serves on."""
    if not _ALIAS.fullmatch(call.params.alias):
        raise refused("alias", "This is no name for an alias. Use a-z, 0-9, _ and -, beginning with a letter.")
    runtime, body = call.runtime, call.body
    target = await asyncio.to_thread(runtime.store.registry.version, body.model, body.version)
    await _loaded(call, target)
    if not body.anyway:
        await asyncio.to_thread(runtime.item_check.version, call.params.alias, target)
    return await _point(call, target)


async def delete_alias(call: Call[AliasParams, None]) -> Answer:
    """Remove an alias; without a champion, what is popular is served."""
    await _target(call)
    await asyncio.to_thread(call.runtime.store.registry.delete_alias, call.params.alias)
    await call.runtime.serving.refresh()
    return Answer(b"", 204)


async def roll_back(call: Call[AliasParams, None]) -> Answer:
    """Point an alias at what it pointed at before."""
    await _target(call)
    previous = await asyncio.to_thread(call.runtime.store.registry.previous, call.params.alias)
    if previous is None:
        raise Conflict(
            f"The alias {call.params.alias} has pointed at nothing else before.", cure="PUT the alias to choose a version."
        )
    await _loaded(call, previous)
    return await _point(call, previous)


async def _target(call: Call[AliasParams, object]) -> ModelVersion:
    alias, aliases = call.params.alias, await asyncio.to_thread(call.runtime.store.registry.aliases)
    if alias not in aliases:
        known = ", ".join(sorted(aliases)) or "none yet; train a model first"
        raise NotFound(f"There is no alias {alias!r}.", cure=f"There are: {known}.")
    return aliases[alias]


async def _loaded(call: Call[AliasParams, object], target: ModelVersion) -> None:
    """See to it that a version can be served; raises `Conflict`."""
    try:
        await call.runtime.serving.pair(target.label)
    except DamagedArtefact as error:
        raise Conflict(f"{target.label} cannot be served: {error.detail}", cure=error.cure) from None


async def _point(call: Call[AliasParams, object], target: ModelVersion) -> Answer:
    alias, runtime = call.params.alias, call.runtime
    await asyncio.to_thread(runtime.store.registry.set_alias, alias, target.model, target.version)
    await runtime.serving.refresh()
    return reply(_alias(call, alias, target))


def _alias(call: Call[object, object], alias: str, target: ModelVersion) -> AliasOut:
    return AliasOut(alias, target.model, target.version, call.runtime.serving.aliases().get(alias))


async def list_jobs(call: Call[PageParams, None]) -> Answer:
    """Jobs, newest first."""
    limit, after = cursors.check_limit(call.params), cursors.read("jobs", call.params.cursor)
    rows = await asyncio.to_thread(lambda: call.runtime.store.jobs.page(limit=limit + 1, after=after))
    shown, next_cursor = cursors.page("jobs", rows, limit, lambda job: job.job_id)
    return reply(JobPage([JobOut.of(job) for job in shown], next_cursor))


async def get_job(call: Call[JobParams, None]) -> Answer:
    """One job as it is now."""
    return reply(JobOut.of(await asyncio.to_thread(call.runtime.store.jobs.get, call.params.job_id)))


async def start_job(call: Call[object, JobIn]) -> Answer:
    """Queue a job: a worker takes it up, or this process where no worker is there."""
    asked = {"models": call.body.models, "budget": call.body.budget}
    params = {name: value for name, value in asked.items() if value is not None}
    job = await call.runtime.queue.put(call.body.kind, params)
    return reply(JobOut.of(job), 202, (b"location", f"/v1/jobs/{job.job_id}".encode()))


async def cancel_job(call: Call[JobParams, None]) -> Answer:
    """Stop a job, wherever it runs; the versions that serve stay. One that another process runs ends within seconds."""
    return reply(JobOut.of(await call.runtime.queue.cancel(call.params.job_id)))
