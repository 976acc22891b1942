"""What holds for any shop, any list and any user."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.simulate import Session, Shop, Tally, arrivals, make_shop
from honeyguide.simulate.calendar import HOUR_MS
from honeyguide.simulate.covers import MOTIFS, draw
from honeyguide.simulate.reference import World, oracle_lists, random_lists
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.truth import CEILING, EAGER, click_chance, want_chance
from honeyguide.simulate.vocabulary import STYLES

OPENED = 1_780_000_000_000
SHOP = make_shop(items=120, users=30, seed=9, opened_at=OPENED)

attractions = st.lists(st.floats(0, 0.40625), min_size=1, max_size=30)
slates = st.lists(st.integers(0, len(SHOP.items) - 1), unique=True, max_size=30)
users = st.integers(0, len(SHOP.users) - 1)
moments = st.integers(0, 400 * DAY_MS).map(lambda after: OPENED + after)


@settings(max_examples=40)
@given(items=st.integers(1, 300), count=st.integers(1, 40), seed=st.integers(0, 2**31), opened=st.integers(0, 2**41))
def test_any_shop_is_a_shop(items: int, count: int, seed: int, opened: int) -> None:
    shop = make_shop(items=items, users=count, seed=seed, opened_at=opened)
    assert len(set(shop.items.titles)) == items
    assert (shop.items.price > 0).all()
    assert (np.diff(shop.items.created_at) >= 0).all()
    assert shop.item_row(0)["categories"] == shop.categories(0)
    assert len(list(shop.user_rows())) == count


@given(attractions, st.sampled_from([0, 1]))
def test_a_click_is_never_likelier_than_the_item_at_the_top_alone(values: list[float], mood: int) -> None:
    fresh = np.array(values, dtype=np.float32)
    shelves = np.arange(len(fresh)) % 3
    alone = np.minimum(fresh * EAGER[mood], 0.95)
    clicks = click_chance(fresh, shelves, mood)
    assert ((clicks >= 0) & (clicks <= alone + 1e-6)).all()
    assert clicks[0] <= 0.95


@given(attractions, st.sampled_from([0, 1]))
def test_wanting_is_a_chance(values: list[float], mood: int) -> None:
    chances = want_chance(np.array(values, dtype=np.float32), mood)
    assert ((chances >= 0) & (chances <= 1 + 1e-6)).all()


@given(user=users, at=moments, lists=st.lists(slates, max_size=5))
def test_any_visit_makes_sense(user: int, at: int, lists: list[list[int]]) -> None:
    visit, tally = World(SHOP).visit(Session(user, at)), Tally(SHOP)
    clicked: set[int] = set()
    shown: set[int] = set()
    for number, slate in enumerate(lists):
        reaction = visit.see(slate, str(number))
        tally.saw(slate, reaction)
        places = [click.position for click in reaction.clicks]
        assert places == sorted(set(places))
        assert all(slate[click.position] == click.item for click in reaction.clicks)
        assert set(reaction.hidden) <= set(slate) - {click.item for click in reaction.clicks}
        clicked |= {click.item for click in reaction.clicks}
        shown |= set(slate)
        assert ((visit.odds() >= 0) & (visit.odds() <= CEILING)).all()
    bought = visit.leave()
    tally.bought(bought)
    items = [purchase.item for purchase in bought]
    assert len(set(items)) == len(items)
    assert set(items) <= clicked
    assert all(purchase.item in lists[int(purchase.source)] for purchase in bought)
    assert tally.purchases <= tally.clicks <= tally.shown
    assert set(visit.shopper.seen) == shown
    assert visit.page == len(lists)


@given(user=users, at=moments, n=st.integers(1, 40))
def test_makers_make_lists_of_what_there_is(user: int, at: int, n: int) -> None:
    visit = World(SHOP).visit(Session(user, at))
    for chosen in (list(oracle_lists(visit, n)), list(random_lists(SHOP)(visit, n))):
        assert len(set(chosen)) == len(chosen) == n
        assert (SHOP.items.created_at[chosen] <= at).all()


@given(user=users, at=moments)
def test_a_longer_oracle_list_begins_like_the_short_one(user: int, at: int) -> None:
    visit = World(SHOP).visit(Session(user, at))
    assert list(oracle_lists(visit, 20))[:10] == list(oracle_lists(visit, 10))


@given(begin=moments, lengths=st.lists(st.integers(0, 40 * HOUR_MS), min_size=1, max_size=4))
def test_windows_of_arrivals_join_without_a_seam(begin: int, lengths: list[int]) -> None:
    bounds = [begin, *(begin + int(end) for end in np.cumsum(lengths))]
    parts = [session for one, two in pairwise(bounds) for session in arrivals(SHOP, one, two)]
    assert parts == list(arrivals(SHOP, begin, bounds[-1]))
    assert all(begin <= session.at < bounds[-1] and 0 <= session.user < 30 for session in parts)


@given(st.sampled_from(MOTIFS), st.sampled_from(tuple(STYLES)), st.integers(0, 2**62))
def test_any_seed_draws_a_cover(motif: str, style: str, seed: int) -> None:
    picture = draw(motif, style, seed)
    assert picture.startswith("<svg ")
    assert picture.count("<g") == picture.count("</g>")
    assert len(picture) < 2_000


def test_shops_of_one_seed_share_no_state() -> None:
    one, two = (make_shop(items=120, users=30, seed=9, opened_at=OPENED) for _ in range(2))

    def play(shop: Shop) -> list[int]:
        world, tally = World(shop), Tally(shop)
        for session in arrivals(shop, OPENED, OPENED + 4 * DAY_MS):
            world.play(session, oracle_lists, 10, tally)
        return [tally.lists, tally.clicks, tally.purchases]

    assert play(one) == play(two) == play(one)
