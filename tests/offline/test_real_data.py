"""The split, the ranking and the metrics together, against figures that others measured on the same data."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from honeyguide.models.ease import Ease
from honeyguide.models.markov import Markov
from honeyguide.models.popular import Popular
from honeyguide.offline.evaluation import evaluate
from honeyguide.offline.splits import Split, by_time
from honeyguide.types import Interactions

RATINGS = Path(__file__).parents[3] / "shared" / "data" / "movielens-100k" / "u.data"


@pytest.fixture(scope="module")
def movielens() -> Split:
    """MovieLens 100k, equal times by item, the latest fifth held out."""
    if not RATINGS.exists():
        pytest.skip("needs ../shared/data/movielens-100k")
    names = ["user", "item", "rating", "ts"]
    frame = pl.read_csv(RATINGS, separator="\t", has_header=False, new_columns=names).sort("ts", "item")
    users, items = (frame[name].rank("dense").cast(pl.Int32).to_numpy() - 1 for name in ("user", "item"))
    return by_time(
        Interactions(users, items, np.ones(len(users), np.float32), frame["ts"].to_numpy() * 1000, 943, 1682), 0.2
    )


def test_the_split_has_the_known_sizes(movielens: Split) -> None:
    assert (len(movielens.train.users), len(movielens.items), len(movielens.users)) == (80_367, 19_633, 943)


def test_ease_reaches_the_known_figures(movielens: Split) -> None:
    found = evaluate(Ease(l2=300, power=0.0, recency=1.0).fit(movielens.train), movielens, k=20)
    assert found.mean("recall") == pytest.approx(0.1965, abs=2e-4)
    assert found.mean("ndcg") == pytest.approx(0.2049, abs=2e-4)
    assert found.coverage == pytest.approx(0.316, abs=2e-3)
    interval = found.interval("ndcg", 0)
    assert interval.low < 0.2049 < interval.high


def test_popularity_without_decay_is_near_the_known_figures(movielens: Split) -> None:
    found = evaluate(Popular(half_life=1e6, power=0.0).fit(movielens.train), movielens, k=20)
    assert found.mean("recall") == pytest.approx(0.0954, abs=1e-3)  # which of two equally popular items comes first is free
    assert found.mean("ndcg") == pytest.approx(0.1129, abs=1e-3)


def test_what_comes_next_beats_popularity_beyond_doubt(movielens: Split) -> None:
    markov, popular = (evaluate(model().fit(movielens.train), movielens, k=20) for model in (Markov, Popular))
    assert markov.difference(popular, "ndcg", 0).low > 0.1
