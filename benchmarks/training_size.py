"""Training at size: seconds of each stage and the peak of memory, from a log of power-law data to published versions.

    python -m benchmarks.training_size [INTERACTIONS [USERS [ITEMS]]] [--budget TIME]

10,000,000 interactions of 1,000,000 users on 200,000 items unless other sizes are given. The log is filled first, by the
store's own appends; then one process reads, compares, fits and publishes with default settings. With a budget it searches.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Report
from benchmarks.training import BATCH, T0, peak, settings_of
from honeyguide.clock import SystemClock
from honeyguide.config.settings import Training
from honeyguide.config.values import parse_duration
from honeyguide.models.artefact import load
from honeyguide.protocols import EventLog
from honeyguide.stores.files import FileArtefacts, FileSearches
from honeyguide.stores.urls import open_store
from honeyguide.train import train
from honeyguide.types import IntArray, LogRow

_KINDS = np.array(["view", "click", "add_to_cart", "purchase"])
_GROUPS = 100


def shop(interactions: int, users: int, items: int, seed: int = 0) -> tuple[IntArray, IntArray, IntArray]:
    """Users, items and numbers of types: users and items by power laws, half of what a user does inside their taste."""
    generator = np.random.default_rng(seed)
    activity = generator.pareto(1.5, users) + 1
    popularity = generator.permutation(1 / (np.arange(items) + 10.0) ** 0.9)
    who = _drawn(generator, activity, interactions)
    what = _drawn(generator, popularity, interactions)
    group, taste = generator.integers(0, _GROUPS, items), generator.integers(0, _GROUPS, users)
    own = generator.random(interactions) < 0.5
    for number in range(_GROUPS):
        rows, members = np.flatnonzero(own & (taste[who] == number)), np.flatnonzero(group == number)
        what[rows] = members[_drawn(generator, popularity[members], len(rows))]
    kinds = generator.choice(len(_KINDS), interactions, p=[0.6, 0.25, 0.1, 0.05]).astype(np.int32)
    return who, what, kinds


def _drawn(generator: np.random.Generator, weights: NDArray[np.float64], count: int) -> IntArray:
    """Places drawn by weight."""
    sums = np.cumsum(weights)
    places: IntArray = np.searchsorted(sums, generator.random(count) * sums[-1]).astype(np.int32)
    return places


def fill(folder: Path, sizes: list[int]) -> None:
    """Append the shop's events to a new log, a second apart."""
    store = open_store(settings_of(folder), SystemClock())
    asyncio.run(_append(store.log, *shop(*sizes)))
    store.close()


async def _append(log: EventLog, who: IntArray, what: IntArray, kinds: IntArray) -> None:
    for batch in _batches(who, what, kinds):
        await log.append(batch)


def _batches(who: IntArray, what: IntArray, kinds: IntArray) -> Iterator[list[LogRow]]:
    names = _KINDS.tolist()
    for start in range(0, len(who), BATCH):
        part = slice(start, start + BATCH)
        rows = zip(who[part].tolist(), what[part].tolist(), kinds[part].tolist(), strict=True)
        yield [
            LogRow(
                event_id=f"{place}",
                ts=T0 + 1_000 * place,
                received_at=T0,
                user_id=f"user {user}",
                item_id=f"item {item}",
                type=names[kind],
                imported=True,
            )
            for place, (user, item, kind) in enumerate(rows, start)
        ]


def trained(folder: Path, asked: int, budget: float) -> dict[str, object]:
    """Train: seconds by stage and model, the peak of memory after each stage, and how long the champion takes to load."""
    settings = settings_of(folder).model_copy(update={"training": Training(budget=budget, max_users=asked)})
    store, artefacts, peaks = open_store(settings, SystemClock()), FileArtefacts(folder / "models"), dict[str, float]()

    def told(stage: str, share: float) -> None:
        words = stage.partition(" · ")[0].split()
        peaks[words[0] if words[0] != "fit" else "fit on everything"] = peak()

    report = train(store, artefacts, settings, SystemClock(), searches=FileSearches(folder / "searches"), progress=told)
    store.close()
    name, _, version = report.champion.partition("@")
    started = time.perf_counter()
    load(artefacts.path(name, int(version)))
    loading = time.perf_counter() - started
    return {
        "stages": dict(report.stages),
        "models": {model.name: model.metrics for model in report.models},
        "failed": {model.name: model.failed for model in report.models if model.failed},
        "champion": report.champion,
        "search": report.search,
        "peaks": peaks,
        "peak": peak(),
        "loading": loading,
    }


def child(what: str, folder: Path, *arguments: object) -> dict[str, object]:
    """A step in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.training_size", f"--child={what}", f"--folder={folder}"]
    done = subprocess.run([*command, *map(str, arguments)], check=True, stdout=subprocess.PIPE)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def report_on(sizes: list[int], found: dict[str, object], asked: int, budget: float, note: str = "") -> None:
    """The page."""
    stages, models, peaks, failed = found["stages"], found["models"], found["peaks"], found["failed"]
    assert isinstance(stages, dict)
    assert isinstance(models, dict)
    assert isinstance(peaks, dict)
    assert isinstance(failed, dict)
    report = Report(
        "training_size",
        "Training at size",
        f"{sizes[0]:,} events of {sizes[1]:,} users on {sizes[2]:,} items (power laws, half of it inside the users' tastes) "
        f"in SQLite; default settings, but at most {asked:,} users are asked in a comparison, all items ranked, alone and "
        "as served. One process from the log to published versions. Memory is the most that it had held when a stage "
        "ended, and counts the pages of the database that were read." + (f" Budget: {budget:.0f} s." if budget else ""),
    )
    names = {"read": "split", "search": "search", "compare": "compare", "fit": "fit on everything", "publish": "publish"}
    rows = [
        {"stage": stage, "seconds": seconds, "peak MB": round(peaks.get(names[stage], 0.0))}
        for stage, seconds in stages.items()
    ]
    rows.append({"stage": "all", "seconds": round(sum(stages.values()), 1), "peak MB": round(float(str(found["peak"])))})
    report.table("Stages", rows)
    columns = ("fit_seconds", "evaluate_seconds", "users", "recall@20", "ndcg@20", "served_ndcg@20", "coverage")
    shown = [
        {"model": name} | {key: figures[key] for key in columns} for name, figures in models.items() if "users" in figures
    ]
    report.table(f"Models in the comparison (champion: {found['champion']})", shown)
    report.notes += [f"{name} was left out: {why}" for name, why in failed.items()]
    report.notes.append(f"The champion's files load in {found['loading']:.2f} s.")
    report.notes += [note] if note else []
    report.write()


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, metavar="INTERACTIONS USERS ITEMS")
    parser.add_argument("--asked", type=int, default=2_000, metavar="USERS", help="most users asked in a comparison; 2000")
    parser.add_argument("--budget", type=parse_duration, default=0.0, metavar="TIME", help="search for so long, as 10m")
    parser.add_argument("--folder", type=Path, help="keep the log there, and use what is there already")
    parser.add_argument("--note", default="", help="what else is to be said of this run")
    parser.add_argument("--child", choices=["fill", "train"], help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Fill, train, and write the report."""
    given = arguments()
    sizes = given.sizes + [10_000_000, 1_000_000, 200_000][len(given.sizes) :]
    if given.child == "fill":
        fill(given.folder, sizes)
        print("{}")
    elif given.child:
        print(json.dumps(trained(given.folder, given.asked, given.budget)))
    else:
        with tempfile.TemporaryDirectory() as name:
            folder = given.folder or Path(name)
            if not (folder / "honeyguide.sqlite").exists():
                child("fill", folder, *sizes)
            found = child("train", folder, f"--asked={given.asked}", f"--budget={given.budget}s")
        report_on(sizes, found, given.asked, given.budget, given.note)


if __name__ == "__main__":
    main()
