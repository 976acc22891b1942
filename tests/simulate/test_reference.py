"""The references, and the bounds that the shop's parameters were fixed to. They are not changed to reach a target."""

import numpy as np
import polars as pl
import pytest

from honeyguide.simulate import Session, Shop, Tally, arrivals, history, make_shop, measure, owned, popularity, references
from honeyguide.simulate.reference import World, oracle_lists, popular_lists, random_lists
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.truth import EAGER, click_chance


def day(shop: Shop, share: int = 3) -> list[Session]:
    """The visits of a third of the users in the first day."""
    return [each for each in arrivals(shop, shop.opened_at, shop.opened_at + DAY_MS) if each.user % share == 0]


@pytest.fixture(scope="module")
def measured(shop: Shop, past: pl.DataFrame) -> dict[str, Tally]:
    """What the three achieve on the same visits."""
    makers = references(shop, popularity(shop, past))
    return {name: measure(shop, make, day(shop), owned=owned(shop, past)) for name, make in makers.items()}


def test_the_bounds_hold(measured: dict[str, Tally]) -> None:
    assert measured["random"].lists > 1_000
    assert 0.005 < measured["random"].ctr < 0.02
    assert measured["random"].ctr < measured["popularity"].ctr < 0.04
    assert measured["oracle"].ctr > 0.10


@pytest.mark.parametrize(("seed", "month"), [(1, 0), (3, 4), (8, 7)])
def test_the_bounds_hold_in_other_shops_and_seasons(seed: int, month: int) -> None:
    shop = make_shop(seed=seed, opened_at=1_767_225_600_000 + month * 30 * DAY_MS)
    past = history(shop)
    makers, held = references(shop, popularity(shop, past)), owned(shop, past)
    ctr = {name: measure(shop, make, day(shop, 6), owned=held).ctr for name, make in makers.items()}
    assert ctr["random"] < 0.02
    assert ctr["popularity"] < 0.04
    assert ctr["oracle"] > 0.10


def test_conversion_follows_clicks_and_lists_differ_in_kind(measured: dict[str, Tally]) -> None:
    assert measured["oracle"].conversion > 5 * measured["random"].conversion
    assert measured["oracle"].conversion_per_click > measured["random"].conversion_per_click
    assert measured["popularity"].coverage < 0.05
    assert measured["random"].coverage > 0.9
    assert measured["oracle"].coverage > 0.4
    assert measured["oracle"].diversity > 0.7


def test_measuring_twice_gives_the_same(shop: Shop) -> None:
    sessions = day(shop, 40)
    one, two = (measure(shop, random_lists(shop), sessions).as_json() for _ in range(2))
    assert one == two
    assert one["lists"] > 50


def test_the_oracle_is_better_than_any_of_many_lists(shop: Shop) -> None:
    visit = World(shop).visit(Session(11, shop.opened_at))
    odds, shelves = visit.odds(), shop.items.shelf
    chosen = list(oracle_lists(visit, 10))
    assert len(set(chosen)) == 10

    def worth(slate: list[int]) -> float:
        return float(click_chance(odds[slate], shelves[slate], 0).sum())

    best_alone = np.argsort(-odds, kind="stable")[:10].tolist()
    assert worth(chosen) >= worth(best_alone)
    rng = np.random.default_rng(0)
    candidates = np.argsort(-odds, kind="stable")[:30]
    assert all(worth(chosen) >= worth(rng.permutation(candidates)[:10].tolist()) for _ in range(300))
    assert worth(chosen) < 10 * float(odds.max()) * EAGER[0]


def test_random_lists_hold_what_exists_and_change_with_the_page(shop: Shop) -> None:
    visit = World(shop).visit(Session(11, shop.opened_at))
    make = random_lists(shop)
    first = list(make(visit, 50))
    assert len(set(first)) == 50
    assert (shop.items.created_at[first] <= shop.opened_at).all()
    assert list(make(visit, 50)) == first
    visit.see(first[:10])
    assert list(make(visit, 50)) != first
    assert len(make(visit, 5_000)) == int((shop.items.created_at <= shop.opened_at).sum())


def test_popular_lists_leave_out_what_the_shopper_has(shop: Shop) -> None:
    counts = np.zeros(len(shop.items))
    counts[[30, 20, 10]] = [3, 2, 1]
    make = popular_lists(counts)
    assert list(make(World(shop).visit(Session(1, shop.opened_at)), 3)) == [30, 20, 10]
    owner = World(shop, owned={1: {20}}).visit(Session(1, shop.opened_at))
    assert list(make(owner, 3))[:2] == [30, 10]


def test_each_maker_has_a_world_of_its_own(shop: Shop) -> None:
    one, other = World(shop), World(shop)
    session = Session(3, shop.opened_at)
    one.play(session, oracle_lists, 10, Tally(shop))
    assert other.visit(session).shopper.seen == {}
    assert one.visit(session).shopper.seen != {}


def test_a_whole_list_longer_than_the_shop(small: Shop) -> None:
    visit = World(small).visit(Session(3, small.opened_at))
    assert len(oracle_lists(visit, 500)) == len(small.items)
