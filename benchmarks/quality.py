"""Quality of the default models on real data, on full rankings, beside published and earlier figures.

    python -m benchmarks.quality

Data is read from ../shared/data; a set that is not there is left out. Every interaction counts the same (weight 1).
"""

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import Report
from honeyguide.models import REGISTRY
from honeyguide.offline.evaluation import evaluate
from honeyguide.offline.splits import Split, by_time, leave_last
from honeyguide.types import Interactions

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MODELS = ("popular", "knn", "als", "ease", "markov")

Loader = Callable[[Path], Interactions]


def numbered(frame: pl.DataFrame) -> Interactions:
    """Columns user, item, ts in log order as interactions of weight 1."""
    frame = frame.sort("ts", maintain_order=True)
    users, items = (
        frame[name].cast(pl.String).cast(pl.Categorical(pl.Categories.random())).to_physical().to_numpy().astype(np.int32)
        for name in ("user", "item")
    )
    ones, ts = np.ones(len(users), np.float32), frame["ts"].to_numpy().astype(np.int64)
    return Interactions(users, items, ones, ts, int(users.max()) + 1, int(items.max()) + 1)


def latest_small(folder: Path) -> Interactions:
    """MovieLens latest-small."""
    frame = pl.read_csv(folder / "movielens-latest-small" / "ratings.csv")
    return numbered(frame.select(user="userId", item="movieId", ts=pl.col("timestamp") * 1000))


def movielens_100k(folder: Path) -> Interactions:
    """MovieLens 100k."""
    path = folder / "movielens-100k" / "u.data"
    frame = pl.read_csv(path, separator="\t", has_header=False, new_columns=["user", "item", "rating", "ts"])
    return numbered(frame.with_columns(pl.col("ts") * 1000))


def ml_1m(folder: Path) -> Interactions:
    """The order-preserving MovieLens-1M sequences; the place in the sequence is the time."""
    text = gzip.open(folder / "ml-1m-seq" / "ml-1m.txt.gz", "rb").read()
    frame = pl.read_csv(text, separator=" ", has_header=False, new_columns=["user", "item"])
    return numbered(frame.with_columns(ts=pl.int_range(pl.len()).over("user")))


def beauty(folder: Path) -> Interactions:
    """Amazon Beauty sequences."""
    rows = []
    for line in (folder / "amazon-seq" / "Beauty.txt").read_text().splitlines():
        user, *items = line.split()
        rows += [(user, item, place) for place, item in enumerate(items)]
    return numbered(pl.DataFrame(rows, schema=["user", "item", "ts"], orient="row"))


P5 = "P5: latest 20 % of each user's items, all items ranked"
P2 = "P2: last item of each user, all items ranked"
SETS: list[tuple[str, Loader, str, int, dict[str, str]]] = [
    (
        "movielens-latest-small",
        latest_small,
        P5,
        20,
        {"popular": ".0677/.0896", "knn": ".0996/.1177", "als": ".1168/.1244", "ease": ".1281/.1405"},
    ),
    (
        "movielens-100k",
        movielens_100k,
        P5,
        20,
        {"popular": ".0954/.1129", "knn": ".1745/.1860", "als": ".1952/.1971", "ease": ".1965/.2049"},
    ),
    (
        "ml-1m-seq",
        ml_1m,
        P2,
        10,
        {
            "popular": ".0363/.0178",
            "knn": ".0697/.0356",
            "als": ".0983/.0498",
            "ease": ".1091/.0541",
            "markov": ".2151/.1261",
        },
    ),
    (
        "beauty",
        beauty,
        P2,
        10,
        {
            "popular": ".0137/.0061",
            "knn": ".0621/.0364",
            "als": ".0562/.0287",
            "ease": ".0782/.0445",
            "markov": ".0757/.0503",
        },
    ),
]


def row(name: str, split: Split, k: int, earlier: str) -> dict[str, object]:
    """Fit one model with its defaults and measure it."""
    started = time.perf_counter()
    fitted = REGISTRY[name]().fit(split.train, seed=0)
    seconds = time.perf_counter() - started
    found = evaluate(fitted, split, k=k)
    recall, ndcg = found.interval("recall", 0), found.interval("ndcg", 0)
    return {
        "model": name,
        f"recall@{k}": f"{recall.mean:.4f}",
        "95 %": f"{recall.low:.4f}-{recall.high:.4f}",
        f"ndcg@{k}": f"{ndcg.mean:.4f}",
        "95 % ": f"{ndcg.low:.4f}-{ndcg.high:.4f}",
        "coverage": f"{found.coverage:.3f}",
        "fit s": f"{seconds:.1f}",
        "reference": earlier,
    }


def main() -> None:
    """Measure every set that is there and write the report."""
    report = Report(
        "quality",
        "Quality of the default models, untuned",
        "Defaults as shipped; full rankings; intervals by bootstrap over users. 'reference' is Recall/NDCG of a plain "
        "implementation with parameters chosen by hand on the same split (Markov: first order).",
    )
    for title, loader, protocol, k, earlier in SETS:
        try:
            interactions = loader(DATA)
        except FileNotFoundError:
            report.notes.append(f"{title} was not there and was left out.")
            continue
        split = by_time(interactions, 0.2) if protocol is P5 else leave_last(interactions)
        shape = f"{interactions.n_users:,} users, {interactions.n_items:,} items, {len(interactions.users):,} interactions"
        rows = [row(name, split, k, earlier.get(name, "")) for name in MODELS]
        report.table(f"{title} ({protocol}; {shape}; test {len(split.items):,})", rows)
    report.write()


if __name__ == "__main__":
    main()
