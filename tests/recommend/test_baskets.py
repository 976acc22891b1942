"""Lists for a basket: what is in it, what goes with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Recommend
from honeyguide.messages import Query
from honeyguide.recommend.baskets import LARGEST, basket_of
from honeyguide.types import UserEvent, UserState
from tests.shop import NOW, TEA, open_shop
from tests.world import block, item

SHOP = block([item(name) for name in ("tea", "pot", "cup")])
HOUR = 3_600_000


def basket(*events: tuple[str, str, int], **query: Any) -> list[str]:
    """Of a user with these events (item, type, hours ago)."""
    state = UserState("u", 1, tuple(UserEvent(name, kind, NOW - ago * HOUR) for name, kind, ago in events))
    return [SHOP.ids[row] for row in basket_of(Query(user_id="u", **query), state, SHOP, NOW).tolist()]


@pytest.mark.parametrize(
    ("events", "query", "expected"),
    [
        ([], {}, []),
        ([("tea", "add_to_cart", 1), ("pot", "view", 1)], {}, ["tea"]),
        ([("tea", "add_to_cart", 25)], {}, []),
        ([("tea", "add_to_cart", 3), ("tea", "purchase", 2)], {}, []),
        ([("tea", "add_to_cart", 3), ("tea", "purchase", 2), ("tea", "add_to_cart", 1)], {}, ["tea"]),
        ([("tea", "add_to_cart", 2), ("tea", "remove_from_cart", 1)], {}, []),
        ([("tea", "add_to_cart", 1)], {"context": {"items": ["pot", "tea", "nowhere", 3]}}, ["tea", "pot"]),
        ([], {"context": {"items": "tea"}}, []),
        ([], {"item_id": "cup", "context": {"items": ["pot"]}}, ["pot", "cup"]),
    ],
)
def test_what_is_in_the_basket(events: list[tuple[str, str, int]], query: dict[str, Any], expected: list[str]) -> None:
    assert basket(*events, **query) == expected


def test_a_basket_has_an_end() -> None:
    many = block([item(f"i{number}") for number in range(2 * LARGEST)])
    asked = Query(user_id="u", context={"items": many.ids})
    assert basket_of(asked, UserState("u", 1), many, NOW).tolist() == list(range(LARGEST, 2 * LARGEST))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    """Tea is bought with honey, and balls with whistles, each time by somebody else."""
    with open_shop(tmp_path, clock=ManualClock(NOW), train=False) as hg:
        for number in range(20):
            for step, name in enumerate(("tea", "honey") if number % 2 else ("ball", "whistle")):
                at = NOW - (1 + number) * 24 * HOUR + step * 60_000
                event = {
                    "event_id": f"b{number}{step}",
                    "user_id": f"b{number}",
                    "item_id": name,
                    "type": "purchase",
                    "ts": at,
                }
                assert not hg.ingest([event]).rejected
        hg.train()
        yield hg


def test_what_goes_with_the_basket_comes_first(shop: Honeyguide) -> None:
    context = {"items": ["tea", "cup"]}
    slate = shop.recommend("somebody", n=5, surface="cart", context=context, explain=True)
    first = slate.items[0]
    assert (first.item_id, first.sources[0], first.reason.code) == ("honey", "together", "bought_together")
    assert not {"tea", "cup"} & {item.item_id for item in slate.items}
    about = shop.recommend("somebody", n=5, surface="cart", item_id="ball")
    assert about.items[0].item_id == "whistle"
    assert about.items[0].reason.text == "often bought together with Ball"
    assert about.rung == "similar"


def test_a_cart_is_known_without_being_sent(shop: Honeyguide) -> None:
    assert not shop.ingest([{"user_id": "x", "item_id": "tea", "type": "add_to_cart"}]).rejected
    slate = shop.recommend("x", n=5, surface="cart")
    assert slate.items[0].item_id == "honey"
    shop.run(shop.runtime.slates.round())
    assert shop.explain(slate.request_id).matches


@pytest.fixture
def browsed(tmp_path: Path) -> Iterator[Honeyguide]:
    """The shop, in which nothing counts as bought in one go: users take a minute or two from one thing to the next."""
    with open_shop(tmp_path, clock=ManualClock(NOW), recommend=Recommend(basket_gap=1.0)) as hg:
        yield hg


def test_without_companions_what_is_like_it_comes_before_best_sellers(browsed: Honeyguide) -> None:
    about = browsed.recommend("somebody", n=5, surface="cart", item_id="tea")
    assert "together" not in {source for each in about.items for source in each.sources}
    assert {each.item_id for each in about.items[:2]} <= {*TEA}
    first = about.items[0]
    assert (first.sources[0], first.reason.code, first.reason.item_id) == ("alike", "similar_to", "tea")
    assert about.rung == "similar"
    two = browsed.recommend("somebody", n=5, surface="cart", context={"items": ["tea", "pot"]})
    assert two.items[0].item_id in TEA
    assert two.items[0].reason.text == "similar to what you have"
    assert not {"tea", "pot"} & {each.item_id for each in two.items}


def test_a_thing_that_no_model_knows_has_what_is_like_it_by_its_words(browsed: Honeyguide) -> None:
    assert not browsed.ingest([{"item_id": "teapot", "title": "Teapot", "categories": ["kitchen"]}], "items").rejected
    slate = browsed.recommend("somebody", n=3, surface="cart", item_id="teapot")
    assert {each.item_id for each in slate.items} <= {*TEA}
    assert "alike" in slate.items[0].sources


def test_companions_leave_no_room_for_what_is_instead_of_the_thing(shop: Honeyguide) -> None:
    slate = shop.recommend("somebody", n=8, surface="cart", item_id="tea")
    assert "alike" not in {source for each in slate.items for source in each.sources}
