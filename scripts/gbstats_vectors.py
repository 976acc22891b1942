"""Vectors of gbstats, GrowthBook's engine, for the tests beside; it pins numpy below 2, so it runs in a place of its own:

    python3 -m venv elsewhere && elsewhere/bin/pip install "gbstats==0.8.0"
    elsewhere/bin/python scripts/gbstats_vectors.py > tests/experiments/statistics/gbstats/vectors.json

Its one-sided bounds and its CUPED lifts are left out: release 0.8.0 has faults there.
"""

import json
import sys
from typing import Any

import numpy as np
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, SequentialTwoSidedTTest, TwoSidedTTest
from gbstats.models.statistics import (
    ProportionStatistic,
    QuantileClusteredStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm

SIZES = ((60, 70), (900, 1100), (5000, 5000))


def moments(x: Any) -> SampleMeanStatistic:
    return SampleMeanStatistic(n=len(x), sum=float(x.sum()), sum_squares=float((x * x).sum()))


def tested(a: Any, b: Any) -> dict[str, Any]:
    """What the engines say of a pair, absolute."""
    found = {}
    for name, test, config in (
        ("welch", TwoSidedTTest, FrequentistConfig(difference_type="absolute")),
        ("sequential", SequentialTwoSidedTTest, SequentialConfig(difference_type="absolute")),
    ):
        result = test(a, b, config).compute_result()
        found[name] = {"difference": result.expected, "low": result.ci[0], "high": result.ci[1], "p": result.p_value}
    return found


def relative(a: Any, b: Any) -> dict[str, Any]:
    """Lifts: by the delta method, and believed with and without a prior."""
    found = {}
    result = TwoSidedTTest(a, b, FrequentistConfig(difference_type="relative")).compute_result()
    found["lift"] = {"value": result.expected, "deviation": result.uplift.stddev, "p": result.p_value}
    for name, prior in (("flat", GaussianPrior()), ("prior", GaussianPrior(0.0, 0.09, True))):
        config = EffectBayesianConfig(difference_type="relative", prior_effect=prior)
        belief = EffectBayesianABTest(a, b, config).compute_result()
        found[name] = {
            "chance": belief.chance_to_win, "low": belief.ci[0], "high": belief.ci[1], "mean": belief.uplift.mean
        }  # fmt: skip
    return found


def made(chance: Any, size: int, scale: float) -> dict[str, Any]:
    """Units of one arm: what they spent, how often they were asked, and what was before."""
    before = chance.gamma(2, 2, size)
    spent = np.round(before * scale + chance.normal(0, 2, size), 3)
    asked = 1 + chance.poisson(3, size)
    return {"x": spent, "y": asked.astype(float), "before": np.round(before, 3), "did": (chance.random(size) < 0.1 * scale)}


def statistics(arm: dict[str, Any]) -> dict[str, Any]:
    x, y, before = arm["x"], arm["y"], arm["before"]
    own = {"n": len(x)}
    return {
        "mean": moments(x),
        "proportion": ProportionStatistic(n=len(x), sum=float(arm["did"].sum())),
        "ratio": RatioStatistic(
            **own, m_statistic=moments(x), d_statistic=moments(y), m_d_sum_of_products=float((x * y).sum())
        ),
        "cuped": RegressionAdjustedStatistic(
            **own, post_statistic=moments(x), pre_statistic=moments(before), theta=0.0,
            post_pre_sum_of_products=float((x * before).sum()),
        ),
    }  # fmt: skip


def six(first: Any, second: Any) -> list[float]:
    sums = (first.sum(), (first * first).sum(), second.sum(), (second * second).sum(), (first * second).sum())
    return [len(first), *(float(each) for each in sums)]


def cases(chance: Any) -> list[dict[str, Any]]:
    found = []
    for sizes in SIZES:
        for scale in (1.0, 1.15):
            arms = [made(chance, sizes[0], 1.0), made(chance, sizes[1], scale)]
            pairs = [statistics(arm) for arm in arms]
            for kind in pairs[0]:
                ones = [np.ones(len(arm["x"])) for arm in arms]
                x = [arm["did"].astype(float) if kind == "proportion" else arm["x"] for arm in arms]
                y = [arm["y"] if kind == "ratio" else arm["before"] if kind == "cuped" else one
                     for arm, one in zip(arms, ones, strict=True)]  # fmt: skip
                case = {"kind": kind, "sums": [six(a, b) for a, b in zip(x, y, strict=True)]}
                case |= tested(*(pair[kind] for pair in pairs))
                found.append(case if kind == "cuped" else case | relative(*(pair[kind] for pair in pairs)))
    return found


def quantiles(chance: Any) -> list[dict[str, Any]]:
    """Clustered quantiles, from the order statistics that the definition asks for."""
    found = []
    for nu in (0.5, 0.9):
        values = np.ceil(np.clip(chance.uniform(20, 80, 400)[:, None] + chance.normal(0, 8, (400, 6)), 1, 100))
        flat, z = np.sort(values.ravel()), 1.959963984540054
        reach = z * np.sqrt(nu * (1 - nu) / flat.size)
        at, low, high = (flat[int(np.ceil(level * flat.size)) - 1] for level in (nu, nu - reach, nu + reach))
        below, total = (values <= at).sum(axis=1), np.full(400, 6)
        statistic = QuantileClusteredStatistic(
            n=int(flat.size), n_star=int(flat.size), nu=nu, quantile_hat=float(at), quantile_lower=float(low),
            quantile_upper=float(high), main_sum=float(below.sum()), main_sum_squares=float((below**2).sum()),
            denominator_sum=float(total.sum()), denominator_sum_squares=float((total**2).sum()),
            main_denominator_sum_product=float((below * total).sum()), n_clusters=400,
        )  # fmt: skip
        variance = float(statistic.variance) / statistic.n
        found.append({"nu": nu, "values": values.astype(int).tolist(), "quantile": float(at), "variance": variance})
    return found


def main() -> None:
    chance = np.random.default_rng(20240601)
    splits = [([500, 520], [0.5, 0.5]), ([5000, 5400], [0.5, 0.5]), ([100, 210, 290], [0.2, 0.3, 0.5])]
    srm = [{"units": units, "weights": weights, "p": float(check_srm(units, weights))} for units, weights in splits]
    vectors = {"gbstats": "0.8.0", "cases": cases(chance), "srm": srm, "quantiles": quantiles(chance)}
    json.dump(vectors, sys.stdout, default=float)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
