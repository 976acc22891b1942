"""Counting: rates, coverage, variety."""

import pytest

from honeyguide.simulate import Shop, Tally
from honeyguide.simulate.shopper import Bought, Click, Reaction
from honeyguide.simulate.tally import Counts
from honeyguide.simulate.vocabulary import SHELVES

NOTHING = Reaction((), ())


def test_variety_is_that_of_departments_and_shelves(shop: Shop) -> None:
    shelf = shop.items.shelf.tolist()
    first = shelf.index(shelf[0])
    alike = shelf.index(shelf[first], first + 1)
    near = next(
        row for row, number in enumerate(shelf) if _department(number) == _department(shelf[0]) and number != shelf[0]
    )
    far = next(row for row, number in enumerate(shelf) if _department(number) != _department(shelf[0]))
    for slate, distance in (([first, alike], 0.0), ([first, near], 2 / 3), ([first, far], 1.0), ([first], 1.0), ([], 1.0)):
        tally = Tally(shop)
        tally.saw(slate, NOTHING)
        assert tally.diversity == pytest.approx(distance)


def _department(shelf: int) -> str:
    return SHELVES[shelf].department


def test_rates(shop: Shop) -> None:
    tally = Tally(shop)
    tally.saw([1, 2, 3, 4], Reaction((Click(2, 1, 9.0, True), Click(4, 3, 9.0, False)), (3,)))
    tally.saw([1, 2, 3, 5], NOTHING)
    tally.bought([Bought(2, "r")])
    assert (tally.lists, tally.shown, tally.clicks, tally.carts, tally.hides, tally.purchases) == (2, 8, 2, 1, 1, 1)
    assert tally.ctr == 0.25
    assert tally.conversion == 0.125
    assert tally.conversion_per_click == 0.5
    assert tally.coverage == 5 / 2_000
    assert tally.as_json()["ctr"] == 0.25


def test_nothing_yet_is_nought(shop: Shop) -> None:
    for empty in (Counts(), Tally(shop)):
        assert (empty.ctr, empty.conversion, empty.conversion_per_click) == (0.0, 0.0, 0.0)
    assert (Tally(shop).coverage, Tally(shop).diversity) == (0.0, 0.0)
