"""Merging users: which merges are taken, and what the others are told."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from honeyguide.errors import Conflict, HoneyguideError, InvalidInput, NotFound
from honeyguide.messages import EventIn, Merged
from tests.ingest.test_ingest import Shop, run


def seen(*names: str) -> list[EventIn]:
    return [EventIn(type="view", user_id=name, item_id=f"item of {name}") for name in names]


def in_shop(tmp_path: Path, work: Callable[[Shop], Coroutine[Any, Any, None]]) -> None:
    shop = Shop(tmp_path)
    run(shop, lambda: work(shop))


async def history(shop: Shop, user_id: str) -> list[str]:
    return [event.item_id for event in (await shop.store.log.user_state(user_id, limit=99)).events]


def test_both_ids_have_the_history_of_both(tmp_path: Path) -> None:
    async def work(shop: Shop) -> None:
        await shop.ingest.events(seen("anon", "login"))
        merged = await shop.ingest.merge_users("anon", "login")
        assert merged == Merged(
            canonical_id="login", user_ids=["anon", "login"], accepted=1, sequence=shop.rows()[-1].sequence, unknown=[]
        )
        assert await history(shop, "anon") == await history(shop, "login") == ["item of anon", "item of login"]
        await shop.ingest.events(seen("anon"))
        assert len(await history(shop, "login")) == 3
        assert [row.user_id for row in shop.rows() if row.kind == "event"] == ["anon", "login", "anon"], (
            "rows keep their ids"
        )

    in_shop(tmp_path, work)


def test_who_is_one_already_is_left_as_it_is(tmp_path: Path) -> None:
    """Again, the other way round, and inside a chain: nothing is written, and the answer says who they are."""

    async def work(shop: Shop) -> None:
        await shop.ingest.events(seen("a", "b", "c"))
        await shop.ingest.merge_users("a", "b")
        last = (await shop.ingest.merge_users("b", "c")).sequence
        for user_id, into in (("b", "c"), ("c", "b"), ("a", "c"), ("c", "a"), ("a", "b"), ("b", "a")):
            again = await shop.ingest.merge_users(user_id, into)
            assert again == Merged(canonical_id="c", user_ids=["a", "b", "c"], accepted=0, sequence=last, unknown=[])

    in_shop(tmp_path, work)


def test_a_merge_into_one_of_several_ids_goes_by_theirs(tmp_path: Path) -> None:
    async def work(shop: Shop) -> None:
        await shop.ingest.events(seen("old", "phone", "login"))
        await shop.ingest.merge_users("old", "login")
        assert (await shop.ingest.merge_users("phone", "old")).canonical_id == "login"

    in_shop(tmp_path, work)


def refused(shop: Shop, user_id: Any, into: Any, kind: type[HoneyguideError]) -> Coroutine[Any, Any, HoneyguideError]:
    async def ask() -> HoneyguideError:
        before = len(shop.rows())
        with pytest.raises(kind) as caught:
            await shop.ingest.merge_users(user_id, into)
        assert len(shop.rows()) == before
        return caught.value

    return ask()


def test_merges_that_cannot_be(tmp_path: Path) -> None:
    async def work(shop: Shop) -> None:
        await shop.ingest.events(seen("anon", "ann", "bob"))
        error = await refused(shop, "ann", "ann", InvalidInput)
        assert (error.code, error.errors[0].pointer) == ("self_merge", "/into")
        error = await refused(shop, "", "b\0b", InvalidInput)
        assert [fault.pointer for fault in error.errors] == ["/user_id", "/into"]
        error = await refused(shop, "typo", "tyop", NotFound)
        assert error.code == "unknown_users"
        assert "'typo'" in str(error)
        await shop.ingest.merge_users("anon", "ann")
        error = await refused(shop, "anon", "bob", Conflict)
        assert error.code == "merged_elsewhere"
        assert "merge 'ann' into 'bob'" in error.cure

    in_shop(tmp_path, work)


def test_one_of_the_two_may_be_new(tmp_path: Path) -> None:
    """Whoever signs up is new, and a visitor's first events may still be on their way."""

    async def work(shop: Shop) -> None:
        await shop.ingest.events(seen("visitor"))
        assert (await shop.ingest.merge_users("visitor", "signed up")).unknown == ["signed up"]
        assert await history(shop, "signed up") == ["item of visitor"]
        assert (await shop.ingest.merge_users("late", "signed up")).unknown == ["late"]
        await shop.ingest.events(seen("late"))
        assert await history(shop, "signed up") == ["item of visitor", "item of late"]

    in_shop(tmp_path, work)


def test_merges_at_the_same_time_agree(tmp_path: Path) -> None:
    """In a circle, or of one into two: one is taken, the others hear of it."""

    async def work(shop: Shop) -> None:
        await shop.ingest.events(seen("a", "b", "c"))
        merge = shop.ingest.merge_users
        one, other = await asyncio.gather(merge("a", "b"), merge("b", "a"))
        assert sorted([one.accepted, other.accepted]) == [0, 1]
        assert one.user_ids == other.user_ids
        left, right = await asyncio.gather(merge("c", "a"), merge("c", "x"), return_exceptions=True)
        assert isinstance(left, Merged)
        assert isinstance(right, Conflict)

    in_shop(tmp_path, work)
