"""What a surface chooses for itself: its sources, how far it is filled, how long its lists are fresh."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Surface
from honeyguide.errors import ConfigError, InvalidInput
from honeyguide.messages import Slate
from tests.shop import NOW, TEA, open_shop

Opened = Callable[..., Honeyguide]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Any:
    surfaces = [
        Surface(name="short", minimum=0),
        Surface(name="filled", minimum=12),
        Surface(name="own", sources=[{"name": "popular", "limit": 3}, {"name": "new"}]),  # type: ignore[list-item]
        Surface(name="loud", sources=[{"name": "model"}, {"name": "popular", "weight": 1000}]),  # type: ignore[list-item]
        Surface(name="quick", ttl=1),
        Surface(name="slow", ttl=900),
    ]
    with open_shop(tmp_path, clock=clock, surfaces=surfaces) as hg:
        yield hg


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def test_a_list_is_filled_only_as_far_as_the_surface_says(shop: Honeyguide) -> None:
    short, filled, home = (shop.recommend("u0", n=50, surface=name, explain=True) for name in ("short", "filled", "home"))
    assert all("model" in item.sources for item in short.items)
    assert set(ids(short)) <= set(TEA)
    assert 0 < len(short.items) < len(filled.items) == 12 < len(home.items)
    assert ids(filled) == ids(home)[:12]
    assert short.trace is not None
    assert short.trace["beyond_minimum"] == len(home.items) - len(short.items)
    assert ids(shop.recommend("u0", n=10, surface="filled")) == ids(shop.recommend("u0", n=50, surface="filled"))[:10]


def test_somebody_of_whom_nothing_is_known_gets_what_the_surface_fills_with(shop: Honeyguide) -> None:
    assert ids(shop.recommend("nobody", n=50, surface="short")) == []
    assert len(shop.recommend("nobody", n=50, surface="filled").items) == 12


def test_candidates_that_a_request_names_are_all_ranked(shop: Honeyguide) -> None:
    assert set(ids(shop.recommend("u0", n=9, surface="short", candidates=["ball", "bat", "tray"]))) == {
        "ball",
        "bat",
        "tray",
    }


def test_a_surface_takes_only_its_own_sources_and_no_more_of_them(shop: Honeyguide) -> None:
    slate = shop.recommend("u0", n=50, surface="own", explain=True)
    assert slate.trace is not None
    assert list(slate.trace["sources"]) == ["popular", "new"]
    assert slate.trace["sources"]["popular"]["found"] == 3
    assert len(slate.items) == 3


def test_a_surface_weighs_its_sources(shop: Honeyguide) -> None:
    loud, popular = (ids(shop.recommend("u0", n=4, surface=name)) for name in ("loud", "home"))
    trace = shop.recommend("u0", n=4, surface="loud", explain=True).trace
    assert trace is not None
    assert loud == trace["sources"]["popular"]["items"][:4]
    assert loud != popular


def test_a_source_of_another_recipe_may_be_named_for_one_request(shop: Honeyguide) -> None:
    slate = shop.recommend("u0", n=5, item_id="tea", recipe={"sources": [{"name": "similar"}, {"name": "popular"}]})
    assert slate.items[0].sources[0] == "similar"


@pytest.mark.parametrize(
    ("recipe", "pointer", "cure"),
    [
        ({"sources": [{"name": "popluar"}]}, "/recipe/sources/0/name", "did you mean popular?"),
        ({"caps": [{"of": "price"}]}, "/recipe/caps/0/bands", "write the limits"),
        ({"diversity": {"strength": 2}}, "/recipe/diversity/strength", "less than or equal to 1"),
        ({"minimum": -1}, "/recipe/minimum", "greater than or equal to 0"),
    ],
)
def test_what_a_request_changes_is_checked(shop: Honeyguide, recipe: dict[str, Any], pointer: str, cure: str) -> None:
    with pytest.raises(InvalidInput) as fault:
        shop.recommend("u0", recipe=recipe)
    assert fault.value.errors[0].pointer == pointer
    assert cure in fault.value.errors[0].detail


def test_a_server_does_not_start_with_a_source_that_is_not_there(tmp_path: Path) -> None:
    surfaces = [Surface(name="a", sources=[{"name": "newest"}])]  # type: ignore[list-item]
    with pytest.raises(ConfigError, match=r"sources\[0\] names the unknown source 'newest'; did you mean new\?"):
        open_shop(tmp_path, train=False, surfaces=surfaces)


def test_every_surface_keeps_its_lists_as_long_as_it_says(shop: Honeyguide, clock: ManualClock) -> None:
    def served_from(surface: str) -> str:
        return str(shop.recommend("u0", n=5, surface=surface).served_from)

    names = ("quick", "home", "slow")
    assert [served_from(name) for name in names] == ["computed"] * 3
    clock.advance(2)
    assert [served_from(name) for name in names] == ["stale", "l1", "l1"]
    clock.advance(120)
    assert [served_from(name) for name in ("home", "slow")] == ["stale", "l1"]


def test_an_explanation_makes_the_list_of_such_a_surface_again(shop: Honeyguide) -> None:
    slate = shop.recommend("u0", n=5, surface="filled")
    shop.run(shop.runtime.slates.round())
    told = shop.run(shop.runtime.recommend.explain(slate.request_id))
    assert told.matches
