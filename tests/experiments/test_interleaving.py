"""Two lists in one: whose position is whose, that caps and pins hold, and that the better list wins and no other."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from honeyguide.experiments.interleaving import LetThrough, Merged, Method, credited, merged, preference, sign_test
from honeyguide.ranking.exploration import Limit, chance

METHODS: tuple[Method, ...] = ("team_draft", "probabilistic")
EVEN = [3, 1, 4, 0, 5, 9, 2, 6]
OTHER = [2, 7, 1, 8, 3, 0, 4, 5]


def both(
    method: Method,
    first: Sequence[int] = EVEN,
    second: Sequence[int] = OTHER,
    *,
    length: int = 6,
    seed: int = 1,
    **given: Any,
) -> Merged:
    """Two lists in one by the chances of a seed."""
    at: Callable[[int], float] = lambda position: chance(seed, position)  # noqa: E731
    return merged(method, first, second, length=length, chance=at, **given)


@pytest.mark.parametrize("method", METHODS)
@given(
    st.lists(st.integers(0, 9), unique=True, max_size=10),
    st.lists(st.integers(0, 9), unique=True, max_size=10),
    st.integers(0, 2**32 - 1),
)
def test_every_item_once_and_the_short_list_begins_the_long_one(
    method: Method, first: list[int], second: list[int], seed: int
) -> None:
    whole = both(method, first, second, length=99, seed=seed)
    assert sorted(whole.items) == sorted(set(first) | set(second))
    short = both(method, first, second, length=3, seed=seed)
    assert (short.items, short.shares, short.propensities) == (whole.items[:3], whole.shares[:3], whole.propensities[:3])
    assert all(0 < each <= 1 for each in whole.propensities)
    assert all(share is None or 0 <= share <= 1 for share in whole.shares)


@pytest.mark.parametrize("method", METHODS)
def test_a_list_with_itself_says_nothing(method: Method) -> None:
    for seed in range(50):
        found = both(method, EVEN, EVEN, seed=seed)
        assert credited(found.shares, dict.fromkeys(range(6), 1.0)).score == pytest.approx(0)
    if method == "team_draft":
        assert both(method, EVEN, EVEN).items == EVEN[:6]


def test_teams_take_turns_and_what_both_begin_with_is_nobodys() -> None:
    for seed in range(100):
        found = both("team_draft", [5, 6, *EVEN[:4], 2], [5, 6, *OTHER[:4], 9], length=8, seed=seed)
        assert found.items[:2] == [5, 6]
        assert found.shares[:2] == [None, None]
        for at in (2, 4, 6):
            assert {found.shares[at], found.shares[at + 1]} == {0.0, 1.0}, "each round has one of either"
        assert found.propensities[3] == found.propensities[5] == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_propensities_are_frequencies(method: Method) -> None:
    """Given the items above and whose they are, an item stands where it stands as often as its propensity says."""
    shown: Counter[tuple[Any, ...]] = Counter()
    above: Counter[tuple[Any, ...]] = Counter()
    said: dict[tuple[Any, ...], float] = {}
    for seed in range(20_000):
        found = both(method, EVEN[:3], OTHER[:3], length=2, seed=seed)
        before: tuple[Any, ...] = ()
        for item, share, propensity in zip(found.items, found.shares, found.propensities, strict=True):
            key = (before, item)
            above[before] += 1
            shown[key] += 1
            assert said.setdefault(key, propensity) == pytest.approx(propensity)
            before = (*before, item, share)
    for key, propensity in said.items():
        if above[key[0]] > 2_000:
            assert shown[key] / above[key[0]] == pytest.approx(propensity, abs=0.04)


@pytest.mark.parametrize("method", METHODS)
def test_caps_hold_as_they_do_in_a_single_list(method: Method) -> None:
    shelves = [0, 0, 0, 0, 0, 1, 1, 2, 3, 4]
    let_through = Limit(shelves, most=2, window=5).let_through
    for seed in range(200):
        found = both(method, [0, 1, 5, 2, 6, 7, 3], [3, 4, 5, 8, 9, 2, 6], length=7, seed=seed, let_through=let_through)
        for start in range(3):
            assert max(Counter(shelves[item] for item in found.items[start : start + 5]).values()) <= 2, found.items


def test_where_caps_leave_none_the_slate_goes_on() -> None:
    nothing: LetThrough = lambda line, above: []  # noqa: E731
    for method in METHODS:
        assert len(both(method, let_through=nothing).items) == 6


@pytest.mark.parametrize("method", METHODS)
def test_pinned_items_stay_where_they_are_and_are_nobodys(method: Method) -> None:
    for seed in range(50):
        found = both(method, [9, *EVEN[:3]], [9, *OTHER[:3]], length=5, seed=seed, fixed={0: 9})
        assert (found.items[0], found.shares[0], found.propensities[0]) == (9, None, 1.0)
        assert found.items.count(9) == 1
        moved = both(method, EVEN, OTHER, length=5, seed=seed, fixed={2: 9})
        assert moved.items[2] == 9
        assert moved.items.count(9) == 1


def marginalised(shares: Sequence[float], credits: Mapping[int, float]) -> float:
    """The same over all 2^k assignments of positions to lists (Hofmann, Whiteson, de Rijke 2011)."""
    total = 0.0
    for assignment in product((0, 1), repeat=len(shares)):
        probability = np.prod([share if team else 1 - share for team, share in zip(assignment, shares, strict=True)])
        lead = sum(credit * (1 if assignment[place] else -1) for place, credit in credits.items())
        total += float(probability) * float(np.sign(round(lead, 9)))
    return total


@given(
    st.lists(st.floats(0, 1), min_size=6, max_size=6), st.dictionaries(st.integers(0, 5), st.sampled_from([1.0, 2.0, 0.1]))
)
def test_credit_is_that_of_all_assignments(shares: list[float], credits: dict[int, float]) -> None:
    assert credited(shares, credits).score == pytest.approx(marginalised(shares, credits), abs=1e-9)


def test_credit_of_teams_is_counted() -> None:
    shares = [None, 0.0, 1.0, 1.0, 0.0]
    assert credited(shares, {2: 1.0, 3: 1.0, 4: 1.0}) == (0.0, 1.0)
    assert credited(shares, {0: 1.0, 1: 1.0}) == (1.0, 0.0)
    assert credited(shares, {1: 1.0, 2: 1.0}) == (0.0, 0.0)
    assert credited(shares, {}) == credited(shares, {0: 5.0}) == credited(shares, {99: 1.0}) == (0.0, 0.0)


def test_the_sign_test_is_scipys() -> None:
    for first, second in ((3, 9), (10, 10), (0, 6), (41, 20)):
        assert sign_test(first, second) == pytest.approx(stats.binomtest(first, first + second).pvalue)
    assert np.isnan(sign_test(0, 0))


def test_one_user_one_voice() -> None:
    found = preference([100.0, -1.0, -1.0, -0.5, 0.0], seed=1, planned=1_000)
    assert (found.users, found.first, found.second, found.ties) == (5, 3, 1, 1)
    assert found.delta == pytest.approx(-0.2)


def test_what_is_too_little_to_say_anything() -> None:
    for scores in ([], [1.0], [0.0, 0.0]):
        found = preference(scores, seed=1, planned=1_000)
        assert not found.p < 0.05
        assert not found.always.low > 0
    assert np.isnan(preference([], seed=1, planned=1_000).delta)


def test_a_few_who_all_agree_are_no_certainty() -> None:
    few, many = (preference([1.0] * users, seed=1, planned=100) for users in (5, 60))
    assert few.always.low < 0 < few.delta
    assert few.always_p > 0.05
    assert many.always.low > 0
    assert few.always.high == many.always.high == 0.5, "nobody is ahead by more than all users"
    assert np.isnan(preference([0.0] * 9, seed=1, planned=100).always.low), "nobody has said anything"


def test_an_always_valid_preference_is_wrong_in_few_of_many_looks() -> None:
    """300 users without a preference, looked at after each of them from the second on, 300 times."""
    rng = np.random.default_rng(8)
    wrong = 0
    for _ in range(300):
        signs = rng.choice([-1.0, 0.0, 1.0], 300, p=[0.35, 0.3, 0.35])
        wrong += any(
            preference(signs[:users], seed=1, planned=300, repeats=10).always_p < 0.05 for users in range(2, 300, 6)
        )
    assert wrong / 300 < 0.05


def test_the_bootstrap_is_that_of_users_and_of_its_seed() -> None:
    rng = np.random.default_rng(5)
    scores = rng.choice([-1.0, 0.0, 1.0], 400, p=[0.3, 0.3, 0.4])
    found = preference(scores, seed=3, planned=1_000, repeats=20_000)
    by_hand = [rng.choice(scores, 400).mean() / 2 for _ in range(20_000)]
    assert found.interval == pytest.approx(np.quantile(by_hand, [0.025, 0.975]), abs=0.003)
    assert preference(scores, seed=3, planned=1_000) == preference(scores, seed=3, planned=1_000)
    assert found.always.low < found.interval.low < found.delta < found.interval.high < found.always.high


@pytest.mark.parametrize("method", METHODS)
def test_the_better_list_wins_and_alike_ones_do_not(method: Method) -> None:
    """Users click what they like, wherever it stands. The second list has the liked items first; then neither has."""
    rng = np.random.default_rng(6)

    def score(first: Sequence[int], second: Sequence[int], seed: int) -> float:
        found = both(method, first, second, length=4, seed=seed)
        clicks = {place: 1.0 for place, item in enumerate(found.items) if rng.random() < (0.3 if item < 3 else 0.1)}
        return credited(found.shares, clicks).score

    better = preference([score([5, 6, 7, 0, 1, 2], [0, 1, 2, 5, 6, 7], seed) for seed in range(600)], seed=1, planned=600)
    assert better.p < 1e-4
    assert better.interval.low > 0
    alike = preference([score([5, 0, 6, 1, 7, 2], [6, 1, 5, 2, 8, 0], seed) for seed in range(3_000)], seed=1, planned=3_000)
    assert abs(alike.delta) < 4 * 0.5 / 3_000**0.5


@pytest.mark.parametrize("method", METHODS)
def test_a_pin_below_the_end_of_both_lists_is_no_gap(method: Method) -> None:
    assert both(method, [1, 2], [2, 1], length=9, fixed={7: 5}).items in ([1, 2], [2, 1])


@given(st.permutations(range(8)), st.permutations(range(8)), st.integers(0, 2**32 - 1))
def test_neither_place_of_the_call_is_favoured(first: list[int], second: list[int], seed: int) -> None:
    """With the lists the other way round, and every coin too, the same slate comes out and all credit changes sides."""
    coins: dict[Method, float] = {"team_draft": 1.0, "probabilistic": 0.0}
    for method, coin in coins.items():  # the softmax draws items, not sides

        def turned(position: int, coin: float = coin) -> float:
            return abs(coin - chance(seed, position))

        one = merged(method, first, second, length=6, chance=lambda position: chance(seed, position))
        other = merged(method, second, first, length=6, chance=turned)
        assert one.items == other.items
        assert [each is None for each in one.shares] == [each is None for each in other.shares]
        owned = [(a, b) for a, b in zip(one.shares, other.shares, strict=True) if a is not None and b is not None]
        assert [a for a, _ in owned] == pytest.approx([1 - b for _, b in owned])
