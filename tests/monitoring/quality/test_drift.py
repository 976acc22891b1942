"""Drift is found where it is, and not where there is only chance."""

import numpy as np
import pytest

from honeyguide.monitoring.quality.drift import WORTH, agreement, drift, moved
from honeyguide.monitoring.quality.spread import spread_of
from honeyguide.monitoring.quality.tally import MISSING

RANDOM = np.random.default_rng(7)


def psi_of(reference: np.ndarray, current: np.ndarray) -> float:
    """By the definition, on the raw values."""
    edges = np.quantile(reference, np.arange(0.1, 1.0, 0.1))
    shares = [np.bincount(np.searchsorted(edges, each), minlength=10) / len(each) for each in (reference, current)]
    r, c = (np.maximum(each, 1e-4) for each in shares)
    return float(((c - r) * np.log(c / r)).sum())


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_index_is_that_of_its_definition(shift: float) -> None:
    reference, current = RANDOM.lognormal(1, 1, 20_000), RANDOM.lognormal(1 + shift, 1, 20_000)
    found = drift(spread_of(reference), spread_of(current))
    assert found is not None
    assert found.psi == pytest.approx(psi_of(reference, current), rel=0.1, abs=0.01)
    assert (found.n, found.reference_n) == (20_000, 20_000)


@pytest.mark.parametrize("size", [200, 1000])
def test_chance_alone_stays_about_the_floor(size: int) -> None:
    runs = [drift(spread_of(RANDOM.normal(5, 1, size)), spread_of(RANDOM.normal(5, 1, size))) for _ in range(60)]
    found = [each for each in runs if each is not None]
    mean = float(np.mean([each.psi for each in found]))
    assert mean == pytest.approx(found[0].floor, rel=0.35)
    assert max(each.beyond for each in found) < WORTH
    assert found[0].floor == pytest.approx(9 * 2 / size, rel=0.3)


def test_values_that_go_missing_are_drift() -> None:
    whole = spread_of(RANDOM.normal(5, 1, 2000))
    half = spread_of(RANDOM.normal(5, 1, 1000)) | {MISSING: 1000}
    found = moved({"a": whole, "gone": whole}, {"a": half, "new": half})
    assert list(found) == ["a"]
    assert found["a"].beyond > WORTH
    assert drift({}, whole) is None


def test_agreement_needs_three_versions() -> None:
    offline = {"a@1": 0.1, "b@1": 0.2, "c@1": 0.3}
    assert agreement(offline, {"a@1": 0.01, "b@1": 0.02, "c@1": 0.05, "d@1": 1.0}) == pytest.approx(1.0)
    assert agreement(offline, {"a@1": 0.05, "b@1": 0.02, "c@1": 0.01}) == pytest.approx(-1.0)
    assert agreement(offline, {"a@1": 0.05, "b@1": 0.02}) is None
