"""Quality of the default models on real data, on full rankings, beside plain implementations of the same ideas.

    python -m benchmarks quality [SET ...]

Data is read from ../shared/data; a set that is not there is left out.
"""

import gzip
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, load_npz

from benchmarks.report import Report
from honeyguide.models import REGISTRY
from honeyguide.offline.evaluation import evaluate
from honeyguide.offline.splits import Split, by_time, leave_last
from honeyguide.types import Interactions

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MODELS = ("popular", "knn", "als", "ease", "markov")
P1 = "P1: the published split, no order in time"
P2 = "P2: last item of each user"
P5 = "P5: latest 20 % of each user's items"


def numbered(frame: pl.DataFrame) -> Interactions:
    """Columns user, item, ts and perhaps weight as interactions by time; equal times by item, as the references had them."""
    frame = frame.sort("ts", "item", maintain_order=True)
    users, items = (frame[name].rank("dense").cast(pl.Int32).to_numpy() - 1 for name in ("user", "item"))
    weights = frame["weight"].cast(pl.Float32).to_numpy() if "weight" in frame.columns else np.ones(len(users), np.float32)
    ts = frame["ts"].cast(pl.Int64).to_numpy()
    return Interactions(users, items, weights, ts, int(users.max()) + 1, int(items.max()) + 1)


def latest_small(*, rated: bool = False) -> Split:
    """MovieLens latest-small; `rated`: an interaction weighs its stars over 3."""
    frame = pl.read_csv(DATA / "movielens-latest-small" / "ratings.csv")
    weight = [pl.col("rating").alias("weight") / 3] if rated else []
    return by_time(numbered(frame.select(*weight, user="userId", item="movieId", ts=pl.col("timestamp") * 1000)), 0.2)


def movielens_100k() -> Split:
    """MovieLens 100k."""
    path, names = DATA / "movielens-100k" / "u.data", ["user", "item", "rating", "ts"]
    frame = pl.read_csv(path, separator="\t", has_header=False, new_columns=names)
    return by_time(numbered(frame.select("user", "item", ts=pl.col("ts") * 1000)), 0.2)


def deskdrop(*, weighed: bool = False) -> Split:
    """CI&T Deskdrop, people with five articles or more; `weighed`: comments 4, bookmarks and follows 3, likes 2, views 1."""
    path = DATA / "deskdrop" / "users_interactions.csv.zip"
    with zipfile.ZipFile(path) as file:
        frame = pl.read_csv(file.read(file.namelist()[0]), infer_schema_length=0)
    frame = frame.select(user="personId", item="contentId", ts=pl.col("timestamp").cast(pl.Int64) * 1000, kind="eventType")
    frame = frame.filter(pl.col("item").n_unique().over("user") >= 5)
    if weighed:
        weights = {"VIEW": 1, "LIKE": 2, "BOOKMARK": 3, "FOLLOW": 3, "COMMENT CREATED": 4}
        frame = frame.with_columns(weight=pl.col("kind").replace_strict(weights))
    return by_time(numbered(frame.drop("kind")), 0.2)


def ml_1m() -> Split:
    """The order-preserving MovieLens-1M sequences; the place in the sequence is the time."""
    text = gzip.decompress((DATA / "ml-1m-seq" / "ml-1m.txt.gz").read_bytes())
    frame = pl.read_csv(text, separator=" ", has_header=False, new_columns=["user", "item"])
    return leave_last(numbered(frame.with_columns(ts=pl.int_range(pl.len()).over("user"))))


def beauty() -> Split:
    """Amazon Beauty sequences."""
    rows = []
    for line in (DATA / "amazon-seq" / "Beauty.txt").read_text().splitlines():
        user, *items = line.split()
        rows += [(user, item, place) for place, item in enumerate(items)]
    return leave_last(numbered(pl.DataFrame(rows, schema=["user", "item", "ts"], orient="row")))


def gowalla() -> Split:
    """Gowalla check-ins with the published split."""
    train = csr_matrix(load_npz(DATA / "gowalla" / "s_adj_mat.npz"))[:29_858, 29_858:].tocoo()
    rows = [line.split() for line in (DATA / "gowalla" / "test.txt").read_text().splitlines()]
    held = {int(user): [int(item) for item in items] for user, *items in rows if items}
    users = np.array(sorted(held), dtype=np.int32)
    indptr = np.concatenate([[0], np.cumsum([len(held[user]) for user in users.tolist()])])
    ones, now = np.ones(train.nnz, np.float32), np.zeros(train.nnz, np.int64)
    data = Interactions(train.row.astype(np.int32), train.col.astype(np.int32), ones, now, *train.shape)
    return Split(data, users, indptr, np.concatenate([held[user] for user in users.tolist()]).astype(np.int32))


@dataclass(frozen=True)
class Set:
    """A data set, its protocol, and what a plain implementation reached: model -> Recall/NDCG/coverage; fit seconds."""

    load: Callable[[], Split]
    protocol: str
    k: int
    reference: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = MODELS


SETS = {
    "movielens-latest-small": Set(
        latest_small,
        P5,
        20,
        {
            "popular": ".0677/.0896/.017; 0",
            "knn": ".0996/.1177/.075; 0.5",
            "als": ".1168/.1244/.109; 0.4",
            "ease": ".1281/.1405/.080; 14",
        },
    ),
    "movielens-latest-small, weighed by stars": Set(lambda: latest_small(rated=True), P5, 20),
    "movielens-100k": Set(
        movielens_100k,
        P5,
        20,
        {
            "popular": ".0954/.1129/.069; 0",
            "knn": ".1745/.1860/.158; 0.1",
            "als": ".1952/.1971/.430; 0.3",
            "ease": ".1965/.2049/.316; 0.2",
        },
    ),
    "deskdrop": Set(
        deskdrop,
        P5,
        20,
        {
            "popular": ".0396/.0199/.016; 0",
            "knn": ".0486/.0235/.671; 0.1",
            "als": ".0755/.0359/.379; 0.2",
            "ease": ".0810/.0405/.441; 0.6",
        },
    ),
    "deskdrop, weighed by type": Set(lambda: deskdrop(weighed=True), P5, 20),
    "ml-1m-seq": Set(
        ml_1m,
        P2,
        10,
        {
            "popular": ".0363/.0178/.058; 0",
            "knn": ".0697/.0356/.149; 1.0",
            "als": ".0983/.0498/.452; 3.2",
            "ease": ".1091/.0541/.393; 2.0",
            "markov": ".2151/.1261/.668; 0.8",
        },
    ),
    "beauty": Set(
        beauty,
        P2,
        10,
        {
            "popular": ".0137/.0061/.001; 0",
            "knn": ".0621/.0364/.929; 0.1",
            "als": ".0562/.0287/.167; 2.4",
            "ease": ".0782/.0445/.752; 23",
            "markov": ".0757/.0503/.878; 0.2",
        },
    ),
    "gowalla": Set(
        gowalla,
        P1,
        20,
        {
            "popular": ".0416/.0317/.001; 0",
            "knn": ".1157/.0840/.784; 1.6",
            "als": ".1465/.1265/.111; 6.5",
            "ease": ".1527/.1312/.344; 48",
        },
        ("popular", "knn", "als", "ease"),
    ),
}


def row(name: str, split: Split, k: int, reference: str) -> dict[str, object]:
    """Fit one model with its defaults and measure it."""
    started, busy = time.perf_counter(), time.process_time()
    fitted = REGISTRY[name]().fit(split.train, seed=0)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    found = evaluate(fitted, split, k=k)
    recall, ndcg = found.interval("recall", 0), found.interval("ndcg", 0)
    return {
        "model": name,
        f"recall@{k}": f"{recall.mean:.4f}",
        "95 %": f"{recall.low:.4f}-{recall.high:.4f}",
        f"ndcg@{k}": f"{ndcg.mean:.4f}",
        "95 % ": f"{ndcg.low:.4f}-{ndcg.high:.4f}",
        f"coverage@{k}": f"{found.coverage:.3f}",
        "fit s": f"{seconds:.1f}",
        "fit cpu s": f"{busy:.1f}",
        "reference": reference,
    }


def main() -> None:
    """Measure every set that is there, or those that are named, and write the report."""
    report = Report(
        "quality",
        "Quality of the default models, untuned",
        "Defaults as shipped. All items are ranked, without those of the user's past; intervals by bootstrap over users. "
        "Every interaction weighs the same unless the heading says otherwise, and models see whole histories. 'reference': "
        "recall/ndcg/coverage; fit seconds of a plain implementation with parameters chosen by hand on the same split "
        "(kNN: cosine, 100 neighbours; Markov: first order; EASE on Gowalla: the 16,000 most popular items).",
    )
    asked = sys.argv[1:] or list(SETS)
    for title in asked:
        own = SETS[title]
        try:
            split = own.load()
        except FileNotFoundError:
            report.notes.append(f"{title} was not there and was left out.")
            continue
        past, rows = split.train, []
        shape = f"{past.n_users:,} users, {past.n_items:,} items, {len(past.users):,} events, {len(split.items):,} held out"
        for name in own.models:
            rows.append(row(name, split, own.k, own.reference.get(name, "")))
            print(title, rows[-1], file=sys.stderr)
        report.table(f"{title} ({own.protocol}; {shape})", rows)
    report.write()


if __name__ == "__main__":
    main()
