"""The request path on a real store and real models: what a list promises."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.errors import InvalidInput, NotFound
from honeyguide.messages import EventIn, Filters, ItemIn, Price, Query, Slate
from honeyguide.types import LogRow
from tests.shop import BALL, NOW, TEA, open_shop


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=clock) as hg:
        yield hg


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def live(shop: Honeyguide, kind: str, user: str, item: str | None = None) -> int:
    """Send one event as it happens; the log position of its acknowledgement."""
    event = EventIn(type=kind, user_id=user, item_id=item, value=5.0 if kind == "rating" else None)
    report = shop.run(shop.runtime.ingest.events([event]))
    assert report.accepted == 1
    sequence: int = report.sequence
    return sequence


def test_a_known_user_gets_personal_items_with_exact_reasons(shop: Honeyguide) -> None:
    slate = shop.recommend("u0", n=5)
    bought = {e.item_id for e in shop.run(shop.runtime.store.log.user_state("u0", limit=100)).events if e.type == "purchase"}
    assert slate.rung == "personal"
    assert slate.items[0].item_id in TEA
    assert not bought & set(ids(slate)), "what was bought is not offered again"
    reason = slate.items[0].reason
    assert reason.code == "because_of"
    assert reason.item_id in TEA
    assert reason.item_id is not None
    assert reason.item_id.title() in reason.text
    assert reason.share is not None
    assert 0 < reason.share <= 1
    assert [item.rank for item in slate.items] == [1, 2, 3, 4, 5]


def test_an_unknown_user_gets_a_good_list(shop: Honeyguide) -> None:
    slate = shop.recommend("nobody has seen me \N{SNOWMAN}/x", n=5)
    assert slate.rung == "popular"
    assert len(slate.items) == 5
    assert slate.degraded == []


def test_an_unseen_user_is_personal_from_the_first_event_on(shop: Honeyguide) -> None:
    shop.recommend("fresh")
    live(shop, "purchase", "fresh", "ball")
    slate = shop.recommend("fresh", n=3)
    assert slate.rung == "personal"
    assert slate.items[0].item_id in BALL
    assert slate.items[0].reason.item_id == "ball"


@pytest.mark.parametrize("kind", ["purchase", "rating", "add_to_cart", "wishlist_add", "profile_update", "hide", "dislike"])
def test_a_hard_event_is_in_the_very_next_list(shop: Honeyguide, kind: str) -> None:
    for n in (10, 90):  # both length buckets
        shop.recommend("u1", n=n)
    sequence = live(shop, kind, "u1", None if kind == "profile_update" else "ball")
    for n in (10, 90):
        slate = shop.recommend("u1", n=n)
        assert slate.as_of >= sequence
        assert slate.served_from == "computed"
        if kind in ("purchase", "rating", "hide", "dislike"):
            assert "ball" not in ids(slate)


def test_an_event_that_was_committed_unheard_is_in_the_very_next_list_when_it_is_sent_again(shop: Honeyguide) -> None:
    """A connection that breaks over a commit, a node that dies before it has told anybody: the page sends it again, here."""
    event = EventIn(type="purchase", user_id="u1", item_id="ball", event_id="unheard")
    runtime = shop.runtime
    subject = runtime.subjects.of("home", "u1")
    shop.recommend("u1")

    async def body() -> None:
        row = LogRow(event_id="unheard", ts=NOW, received_at=NOW, user_id="u1", item_id="ball", type="purchase")
        await runtime.store.log.append([row])
        before = runtime.caches.generations.held[subject]
        report = await runtime.ingest.events([event])
        assert (report.accepted, report.duplicates, report.sequence) == (0, 1, row.sequence)
        after = runtime.caches.generations.held[subject]
        assert before.hard != after.hard
        await runtime.ingest.events([event])
        assert runtime.caches.generations.held[subject] == after, "told of again, it changes nothing"

    shop.run(body())
    assert "ball" not in ids(shop.recommend("u1"))


def test_a_kept_list_is_as_new_as_the_answer_to_an_event_that_is_sent_again(shop: Honeyguide) -> None:
    event = EventIn(type="purchase", user_id="u1", item_id="ball", event_id="twice")
    first = shop.run(shop.runtime.ingest.events([event])).sequence
    shop.recommend("u1")
    live(shop, "purchase", "u2", "tea")
    again = shop.run(shop.runtime.ingest.events([event]))
    assert (again.duplicates, again.sequence) == (1, first)
    kept = shop.recommend("u1")
    assert kept.served_from == "l1"
    assert kept.as_of >= again.sequence


@pytest.mark.parametrize("kind", ["view", "click"])
def test_a_soft_event_serves_the_old_list_once_and_then_the_new_one(shop: Honeyguide, kind: str) -> None:
    shop.recommend("u1")
    sequence = live(shop, kind, "u1", "tea")
    stale = shop.recommend("u1")
    assert stale.served_from == "stale"
    assert stale.stale
    assert stale.cached
    shop.run(shop.runtime.cache.drain())
    fresh = shop.recommend("u1")
    assert fresh.served_from == "l1"
    assert fresh.as_of >= sequence


def test_other_users_events_leave_the_cached_list_alone(shop: Honeyguide) -> None:
    first = shop.recommend("u1")
    live(shop, "purchase", "u2", "tea")
    second = shop.recommend("u1")
    assert second.served_from == "l1"
    assert second.cached
    assert not first.cached
    assert ids(second) == ids(first)
    assert second.request_id != first.request_id


def test_the_cache_ages(shop: Honeyguide, clock: ManualClock) -> None:
    shop.recommend("u1")
    clock.advance(shop.settings.cache.ttl * 1.2)
    assert shop.recommend("u1").served_from == "stale"
    shop.run(shop.runtime.cache.drain())
    assert shop.recommend("u1").served_from == "l1"
    clock.advance(shop.settings.cache.ttl * 1.2 + shop.settings.cache.stale)
    assert shop.recommend("u1").served_from == "computed"


def test_a_short_list_begins_a_long_one(shop: Honeyguide) -> None:
    whole = ids(shop.recommend("u0", n=500))
    assert len(whole) == len(set(whole))
    for n in (1, 3, 10, 80, 81):
        assert ids(shop.recommend("u0", n=n)) == whole[:n]


def test_pages_continue_the_list(shop: Honeyguide) -> None:
    whole = ids(shop.recommend("u0", n=12))
    first = shop.recommend("u0", n=5)
    assert first.next_cursor is not None
    second = shop.recommend("u0", n=5, cursor=first.next_cursor)
    assert ids(first) + ids(second) == whole[:10]
    assert [item.rank for item in second.items] == [6, 7, 8, 9, 10]
    with pytest.raises(InvalidInput, match="page cannot be found"):
        shop.recommend("u0", n=5, cursor="made up")


@pytest.mark.parametrize("change", [{"hidden": True}, {"available": False}, "delete"])
def test_what_must_not_be_shown_is_not_shown_from_the_cache_neither(shop: Honeyguide, change: dict[str, bool] | str) -> None:
    before = shop.recommend("u1", n=5)
    target = ids(before)[0]
    ingest = shop.runtime.ingest
    if isinstance(change, dict):
        shop.run(ingest.patch_items([msgspec.convert({"item_id": target, **change}, ItemIn)]))
    else:
        shop.run(ingest.delete_items([target]))
    after = shop.recommend("u1", n=5)
    assert after.served_from == "l1"
    assert target not in ids(after)
    assert len(after.items) == 5, "the list is refilled from its reserve"
    assert [item.rank for item in after.items] == [1, 2, 3, 4, 5]
    assert target not in ids(shop.recommend("stranger", n=500))


def test_a_new_item_can_be_shown_at_once(shop: Honeyguide, clock: ManualClock) -> None:
    shop.ingest([{"item_id": "novelty", "title": "Novelty", "categories": ["toys"], "created_at": clock.now_ms()}], "items")
    slate = shop.recommend("stranger", n=500)
    shown = {item.item_id: item for item in slate.items}
    assert shown["novelty"].reason.code == "new"


def test_filters_hold_for_every_item(shop: Honeyguide) -> None:
    assert set(ids(shop.recommend("u1", n=50, filters=Filters(category="kitchen")))) <= set(TEA)
    cheap = shop.recommend("u1", n=50, filters=Filters(price=Price(max=7.0)))
    assert set(ids(cheap)) <= {*TEA[:3], *BALL[:3]}
    assert shop.recommend("u1", n=5, filters=Filters(category="nothing")).items == []
    cached = shop.recommend("u1", n=50, filters=Filters(category="kitchen"))
    assert cached.cached, "a filtered list has a key of its own"
    assert set(ids(shop.recommend("u1", n=50))) - set(TEA)


def test_similar_items(shop: Honeyguide) -> None:
    slate = shop.similar("tea", n=5)
    assert "tea" not in ids(slate)
    assert set(ids(slate)[:3]) <= set(TEA)
    assert slate.items[0].reason.code == "similar_to"


def test_not_personalised_uses_and_keeps_no_history(shop: Honeyguide) -> None:
    slate = shop.recommend("u0", n=5, personalised=False)
    assert slate.rung == "popular"
    assert ids(slate) == ids(shop.recommend("stranger", n=5))
    shop.run(shop.runtime.slates.round())
    logged = shop.run(shop.runtime.store.slates.get(slate.request_id))
    assert logged is not None
    assert logged.user_id == ""


def test_overlay_events_count_for_this_request_only(shop: Honeyguide) -> None:
    slate = shop.recommend("stranger", n=3, events=[EventIn(type="purchase", user_id="stranger", item_id="ball")])
    assert slate.rung == "session"
    assert slate.items[0].item_id in BALL
    assert shop.recommend("stranger", n=3).rung == "popular"
    with pytest.raises(InvalidInput, match="cannot be used"):
        shop.recommend("stranger", events=[EventIn(type="no_such", user_id="stranger", item_id="ball")])
    with pytest.raises(InvalidInput) as wrong:
        shop.recommend("stranger", events=[EventIn(type="view", user_id="stranger", item_id="ball", ts="not a time")])
    assert wrong.value.errors[0].pointer == "/events/0/ts"


def test_a_dry_run_leaves_no_trace(shop: Honeyguide) -> None:
    before = shop.runtime.store.slates.count()
    shop.recommend("u1", dry_run=True)
    shop.run(shop.runtime.slates.round())
    assert shop.runtime.store.slates.count() == before
    assert shop.recommend("u1").served_from == "computed", "a dry run does not fill the cache"


def test_a_model_can_be_asked_for_by_name(shop: Honeyguide) -> None:
    version = shop.runtime.store.registry.versions("ease")[0]
    assert shop.recommend("u0", model=version.label).model == version.label
    assert shop.recommend("u0", model="popular").rung == "popular"
    with pytest.raises(NotFound, match="no model 'nonsense'"):
        shop.recommend("u0", model="nonsense")


def test_a_recipe_change_is_checked(shop: Honeyguide) -> None:
    assert set(ids(shop.recommend("u0", n=50, recipe={"exclude": []}))) >= set(ids(shop.recommend("u0", n=50)))
    with pytest.raises(InvalidInput) as unknown:
        shop.recommend("u0", recipe={"diversty": 3})
    assert unknown.value.errors[0].pointer == "/recipe/diversty"
    with pytest.raises(InvalidInput) as wrong:
        shop.recommend("u0", recipe={"candidates": -1})
    assert wrong.value.errors[0].pointer == "/recipe/candidates"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"n": 0}, "/n"),
        ({"n": -1}, "/n"),
        ({"n": 501}, "/n"),
        ({"surface": "hme"}, "/surface"),
        ({"user_id": "x" * 257}, "/user_id"),
        ({"user_id": "a\0b"}, "/user_id"),
        ({"user_id": ""}, "/user_id"),
        ({"item_id": ""}, "/item_id"),
        ({"offset": -1}, "/cursor"),
        ({"exclude": ["x"] * 5001}, "/exclude"),
    ],
)
def test_a_query_that_cannot_be_answered_names_the_field(shop: Honeyguide, fields: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.run(shop.runtime.recommend.recommend(Query(**{"user_id": "u", **fields})))  # type: ignore[arg-type]
    assert [fault.pointer for fault in refused.value.errors] == [pointer]


def test_every_list_is_logged_also_from_the_cache(shop: Honeyguide) -> None:
    slates = [shop.recommend("u3", n=4) for _ in range(3)]
    shop.run(shop.runtime.slates.round())
    for slate in slates:
        logged = shop.run(shop.runtime.store.slates.get(slate.request_id))
        assert logged is not None
        assert (logged.items, logged.user_id, logged.surface) == (ids(slate), "u3", "home")
        assert (logged.model, logged.served_from, logged.as_of) == (slate.model, slate.served_from, slate.as_of)


def test_a_served_slate_can_be_made_again(shop: Honeyguide, clock: ManualClock) -> None:
    first = shop.recommend("u5", n=6, filters=Filters(exclude_category="none"))
    cached = shop.recommend("u5", n=6, filters=Filters(exclude_category="none"))
    page = shop.recommend("u5", n=4, offset=2)
    clock.advance(3600)
    live(shop, "purchase", "u5", ids(first)[0])
    shop.ingest([{"item_id": "novelty", "created_at": clock.now_ms()}], "items")
    shop.run(shop.runtime.ingest.delete_items([ids(first)[1]]))
    shop.train()
    for slate in (first, cached, page):
        told = shop.explain(slate.request_id)
        assert told.served == ids(slate)
        assert told.replayed == told.served
        assert told.matches
        assert [item.score for item in told.items] == [item.score for item in slate.items]
        assert told.trace["history"]
        assert not told.trace["configuration_changed"]
    with pytest.raises(NotFound, match="no slate"):
        shop.explain("01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_a_slate_with_late_removals_can_be_made_again(shop: Honeyguide) -> None:
    target = ids(shop.recommend("u1", n=5))[0]
    shop.run(shop.runtime.ingest.delete_items([target]))
    slate = shop.recommend("u1", n=5)
    assert slate.cached
    assert shop.explain(slate.request_id).matches


def test_an_explained_list_is_the_plain_one_with_its_funnel(shop: Honeyguide) -> None:
    plain, explained = shop.recommend("u7", n=6), shop.recommend("u7", n=6, explain=True)
    assert ids(plain) == ids(explained)
    assert plain.trace is None
    assert explained.trace is not None
    assert explained.trace["sources"]["model"]["found"] > 0
    assert "excluded" in explained.trace["removed"]


def test_the_same_state_gives_the_same_list(tmp_path: Path) -> None:
    lists = []
    for name in ("a", "b"):
        with open_shop(tmp_path / name) as hg:
            lists.append([[(i.item_id, i.score) for i in hg.recommend(f"u{n}", n=16).items] for n in range(8)])
    assert lists[0] == lists[1]


def test_before_the_first_training_lists_are_popular_and_replay(tmp_path: Path) -> None:
    with open_shop(tmp_path, train=False) as hg:
        slate = hg.recommend("u0", n=5)
        assert slate.rung == "popular"
        assert len(slate.items) == 5
        assert slate.degraded == []
        hg.run(hg.runtime.ingest.events([EventIn(type="purchase", user_id=f"x{n}", item_id="net") for n in range(9)]))
        assert hg.explain(slate.request_id).matches


def test_a_shop_without_events_shows_what_it_has(tmp_path: Path) -> None:
    with Honeyguide.open(data_dir=tmp_path, environ={}) as hg:
        hg.ingest([{"item_id": f"x{n}", "created_at": "2001-01-01"} for n in range(20)], "items")
        assert len(hg.recommend("anybody", n=50).items) == 20
        hg.ingest([{"user_id": "u", "item_id": "x7", "type": "view"}])
        hg.run(hg.runtime.baseline.round())
        assert hg.recommend("somebody", n=50).stale, "the list from before is served once more"
        hg.run(hg.runtime.cache.drain())
        slate = hg.recommend("somebody", n=50)
        assert ids(slate)[0] == "x7"
        assert len(slate.items) == 20
        assert set(ids(hg.recommend("somebody", candidates=["x3", "x4"]))) == {"x3", "x4"}


def test_a_change_that_could_not_be_read_is_read_again(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    """The item table fails once after a hide is committed: it is acknowledged, and the next round hides the item."""
    target = ids(shop.recommend("u1", n=5))[0]
    table, log = shop.runtime.store.catalogue, shop.runtime.store.log
    real, append = table.items_by_id, log.append

    async def fails_once(wanted: object) -> object:
        monkeypatch.setattr(table, "items_by_id", real)
        raise RuntimeError("no")

    async def append_then_break(rows: Sequence[LogRow]) -> object:
        done = await append(rows)
        monkeypatch.setattr(table, "items_by_id", fails_once)
        return done

    async def body() -> None:
        monkeypatch.setattr(log, "append", append_then_break)
        patch = msgspec.convert({"item_id": target, "hidden": True}, ItemIn)
        assert (await shop.runtime.ingest.patch_items([patch])).accepted == 1
        monkeypatch.setattr(log, "append", append)
        await shop.runtime.follow.round()
        await shop.runtime.follow.round()

    shop.run(body())
    assert target in shop.runtime.items.denied


def test_an_empty_shop_answers_with_an_empty_list(tmp_path: Path) -> None:
    with Honeyguide.open(data_dir=tmp_path, environ={}) as hg:
        assert hg.recommend("anybody").items == []
        assert hg.similar("anything").items == []


def test_users_of_whom_nothing_is_known_share_one_list(shop: Honeyguide) -> None:
    first = shop.recommend("bot 1", n=5)
    made, held = shop.runtime.caches.generations.held.copy(), shop.runtime.caches.memory.count()
    for number in range(300):
        slate = shop.recommend(f"bot {number}", n=1 + number % 80)
        assert slate.cached
        assert ids(slate)[:5] == ids(first)[: 1 + number % 80]
    assert shop.runtime.caches.memory.count() == held, "no list of their own"
    assert shop.runtime.caches.generations.held == made, "no tokens either"
    shop.run(shop.runtime.slates.round())
    logged = shop.run(shop.runtime.store.slates.get(slate.request_id))
    assert logged is not None
    assert logged.user_id == "bot 299"
    assert shop.explain(slate.request_id).matches
    sequence = live(shop, "view", "bot 1", "ball")
    known = shop.recommend("bot 1", n=5)
    assert known.rung == "personal"
    assert known.as_of >= sequence


def test_another_model_under_an_alias_serves_the_kept_list_once_more(shop: Honeyguide) -> None:
    before, other = shop.recommend("u1"), shop.recommend("u1", surface="popular")
    registry = shop.runtime.store.registry
    target = next(version for version in registry.versions() if version.label not in (before.model, other.model))
    registry.set_alias("champion", target.model, target.version)
    shop.run(shop.runtime.serving.refresh())  # the job that looks for it may have been quicker
    assert shop.runtime.serving.aliases()["champion"] == target.label
    stale = shop.recommend("u1")
    assert (stale.served_from, stale.model) == ("stale", before.model)
    assert ids(stale) == ids(before)
    shop.run(shop.runtime.cache.drain())
    fresh = shop.recommend("u1")
    assert (fresh.served_from, fresh.model) == ("l1", target.label)


def test_a_page_is_never_cut_from_a_list_of_other_versions_than_its_cursor_names(shop: Honeyguide) -> None:
    shop.recommend("u1", n=16, offset=84)  # keeps the long list of the versions that serve now
    registry = shop.runtime.store.registry
    before = shop.recommend("u1").model
    target = next(version for version in registry.versions() if version.label != before)
    registry.set_alias("champion", target.model, target.version)
    shop.run(shop.runtime.serving.refresh())
    shop.recommend("u1")
    shop.run(shop.runtime.cache.drain())
    assert shop.recommend("u1").model == target.label
    assert shop.recommend("u1", n=16, offset=84).model == target.label


def test_when_the_state_cannot_be_read_an_old_list_is_better(
    shop: Honeyguide, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.recommend("u1")

    async def gone(*_: object, **__: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(shop.runtime.store.log, "user_state", gone)
    settings = shop.settings.cache
    clock.advance(settings.ttl * 1.2 + settings.stale)
    slate = shop.recommend("u1")
    assert (slate.served_from, slate.stale, slate.degraded) == ("stale-error", True, ["stale"])
    assert ids(slate) == ids(first)
    clock.advance(settings.stale_on_error)
    poor = shop.recommend("u1")
    assert (poor.served_from, poor.degraded) == ("fallback", ["state"])
