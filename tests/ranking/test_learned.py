"""A ranker from its parts: what it says, why, and what is refused."""

import numpy as np
import pytest
from xgboost import Booster, DMatrix, train

from honeyguide.errors import DamagedArtefact
from honeyguide.ranking.learned import LearnedRanker, finite, part_of, parts
from honeyguide.ranking.signals import Signals
from honeyguide.types import FloatArray, Pool
from tests.world import block, item, request

SIGNALS = Signals(("model",))
SHOP = block([item(f"i{number}", "x", price=float(number)) for number in range(40)])
RANKS = np.arange(40, dtype=np.float32)[:, None]
POOL = Pool(np.arange(40, dtype=np.int32), RANKS, -RANKS, ("model",))


@pytest.fixture(scope="module")
def booster() -> Booster:
    """Trees that like what is dear."""
    table = SIGNALS.table(request(SHOP), POOL)
    matrix = DMatrix(table, label=(table[:, 10] > 3).astype(np.float32), feature_names=list(SIGNALS.names))
    matrix.set_group([40])
    return train({"objective": "rank:ndcg", "min_child_weight": 0, "nthread": 1}, matrix, 20)


@pytest.fixture(scope="module")
def ranker(booster: Booster) -> LearnedRanker:
    return LearnedRanker.of("knn@1", *parts(bytes(booster.save_raw("ubj")), SIGNALS))


def test_scores_are_between_0_and_1_and_in_the_order_of_the_trees(ranker: LearnedRanker) -> None:
    scores = ranker.score(request(SHOP), POOL)
    assert scores.dtype == np.float32
    assert 0 < scores.min() < scores.max() < 1
    assert scores[25:].min() > scores[:15].max()
    assert ranker.score(request(SHOP), POOL.take(np.arange(0))).tolist() == []


def test_contributions_add_up_to_the_logit_of_the_score(ranker: LearnedRanker) -> None:
    places = np.array([3, 39], np.int32)
    told = ranker.contributions(request(SHOP), POOL, places)
    scores = ranker.score(request(SHOP), POOL)[places]
    assert told.shape == (2, len(SIGNALS.names) + 1)
    assert told.sum(axis=1) == pytest.approx(np.log(scores / (1 - scores)), abs=1e-4)
    assert ranker.names[int(np.abs(told[1, :-1]).argmax())] in ("price", "rank:model", "score:model")


def test_a_ranker_that_wants_other_signals_is_refused(booster: Booster) -> None:
    arrays, about = parts(bytes(booster.save_raw("ubj")), Signals(("model", "knn")))
    with pytest.raises(DamagedArtefact, match=r"other signals.*rank:knn"):
        LearnedRanker.of("knn@1", arrays, about)


@pytest.mark.parametrize("trees", [b"", b"{}", b"{L\x00", b"binf" * 9])
def test_what_is_no_ranker_is_refused(trees: bytes) -> None:
    with pytest.raises(DamagedArtefact, match=r"The ranker of knn@1|other signals"):
        LearnedRanker.of("knn@1", *parts(trees, SIGNALS))
    with pytest.raises(DamagedArtefact):
        LearnedRanker.of("knn@1", {}, {})


def test_scores_that_are_no_numbers_raise(ranker: LearnedRanker) -> None:
    class Broken:
        label, names = ranker.label, ranker.names
        contributions = ranker.contributions

        def score(self, asked: object, pool: Pool) -> FloatArray:
            return np.full(len(pool), np.nan, np.float32)

    with pytest.raises(ValueError, match="no numbers"):
        finite(Broken(), request(SHOP), POOL)


def test_the_part_of_a_surface_has_its_name() -> None:
    assert part_of("home") == "ranker-home"
    arrays, about = parts(b"{Lx", SIGNALS)
    assert arrays["trees"].tobytes() == b"{Lx"
    assert about == {"signals": {"sources": ("model",), "item_views": (), "user_views": ()}}
