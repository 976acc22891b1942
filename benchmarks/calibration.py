"""Whether the statistics of experiments mean what they say: false alarms, coverage and power over thousands of experiments
whose truth is known; what bandits cost and claim; how many users interleaving needs beside two groups."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.interleaved import compared
from benchmarks.report import Report
from honeyguide.experiments.bandit_runs import WAYS, BanditWorld, bandits, judged
from honeyguide.experiments.engines import ENGINES, Rules, chance_error, mismatched, truths, verdicts
from honeyguide.experiments.simulation import Runs, World, simulated

RUNS = 2_000
LOOKS = (1, 14, 140)
USERS = 2_000
ALPHA = 0.05
Row = dict[str, Any]
NOTES = (
    f"With {RUNS:,} experiments a share of 5 % has a standard error of {chance_error(ALPHA, RUNS):.1%}.",
    "The bar: 3.5 to 6.5 % for one look, and at most 5 % for always-valid intervals at any number of looks.",
    "The first engine counts impressions as if they were independent: it is here as a warning, results never use it.",
    "Looks at p-values of one look, or at chances to win, are shown for the same reason: how wrong they are by the end.",
    "Group-sequential bounds are for looks that were planned: as many as the column says.",
    "'raw totals' adds up a bandit's outcomes over periods; results use the other two.",
    "Both rankers of an interleaved pair order by the truth with noise, the second with less of the same noise.",
    "Users come as often as they do in the shop in a fortnight, and each is one voice.",
    "The last row are two rankers that are as noisy: what is found there is a false alarm.",
)


def main() -> None:
    """Play all of it and write the page."""
    report = Report(
        "calibration",
        "What the statistics of experiments are worth",
        f"Every row is {RUNS:,} experiments with a truth that is known. Users differ (click rates from a Beta of 20 units), "
        f"come back (3 visits on average, each of about 7 items) and are {USERS:,} in both arms together. Nothing here "
        "depends on how fast or busy the machine is, and the seeds settle all of it.",
    )
    null = World(users=USERS)
    runs = simulated(null, runs=RUNS, looks=LOOKS[-1], seed=1)
    report.table("False alarms: share of A/A tests in which a difference is announced, at alpha = 5 %", list(_alarms(runs)))
    report.table("Sample ratio: share of experiments with an alarm (p < 0.001)", list(_sizes(runs)))
    report.table("A real effect: +15 % clicks", list(_effects(World(users=USERS, rate=0.1, lift=0.15))))
    report.table("Bandits: false alarms in A/A, 14 periods of users who come back", list(_nulls()))
    report.table("Bandits: successes missed, as a share of what equal weights miss", list(_regrets()))
    report.table("Interleaving beside an A/B test on the synthetic shop: users for a power of 80 %", compared(RUNS))
    report.notes += NOTES
    report.write()


def _alarms(runs: Runs) -> Iterator[Row]:
    for name, engine in ENGINES.items():
        row: Row = {"engine": name}
        for looks in LOOKS:
            found = verdicts(engine(runs.at(looks), Rules(ALPHA, USERS)), 0.0)
            row[f"{looks} look{'s' * (looks > 1)}"] = f"{found.ever:.1%}"
        yield row


def _sizes(runs: Runs) -> Iterator[Row]:
    for looks in LOOKS:
        yield {"split": "sound", "looks": looks, "alarms": f"{mismatched(runs.at(looks), 0.5).any(axis=1).mean():.2%}"}
    for lost in (0.05, 0.1):
        broken = simulated(World(users=5 * USERS, visits=1, lost=lost), runs=RUNS // 4, looks=14, seed=2)
        told = f"{lost:.0%} of the treatment's users get lost, of {5 * USERS:,}"
        yield {"split": told, "looks": 14, "alarms": f"{mismatched(broken, 0.5).any(axis=1).mean():.0%}"}


def _effects(world: World) -> Iterator[Row]:
    runs, known = simulated(world, runs=RUNS, looks=14, seed=3), truths(world)
    for name, engine in ENGINES.items():
        found = verdicts(engine(runs, Rules(ALPHA, USERS)), known.get(name, np.nan))
        yield {
            "engine": name,
            "found at the end": f"{found.last:.0%}",
            "found at any of 14 looks": f"{found.ever:.0%}",
            "interval holds the truth": _share(found.held_last),
            "at all 14 looks": _share(found.held_always),
            "median day of finding": f"{14 * found.took:.0f}",
        }


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1%}"


def _nulls() -> Iterator[Row]:
    worlds = (("none", 1.0, 0.1), ("weekends + 50 %", 1.5, 0.1), ("weekends + 100 %, rate 20 %", 2.0, 0.2))
    for told, weekend, rate in worlds:
        runs = bandits(BanditWorld(weekend=weekend, rate=rate), runs=RUNS, seed=4)
        for way in WAYS:
            found = judged(runs, way)
            yield {
                "drift": told,
                "estimate": way,
                "one look at the end": f"{found.at_once(ALPHA):.1%}",
                "always-valid, 14 looks": f"{found.always(ALPHA):.1%}",
            }


def _regrets() -> Iterator[Row]:
    for lifts in ((0.0, 0.1), (0.0, 0.3), (0.0, 0.3, -0.1), (0.0, 0.1, 0.1, 0.3)):
        runs = bandits(BanditWorld(users=4_000, periods=28, lifts=lifts), runs=RUNS // 10, seed=5)
        best = int(np.argmax(lifts))
        yield {
            "lifts of the arms": ", ".join(f"{each:+.0%}" for each in lifts),
            "missed": f"{runs.regret.mean() / runs.even.mean():.0%}",
            "weight of the best arm at the end": f"{runs.weights[:, -1, best].mean():.0%}",
            "best arm has the most": f"{(runs.weights[:, -1].argmax(-1) == best).mean():.0%}",
        }
