"""The people: mixtures of leanings, each with a mind of their own; none of it says what all like."""

import numpy as np
import pytest

from honeyguide.simulate.people import Users, draw_users
from honeyguide.simulate.vocabulary import AGE_BANDS, BRANDS, COUNTRIES, DEPARTMENTS, SHELVES, STYLES


@pytest.fixture(scope="module")
def users() -> Users:
    return draw_users(np.random.default_rng(1), 3_000, charms=4)


def test_columns_have_a_row_for_each(users: Users) -> None:
    assert len(users) == 3_000
    assert users.shelves.shape == (3_000, len(SHELVES))
    assert users.styles.shape == (3_000, len(STYLES))
    assert users.charm.shape == (3_000, 4)
    assert users.loves.shape == (3_000, len(BRANDS))
    assert all(np.isfinite(column).all() for column in (users.shelves, users.styles, users.charm, users.spends))


def test_the_same_seed_draws_the_same_people(users: Users) -> None:
    again = draw_users(np.random.default_rng(1), 3_000, charms=4)
    assert all(np.array_equal(getattr(users, name), getattr(again, name)) for name in Users.__slots__)


def test_likings_are_odds_against_the_average(users: Users) -> None:
    assert np.exp(users.shelves).mean(axis=1) == pytest.approx(1.0, rel=1e-4)


def test_a_few_shelves_have_most_of_a_users_liking(users: Users) -> None:
    liking = np.sort(np.exp(users.shelves), axis=1)[:, ::-1]
    top = liking[:, :10].sum(axis=1) / liking.sum(axis=1)
    assert 0.45 < top.mean() < 0.8


def test_they_like_several_departments(users: Users) -> None:
    liking = np.exp(users.shelves).reshape(len(users), len(DEPARTMENTS), -1).sum(axis=2)
    share = np.sort(liking / liking.sum(axis=1)[:, None], axis=1)[:, ::-1]
    assert share[:, 0].mean() < 0.5
    assert (share[:, :4].sum(axis=1) > 0.6).mean() > 0.8


def test_those_who_are_alike_in_one_thing_are_in_others(users: Users) -> None:
    """What collaborative models live on: the nearest by shelves are near by styles too."""
    one, other = users.shelves[:400], users.styles[:400]
    above = np.triu_indices(400, 1)
    by_shelves, by_styles = (np.asarray(np.corrcoef(tastes))[above] for tastes in (one, other))
    assert np.asarray(np.corrcoef(by_shelves, by_styles))[0, 1] > 0.3


def test_older_users_spend_a_little_more(users: Users) -> None:
    spends = [users.spends[users.age_band == band].mean() for band in range(len(AGE_BANDS))]
    assert spends[-1] > spends[0] + 0.3


def test_age_says_something_of_taste(users: Users) -> None:
    """Else segments would be worth nothing to new users."""
    by_age = np.array([users.shelves[users.age_band == band].mean(axis=0) for band in range(len(AGE_BANDS))])
    chance = users.shelves.std(axis=0).mean() / np.sqrt(len(users) / len(AGE_BANDS))
    assert by_age.std(axis=0).mean() > 1.4 * chance


def test_loyalty_and_novelty_differ_and_are_never_negative(users: Users) -> None:
    for column in (users.loyalty, users.novelty, users.sessions):
        assert column.min() >= 0
        assert column.std() > 0.1
    assert 0.08 < users.loves.mean() < 0.12


def test_all_countries_and_ages_are_there(users: Users) -> None:
    assert set(users.country) == set(range(len(COUNTRIES)))
    assert set(users.age_band) == set(range(len(AGE_BANDS)))
    shares = np.bincount(users.country) / len(users)
    assert shares == pytest.approx(list(COUNTRIES.values()), abs=0.04)


def test_what_the_shop_is_told_is_small_and_plain(users: Users) -> None:
    for user in range(100):
        told = users.properties(user)
        assert set(told) - {"interests"} == {"country", "age_band"}
        if "interests" in told:
            assert len(set(told["interests"])) == 2
            assert set(told["interests"]) <= set(DEPARTMENTS)
        assert ("interests" in told) == bool(users.tells[user])


@pytest.mark.parametrize("count", [1, 2])
def test_a_handful_of_people(count: int) -> None:
    few = draw_users(np.random.default_rng(3), count, charms=4)
    assert len(few) == count
    assert np.isfinite(few.shelves).all()
