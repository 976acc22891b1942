"""Lists of which something is drawn, on a real store: what a request gets, what its slate says, and that it comes again."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.exploration import Exploration, Explore
from honeyguide.config.settings import Surface
from honeyguide.errors import InvalidInput
from honeyguide.messages import EventIn, Slate
from honeyguide.types import ServedSlate
from tests.shop import BALL, NOW, TEA, open_shop

SOME = [Surface(name="home", explore=Explore(slots=[2, 4], by="softmax", temperature=0.5)), Surface(name="cart")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honeyguide]:
    surfaces = [
        *SOME,
        Surface(name="tried", explore=Explore(slots=[1, 3])),
        Surface(name="lucky", explore=Explore(share=1.0)),
    ]
    with open_shop(tmp_path_factory.mktemp("shop"), surfaces=surfaces) as hg:
        yield hg


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def logged(shop: Honeyguide, slate: Slate) -> ServedSlate:
    shop.run(shop.runtime.slates.round())
    found: ServedSlate | None = shop.run(shop.runtime.store.slates.get(slate.request_id))
    assert found is not None
    return found


def test_slots_are_drawn_on_every_request_and_the_rest_follows_the_ranking(shop: Honeyguide) -> None:
    ranked = ids(shop.recommend("u1", n=6, explore=False))
    slates = [shop.recommend("u1", n=6) for _ in range(20)]
    assert len({tuple(ids(slate)) for slate in slates}) > 3
    for slate in slates:
        assert ids(slate)[0] == ranked[0]
        kept = logged(shop, slate)
        assert kept.items == ids(slate)
        assert kept.propensities[0] == kept.propensities[2] == 1.0
        assert 0 < kept.propensities[1] < 1
        assert 0 < kept.propensities[3] < 1
        assert kept.explored is not None
        assert kept.explored.how == "softmax"
        second = slate.items[1]
        assert second.reason.code == "explored"
        assert second.reason.text.startswith("worth a try: ")
        assert [item.rank for item in slate.items] == [1, 2, 3, 4, 5, 6]
    assert {slate.served_from for slate in slates} == {"l1"}, "what is drawn is not in the cache, the ranking is"


def test_a_list_as_it_is_ranked_has_no_propensities_to_log(shop: Honeyguide) -> None:
    for slate in (shop.recommend("u1", n=6, explore=False), shop.recommend("u1", n=6, surface="cart")):
        kept = logged(shop, slate)
        assert (kept.propensities, kept.explored) == ([], None)


@pytest.mark.parametrize("surface", ["home", "tried", "lucky"])
def test_the_short_list_is_the_beginning_of_the_long_one_by_the_same_seed(shop: Honeyguide, surface: str) -> None:
    for seed in range(8):
        long = ids(shop.recommend("u3", n=90, surface=surface, seed=seed))
        assert len(set(long)) == len(long) >= 11
        for n in (1, 3, 10):
            assert ids(shop.recommend("u3", n=n, surface=surface, seed=seed)) == long[:n]


@pytest.mark.parametrize("surface", ["home", "tried", "lucky", "cart"])
def test_pages_of_a_list_make_up_the_list(shop: Honeyguide, surface: str) -> None:
    page = first = shop.recommend("u2", n=3, surface=surface)
    pages = ids(first)
    while page.next_cursor is not None:
        page = shop.recommend("u2", n=3, surface=surface, cursor=page.next_cursor)
        pages += ids(page)
    drawn = logged(shop, first)
    assert pages == ids(shop.recommend("u2", n=90, surface=surface, seed=drawn.seed))
    assert shop.explain(page.request_id).matches


def test_a_page_of_a_list_that_was_not_drawn_is_not_drawn_either(shop: Honeyguide) -> None:
    ranked = ids(shop.recommend("u2", n=8, surface="lucky", explore=False))
    assert [ids(shop.recommend("u2", n=4, surface="lucky", offset=4)) for _ in range(5)] == [ranked[4:]] * 5


@pytest.mark.parametrize("surface", ["home", "tried", "lucky"])
def test_pages_of_a_drawn_list_that_changes_show_nothing_twice(shop: Honeyguide, surface: str) -> None:
    for _ in range(4):
        page = shop.recommend("u11", n=3, surface=surface)
        pages, bought = ids(page), list[str]()
        while page.next_cursor is not None:
            bought.append(ids(page)[0])
            shop.ingest([{"type": "purchase", "user_id": "u11", "item_id": bought[-1]}])
            page = shop.recommend("u11", n=3, surface=surface, cursor=page.next_cursor)
            assert shop.explain(page.request_id).matches
            pages += ids(page)
        assert len(set(pages)) == len(pages)


def test_a_seed_that_is_none_is_refused(shop: Honeyguide) -> None:
    with pytest.raises(InvalidInput):
        shop.recommend("u2", seed=2**32)


@pytest.mark.parametrize("surface", ["home", "tried", "lucky"])
def test_a_list_that_was_drawn_comes_out_again(shop: Honeyguide, surface: str) -> None:
    for _ in range(3):
        slate = shop.recommend("u5", n=5, surface=surface)
        found = shop.explain(slate.request_id)
        assert found.matches
        assert found.items == slate.items
        kept = logged(shop, slate)
        assert found.trace["exploration"]["propensities"] == kept.propensities
        assert found.trace["exploration"]["seed"] == kept.seed


def test_a_full_answer_gives_the_propensities(shop: Honeyguide) -> None:
    slate = shop.recommend("u1", n=6, explain=True)
    assert slate.trace is not None
    assert slate.trace["exploration"]["propensities"] == logged(shop, slate).propensities
    plain = shop.recommend("u1", n=3, surface="cart", explain=True)
    assert plain.trace is not None
    assert plain.trace["exploration"] == {"how": "none", "seed": logged(shop, plain).seed, "propensities": [1.0] * 3}


def test_a_dry_run_draws_as_the_request_would(shop: Honeyguide) -> None:
    asked: dict[str, Any] = {"n": 6, "seed": 17}
    assert ids(shop.recommend("u1", dry_run=True, **asked)) == ids(shop.recommend("u1", **asked))
    what_if = {"explore": {"slots": [1], "by": "softmax", "temperature": 1000.0}}
    firsts = {ids(shop.recommend("u1", n=1, surface="cart", recipe=what_if, seed=seed))[0] for seed in range(30)}
    assert len(firsts) > 3


def test_a_list_that_is_drawn_as_a_whole_holds_everything_alike_within_its_caps(shop: Honeyguide) -> None:
    """Eleven candidates: what the user has not bought."""
    everything = ids(shop.recommend("u0", n=90, explore=False))
    firsts = Counter(ids(shop.recommend("u0", n=1, surface="lucky"))[0] for _ in range(330))
    assert set(firsts) == set(everything)
    slate = shop.recommend("u0", n=5, surface="lucky")
    assert logged(shop, slate).propensities[0] == pytest.approx(1 / len(everything))
    for seed in range(30):
        shown = ids(shop.recommend("u0", n=6, surface="lucky", seed=seed))
        assert max(len(set(shown) & set(TEA)), len(set(shown) & set(BALL))) == 3


def test_what_is_hidden_is_never_drawn(tmp_path: Path) -> None:
    with open_shop(tmp_path, surfaces=[Surface(name="home", explore=Explore(share=1.0))]) as shop:
        shop.recommend("u0")
        gone = ids(shop.recommend("u0", n=90, explore=False))[4]
        shop.ingest([{"item_id": gone, "hidden": True}], "items")
        slates = [shop.recommend("u0", n=20) for _ in range(10)]
        assert all(gone not in ids(slate) for slate in slates)
        assert all(shop.explain(slate.request_id).matches for slate in slates)


def test_click_rates_are_those_of_impressions_and_the_slate_keeps_them(tmp_path: Path) -> None:
    surface = Surface(name="home", explore=Explore(slots=[1]))
    with open_shop(tmp_path, surfaces=[surface], exploration=Exploration(prior=0.05, prior_weight=20)) as shop:
        best, other, *_ = ids(shop.recommend("u1", n=5, explore=False))
        events = []
        for number in range(400):
            request = f"r{number}"
            events.append(
                EventIn(type="impression", user_id=f"x{number}", request_id=request, properties={"items": [best, other]})
            )
            if number % 4 == 0:
                events.append(EventIn(type="click", user_id=f"x{number}", item_id=best, request_id=request))
        assert not shop.run(shop.runtime.ingest.events(events)).rejected
        for _ in range(2):
            shop.run(shop.runtime.folding.round())
            shop.run(shop.runtime.columns.round())
        slates = [shop.recommend("u1", n=5) for _ in range(40)]
        kept = logged(shop, slates[0])
        assert kept.explored is not None
        assert (kept.explored.clicks[:2], kept.explored.seen[:2]) == ([100, 0], [400, 400])
        firsts = Counter(ids(slate)[0] for slate in slates)
        assert firsts[best] > 20 > firsts[other] == 0
        assert all(shop.explain(slate.request_id).matches for slate in slates[:5])


def test_a_list_is_served_as_it_is_ranked_when_drawing_fails(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = ids(shop.recommend("u1", n=6, explore=False))
    monkeypatch.setattr("honeyguide.recommend.exploring.draw", None)
    slate = shop.recommend("u1", n=6)
    assert ids(slate) == ranked
    kept = logged(shop, slate)
    assert (kept.propensities, kept.explored) == ([], None)
    labels = {"surface": "home", "reason": "exploration"}
    assert shop.runtime.metrics.registry.get_sample_value("honeyguide_recommend_fallbacks_total", labels) == 1


def test_a_share_of_requests_is_drawn_and_the_others_are_not(tmp_path: Path) -> None:
    with open_shop(tmp_path, clock=ManualClock(NOW), exploration=Exploration(share=0.25)) as shop:
        ranked = ids(shop.recommend("u1", n=90, explore=False))
        kept = [logged(shop, shop.recommend("u1", n=5)) for _ in range(200)]
        drawn = [slate for slate in kept if slate.explored is not None]
        assert 25 <= len(drawn) <= 75
        assert all(slate.seed < 2**30 for slate in drawn)
        assert all(slate.items == ranked[:5] for slate in kept if slate.explored is None)
        assert all(slate.propensities[0] == pytest.approx(1 / len(ranked)) for slate in drawn)


def test_two_in_a_hundred_lists_are_drawn_where_nothing_is_said() -> None:
    assert Exploration().share == 0.02
    assert Surface(name="home").explore.slots == []
