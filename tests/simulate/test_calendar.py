"""Simulated time: seasons, the rhythm of day and week, and arrivals."""

from itertools import islice

import numpy as np
import pytest

from honeyguide.simulate import Session, Shop, arrivals
from honeyguide.simulate.calendar import HOUR_MS, rhythm, season
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.vocabulary import SHELVES

MONDAY = 1_767_571_200_000  # 2026-01-05


def test_an_average_hour_is_one() -> None:
    assert np.mean([rhythm(MONDAY + hour * HOUR_MS) for hour in range(7 * 24)]) == pytest.approx(1.0)


def test_evenings_and_sundays_are_busy() -> None:
    assert rhythm(MONDAY + 20 * HOUR_MS) > 4 * rhythm(MONDAY + 4 * HOUR_MS)
    assert rhythm(MONDAY + 6 * DAY_MS + 20 * HOUR_MS) > 1.2 * rhythm(MONDAY + 20 * HOUR_MS)


@pytest.mark.parametrize("number", range(len(SHELVES)))
def test_a_shelf_sells_best_in_the_middle_of_its_month(number: int) -> None:
    shelf = SHELVES[number]
    middles = MONDAY - 4 * DAY_MS + ((np.arange(12) + 0.5) * 365.2425 / 12 * DAY_MS).astype(np.int64)
    pull = season(middles, np.full(12, number))
    assert pull.max() == pytest.approx(shelf.swing, abs=0.01)
    assert pull.min() == pytest.approx(-shelf.swing, abs=0.01)
    if shelf.swing:
        assert int(pull.argmax()) == shelf.peak - 1


def test_arrivals_are_the_same_each_time_and_in_order(shop: Shop) -> None:
    one, two = (list(islice(arrivals(shop, shop.opened_at), 500)) for _ in range(2))
    assert one == two
    assert [session.at for session in one] == sorted(session.at for session in one)
    assert one[0].at >= shop.opened_at


def test_arrivals_do_not_depend_on_where_one_begins_to_look(shop: Shop) -> None:
    begin, middle, end = shop.opened_at, shop.opened_at + 5 * HOUR_MS + 1234, shop.opened_at + DAY_MS
    whole = list(arrivals(shop, begin, end))
    assert whole == [*arrivals(shop, begin, middle), *arrivals(shop, middle, end)]


def test_as_many_come_as_the_users_say(shop: Shop) -> None:
    week = list(arrivals(shop, MONDAY, MONDAY + 7 * DAY_MS))
    assert len(week) == pytest.approx(7 * shop.users.sessions.sum(), rel=0.05)
    visits = np.bincount([session.user for session in week], minlength=len(shop.users))
    assert np.corrcoef(visits, shop.users.sessions)[0, 1] > 0.5


def test_nobody_comes_in_no_time(shop: Shop) -> None:
    assert list(arrivals(shop, MONDAY, MONDAY)) == []
    assert Session(user=1, at=2) == Session(1, 2)
