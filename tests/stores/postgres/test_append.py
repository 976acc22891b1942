"""Group commit on the event loop: what shares a commit, what COPY and INSERT do, and who is told what."""

import asyncio
from collections.abc import Callable
from itertools import product
from typing import Any

import psycopg
import pytest

from honeyguide.errors import InvalidInput
from honeyguide.stores.postgres import PostgresStore, append
from honeyguide.stores.postgres.append import COPY_ROWS
from honeyguide.testing.stores.rows import all_items, event, run
from honeyguide.types import MAX_BATCH, LogRow


@pytest.mark.parametrize("size", [1, 2, COPY_ROWS - 1, COPY_ROWS, COPY_ROWS + 1, MAX_BATCH])
def test_rows_go_in_whole_whatever_their_number(store: PostgresStore, size: int) -> None:
    made = [event(f"u{at}", "i", ts=at, value=at / 7, quantity=2, payload='{"a": "\\u0000"}') for at in range(size)]
    assert run(store.log.append(made)).accepted == size
    assert [row for batch in store.log.scan() for row in batch] == made
    assert [row.sequence for row in made] == list(range(1, size + 1))


@pytest.mark.parametrize("size", [5, 2 * COPY_ROWS])
def test_duplicates_of_either_way_in(store: PostgresStore, size: int) -> None:
    """Inside one batch and of earlier ones; again and again, and then none any more."""
    first = [event("u", f"i{at}", event_id=f"e{at}") for at in range(size)]
    assert run(store.log.append(first[: size // 2])).accepted == size // 2
    for _ in range(2):
        mixed = [event("u", f"other{at}", event_id=row.event_id) for at, row in enumerate([*first, first[-1]])]
        accepted = run(store.log.append(mixed))
        assert accepted.accepted + len(accepted.duplicates) == size + 1
        assert size in accepted.duplicates
    assert run(store.log.append([event("u", "new") for _ in range(size)])).accepted == size
    rows = [row for batch in store.log.scan() for row in batch]
    assert len(rows) == len({row.event_id for row in rows}) == 2 * size
    assert [row.item_id for row in rows[: size // 2]] == [row.item_id for row in first[: size // 2]], "the first row stays"
    assert {item.item_id for item in all_items(store)} == {row.item_id for row in rows}


def test_appends_that_wait_share_a_commit(store: PostgresStore) -> None:
    async def together() -> None:
        await asyncio.gather(*(store.log.append([event("u", f"i{at}")]) for at in range(200)))

    run(together())
    assert store._appender.commits <= 4
    assert run(store.log.position()) == 200


def test_an_append_is_one_round_trip_once_its_items_are_known(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by the times that the connection is waited for."""
    run(store.log.append([event("u", "i")]))
    asked: list[str] = []

    async def present(*_: Any) -> Any:
        asked.append("present")

    monkeypatch.setattr(append, "_present", present)
    assert run(store.log.append([event("u", "i"), event("v", "i")])).accepted == 2
    assert asked == []


@pytest.mark.parametrize("size", [1, COPY_ROWS])
def test_text_that_postgresql_cannot_hold_is_its_own_row_s_fault(store: PostgresStore, size: int) -> None:
    """Validation refuses such text long before; if it ever came here, nothing is stored and others are not harmed."""
    fields = ["user_id", "item_id", "event_id", "session_id", "device_id", "type", "payload", "surface", "request_id"]

    async def together(field: str, bad: str) -> list[Any]:
        rows = [event("u", "i") for _ in range(size)]
        setattr(rows[-1], field, bad)
        batches = [[event("u", "good")], rows, [event("u", "good too")]]
        return await asyncio.gather(*(store.log.append(batch) for batch in batches), return_exceptions=True)

    for at, (field, bad) in enumerate(product(fields, ["a\0b", "\ud800", "\udfff tail"]), 1):
        first, refused, last = run(together(field, bad))
        assert isinstance(refused, InvalidInput), (field, bad)
        assert "cannot be stored" in refused.detail
        assert (first.accepted, last.accepted) == (1, 1)
        assert run(store.log.position()) == 2 * at
        with pytest.raises(InvalidInput):
            run(store.log.user_state(bad, limit=1))


def test_a_caller_that_gives_up_harms_nobody(store: PostgresStore, other: psycopg.Connection[Any]) -> None:
    """Cancelled while its commit is under way: it is committed all the same, and so are the others."""

    async def body() -> None:
        first = asyncio.create_task(store.log.append([event("u", "given up", event_id="a")]))
        await asyncio.sleep(0)
        others = [asyncio.create_task(store.log.append([event("u", "i", event_id=f"b{at}")])) for at in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(*others)

    run(body())
    assert [row.event_id for batch in store.log.scan() for row in batch] == ["a", "b0", "b1", "b2"]


def test_a_loop_that_ends_early_leaves_the_store_usable(store: PostgresStore) -> None:
    async def leave() -> None:
        for at in range(5):
            asyncio.ensure_future(store.log.append([event("u", f"i{at}")]))  # noqa: RUF006
        await asyncio.sleep(0)

    for _ in range(5):
        run(leave())
        run(store.log.append([event("u", "after")]))
    rows = [row for batch in store.log.scan() for row in batch]
    assert [row.item_id for row in rows].count("after") == 5


def test_several_loops_at_the_same_time(store: PostgresStore) -> None:
    async def many(name: int) -> int:
        return sum([(await store.log.append([event(f"u{name}", "i")])).accepted for _ in range(20)])

    async def body() -> list[int]:
        return await asyncio.gather(*(asyncio.to_thread(run, many(name)) for name in range(5)))

    assert run(body()) == [20] * 5
    assert run(store.log.position()) == 100


def test_the_hot_read_takes_its_index(open_postgres: Callable[..., PostgresStore], other: psycopg.Connection[Any]) -> None:
    """One user with a third of a log whose statistics know nothing of it: the latest events are read, not all."""
    store = open_postgres()
    rows = [event("heavy" if at % 3 == 0 else f"u{at}", f"i{at % 50}", ts=at) for at in range(3 * MAX_BATCH)]
    for start in range(0, len(rows), MAX_BATCH):
        run(store.log.append(rows[start : start + MAX_BATCH]))
    run(store.log.user_state("heavy", limit=10))

    async def plan() -> str:
        async with store._pools[0].lend() as link:
            sql = (
                "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT item_id FROM log WHERE user_id = 'heavy' "
                "AND user_id IS NOT NULL AND item_id IS NOT NULL AND type <> 'impression' AND kind = 'event' "
                "ORDER BY ts DESC, sequence DESC LIMIT 10"
            )
            return "\n".join(row[0] for row in await (await link.execute(sql)).fetchall())

    told = run(plan())
    assert "Index Scan Backward using log_history" in told
    assert "rows=11 " in told or "rows=12 " in told, told


def test_rows_keep_their_numbers_of_every_kind(store: PostgresStore) -> None:
    extremes = [
        LogRow(event_id="low", ts=-(2**63), received_at=2**63 - 1, value=5e-324, quantity=1.7976931348623157e308),
        LogRow(event_id="high", ts=2**63 - 1, received_at=-(2**63), value=-0.0, quantity=0.1),
    ]
    for rows in (extremes, [LogRow(event_id=f"{at}", ts=-at, received_at=at, value=at / 3) for at in range(COPY_ROWS)]):
        run(store.log.append(rows))
    found = [row for batch in store.log.scan() for row in batch]
    assert found[:2] == extremes
    assert [row.value for row in found[2:]] == [at / 3 for at in range(COPY_ROWS)]
