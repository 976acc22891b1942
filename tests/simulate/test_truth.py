"""The click model: what the documented formula promises."""

import numpy as np
import pytest

from honeyguide.simulate import Shop
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.truth import (
    CEILING,
    DULLNESS,
    EAGER,
    EXAMINATION,
    LOOKING,
    SHOPPING,
    Truth,
    click_chance,
    draw_errands,
    want_chance,
)
from honeyguide.simulate.vocabulary import SHELVES

NO_ERRAND = np.array([-1])


def attraction(shop: Shop, user: int, at: int | None = None, errand: int = -1) -> np.ndarray:
    when = np.array([shop.opened_at if at is None else at])
    return Truth(shop).attraction(np.array([user]), np.arange(len(shop.items)), when, np.array([errand]))


def test_attraction_is_a_chance_below_the_ceiling(shop: Shop) -> None:
    found = attraction(shop, 7)
    assert found.shape == (2_000,)
    assert found.min() >= 0.0
    assert found.max() <= CEILING
    assert 0.002 < found.mean() < 0.08


def test_users_see_different_things_in_a_shop(shop: Shop) -> None:
    tastes = np.array([attraction(shop, user) for user in range(30)])
    between = np.corrcoef(tastes) - np.eye(30)
    assert np.abs(between).mean() < 0.35


def test_many_at_once_are_as_one_by_one(shop: Shop) -> None:
    users, items = np.array([3, 99]), np.array([[5, 6, 7], [1_000, 1, 0]])
    at, errands = np.array([shop.opened_at, shop.opened_at - DAY_MS]), np.array([4, -1])
    both = Truth(shop).attraction(users[:, None], items, at[:, None], errands[:, None])
    for row in range(2):
        alone = attraction(shop, int(users[row]), int(at[row]), int(errands[row]))
        assert both[row] == pytest.approx(alone[items[row]])


def test_what_does_not_exist_attracts_nobody(shop: Shop) -> None:
    newest = len(shop.items) - 1
    assert shop.items.created_at[newest] > shop.opened_at
    assert attraction(shop, 3)[newest] == 0.0
    assert attraction(shop, 3, int(shop.items.created_at[newest]))[newest] > 0.0


def test_new_things_pull_until_they_are_old(shop: Shop) -> None:
    truth, user = Truth(shop), int(shop.users.novelty.argmax())
    item = int(np.flatnonzero(shop.items.created_at < shop.opened_at)[-1])
    born, swing = int(shop.items.created_at[item]), SHELVES[shop.items.shelf[item]].swing
    days = born + np.array([0, 14, 100]) * DAY_MS
    liking = truth.liking(np.array([user]), np.array([item]), days, NO_ERRAND)
    assert liking[0] - liking[1] == pytest.approx(shop.users.novelty[user] * (1 - 1 / np.e), abs=0.3 * swing + 0.05)
    assert liking[1] + swing > liking[2]


def test_the_errand_lifts_its_shelf_alone(shop: Shop) -> None:
    shelf = 9
    plain, sent = attraction(shop, 12), attraction(shop, 12, errand=shelf)
    there = (shop.items.shelf == shelf) & (plain > 0)
    assert (sent[there] > plain[there]).all()
    assert np.array_equal(sent[~there], plain[~there])


def test_a_price_that_does_not_suit_repels(shop: Shop) -> None:
    truth, user = Truth(shop), np.array([17])
    at = np.array([shop.opened_at - 200 * DAY_MS])
    gap = np.abs(shop.items.tier - shop.users.spends[17])
    others = truth.liking(user, np.arange(2_000), at, NO_ERRAND) + 0.2 * gap**2
    fits, repels = gap < 0.3, gap > 2.0
    liking = truth.liking(user, np.arange(2_000), at, NO_ERRAND)
    assert (others - liking)[repels].min() > 0.75
    assert (others - liking)[fits].max() < 0.02


def test_clicks_fall_with_the_position_and_with_more_of_the_same() -> None:
    flat = np.full(10, 0.2, dtype=np.float32)
    varied = click_chance(flat, np.arange(10), LOOKING)
    assert varied == pytest.approx(0.2 * EXAMINATION[:10] * EAGER[LOOKING])
    assert (np.diff(varied) < 0).all()
    dull = click_chance(flat, np.zeros(10, dtype=np.int64), LOOKING)
    assert dull == pytest.approx(varied * DULLNESS ** np.arange(10))
    pairs = click_chance(flat[:3], np.array([4, 5, 4]), LOOKING) / varied[:3]
    assert pairs == pytest.approx([1, 1, DULLNESS])


def test_no_click_is_certain_and_the_mood_matters() -> None:
    sure = click_chance(np.full(1, 0.9, dtype=np.float32), np.array([0]), SHOPPING)
    assert sure[0] == pytest.approx(0.95)
    half = np.full((2, 1), 0.1, dtype=np.float32)
    looking, shopping = click_chance(half, np.zeros((2, 1), dtype=np.int64), np.array([[LOOKING], [SHOPPING]]))[:, 0]
    assert shopping / looking == pytest.approx(EAGER[SHOPPING] / EAGER[LOOKING])


def test_who_shops_wants_more_and_wants_what_suits() -> None:
    attractions = np.array([0.01, 0.1, CEILING], dtype=np.float32)
    looking, shopping = want_chance(attractions, LOOKING), want_chance(attractions, SHOPPING)
    assert (np.diff(shopping) > 0).all()
    assert (shopping > looking).all()
    assert shopping[-1] <= 1.0


def test_errands_follow_taste(shop: Shop) -> None:
    user = int(shop.users.shelves.max(axis=1).argmax())
    favourite = int(shop.users.shelves[user].argmax())
    drawn = draw_errands(np.random.default_rng(0), shop, np.full(400, user), np.full(400, shop.opened_at))
    assert np.bincount(drawn, minlength=40).argmax() == favourite
