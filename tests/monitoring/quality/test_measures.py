"""Every measure by hand: what it is of a tally whose counts are known."""

import math

import pytest

from honeyguide.monitoring.quality.measures import MEASURES, calibration, gini, mean, measured, share
from honeyguide.monitoring.quality.tally import Tally, decoded, merged

ELIGIBLE = {"a", "b", "c", "d"}


def value(name: str, tally: Tally) -> float | None:
    return measured(tally, ELIGIBLE)[name].value


@pytest.mark.parametrize(
    ("name", "tally", "wanted"),
    [
        ("ctr", Tally(shown=200, clicks=9), 0.045),
        ("ctr", Tally(shown=0, clicks=0), None),
        ("conversion", Tally(shown=200, conversions=4), 0.02),
        ("conversion_per_click", Tally(clicks=8, conversions=4), 0.5),
        ("conversion_per_click", Tally(clicks=2, conversions=4), 2.0),
        ("add_to_cart", Tally(shown=50, carts=5), 0.1),
        ("hit_rate", Tally(requests=90, seen_lists=30, hits=24), 0.8),
        ("fallback", Tally(seen_lists=30, fallbacks=3), 0.1),
        ("degraded", Tally(seen_lists=30, degraded=6), 0.2),
        ("coverage", Tally(shown=9, exposures={"a": 5, "b": 3, "gone": 1}), 0.5),
        ("coverage", Tally(), None),
        ("diversity", Tally(varied=4, diversity_sum=3.0), 0.75),
        ("category_entropy", Tally(lists=4, entropy_sum=6.0), 1.5),
        ("novelty", Tally(lists=4, novelty_sum=36.0), 9.0),
        ("popularity_lift", Tally(shown=3, popularity_sum=30.0, consumed_sum=20.0), 0.5),
        ("popularity_lift", Tally(shown=3), None),
        ("exposure_gini", Tally(exposures={"a": 4}), 0.75),
        ("exposure_gini", Tally(exposures={"a": 2, "b": 2, "c": 2, "d": 2}), 0.0),
        ("exposure_gini", Tally(exposures={"gone": 4}), None),
        ("long_tail", Tally(shown=40, tail_shown=10), 0.25),
        ("personalisation", Tally(overlap_sum=250.0, overlap_pairs=1000), 0.75),
        ("cold_users", Tally(seen_lists=20, cold_lists=5), 0.25),
        ("cold_items", Tally(shown=20, cold_shown=1), 0.05),
        ("new_items", Tally(shown=20, new_shown=2), 0.1),
        ("first_impression", Tally(young={"a": (0, 3000), "b": (1000, 2000), "c": (0, 9000)}), 3.0),
        ("first_impression", Tally(), None),
        ("revenue", Tally(revenue=12.5), 12.5),
        ("latency_p95", Tally(), None),
    ],
)
def test_a_measure_by_hand(name: str, tally: Tally, wanted: float | None) -> None:
    assert value(name, tally) == (wanted if wanted is None else pytest.approx(wanted))


def test_every_measure_says_what_it_is() -> None:
    for name, each in MEASURES.items():
        assert each.unit in ("share", "bits", "seconds", "money", "count", "ratio"), name
        assert each.better in ("higher", "lower", ""), name
        assert len(each.means) > 10, name
        assert not each.means.endswith("."), name


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [  # Wilson score intervals of 95 %, as in Brown, Cai, DasGupta, Statistical Science 2001, and by hand for the ends
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 100, 0.0018, 0.0545),
        (50, 1000, 0.0381, 0.0653),
    ],
)
def test_shares_have_the_interval_of_wilson(part: int, whole: int, low: float, high: float) -> None:
    found = share(part, whole)
    assert found.value == part / whole
    assert found.n == whole
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


def test_means_have_a_normal_interval_where_squares_are_known() -> None:
    values = [0.2, 0.4, 0.9, 0.5]
    found = mean(sum(values), 4, sum(each * each for each in values))
    deviation = math.sqrt(sum((each - 0.5) ** 2 for each in values) / 3)
    assert found.value == pytest.approx(0.5)
    assert found.high == pytest.approx(0.5 + 1.959964 * deviation / 2)
    assert found.low == pytest.approx(0.5 - 1.959964 * deviation / 2)
    assert mean(3.0, 4) == (0.75, 4, None, None)
    assert mean(3.0, 0) == (None, 0, None, None)
    assert mean(3.0, 1, 9.0) == (3.0, 1, None, None)


@pytest.mark.parametrize(
    ("counts", "others", "wanted"),
    [
        ([1], 0, 0.0),
        ([5, 5], 0, 0.0),
        ([1, 3], 0, 0.25),
        ([1], 1, 0.5),
        ([1], 99, 0.99),
        ([1, 2, 3, 4], 0, 0.25),
        ([], 5, None),
        ([0, 0], 1, None),
    ],
)
def test_gini_of_known_distributions(counts: list[int], others: int, wanted: float | None) -> None:
    assert gini(counts, others) == (wanted if wanted is None else pytest.approx(wanted))


def test_perfect_predictions_have_no_error() -> None:
    tally = Tally(predicted={1: (100, 1.0, 1), 2: (100, 10.0, 10), 3: (100, 50.0, 50)})
    error, ratio, n = calibration(tally)
    assert error == pytest.approx(0.0)
    assert ratio == pytest.approx(1.0)
    assert n == 300


def test_predictions_twice_too_high_are_found() -> None:
    error, ratio, n = calibration(Tally(predicted={1: (100, 20.0, 10), 2: (100, 40.0, 20)}))
    assert error == pytest.approx(30 / 200)
    assert ratio == pytest.approx(2.0)
    assert n == 200
    assert calibration(Tally(predicted={1: (100, 20.0, 0)})) == (0.2, None, 100)
    assert calibration(Tally()) == (None, None, 0)


def test_errors_of_opposite_sign_do_not_cancel_between_bins() -> None:
    error, ratio, _ = calibration(Tally(predicted={1: (100, 20.0, 10), 2: (100, 10.0, 20)}))
    assert error == pytest.approx(0.1)
    assert ratio == pytest.approx(1.0)


def test_a_sum_of_tallies_keeps_each_kind_of_count() -> None:
    one = Tally(
        requests=2,
        revenue=1.5,
        latency={3: 1, 4: 2},
        shown_at={1: 2},
        exposures={"a": 1, "b": 1},
        young={"a": (0, 500), "b": (0, 100)},
        features={"user.age": {1: 1}},
        scores={"ease@1": {5: 1}},
        predicted={7: (1, 0.5, 1)},
    )
    other = Tally(
        requests=3,
        revenue=2.0,
        latency={4: 1},
        shown_at={1: 1, 2: 1},
        exposures={"b": 4},
        young={"a": (0, 300), "c": (5, 10)},
        features={"user.age": {1: 2, 9: 1}, "item.price": {2: 2}},
        scores={"ease@1": {5: 2}, "als@2": {1: 1}},
        predicted={7: (2, 0.5, 0), 8: (1, 0.1, 0)},
    )
    whole = merged([one, other])
    assert (whole.requests, whole.revenue) == (5, 3.5)
    assert whole.latency == {3: 1, 4: 3}
    assert whole.shown_at == {1: 3, 2: 1}
    assert whole.exposures == {"a": 1, "b": 5}
    assert whole.young == {"a": (0, 300), "b": (0, 100), "c": (5, 10)}
    assert whole.features == {"user.age": {1: 3, 9: 1}, "item.price": {2: 2}}
    assert whole.scores == {"ease@1": {5: 3}, "als@2": {1: 1}}
    assert whole.predicted == {7: (3, 1.0, 1), 8: (1, 0.1, 0)}
    assert one.exposures == {"a": 1, "b": 1}, "what was added is not changed"
    assert merged([other, one]) == whole
    assert merged([]) == Tally()
    assert decoded(whole.encode()) == whole
