"""The references, and the bounds that the shop's parameters were fixed to. They are not changed to reach a target."""

import numpy as np
import polars as pl
import pytest

from honeyguide.simulate import Session, Shop, Tally, arrivals, history, make_shop, measure, owned, popularity, references
from honeyguide.simulate.reference import World, oracle_lists, popular_lists, random_lists
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.shopper import Visit
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


def test_a_maker_that_shows_nothing_sells_nothing(shop: Shop) -> None:
    nothing = measure(shop, lambda visit, n: [], day(shop, 50))
    assert nothing.lists > 0
    assert (nothing.shown, nothing.clicks, nothing.purchases, nothing.coverage) == (0, 0, 0, 0.0)


def test_the_same_list_again_and_again_wears_out(shop: Shop) -> None:
    sessions = [Session(user, shop.opened_at + hour * 3_600_000) for user in range(150) for hour in range(6)]
    firsts: dict[int, list[int]] = {}

    def stubborn(visit: Visit, n: int) -> list[int]:
        return firsts.setdefault(visit.session.user, list(oracle_lists(visit, n)))

    stale, fresh = measure(shop, stubborn, sessions), measure(shop, oracle_lists, sessions)
    assert stale.ctr < 0.75 * fresh.ctr


def test_what_is_owned_lowers_what_can_be_reached(shop: Shop, past: pl.DataFrame) -> None:
    sessions = day(shop, 12)
    anew = measure(shop, oracle_lists, sessions)
    with_past = measure(shop, oracle_lists, sessions, owned=owned(shop, past))
    assert with_past.ctr < anew.ctr


def test_longer_lists_have_a_lower_rate(shop: Shop) -> None:
    sessions = day(shop, 12)
    short, long = (measure(shop, oracle_lists, sessions, n=n) for n in (5, 30))
    assert short.shown == 5 * short.lists
    assert long.shown == 30 * long.lists
    assert long.ctr < 0.8 * short.ctr
    assert long.clicks > short.clicks


def test_a_maker_that_listens_is_better_than_one_that_does_not(shop: Shop) -> None:
    """Some items of the shelves that were clicked last, against items of shelves by lot."""
    shelves: list[list[int]] = [np.flatnonzero(shop.items.shelf == number)[:20].tolist() for number in range(40)]

    def deaf(visit: Visit, n: int) -> list[int]:
        start = visit.session.user * 7 + visit.page * 11 + visit.session.at // 3_600_000
        return [shelves[(start + step) % 40][(start + step) % 20] for step in range(n)]

    def listening(visit: Visit, n: int) -> list[int]:
        clicked = [int(shop.items.shelf[item]) for item, kind, _ in visit.shopper.trail if kind == "click"]
        turn = visit.page * 2 + visit.session.at // 3_600_000
        heard = [shelves[shelf][(turn + k) % 20] for shelf in list(dict.fromkeys(clicked[::-1]))[:4] for k in range(2)]
        return list(dict.fromkeys([*heard, *deaf(visit, n)]))[:n]

    sessions = [Session(user, shop.opened_at + hour * 3_600_000) for user in range(200) for hour in range(8)]
    assert measure(shop, listening, sessions).ctr > 1.3 * measure(shop, deaf, sessions).ctr
