"""Training of a large shop to published versions, beside the bare library fits on the same data.

    python -m benchmarks training [INTERACTIONS [USERS [ITEMS]]]

The log is filled first. Then one process trains (`honeyguide.train.train`), and another fits what the models come down to:
counts, `implicit`'s cosine neighbours and ALS, matrix inverses, a sparse matrix of pairs.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.report import Report
from honeyguide.clock import SystemClock
from honeyguide.config.settings import Project, Settings
from honeyguide.offline.dataset import dataset_from
from honeyguide.protocols import Store
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.urls import open_store
from honeyguide.train import train
from honeyguide.types import Interactions, LogRow

T0 = 1_700_000_000_000
BATCH = 1_000
_CHOLESKY = "ease by Cholesky"


def shop(interactions: int, users: int, items: int, seed: int = 0) -> list[tuple[int, int, str]]:
    """(user, item, type): users and items by power laws, half of what a user does inside their taste of 20."""
    generator = np.random.default_rng(seed)
    activity = generator.pareto(1.5, users) + 1
    popularity = generator.permutation(1 / (np.arange(items) + 10.0) ** 0.9)
    who = generator.choice(users, interactions, p=activity / activity.sum())
    what = generator.choice(items, interactions, p=popularity / popularity.sum())
    group, taste = generator.integers(0, 20, items), generator.integers(0, 20, users)
    own = generator.random(interactions) < 0.5
    for number in range(20):
        rows, members = np.flatnonzero(own & (taste[who] == number)), np.flatnonzero(group == number)
        weights = popularity[members]
        what[rows] = members[generator.choice(len(members), len(rows), p=weights / weights.sum())]
    kinds = generator.choice(["view", "click", "add_to_cart", "purchase"], interactions, p=[0.6, 0.25, 0.1, 0.05])
    return list(zip(who.tolist(), what.tolist(), kinds.tolist(), strict=True))


def settings_of(folder: Path) -> Settings:
    """Defaults, in a folder."""
    return Settings(project=Project(data_dir=folder))


def fill(folder: Path, rows: list[tuple[int, int, str]]) -> None:
    """Append the rows to a new log, ten seconds apart."""
    store = open_store(settings_of(folder), SystemClock())
    asyncio.run(_append(store, rows))
    store.close()


async def _append(store: Store, rows: list[tuple[int, int, str]]) -> None:
    for start in range(0, len(rows), BATCH):
        batch = [
            LogRow(
                event_id=f"{place}",
                ts=T0 + 10_000 * place,
                received_at=T0,
                user_id=f"user {user}",
                item_id=f"item {item}",
                type=kind,
                imported=True,
            )
            for place, (user, item, kind) in enumerate(rows[start : start + BATCH], start)
        ]
        await store.log.append(batch)


def ours(folder: Path) -> dict[str, object]:
    """Train with the defaults: seconds by stage and model, and the peak of memory."""
    store = open_store(settings_of(folder), SystemClock())
    report = train(store, FileArtefacts(folder / "models"), settings_of(folder), SystemClock())
    store.close()
    return {
        "stages": dict(report.stages),
        "models": {model.name: model.metrics for model in report.models},
        "champion": report.champion,
        "peak": peak(),
    }


def bare(folder: Path) -> dict[str, object]:
    """The library calls alone, on matrices that are there already."""
    store = open_store(settings_of(folder), SystemClock())
    data = dataset_from(store.log.interactions(), settings_of(folder)).interactions
    store.close()
    matrix = csr_matrix((np.ones(len(data.users), np.float32), (data.users, data.items)), shape=(data.n_users, data.n_items))
    fits = {"popular": counts, "knn": neighbours, "als": factors, "ease": inverse, _CHOLESKY: cholesky, "markov": pairs}
    seconds = {}
    for name, fit in fits.items():
        started = time.perf_counter()
        fit(data, matrix)
        seconds[name] = time.perf_counter() - started
    return {"models": seconds, "peak": peak()}


def counts(data: Interactions, matrix: csr_matrix) -> object:
    """Popularity."""
    return np.bincount(data.items, data.weights, minlength=data.n_items)


def neighbours(data: Interactions, matrix: csr_matrix) -> object:
    """Cosine neighbours of `implicit`."""
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=200)
    model.fit(matrix, show_progress=False)
    return model.similarity


def factors(data: Interactions, matrix: csr_matrix) -> object:
    """ALS of `implicit`, with its own advice on threads followed."""
    from implicit.cpu.als import AlternatingLeastSquares

    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=64, regularization=20, iterations=15, random_state=0)
        model.fit(matrix, show_progress=False)
    return model.item_factors


def inverse(data: Interactions, matrix: csr_matrix) -> object:
    """EASE as its paper writes it."""
    gram = (matrix.T @ matrix).toarray()
    gram[np.diag_indices_from(gram)] += 100
    found = np.linalg.inv(gram)
    found /= -np.diag(found)
    np.fill_diagonal(found, 0)
    return found


def cholesky(data: Interactions, matrix: csr_matrix) -> object:
    """EASE by the fastest that LAPACK has for a symmetric matrix."""
    gram = (matrix.T @ matrix).toarray()
    gram[np.diag_indices_from(gram)] += 100
    factor, _ = lapack.spotrf(gram, lower=1, overwrite_a=1)
    lower, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    found = np.tril(lower) + np.tril(lower, -1).T
    found /= -np.diag(found)
    np.fill_diagonal(found, 0)
    return found


def pairs(data: Interactions, matrix: csr_matrix) -> object:
    """Pairs at up to ten places from each other."""
    order = np.lexsort((data.ts, data.users))
    users, items = data.users[order], data.items[order]
    rows, columns, values = [], [], []
    for distance in range(1, 11):
        same = users[distance:] == users[:-distance]
        rows.append(items[:-distance][same])
        columns.append(items[distance:][same])
        values.append(np.full(len(rows[-1]), 0.8 ** (distance - 1), np.float32))
    places = (np.concatenate(rows), np.concatenate(columns))
    return csr_matrix((np.concatenate(values), places), shape=(data.n_items, data.n_items))


def peak() -> float:
    """Most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def child(what: str, folder: Path) -> dict[str, object]:
    """One of the two, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.training", what, str(folder)]
    found: dict[str, object] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    """Fill, train, fit barely, and write the report."""
    sizes = [int(text) for text in sys.argv[1:]] + [1_000_000, 50_000, 10_000][len(sys.argv) - 1 :]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, shop(*sizes))
        plain, trained = child("bare", folder), child("ours", folder)
    report_on(sizes, plain, trained)


def report_on(sizes: list[int], plain: dict[str, object], trained: dict[str, object]) -> None:
    """The page."""
    stages, models, libraries = trained["stages"], trained["models"], plain["models"]
    assert isinstance(stages, dict)
    assert isinstance(models, dict)
    assert isinstance(libraries, dict)
    whole, fast = stages["read"] + stages["fit"] + stages["publish"], libraries.pop(_CHOLESKY)
    needed = sum(libraries.values())
    least = needed - libraries["ease"] + fast
    report = Report(
        "training",
        "Training a large shop",
        f"{sizes[0]:,} events of {sizes[1]:,} users on {sizes[2]:,} items (power laws) in SQLite; all default models. "
        "'From the log to published versions' is reading, numbering, fitting on everything and publishing; comparing the "
        "models (a second fit of each on the past, and full rankings for 10,000 users) is timed apart. Bare: the library "
        "calls alone, on matrices that are there already.",
    )
    report.table(
        "Whole training",
        [
            {
                "what": "from the log to published versions",
                "seconds": f"{whole:.1f}",
                "ratio": "",
                "peak MB": f"{trained['peak']:.0f}",
            },
            {
                "what": "bare fits, EASE as its paper has it",
                "seconds": f"{needed:.1f}",
                "ratio": f"{whole / needed:.2f}",
                "peak MB": f"{plain['peak']:.0f}",
            },
            {
                "what": "bare fits, EASE by Cholesky",
                "seconds": f"{least:.1f}",
                "ratio": f"{whole / least:.2f}",
                "peak MB": "",
            },
            {"what": "comparing the models, apart", "seconds": f"{stages['compare']:.1f}", "ratio": "", "peak MB": ""},
        ],
    )
    report.table("Stages", [{"stage": stage, "seconds": seconds} for stage, seconds in stages.items()])
    columns = ("fit_seconds", "evaluate_seconds", "recall@20", "ndcg@20", "coverage")
    rows = [
        {"model": name, "bare fit s": round(libraries[name], 2)} | {key: models[name][key] for key in columns}
        for name in models
    ]
    report.table(f"Models in the comparison (champion: {trained['champion']})", rows)
    report.write()


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["bare"]):
        print(json.dumps({"ours": ours, "bare": bare}[sys.argv[1]](Path(sys.argv[2]))))
    else:
        main()
