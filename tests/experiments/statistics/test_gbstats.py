"""The same numbers as GrowthBook's engine, where it is right (`scripts/gbstats_vectors.py` makes the vectors)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide.experiments.statistics.adjusting import cuped
from honeyguide.experiments.statistics.bayesian import gaussian
from honeyguide.experiments.statistics.comparing import Estimate, lift, welch
from honeyguide.experiments.statistics.quantiles import clustered_quantile
from honeyguide.experiments.statistics.sequential import always_valid, always_valid_p
from honeyguide.experiments.statistics.several import sample_ratio
from honeyguide.experiments.statistics.sums import Sums

VECTORS = json.loads((Path(__file__).parent / "gbstats" / "vectors.json").read_text())
CASES = VECTORS["cases"]
NAMES = [f"{case['kind']}-{case['sums'][0][0]}-{at}" for at, case in enumerate(CASES)]
TUNED = 5000


def estimates(case: dict[str, Any]) -> tuple[Estimate, Estimate]:
    control, treatment = (Sums(*each) for each in case["sums"])
    if case["kind"] == "cuped":
        return cuped(control, treatment)
    made = Estimate.ratio if case["kind"] == "ratio" else Estimate.mean
    found = made(control), made(treatment)
    if case["kind"] == "proportion":  # theirs is p (1 - p), without n - 1
        return tuple(Estimate(arm.value, arm.value * (1 - arm.value), arm.units) for arm in found)  # type: ignore[return-value]
    return found


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_differences_at_one_look(case: dict[str, Any]) -> None:
    found, said = welch(*estimates(case)), case["welch"]
    # they take the slope of CUPED with the arms' weights of n / (n - 1), we with those of the degrees of freedom
    of_slope = case["kind"] == "cuped"
    assert found.interval.low == pytest.approx(said["low"], rel=1e-2 if of_slope else 1e-9)
    assert found.interval.high == pytest.approx(said["high"], rel=1e-2 if of_slope else 1e-9)
    assert found.p == pytest.approx(said["p"], rel=0.05 if of_slope else 1e-7)


@pytest.mark.parametrize("case", [case for case in CASES if case["kind"] != "cuped"])
def test_differences_at_every_look(case: dict[str, Any]) -> None:
    control, treatment = estimates(case)
    difference, variance = treatment.value - control.value, control.variance + treatment.variance
    units, said = control.units + treatment.units, case["sequential"]
    found = always_valid(difference, variance, units, planned=TUNED)
    assert found.low == pytest.approx(said["low"], rel=1e-9)
    assert found.high == pytest.approx(said["high"], rel=1e-9)
    assert always_valid_p(difference, variance, units, planned=TUNED) == pytest.approx(said["p"], rel=1e-7)


@pytest.mark.parametrize("case", [case for case in CASES if case["kind"] != "cuped"])
def test_lifts_and_what_is_believed_of_them(case: dict[str, Any]) -> None:
    found = lift(*estimates(case))
    assert found.value == pytest.approx(case["lift"]["value"], rel=1e-9)
    assert np.sqrt(found.variance) == pytest.approx(case["lift"]["deviation"], rel=1e-9)
    for name, prior in (("flat", None), ("prior", (0.0, 0.09))):
        belief, said = gaussian(found.value, found.variance, prior=prior), case[name]
        assert belief.chance == pytest.approx(said["chance"], rel=1e-7)
        assert belief.interval.low == pytest.approx(said["low"], rel=1e-7)
        assert belief.interval.high == pytest.approx(said["high"], rel=1e-7)


@pytest.mark.parametrize("split", VECTORS["srm"], ids=lambda split: str(split["units"]))
def test_sizes_of_arms(split: dict[str, Any]) -> None:
    found = sample_ratio(split["units"], split["weights"])
    assert found is not None
    assert found.p == pytest.approx(split["p"], rel=1e-9)


@pytest.mark.parametrize("case", VECTORS["quantiles"], ids=lambda case: str(case["nu"]))
def test_clustered_quantiles(case: dict[str, Any]) -> None:
    values = np.array(case["values"])
    thresholds = np.unique(values)
    sums = [Sums.of((values <= limit).sum(axis=1), np.full(len(values), values.shape[1])) for limit in thresholds]
    found = clustered_quantile(thresholds.tolist(), sums, case["nu"])
    assert found.value == case["quantile"]
    assert found.variance == pytest.approx(case["variance"], rel=1e-3)
