"""The data sets of quality measurements, each with its protocol, read from ../shared/data."""

import gzip
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, load_npz

from benchmarks.split_files import last_of_sequences, numbered
from honeyguide.offline.splits import Split, by_time
from honeyguide.types import Interactions

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
P1: Final = "P1: the given split, all items ranked"
P2: Final = "P2: last item of each user, all items ranked"
P5: Final = "P5: latest 20 % of each user's items, all items ranked"


Attributes = Mapping[str, Mapping[str, object]]
"""What items are like, by id: their fields as they are sent to `items`."""


def latest_small(*, rated: bool = False) -> Split:
    """MovieLens latest-small; `rated`: an interaction weighs its stars over 3."""
    frame = _latest_small()
    return _latest_fifth(frame.with_columns(weight=pl.col("rating") / 3) if rated else frame.drop("rating"))


def _latest_small() -> pl.DataFrame:
    frame = pl.read_csv(DATA / "movielens-latest-small" / "ratings.csv")
    return frame.select("rating", user="userId", item="movieId", ts=pl.col("timestamp") * 1000)


def films_of_latest_small() -> tuple[pl.DataFrame, Attributes]:
    """Its events in their order, and its films with title, genres and year."""
    films = pl.read_csv(DATA / "movielens-latest-small" / "movies.csv").select("movieId", "title", "genres")
    told = {
        str(film): _film(title, [name for name in genres.split("|") if not name.startswith("(")])
        for film, title, genres in films.iter_rows()
    }
    return _in_order(_latest_small()), told


def movielens_100k() -> Split:
    """MovieLens 100k."""
    return _latest_fifth(_movielens_100k())


def _movielens_100k() -> pl.DataFrame:
    path, names = DATA / "movielens-100k" / "u.data", ["user", "item", "rating", "ts"]
    frame = pl.read_csv(path, separator="\t", has_header=False, new_columns=names)
    return frame.select("user", "item", ts=pl.col("ts") * 1000)


def films_of_100k() -> tuple[pl.DataFrame, Attributes]:
    """Its events in their order, and its films with title, genres and year."""
    folder = DATA / "movielens-100k"
    genres = [line.split("|")[0] for line in (folder / "u.genre").read_text("latin-1").splitlines() if line]
    told = {}
    for line in (folder / "u.item").read_text("latin-1").splitlines():
        film, title, *_, marks = line.split("|", 5)
        flags = marks.split("|")[-len(genres) :]
        told[film] = _film(title, [name for name, flag in zip(genres, flags, strict=True) if flag == "1"])
    return _in_order(_movielens_100k()), told


def _film(title: str, genres: Sequence[str]) -> Mapping[str, object]:
    year = title.rstrip()[-5:-1]
    return {"title": title, "categories": list(genres), "properties": {"year": int(year)} if year.isdigit() else {}}


def articles_of_deskdrop() -> tuple[pl.DataFrame, Attributes]:
    """Its events in their order; what the articles are like is not in the set."""
    return _in_order(_deskdrop(weighed=False)), {}


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """`user`, `item`, `ts` as the protocol sorts them."""
    return frame.select("user", "item", "ts").sort("ts", "item", maintain_order=True)


def deskdrop(*, weighed: bool = False) -> Split:
    """CI&T Deskdrop, people with five articles or more; `weighed`: comments 4, bookmarks and follows 3, likes 2, views 1."""
    return _latest_fifth(_deskdrop(weighed=weighed))


def _deskdrop(*, weighed: bool) -> pl.DataFrame:
    path = DATA / "deskdrop" / "users_interactions.csv.zip"
    with zipfile.ZipFile(path) as file:
        frame = pl.read_csv(file.read(file.namelist()[0]), infer_schema_length=0)
    frame = frame.select(user="personId", item="contentId", ts=pl.col("timestamp").cast(pl.Int64) * 1000, kind="eventType")
    frame = frame.filter(pl.col("item").n_unique().over("user") >= 5)
    if weighed:
        weights = {"VIEW": 1, "LIKE": 2, "BOOKMARK": 3, "FOLLOW": 3, "COMMENT CREATED": 4}
        frame = frame.with_columns(weight=pl.col("kind").replace_strict(weights))
    return frame.drop("kind")


def online_retail() -> Split:
    """Online Retail II: purchases by known customers, cancelled and returned ones left out."""
    frame = pl.read_parquet(DATA / "online-retail-ii" / "online_retail.parquet")
    bought = pl.col("Customer ID").is_not_null() & (pl.col("Quantity") > 0)
    frame = frame.filter(bought & ~pl.col("Invoice").str.starts_with("C"))
    ts = pl.col("InvoiceDate").str.to_datetime(time_unit="ms").cast(pl.Int64)
    return _latest_fifth(frame.select(user="Customer ID", item="StockCode", ts=ts))


def _latest_fifth(frame: pl.DataFrame) -> Split:
    """P5. Equal times go by item, as the measurements had them that this is compared with."""
    return by_time(numbered(frame.sort("ts", "item", maintain_order=True)), 0.2)


def ml_1m() -> Split:
    """The order-preserving MovieLens-1M sequences; the place in the sequence is the time."""
    text = gzip.decompress((DATA / "ml-1m-seq" / "ml-1m.txt.gz").read_bytes())
    frame = pl.read_csv(text, separator=" ", has_header=False, new_columns=["user", "item"])
    return last_of_sequences(frame)


def beauty() -> Split:
    """Amazon Beauty sequences."""
    rows = []
    for line in (DATA / "amazon-seq" / "Beauty.txt").read_text().splitlines():
        user, *items = line.split()
        rows += [(user, item) for item in items]
    return last_of_sequences(pl.DataFrame(rows, schema=["user", "item"], orient="row"))


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
    """A data set, its protocol, and what a plain implementation reached: model -> Recall/NDCG/coverage; fit seconds. `shop`:
    its events and items, where a ranker is trained on it."""

    load: Callable[[], Split]
    protocol: str
    reference: Mapping[str, str] = field(default_factory=dict)
    shop: Callable[[], tuple[pl.DataFrame, Attributes]] | None = None


SETS: Final = {
    "movielens-latest-small": Set(
        latest_small,
        P5,
        {
            "popular": ".0677/.0896/.017; 0",
            "knn": ".0996/.1177/.075; 0.5",
            "als": ".1168/.1244/.109; 0.4",
            "ease": ".1281/.1405/.080; 14",
        },
        films_of_latest_small,
    ),
    "movielens-latest-small-stars": Set(lambda: latest_small(rated=True), P5),
    "movielens-100k": Set(
        movielens_100k,
        P5,
        {
            "popular": ".0954/.1129/.069; 0",
            "knn": ".1745/.1860/.158; 0.1",
            "als": ".1952/.1971/.430; 0.3",
            "ease": ".1965/.2049/.316; 0.2",
        },
        films_of_100k,
    ),
    "deskdrop": Set(
        deskdrop,
        P5,
        {
            "popular": ".0396/.0199/.016; 0",
            "knn": ".0486/.0235/.671; 0.1",
            "als": ".0755/.0359/.379; 0.2",
            "ease": ".0810/.0405/.441; 0.6",
        },
        articles_of_deskdrop,
    ),
    "deskdrop-types": Set(lambda: deskdrop(weighed=True), P5),
    "online-retail-ii": Set(online_retail, P5),
    "ml-1m-seq": Set(
        ml_1m,
        P2,
        {
            "popular": ".0363/.0178/.058; 0",
            "knn": ".0697/.0356/.149; 1.0",
            "als": ".0983/.0498/.452; 3.2",
            "ease": ".1091/.0541/.393; 2.0",
            "markov": ".2151/.1261/.668; 0.8",
        },
    ),
    "amazon-seq": Set(
        beauty,
        P2,
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
        {
            "popular": ".0416/.0317/.001; 0",
            "knn": ".1157/.0840/.784; 1.6",
            "als": ".1465/.1265/.111; 6.5",
            "ease": ".1527/.1312/.344; 48",
        },
    ),
}
"""Name -> set. The others in ../shared/data are of no use here: they hold no users (open-bandit-small) or no items."""

ALIASES: Final = {"beauty": "amazon-seq", "ml-1m": "ml-1m-seq", "latest-small": "movielens-latest-small"}
