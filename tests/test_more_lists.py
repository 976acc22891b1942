"""The library's lists of other forms: given items in order, sessions, lists that are the same for all, pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.errors import InvalidInput
from tests.shop import BALL, TEA, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honeyguide]:
    with open_shop(tmp_path_factory.mktemp("shop") / Path("data")) as hg:
        yield hg


def ids(slate: Any) -> list[str]:
    return [item.item_id for item in slate.items]


def test_given_items_stand_in_the_order_for_the_user(shop: Honeyguide) -> None:
    given = [item for pair in zip(BALL, TEA, strict=True) for item in pair]
    found = shop.rank("u0", [*given, "nowhere"])
    assert sorted(ids(found)) == sorted(given)
    assert set(ids(found)[:4]) <= set(TEA), "a drinker of tea"
    assert (found.unknown, found.left_out) == (["nowhere"], [])
    assert [item.rank for item in found.items] == list(range(1, 17))
    assert set(ids(shop.rank("u1", given))[:4]) <= set(BALL)
    nobody = shop.rank("", given, personalised=False)
    assert sorted(ids(nobody)) == sorted(given)


def test_what_a_session_looked_at_leads_it(shop: Honeyguide) -> None:
    found = shop.session([{"item_id": "bat"}, {"item_id": "glove", "type": "click"}], 3)
    assert found.rung == "session"
    assert set(ids(found)) <= set(BALL)


def test_lists_that_are_the_same_for_all(shop: Honeyguide) -> None:
    assert len(ids(shop.standing("popular", 5))) == 5
    assert set(ids(shop.standing("new", 8, filters={"category": "sport"}))) == set(BALL)
    assert len(ids(shop.standing("trending", 5))) == 5


def test_pages_of_the_library(shop: Honeyguide) -> None:
    first = shop.recommend("u2", 4)
    assert first.next_cursor is not None
    second = shop.recommend("u2", 4, cursor=first.next_cursor)
    assert not set(ids(first)) & set(ids(second))
    assert [item.rank for item in second.items] == [5, 6, 7, 8]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda shop: shop.rank("u1", []),
        lambda shop: shop.rank("u1", ["a"], colour="red"),
        lambda shop: shop.session([{"item": "bat"}]),
        lambda shop: shop.session([{"item_id": 7}]),
        lambda shop: shop.recommend("u1", cursor="made up"),
    ],
)
def test_what_does_not_fit_is_said(shop: Honeyguide, wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        wrong(shop)


def test_what_is_bought_together_with_an_item(shop: Honeyguide) -> None:
    found = shop.together("tea", 4)
    assert (found.surface, found.unknown) == ("cart", [])
    assert "tea" not in ids(found)
    assert "together" in found.items[0].sources
    assert found.items[0].reason.code == "bought_together"
