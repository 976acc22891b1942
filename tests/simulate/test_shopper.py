"""Shoppers: what they do follows from the lists and the seed, and what they saw and bought wears."""

from collections.abc import Sequence

import numpy as np
import pytest

from honeyguide.simulate import Session, Shop
from honeyguide.simulate.reference import World, oracle_lists
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.shopper import BOUGHT, MOST_PAGES, WEAR, WEAR_DAYS, Reaction, Visit, dwell, stars
from honeyguide.simulate.truth import EXAMINATION, SHOPPING, click_chance

USER = 42


def visit(world: World, days: float = 0.0, user: int = USER) -> Visit:
    return world.visit(Session(user, world.shop.opened_at + round(days * DAY_MS)))


def best(shopper: Visit, n: int = 10) -> Sequence[int]:
    return oracle_lists(shopper, n)


def test_the_same_lists_get_the_same_reactions(shop: Shop) -> None:
    def play() -> list[Reaction]:
        world = World(shop)
        visits = [visit(world, day) for day in range(6)]
        return [each.see(range(number * 10, number * 10 + 10)) for number, each in enumerate(visits)]

    assert play() == play()


def test_other_users_do_not_change_a_visit(shop: Shop) -> None:
    alone, together = World(shop), World(shop)
    slate = best(visit(alone))
    visit(together, user=7).see(slate)
    one, two = visit(alone), visit(together)
    assert one.see(slate) == two.see(slate)
    assert one.leave() == two.leave()


def test_a_list_takes_the_same_draws_whatever_is_on_it(shop: Shop) -> None:
    good, bad = visit(World(shop)), visit(World(shop))
    good.see(best(good))
    bad.see(list(range(10)))
    worst = np.argsort(good.odds(), kind="stable")[:10].tolist()
    clicks = [[click.item for click in each.see(worst).clicks] for each in (good, bad)]
    assert clicks[0] == clicks[1]


def test_clicks_come_as_often_as_the_truth_says(shop: Shop) -> None:
    expected, seen = 0.0, 0
    for user in range(1_500):
        shopper = visit(World(shop), user=user)
        slate = list(best(shopper))
        expected += click_chance(shopper.odds()[slate], shop.items.shelf[slate], shopper.mood).sum()
        seen += len(shopper.see(slate).clicks)
    assert seen == pytest.approx(expected, rel=0.05)


def test_what_was_seen_wears_and_recovers(shop: Shop) -> None:
    world = World(shop)
    shopper = visit(world)
    fresh = shopper.odds()
    item = int(fresh.argmin())  # nobody clicks that
    for looks in range(1, 4):
        shopper.see([item])
        assert shopper.odds()[item] == pytest.approx(fresh[item] / (1 + WEAR * looks))
    later = visit(world, WEAR_DAYS)
    unseen = World(shop).visit(later.session).odds()[item]
    assert later.odds()[item] == pytest.approx(unseen / (1 + WEAR * 1.5), rel=1e-4)
    much_later = visit(world, 30)
    assert much_later.odds()[item] == pytest.approx(World(shop).visit(much_later.session).odds()[item])
    assert item not in much_later.shopper.seen


def test_a_click_wears_like_three_looks(shop: Shop) -> None:
    shopper = clicking(shop)
    slate = best(shopper)
    before = shopper.odds()
    clicked = [click.item for click in shopper.see(slate).clicks]
    assert clicked
    after = shopper.odds()
    for item in slate:
        assert after[item] == pytest.approx(before[item] / (1 + WEAR * (3 if item in clicked else 1)))


def clicking(shop: Shop) -> Visit:
    """A visitor who will click on something of a good list."""
    for user in range(200):
        trial = visit(World(shop), user=user)
        if trial.mood == SHOPPING and trial.see(best(trial)).clicks and trial.leave():
            return visit(World(shop), user=user)
    raise AssertionError("nobody buys anything")


def test_what_is_bought_is_bought_once_and_from_the_list_that_showed_it(shop: Shop) -> None:
    shopper = clicking(shop)
    slate = best(shopper)
    shopper.see(slate, "first")
    bought = shopper.leave()
    assert bought
    assert {each.source for each in bought} == {"first"}
    assert {each.item for each in bought} <= set(slate)
    unworn = World(shop).visit(shopper.session).odds()
    for each in bought:
        assert shopper.odds()[each.item] < 1.01 * BOUGHT * unworn[each.item]
    assert shopper.leave() == []


def test_what_was_owned_before_is_of_no_more_use(shop: Shop) -> None:
    item = int(visit(World(shop)).odds().argmax())
    owner = visit(World(shop, owned={USER: {item}}))
    assert owner.odds()[item] == pytest.approx(BOUGHT * visit(World(shop)).odds()[item])


def test_carts_and_clicks_are_of_the_list(shop: Shop) -> None:
    carts = clicks = 0
    for user in range(300):
        shopper = visit(World(shop), user=user)
        slate = list(best(shopper))
        for click in shopper.see(slate).clicks:
            assert slate[click.position] == click.item
            assert 8.0 <= click.dwell <= 98.0
            clicks += 1
            carts += click.carted
    assert 0.05 < carts / clicks < 0.35


def test_purchases_are_rated_at_a_later_visit(shop: Shop) -> None:
    rated = bought = 0
    for user in range(600):
        world = World(shop)
        first = visit(world, user=user)
        assert first.ratings() == []
        first.see(best(first))
        items = {each.item for each in first.leave()}
        bought += len(items)
        second = visit(world, 3, user=user)
        for item, given in second.ratings():
            assert item in items
            assert given in {1, 2, 3, 4, 5}
            rated += 1
        assert second.ratings() == []
    assert 0.04 < rated / bought < 0.25


def test_some_are_annoyed_by_what_means_nothing_to_them(shop: Shop) -> None:
    hidden = shown = 0
    for user in range(400):
        shopper = visit(World(shop), user=user)
        worst = np.argsort(shopper.odds(), kind="stable")[:30].tolist()
        found = shopper.see(worst).hidden
        assert set(found) <= shopper.shopper.gone
        hidden, shown = hidden + len(found), shown + 30
    assert 0.0005 < hidden / shown < 0.003


def test_the_trail_tells_what_a_shop_could_know(shop: Shop) -> None:
    shopper = clicking(shop)
    reaction = shopper.see(best(shopper))
    bought = shopper.leave()
    kinds = [kind for _, kind, _ in shopper.shopper.trail]
    assert kinds.count("click") == len(reaction.clicks)
    assert kinds.count("purchase") == len(bought)


def test_visits_have_a_page_or_more(shop: Shop) -> None:
    pages = [visit(World(shop), user=user).pages for user in range(800)]
    assert min(pages) == 1
    assert max(pages) <= MOST_PAGES
    assert 3.0 < np.mean(pages) < 4.0


def test_long_lists_are_looked_at_too(shop: Shop) -> None:
    assert len(EXAMINATION) == 500
    visit(World(shop)).see(range(500))
    assert visit(World(shop)).see([]) == Reaction((), ())


def test_stars_and_dwell_grow_with_liking() -> None:
    liking = np.array([0.0, 0.2, 0.4])
    assert (np.diff(stars(liking, np.zeros(3))) > 0).all()
    assert stars(liking, np.full(3, 9.0)).max() == 5
    assert stars(liking, np.full(3, -9.0)).min() == 1
    assert (np.diff(dwell(liking, np.full(3, 0.5))) > 0).all()
