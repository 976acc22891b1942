"""How long each model takes to score one history and a batch, beside its bare arithmetic in numpy and scipy.

    python -m benchmarks scoring [ITEMS [USERS [EVENTS]]]

Bare: the arrays of the same trained model and the histories already as a sparse matrix of weights, and nothing but the
products: a sparse matrix product, a dense one, one solve. Both sides end with the 100 best items of each history. They take
turns, and ratios are of medians.
"""

import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks.report import Report, median
from benchmarks.training import shop
from honeyguide.models import untrained
from honeyguide.protocols import Model
from honeyguide.types import FloatArray, Histories, Interactions

ENTRIES, BATCH, BEST, TURNS = 100, 64, 100, 15
WEIGHTS = {"view": 1.0, "click": 2.0, "add_to_cart": 4.0, "purchase": 8.0}
PARTS = ("knn", "markov")
NAMES = ("popular", "trending", "knn", "graph", "ridge", "ease", "als", "markov", "bayes", "blend")

Bare = Callable[[csr_array], FloatArray]


def data_of(events: int, users: int, items: int) -> Interactions:
    """The shop of the training benchmark as numbers, ten seconds apart."""
    who, what, kinds = zip(*shop(events, users, items), strict=True)
    weights = np.array([WEIGHTS[kind] for kind in kinds], dtype=np.float32)
    ts = np.arange(events, dtype=np.int64) * 10_000
    return Interactions(np.array(who, np.int32), np.array(what, np.int32), weights, ts, users, items)


def histories(count: int, items: int) -> Histories:
    """Histories of `ENTRIES` distinct items, an hour apart."""
    generator = np.random.default_rng(1)
    rows = [generator.choice(items, ENTRIES, replace=False) for _ in range(count)]
    size = count * ENTRIES
    return Histories(
        np.arange(count + 1, dtype=np.int64) * ENTRIES,
        np.concatenate(rows).astype(np.int32),
        np.ones(size, np.float32),
        np.tile(np.arange(ENTRIES, dtype=np.int64) * 3_600_000, count),
    )


def bare_of(model: Model) -> Bare:
    """The products that the model's scores come down to, on its own arrays."""
    arrays: Mapping[str, NDArray[np.float32]] = {name: np.asarray(array) for name, array in model.arrays().items()}
    if model.name in ("popular", "trending"):
        line = arrays["scores"].reshape(-1, arrays["scores"].shape[-1])[:1]
        return lambda rows: np.repeat(line, rows.shape[0], axis=0)
    if model.name == "ease":
        return lambda rows: np.asarray(rows @ arrays["weights"])
    if model.name == "als":
        factors = arrays["factors"]
        gram = factors.T @ factors + 20 * np.eye(factors.shape[1], dtype=np.float32)
        return lambda rows: solved(rows, factors, gram)
    if model.name == "blend":
        fits = [bare_of(part) for part in model._parts]  # type: ignore[attr-defined]
        shares = arrays["shares"].tolist()
        return lambda rows: np.sum([share * fit(rows) for share, fit in zip(shares, fits, strict=True)], axis=0)
    n_items = len(arrays["indptr"]) - 1
    links = csr_array((arrays["data"], arrays["indices"], arrays["indptr"].astype(np.int32)), shape=(n_items, n_items))
    if model.name == "graph":
        return lambda rows: (rows @ links).toarray() + (rows @ arrays["sources"]) @ arrays["targets"].T
    prior = arrays.get("prior", np.float32(0))
    return lambda rows: (rows @ links).toarray() + prior


def solved(rows: csr_array, factors: FloatArray, gram: FloatArray) -> FloatArray:
    """A system per history, and its solution times the factors."""
    found = []
    for row in range(rows.shape[0]):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        near, weights = factors[rows.indices[part]], rows.data[part]
        found.append(np.linalg.solve(gram + (near * weights[:, None]).T @ near, near.T @ (1 + weights)))
    scores: FloatArray = np.stack(found) @ factors.T
    return scores


def best(scores: FloatArray) -> NDArray[np.int64]:
    """The columns of the `BEST` largest of each row."""
    return np.argpartition(-scores, BEST, axis=1)[:, :BEST]


def rows_of(asked: Histories, items: int, latest: int) -> csr_array:
    """The histories' weights as a matrix, of the latest entries alone."""
    size = min(latest, ENTRIES)
    columns = asked.items.reshape(-1, ENTRIES)[:, -size:]
    ends = np.arange(len(columns) + 1, dtype=np.int32) * np.int32(
        size
    )  # as wide as the columns: else scipy widens all links
    return csr_array((np.ones(columns.size, np.float32), columns.ravel(), ends), shape=(len(columns), items))


def compared(model: Model, asked: Histories, items: int) -> tuple[float, float]:
    """Median milliseconds of the model and of the bare products."""
    fit, rows = bare_of(model), rows_of(asked, items, int(model.params().get("latest", ENTRIES)))
    mine, theirs = [], []
    for _ in range(TURNS):
        started = time.perf_counter()
        best(model.scores(asked))
        between = time.perf_counter()
        best(fit(rows))
        mine.append(between - started)
        theirs.append(time.perf_counter() - between)
    return 1_000 * median(mine), 1_000 * median(theirs)


def main() -> None:
    """Train each model, ask it and its arithmetic, and write the report."""
    items, users, events = [int(text) for text in sys.argv[1:]] + [10_000, 20_000, 500_000][len(sys.argv) - 1 :]
    data = data_of(events, users, items)
    one, many = histories(1, items), histories(BATCH, items)
    report = Report(
        "scoring",
        "Scoring, beside its bare arithmetic",
        f"{items:,} items, models trained on {events:,} events of {users:,} users; histories of {ENTRIES} items, "
        f"{TURNS} turns. Bare: the products alone, on the model's arrays and on weights that are there already. "
        f"Both find the {BEST} best. Blend: of {' and '.join(PARTS)}.",
    )
    rows = []
    for name in NAMES:
        params = {"parts": {part: {} for part in PARTS}, "weights": dict.fromkeys(PARTS, 1.0)} if name == "blend" else {}
        model = untrained(name, params).fit(data, seed=0)
        mine, bare = compared(model, one, items)
        mine_batch, bare_batch = compared(model, many, items)
        rows.append(
            {
                "model": name,
                "one: ms": f"{mine:.2f}",
                "bare ms": f"{bare:.2f}",
                "ratio": f"{mine / bare:.2f}",
                f"batch of {BATCH}: ms": f"{mine_batch:.1f}",
                "bare ms ": f"{bare_batch:.1f}",
                "ratio ": f"{mine_batch / bare_batch:.2f}",
                "histories/s": f"{1_000 * BATCH / mine_batch:,.0f}",
            }
        )
        print(rows[-1], file=sys.stderr)
    report.table("One history, and a batch", rows)
    report.write()


if __name__ == "__main__":
    main()
