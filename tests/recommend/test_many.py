"""Many lists at once: the same lists as one by one, and one read of what is known of their users."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.errors import InvalidInput, Unavailable
from honeyguide.messages import Query, Slate
from tests.shop import NOW, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    with open_shop(tmp_path / "data", clock=ManualClock(NOW)) as hg:
        yield hg


@pytest.fixture
def reads(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The users of each read of states, in one go or alone."""
    log, found = shop.runtime.store.log, list[list[str]]()
    many, one = log.user_states, log.user_state

    async def user_states(user_ids: Any, **rest: Any) -> Any:
        found.append(list(user_ids))
        return await many(user_ids, **rest)

    async def user_state(user_id: str, **rest: Any) -> Any:
        found.append([user_id])
        return await one(user_id, **rest)

    monkeypatch.setattr(log, "user_states", user_states)
    monkeypatch.setattr(log, "user_state", user_state)
    return found


def ask(shop: Honeyguide, *queries: Query) -> list[Slate]:
    served = shop.run(shop.runtime.recommend.serve_many(queries, [None] * len(queries)))
    return [each.slate() for each in served]


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def test_one_read_for_all_and_the_lists_are_the_same(shop: Honeyguide, reads: list[list[str]]) -> None:
    users = [f"u{number}" for number in range(12)]
    slates = ask(shop, *(Query(user_id=user, n=5) for user in users))
    assert reads == [users]
    assert [slate.user_id for slate in slates] == users
    assert {slate.served_from for slate in slates} == {"computed"}
    assert len({slate.as_of for slate in slates}) == 1
    shop.runtime.cache.clear()
    assert [ids(shop.recommend(user, 5)) for user in users] == [ids(slate) for slate in slates]
    assert reads[1:] == [[user] for user in users]


def test_what_is_in_memory_is_not_read(shop: Honeyguide, reads: list[list[str]]) -> None:
    shop.recommend("u1", 5)
    del reads[:]
    slates = ask(shop, Query(user_id="u1", n=5), Query(user_id="u2", n=5), Query(user_id="u2", n=3))
    assert reads == [["u2"]]
    assert [slate.served_from for slate in slates] == ["l1", "computed", "computed"]
    assert ids(slates[2]) == ids(slates[1])[:3]
    ask(shop, Query(user_id="u1"), Query(user_id="u2"))
    assert len(reads) == 1


def test_strangers_share_one_list_and_leave_none(shop: Honeyguide, reads: list[list[str]]) -> None:
    slates = ask(shop, Query(user_id="new1"), Query(user_id="u3"), Query(user_id="new2"), Query(personalised=False))
    assert reads == [["new1", "u3", "new2"]]
    assert ids(slates[0]) == ids(slates[2]) == ids(slates[3])
    assert [slate.user_id for slate in slates] == ["new1", "u3", "new2", ""]
    assert slates[1].rung == "personal"


def test_lists_for_this_request_alone_are_read_together_too(shop: Honeyguide, reads: list[list[str]]) -> None:
    queries = [Query(user_id="u4", explain=True), Query(user_id="u5", dry_run=True), Query(user_id="u6")]
    slates = ask(shop, *queries)
    assert sorted(reads) == [["u4", "u5"], ["u6"]]
    assert slates[0].trace
    assert [slate.served_from for slate in slates] == ["computed"] * 3


def test_an_event_after_a_batch_counts(shop: Honeyguide) -> None:
    (before,) = ask(shop, Query(user_id="u7"))
    bought = before.items[0].item_id
    sequence = shop.ingest([{"type": "purchase", "user_id": "u7", "item_id": bought}]).sequence
    (after,) = ask(shop, Query(user_id="u7"))
    assert after.as_of >= sequence
    assert bought not in ids(after)


def test_without_their_states_the_lists_are_poorer(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object, **__: object) -> NoReturn:
        raise Unavailable("The database is gone.")

    monkeypatch.setattr(shop.runtime.store.log, "user_states", gone)
    slates = ask(shop, Query(user_id="u8"), Query(user_id="u9"), Query(user_id="u1", explain=True))
    assert [slate.degraded for slate in slates] == [["state"]] * 3
    assert all(ids(slate) for slate in slates)
    assert shop.runtime.metrics.recommend_fallbacks.labels("home", "state")._value.get() == 3


def test_a_query_that_does_not_fit_ends_the_batch(shop: Honeyguide, reads: list[list[str]]) -> None:
    with pytest.raises(InvalidInput):
        ask(shop, Query(user_id="u1"), Query(user_id="u2", n=0))
    assert reads == []
    assert ask(shop) == []


def test_a_batch_of_an_earlier_line_up(shop: Honeyguide) -> None:
    path = shop.runtime.recommend
    before = path.lineup
    shop.runtime.store.registry.set_alias("champion", "popular", 1)
    shop.run(shop.runtime.serving.refresh())  # the job that looks for it may have been quicker
    assert path.lineup.champion.label == "popular@1"
    serve: Callable[..., Any] = path.serve_many
    served = shop.run(serve([Query(user_id="u1"), Query(user_id="u2")], [before, None]))
    assert [each.model for each in served] == [before.champion.label, "popular@1"]
