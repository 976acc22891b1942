"""What is done to a user as a person: merged, exported, erased."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from honeyguide.api.cold import NO_STORE, Call, reply
from honeyguide.api.cursors import MAX_LIMIT
from honeyguide.api.endpoint import Answer
from honeyguide.api.fields import takes
from honeyguide.api.urls import refused
from honeyguide.api.wire.operations import JobOut
from honeyguide.api.wire.people import HistoryOut, HistoryParams, MergeIn, SimilarUsersParams, UserParams
from honeyguide.types import MAX_N, Json, id_fault

NDJSON: Final = (b"content-type", b"application/x-ndjson")
_encode: Final = msgspec.json.Encoder().encode_lines


async def merge_user(call: Call[UserParams, MergeIn]) -> Answer:
    """Make a user (a visitor before the login) one person with another.

    Lists, attributes and features of either id then know the history of both; both go by the id `into`. Log rows keep
    their ids, and so do experiments."""
    return reply(await call.runtime.ingest.merge_users(call.params.user_id, call.body.into))


async def similar_users(call: Call[SimilarUsersParams, None]) -> Answer:
    """The users whose latest doings are most like those of a user; nothing is told of them but their ids."""
    if not 1 <= call.params.n <= MAX_N:
        raise refused("n", f"{call.params.n} is not possible. {takes('n')}")
    if fault := id_fault(call.params.user_id):
        raise refused("user_id", f"{fault}.")
    return reply(await call.runtime.neighbours.of(call.params.user_id, call.params.n))


async def history(call: Call[HistoryParams, None]) -> Answer:
    """The latest item events of a user, newest first, as lists are made from them; of an id that nobody knows, none."""
    user_id, limit = call.params.user_id, call.params.limit
    if not 1 <= limit <= MAX_LIMIT:
        raise refused("limit", f"{limit} is not possible. Ask for 1 to {MAX_LIMIT}.")
    if fault := id_fault(user_id):
        raise refused("user_id", f"{fault}.")
    return reply(HistoryOut.of(await call.runtime.store.log.user_state(user_id, limit=limit)))


async def export_user(call: Call[UserParams, None]) -> Answer:
    """Everything that is held about a user and the ids merged with it, one JSON object per line.

    Each line names its `table`. The first is `export`, the last is `end` and counts the others: without it the export is
    not whole."""
    await call.runtime.slates.round()
    records = await call.runtime.export.open(call.params.user_id)
    return Answer(b"", 200, [NDJSON, NO_STORE], parts=_lines(records))


async def erase_user(call: Call[UserParams, None]) -> Answer:
    """Erase a user and the ids merged with it: a job, whose result is the receipt.

    What the id did before is removed everywhere and not taken any more; what it does from now on is of a new life."""
    job = await call.runtime.erase_user(call.params.user_id)
    return reply(JobOut.of(job), 202, (b"location", f"/v1/jobs/{job.job_id}".encode()))


async def _lines(batches: AsyncIterator[Iterable[Json]]) -> AsyncIterator[bytes]:
    async for batch in batches:
        yield _encode(batch)
