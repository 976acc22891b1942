"""What each pass of re-ranking gives and costs: relevance, coverage and variety of lists, and the time of a list.

    python -m benchmarks diversity

MovieLens latest-small (P5: latest 20 % of each user's items, all items ranked); the 600 best items of one model for each
user, re-ranked as a surface would, lists of 20. Bare: the same choices by the plainest numpy on a matrix of likeness that is
ready before the clock starts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.report import Report, median
from benchmarks.sets import DATA, P5, latest_small
from honeyguide.config.settings import Surface
from honeyguide.features import ItemBlock
from honeyguide.messages import Query
from honeyguide.models import untrained
from honeyguide.offline.evaluation import Questions
from honeyguide.offline.pasts import histories_of
from honeyguide.offline.splits import Split
from honeyguide.protocols import Request, ServedModel
from honeyguide.ranking.diversity import dpp, mmr
from honeyguide.ranking.likeness import CategoryLikeness, Kinds
from honeyguide.recipes import reranking
from honeyguide.retrieval.learned import tie_to_block
from honeyguide.types import FloatArray, Histories, IntArray, Item, LongArray, Pool

K, CANDIDATES, TIMED, MODEL = 20, 600, 100, "ease"
VARIANTS: dict[str, dict[str, Any]] = {
    "relevance alone": {},
    "caps: 3 of a category in 10": {"max_per_category": 3},
    "mmr 0.1": {"diversity": {"method": "mmr", "strength": 0.1}},
    "mmr 0.3": {"diversity": {"method": "mmr", "strength": 0.3}},
    "mmr 0.5": {"diversity": {"method": "mmr", "strength": 0.5}},
    "dpp 0.1": {"diversity": {"method": "dpp", "strength": 0.1}},
    "dpp 0.3": {"diversity": {"method": "dpp", "strength": 0.3}},
    "dpp 0.5": {"diversity": {"method": "dpp", "strength": 0.5}},
    "calibration 0.05": {"diversity": {"calibration": 0.05}},
    "calibration 0.3": {"diversity": {"calibration": 0.3}},
    "popularity 0.1": {"diversity": {"popularity": 0.1}},
    "popularity 0.3": {"diversity": {"popularity": 0.3}},
    "tail 0.1": {"diversity": {"tail": 0.1}},
    "tail 0.3": {"diversity": {"tail": 0.3}},
}


def catalogue(n_items: int) -> ItemBlock:
    """The films of the split, numbered as there, with their genres."""
    folder = DATA / "movielens-latest-small"
    ids = pl.read_csv(folder / "ratings.csv")["movieId"].unique().sort().to_list()
    assert len(ids) == n_items
    genres = dict(pl.read_csv(folder / "movies.csv").select("movieId", "genres").iter_rows())
    block = ItemBlock()
    named = {film: tuple(name for name in genres[film].split("|") if not name.startswith("(")) for film in ids}
    block.put([Item(item_id=str(film), categories=named[film]) for film in ids])
    return block


@dataclass
class Reranked:
    """A ranker that does what a surface does with the best of a model's items; it is asked for users in their order."""

    surface: Surface
    items: ItemBlock
    popular: ServedModel | None
    users: IntArray
    pasts: Histories
    at: int = 0
    given_up: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __call__(self, scores: FloatArray, k: int) -> IntArray:
        """int32 [users, k]."""
        lists = np.full((len(scores), k), -1, np.int32)
        for row, line in enumerate(scores):
            rows = np.argsort(-line, kind="stable")[:CANDIDATES].astype(np.int32)
            rows = rows[np.isfinite(line[rows])]
            ranks = np.arange(len(rows), dtype=np.float32)[:, None]
            pool, order = Pool(rows, ranks, ranks, ("model",)), np.arange(len(rows), dtype=np.int32)
            asked = self._request(int(self.users[self.at + row]))
            started = time.perf_counter()
            selection = SELECTOR.select(asked, pool, line[rows], order, k)
            self.seconds.append(time.perf_counter() - started)
            self.given_up.append(sum(each.given_up for each in selection.passes))
            lists[row, : len(selection.chosen)] = rows[selection.chosen]
        self.at += len(scores)
        return lists

    def _request(self, user: int) -> Request:
        begin, end = self.pasts.indptr[user], self.pasts.indptr[user + 1]
        rows, nothing = self.pasts.items[begin:end], np.empty(0, np.int32)
        return Request(
            query=Query(user_id="u"),
            surface=self.surface,
            items=self.items,
            model=None,
            popular=self.popular,
            now=0,
            new_item_age=0,
            segment="",
            interests=(),
            history_rows=rows,
            history_weights=self.pasts.weights[begin:end],
            history_ts=self.pasts.ts[begin:end],
            history_types=("view",) * len(rows),
            from_session=False,
            excluded=nothing,
            disliked=nothing,
            anchor=-1,
        )


SELECTOR = reranking()


def measured(split: Split, items: ItemBlock) -> list[dict[str, Any]]:
    """A row for each variant."""
    model = untrained(MODEL).fit(split.train, seed=1)
    popular = tie_to_block("popular@1", untrained("popular").fit(split.train), items.ids, (), items)
    pasts = histories_of(split.known)
    rankers = [
        Reranked(Surface(**{"name": "home", "max_per_category": 0, **changes}), items, popular, split.users, pasts)
        for changes in VARIANTS.values()
    ]
    questions = Questions(split, k=K, categories=items.categories)
    found = questions.answers(model, rankers)
    first = found[0]
    rows = []
    for name, each, ranker in zip(VARIANTS, found, rankers, strict=True):
        rows.append(
            {
                "re-ranking": name,
                f"NDCG@{K}": f"{each.mean('ndcg'):.4f}",
                "of NDCG lost": f"{1 - each.mean('ndcg') / first.mean('ndcg'):.1%}",
                "given up, as reported": f"{np.mean(ranker.given_up):.1%}",
                "diversity": f"{each.diversity or 0.0:.3f}",
                "coverage": f"{each.coverage:.3f}",
                "popularity lift": f"{each.popularity_lift or 0.0:.2f}",
                "us per list": f"{median(ranker.seconds) * 1e6:.0f}",
            }
        )
    return rows


def bare_mmr(relevance: FloatArray, table: FloatArray, strength: float, positions: int, window: int) -> LongArray:
    """The loop and nothing else."""
    left = (1 - strength) * relevance
    recent = np.zeros((window - 1, len(left)), np.float32)
    places = np.empty(positions, np.int64)
    for step in range(positions):
        best = (left - recent.max(axis=0)).argmax()
        places[step], left[best] = best, -np.inf
        recent[step % (window - 1)] = table[best]
    return places


def bare_dpp(kernel: NDArray[np.float64], positions: int) -> LongArray:
    """The Cholesky updates and nothing else, on a kernel that is ready."""
    left, factors = np.diag(kernel).copy(), np.empty((positions, len(kernel)))
    places = np.empty(positions, np.int64)
    for step in range(positions):
        best = left.argmax()
        places[step] = best
        factors[step] = (kernel[best] - factors[:step, best] @ factors[:step]) / np.sqrt(left[best])
        left -= factors[step] ** 2
        left[best] = -np.inf
    return places


def timed(items: ItemBlock) -> list[dict[str, Any]]:
    """Of one list of 50 positions from 300 and from 600 candidates: ours with the making of the likeness, and bare."""
    generator = np.random.default_rng(1)
    request = Reranked(Surface(name="home"), items, None, np.zeros(1, np.int32), histories_of_nobody())._request(0)
    rows = []
    for method, size in (("mmr", 300), ("mmr", 600), ("dpp", 300), ("dpp", 600)):
        chosen = generator.choice(len(items), size, replace=False).astype(np.int32)
        relevance = np.linspace(1, 0, size, dtype=np.float32)
        likeness = CategoryLikeness(Kinds.among(request, chosen))
        table = np.array([likeness.to(place) for place in range(size)])
        quality = np.exp(relevance.astype(np.float64) * 0.7 / 0.6)
        kernel = quality[:, None] * (0.95 * table + 0.05 * np.eye(size)) * quality

        ways = {
            "mmr": (partial(mmr, relevance), partial(bare_mmr, relevance, np.float32(0.3) * table, 0.3, 50, 10)),
            "dpp": (partial(dpp, relevance), partial(bare_dpp, kernel, 50)),
        }
        more = (0.3, 50, 10) if method == "mmr" else (0.3, 50)
        own, plain = in_turns([partial(_ours, ways[method][0], request, chosen, more), ways[method][1]])
        rows.append(
            {
                "pass": method,
                "candidates": size,
                "us": f"{own * 1e6:.0f}",
                "bare us": f"{plain * 1e6:.0f}",
                "ratio": f"{own / plain:.2f}",
            }
        )
    return rows


def _ours(rerank: Callable[..., LongArray], request: Request, chosen: IntArray, more: tuple[float, ...]) -> LongArray:
    """The pass with all that it has to find out first."""
    return rerank(CategoryLikeness(Kinds.among(request, chosen)), *more)


def histories_of_nobody() -> Histories:
    """One history without events."""
    none = np.empty(0, np.int32)
    return Histories(np.zeros(2, np.int64), none, none.astype(np.float32), none.astype(np.int64))


def in_turns(ways: list[Callable[[], LongArray]]) -> list[float]:
    """The median seconds of each way; they take turns."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(TIMED):
        for own, way in zip(seconds, ways, strict=True):
            started = time.perf_counter()
            way()
            own.append(time.perf_counter() - started)
    return [median(own) for own in seconds]


def main() -> None:
    """Measure, and write the page."""
    split = latest_small()
    items = catalogue(split.train.n_items)
    report = Report("diversity", "Re-ranking: relevance, variety and time", (__doc__ or "").split("\n\n", 2)[2].strip())
    report.table(f"MovieLens latest-small, {MODEL}, lists of {K} ({P5})", measured(split, items))
    report.table("One pass of 50 positions", timed(items))
    report.notes.append("Diversity: mean of 1 - Jaccard of genres over the pairs of a list. Coverage: of the catalogue.")
    report.notes.append("Given up, as reported: the sum of what the passes say of themselves, by the model's own scores.")
    report.write()


if __name__ == "__main__":
    main()
