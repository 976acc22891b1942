"""What a ranker sees of candidates."""

from dataclasses import replace

import numpy as np
import pytest

from honeyguide.ranking.scorers import blended
from honeyguide.ranking.signals import CROSS, Signals
from honeyguide.types import Pool
from tests.world import DAY, NOW, block, item, request

SHOP = block(
    [
        item("tea", "kitchen", price=5.0, created_at=NOW - DAY),
        item("pot", "kitchen", "gift", price=20.0),
        item("ball", "sport", price=10.0),
        item("odd"),
    ]
)
NAN = float("nan")
POOL = Pool(
    np.arange(4, dtype=np.int32),
    np.array([[0, 1], [1, NAN], [NAN, 0], [2, NAN]], np.float32),
    np.array([[4, NAN], [2, NAN], [NAN, NAN], [1, NAN]], np.float32),
    ("model", "popular"),
)


def told(signals: Signals, **asked: object) -> dict[str, list[float]]:
    table = signals.table(request(SHOP, **asked), POOL)  # type: ignore[arg-type]
    assert table.dtype == np.float32
    assert table.shape == (4, len(signals.names))
    return dict(zip(signals.names, table.T.tolist(), strict=True))


def test_each_source_gives_rank_score_and_share_of_its_best() -> None:
    found = told(Signals(("model", "markov")))
    assert found["rank:model"] == pytest.approx([0, np.log(2), NAN, np.log(3)], nan_ok=True, abs=1e-6)
    assert found["score:model"] == pytest.approx([4, 2, NAN, 1], nan_ok=True)
    assert found["share:model"] == pytest.approx([1, 0.5, NAN, 0.25], nan_ok=True)
    assert np.isnan(found["rank:markov"]).all(), "a source that did not answer"
    assert "rank:popular" not in found, "one that the ranker was not trained with"


def test_candidates_are_held_against_the_history() -> None:
    history = [("pot", "view", 1.0), ("tea", "purchase", 3.0), ("ball", "dislike", -4.0)]
    found = told(Signals(()), history=history)
    assert found["history"] == pytest.approx([np.log(3)] * 4)
    assert found["category"] == pytest.approx([1.0, 1.0, 0.0, 0.0])
    assert found["category_lately"] == pytest.approx([1.0, 1.0, 0.0, 0.0])
    assert found["session_category"] == pytest.approx([1.0, 1.0, 0.0, 0.0])
    assert found["seen"] == [1, 1, 0, 0]
    assert found["price_ratio"] == pytest.approx(
        [np.log(p + 1) - (np.log(6) + np.log(21)) / 2 for p in (5, 20, 10, NAN)], nan_ok=True, abs=1e-5
    )
    assert found["price_distance"] == pytest.approx(np.abs(found["price_ratio"]), nan_ok=True)
    assert found["since_seen"] == pytest.approx([np.log1p(2 / 60), np.log1p(3 / 60), NAN, NAN], nan_ok=True)
    assert found["since_category"] == pytest.approx([np.log1p(2 / 60)] * 2 + [NAN, NAN], nan_ok=True)
    assert found["age"] == pytest.approx([np.log(25), NAN, NAN, NAN], nan_ok=True, abs=1e-6)


def test_without_a_history_only_the_item_is_known() -> None:
    found = told(Signals(()))
    assert {name for name in CROSS if not np.isnan(found[name]).all()} == {"history", "price", "age"}


def test_views_stand_at_the_end() -> None:
    signals = Signals((), ("clicks_1d",), ("total_purchases",))
    items, user = np.arange(4, dtype=np.float32)[:, None], np.array([7], np.float32)
    table = signals.table(request(SHOP), POOL, items, user)
    assert signals.names[-2:] == ("item:clicks_1d", "user:total_purchases")
    assert table[:, -2:].tolist() == [[0, 7], [1, 7], [2, 7], [3, 7]]
    assert np.isnan(signals.of(request(SHOP), POOL)[:, -2:]).all(), "views that the shop does not have now"


def test_names_are_in_the_order_of_the_columns() -> None:
    signals = Signals(("a", "b"), ("x",), ("y", "z"))
    names = signals.names
    assert names[:6] == ("rank:a", "score:a", "share:a", "rank:b", "score:b", "share:b")
    assert names[6] == "blend"
    assert names[7 : 7 + len(CROSS)] == CROSS
    assert names[7 + len(CROSS) :] == ("item:x", "user:y", "user:z")
    assert len(set(names)) == len(names)


def test_the_blend_is_what_orders_without_a_ranker() -> None:
    found = told(Signals(()))
    assert found["blend"] == pytest.approx(blended(POOL).tolist())


def test_scores_that_are_all_below_0_have_no_share() -> None:
    pool = Pool(POOL.items, POOL.ranks, -np.abs(POOL.scores), POOL.sources)
    table = Signals(("model",)).table(request(SHOP), pool)
    assert np.isnan(table[:, 2]).all()
    assert table[0, 1] == -4


def test_a_catalogue_without_categories_or_prices_has_nothing_to_compare() -> None:
    bare = block([item("a"), item("b")])
    pool = Pool(np.arange(2, dtype=np.int32), np.zeros((2, 1), np.float32), np.zeros((2, 1), np.float32), ("model",))
    table = Signals(()).table(request(bare, history=[("a", "view", 1.0)]), pool)
    found = dict(zip(Signals(()).names, table.T.tolist(), strict=True))
    assert np.isnan([found[name] for name in ("category", "since_category", "price", "price_ratio", "age")]).all()
    assert found["seen"] == [1, 0]


def test_what_happens_later_than_the_request_is_no_time_ago() -> None:
    """A clock that went back must not make a number that is none."""
    late = replace(request(SHOP, history=[("tea", "view", 1.0)]), now=NOW - 30 * DAY)
    table = Signals(()).table(late, POOL)
    found = dict(zip(Signals(()).names, table.T.tolist(), strict=True))
    assert found["since_last"] == [0, 0, 0, 0]
    assert found["age"][0] == 0
