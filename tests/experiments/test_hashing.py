"""The published vectors, and what a ramp must not do."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.experiments.hashing import Range, arm_at, bucket, fnv1a, in_layer, ranges
from tests.importers.test_real_data import needs


def cases(family: str) -> list[Any]:
    """Vectors of one family (../shared/data/growthbook-cases)."""
    found: list[Any] = json.loads((needs("growthbook-cases") / "cases.json").read_text(encoding="utf-8"))[family]
    return found


def test_the_hash_is_the_published_one() -> None:
    for seed, unit, version, expected in cases("hash"):
        if version == 2:
            assert bucket(seed, unit) == expected
        elif version == 1:
            assert fnv1a(unit + seed) % 1_000 / 1_000 == expected


def test_ranges_are_the_published_ones_where_weights_are_sound() -> None:
    for name, (count, coverage, weights), expected in cases("getBucketRange"):
        shares = weights or [1 / count] * count
        if len(shares) != count or abs(sum(shares) - 1) > 1e-9 or not 0 <= coverage <= 1:
            continue
        assert [pytest.approx(each) for each in ranges(shares, coverage)] == [tuple(each) for each in expected], name


def test_arms_are_the_published_ones() -> None:
    for name, place, arms, expected in cases("chooseVariation"):
        assert arm_at(place, [tuple(each) for each in arms]) == expected, name


def test_layers_are_the_published_ones() -> None:
    for name, unit, (layer, start, end), expected in cases("inNamespace"):
        assert in_layer(layer, unit, (start, end)) == expected, name


@pytest.mark.parametrize("weights", [[], [0.5, 0.4], [0.7, 0.6], [1.2, -0.2], [0.4, 0.5999], [float("nan"), 1.0]])
def test_weights_are_refused_and_never_mended(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="do not sum to 1"):
        ranges(weights, 1.0)


@pytest.mark.parametrize("coverage", [-0.1, 1.1, float("nan")])
def test_a_coverage_is_a_share(coverage: float) -> None:
    with pytest.raises(ValueError, match="no share between 0 and 1"):
        ranges([0.5, 0.5], coverage)


def test_a_ramp_moves_nobody_who_is_in() -> None:
    units = [f"user {number}" for number in range(20_000)]
    arms = [[arm_at(bucket("s", unit), ranges([0.2, 0.3, 0.5], share)) for unit in units] for share in (0.1, 0.5, 1.0)]
    for before, after in pairwise(arms):
        assert all(later == earlier for earlier, later in zip(before, after, strict=True) if earlier >= 0)
    assert arms[-1].count(-1) == 0
    assert arms[0].count(-1) / len(units) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("version", [2, 60])
def test_experiments_with_other_seeds_split_independently(version: Any) -> None:
    """The chi-squared of a 2 x 2 table of two experiments over 20,000 units (their older hash fails this with 9e-15)."""
    table = [[0, 0], [0, 0]]
    for number in range(20_000):
        first, second = (bucket(seed, str(number), version) < 0.5 for seed in ("exp-1", "exp-2"))
        table[first][second] += 1
    total = 20_000
    expected = [[sum(row) * sum(r[column] for r in table) / total for column in (0, 1)] for row in table]
    statistic = sum((table[i][j] - expected[i][j]) ** 2 / expected[i][j] for i in (0, 1) for j in (0, 1))
    assert statistic < 6.63


@pytest.mark.parametrize("version", [2, 60])
def test_places_are_spread_evenly(version: Any) -> None:
    counts = [0] * 100
    for number in range(50_000):
        counts[int(bucket("even", f"u{number}", version) * 100)] += 1
    assert sum((count - 500) ** 2 / 500 for count in counts) < 150


def test_text_of_any_kind_has_a_place() -> None:
    """Beyond the basic plane two code units are hashed, as the JavaScript SDK does."""
    assert fnv1a("\U0001f41d") == fnv1a("\ud83d\udc1d")
    assert bucket("s", "zoë") != bucket("s", "zoe")
    assert 0 <= bucket("s", "\U0001f41d", 60) < 1


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.floats(0, 1), st.floats(0, 0.999999))
def test_no_place_is_in_two_arms(parts: list[float], coverage: float, place: float) -> None:
    shares = [part / sum(parts) for part in parts]
    arms: list[Range] = ranges(shares, coverage)
    holding = [number for number, (start, end) in enumerate(arms) if start <= place < end]
    assert arm_at(place, arms) == (holding[0] if holding else -1)
    assert len(holding) <= 1
