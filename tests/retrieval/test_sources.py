"""Sources on real models: what they find, what they never return, how they order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.config.sources import SourceUse
from honeyguide.features import ItemBlock
from honeyguide.features.columns import Columns
from honeyguide.models.knn import Knn
from honeyguide.models.markov import Markov
from honeyguide.models.popular import Popular
from honeyguide.protocols import ServedModel
from honeyguide.retrieval import (
    CatalogueSource,
    FavouriteSource,
    InterestSource,
    LearnedSource,
    NewItemSource,
    PopularSource,
    SimilarSource,
    VoiceSource,
)
from honeyguide.retrieval.learned import best_rows, model_history, tie_to_block
from honeyguide.retrieval.sources import IMPRESSIONS, first_allowed
from honeyguide.types import Interactions
from tests.world import DAY, NOW, block, ids, item, request

MODEL_ITEMS = ["tea", "pot", "cup", "ball", "bat", "gone"]
SHOP = block(
    [
        item("unsold", "new", created_at=NOW - DAY),
        item("bat", "sport", created_at=NOW - 30 * DAY),
        item("ball", "sport"),
        item("cup", "kitchen"),
        item("pot", "kitchen"),
        item("tea", "kitchen", created_at=NOW - 2 * DAY),
        item("tomorrow", "new", created_at=NOW + DAY),
    ]
)
EVERYTHING = np.ones(len(SHOP), dtype=np.bool_)


def interactions() -> Interactions:
    """Two tea drinkers for each ball player; tea before pot before cup in popularity."""
    pairs = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (3, 3), (3, 4), (4, 3), (4, 4), (5, 5), (5, 0)]
    users, items = (np.array(column, dtype=np.int32) for column in zip(*pairs, strict=True))
    count = len(pairs)
    segments = np.array([0, 0, 0, 1, 1, 0], dtype=np.int32)
    return Interactions(
        users, items, np.ones(count, np.float32), np.full(count, NOW, np.int64), 6, len(MODEL_ITEMS), segments, 2
    )


@pytest.fixture(scope="module")
def knn() -> ServedModel:
    return tie_to_block("knn@1", Knn().fit(interactions()), MODEL_ITEMS, [], SHOP)


@pytest.fixture(scope="module")
def popular() -> ServedModel:
    model = Popular(shrinkage=0.1).fit(interactions())
    return tie_to_block("popular@1", model, MODEL_ITEMS, ["other", "players"], SHOP)


def test_dislikes_alone_are_no_history() -> None:
    """A model with a prior would fill the list with it, and the list would be called personal."""
    served = tie_to_block("markov@1", Markov().fit(interactions()), MODEL_ITEMS, [], SHOP)
    only = [("tea", "dislike", -4.0)]
    assert len(LearnedSource().retrieve(request(SHOP, model=served, history=only), EVERYTHING)) == 0
    more = request(SHOP, model=served, history=[*only, ("pot", "view", 1.0)])
    assert len(LearnedSource().retrieve(more, EVERYTHING))


def test_the_model_finds_what_goes_with_the_history(knn: ServedModel) -> None:
    asked = request(SHOP, model=knn, history=[("tea", "purchase", 8.0)])
    found = ids(SHOP, LearnedSource().retrieve(asked, EVERYTHING))
    assert set(found[:2]) == {"pot", "cup"}
    assert "gone" not in found, "an item that the block does not know cannot be shown"


def test_only_allowed_items_are_found(knn: ServedModel) -> None:
    allowed = EVERYTHING.copy()
    allowed[[SHOP.number("tea"), SHOP.number("pot")]] = False
    asked = request(SHOP, model=knn, history=[("tea", "purchase", 8.0)])
    found = ids(SHOP, LearnedSource().retrieve(asked, allowed))
    assert found[0] == "cup"
    assert not {"tea", "pot"} & set(found)


def test_what_the_model_knows_nothing_of_is_left_to_other_sources(knn: ServedModel) -> None:
    asked = request(SHOP, model=knn, history=[("bat", "purchase", 8.0)])
    assert ids(SHOP, LearnedSource().retrieve(asked, EVERYTHING)) == ["ball"], "nobody with a bat had anything else"


@pytest.mark.parametrize("history", [[], [("unsold", "view", 1.0)]])
def test_without_a_history_that_it_knows_the_model_finds_nothing(
    knn: ServedModel, history: list[tuple[str, str, float]]
) -> None:
    asked = request(SHOP, model=knn, history=history)
    assert LearnedSource().retrieve(asked, EVERYTHING).rows.tolist() == []
    assert LearnedSource().retrieve(request(SHOP, history=[("tea", "view", 1.0)]), EVERYTHING).rows.tolist() == []


def test_items_that_came_after_training_are_no_harm(knn: ServedModel) -> None:
    grown = block([item(name) for name in SHOP.ids])
    grown.put([item("later")])
    asked = request(grown, model=knn, history=[("later", "view", 1.0), ("tea", "view", 1.0)])
    assert model_history(knn, asked).items.tolist() == [0]
    assert model_history(knn, asked).indptr.tolist() == [0, 1]


def test_similar_items(knn: ServedModel) -> None:
    found = ids(SHOP, SimilarSource().retrieve(request(SHOP, model=knn, item_id="ball"), EVERYTHING))
    assert found == ["bat"]
    for anchor in ("unsold", "never heard of"):
        assert SimilarSource().retrieve(request(SHOP, model=knn, item_id=anchor), EVERYTHING).rows.tolist() == []


def test_popular_items_overall_and_of_the_segment(popular: ServedModel) -> None:
    source = PopularSource()
    found = source.retrieve(request(SHOP, popular=popular), EVERYTHING)
    assert ids(SHOP, found)[0] == "tea"
    assert found.scores is not None
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    players = ids(SHOP, source.retrieve(request(SHOP, popular=popular, segment="players"), EVERYTHING))
    assert set(players[:2]) == {"ball", "bat"}
    stranger = ids(SHOP, source.retrieve(request(SHOP, popular=popular, segment="never heard of"), EVERYTHING))
    assert stranger[0] == "tea"
    assert "unsold" not in players, "what nobody touched is not popular"
    assert source.retrieve(request(SHOP), EVERYTHING).rows.tolist() == []


def test_interests_are_for_users_without_a_history(popular: ServedModel) -> None:
    source = InterestSource()
    keen = request(SHOP, popular=popular, interests=("sport", "no such category"))
    assert set(ids(SHOP, source.retrieve(keen, EVERYTHING))) == {"ball", "bat"}
    old = request(SHOP, popular=popular, interests=("sport",), history=[("tea", "view", 1.0)])
    assert source.retrieve(old, EVERYTHING).rows.tolist() == []


def test_new_items_are_young_and_not_of_tomorrow(popular: ServedModel) -> None:
    assert ids(SHOP, NewItemSource().retrieve(request(SHOP, popular=popular), EVERYTHING)) == ["unsold", "tea"]


def test_the_rest_of_the_catalogue_ends_every_list() -> None:
    source = CatalogueSource()
    assert ids(SHOP, source.retrieve(request(SHOP), EVERYTHING)) == ["unsold", "tea", "bat", "ball", "cup", "pot"]
    assert ids(SHOP, source.retrieve(request(SHOP, surface={"popular": 4}), EVERYTHING)) == ["unsold", "tea", "bat", "ball"]
    assert ids(SHOP, source.retrieve(request(SHOP, surface={"popular": 2}), EVERYTHING)) == ["unsold", "tea"]
    only = np.zeros(len(SHOP), dtype=np.bool_)
    only[SHOP.number("cup")] = True
    assert ids(SHOP, source.retrieve(request(SHOP), only)) == ["cup"]


@given(st.data())
def test_best_rows_equals_a_plain_sort(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 60))
    scores = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size)), dtype=np.float32)
    rows = np.array(data.draw(st.permutations(range(size))), dtype=np.int32)
    rows[np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))] = -1
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    limit = data.draw(st.integers(1, 70))
    pairs = [(-s, r) for s, r in zip(scores.tolist(), rows.tolist(), strict=True) if r >= 0 and allowed[r]]
    found = best_rows(scores, rows, allowed, limit)
    assert found.rows.tolist() == [row for _, row in sorted(pairs)][:limit]
    assert found.scores is not None
    assert found.scores.tolist() == [-negative for negative, _ in sorted(pairs)][:limit]


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.integers(1, 10))
def test_first_allowed_equals_a_plain_filter(allowed: list[bool], limit: int) -> None:
    rows = np.arange(len(allowed), dtype=np.int32)[::-1]
    expected = [row for row in rows.tolist() if allowed[row]][:limit]
    assert first_allowed(rows, np.array(allowed), limit).tolist() == expected


def favourites(popular: ServedModel, *history: tuple[str, str, float], **fields: Any) -> list[str]:
    asked = request(SHOP, popular=popular, history=history, **fields)
    return ids(SHOP, FavouriteSource().retrieve(asked, EVERYTHING).rows)


def test_favourites_are_popular_items_of_the_categories_of_the_history(popular: ServedModel) -> None:
    assert favourites(popular, ("cup", "view", 1.0)) == ["tea", "pot"], "not the cup itself"
    mixed = favourites(popular, ("cup", "view", 1.0), ("bat", "purchase", 20.0))
    assert mixed[0] == "ball", "a category counts as much as it does in the history"
    assert set(mixed) == {"tea", "pot", "ball"}


def test_favourites_follow_what_is_latest_and_what_is_disliked(popular: ServedModel) -> None:
    longer = [("ball", "view", 1.0)] * 20 + [("cup", "view", 1.0)] * 20
    assert favourites(popular, *longer)[0] == "tea"
    assert favourites(popular, ("cup", "view", 1.0), ("bat", "view", 1.0), ("cup", "dislike", -4.0)) == ["ball"]


def test_favourites_need_a_history_and_leave_it_to_a_model_that_knows_it(popular: ServedModel, knn: ServedModel) -> None:
    assert favourites(popular) == []
    assert favourites(popular, ("cup", "view", 1.0), model=knn) == []
    assert favourites(popular, ("unsold", "view", 1.0)) == [], "nothing of its category is popular"


def test_favourites_are_the_strongest_five_categories() -> None:
    names = [f"c{number}" for number in range(8)]
    shop = block([item(f"{name}{copy}", name) for name in names for copy in "ab"])
    pairs = Interactions(
        np.zeros(16, np.int32), np.arange(16, dtype=np.int32), np.ones(16, np.float32), np.zeros(16, np.int64), 1, 16
    )
    served = tie_to_block("popular@1", Popular().fit(pairs), shop.ids, [], shop)
    asked = request(shop, popular=served, history=[(f"{name}a", "view", 1.0) for name in names])
    found = ids(shop, FavouriteSource().retrieve(asked, np.ones(len(shop), np.bool_)).rows)
    assert found == ["c7b", "c6b", "c5b", "c4b", "c3b"]


def test_what_is_new_begins_and_ends_at_a_moment() -> None:
    """To the millisecond: what is created later is not there yet, what is as old as the limit is new no more."""
    ages = {"later": -1, "now": 0, "young": 14 * DAY - 1, "old": 14 * DAY, "older": 14 * DAY + 1}
    shop = block([item(name, created_at=NOW - age) for name, age in ages.items()])
    everything = np.ones(5, np.bool_)
    assert ids(shop, NewItemSource().retrieve(request(shop), everything).rows) == ["now", "young"]
    assert ids(shop, CatalogueSource().retrieve(request(shop), everything).rows) == ["now", "young", "old", "older"]


def test_a_new_item_that_has_had_its_impressions_needs_no_place() -> None:
    shop = block([item("a", created_at=NOW - DAY), item("b", created_at=NOW - 2 * DAY)])
    shop.features = Columns((IMPRESSIONS,), np.array([[10], [9]], np.float32))

    def new(most: int, items: ItemBlock = shop) -> list[str]:
        asked = replace(request(items), new_item_impressions=most)
        return ids(items, NewItemSource().retrieve(asked, np.ones(2, np.bool_)).rows)

    assert new(10) == ["b"]
    assert new(11) == ["a", "b"]
    assert new(1) == []
    assert new(0) == ["a", "b"], "no limit"
    shop.features = Columns((), np.empty((2, 0), np.float32))
    assert new(1) == ["a", "b"], "nobody counts"


def test_a_voice_finds_what_its_own_model_finds(knn: ServedModel) -> None:
    source = VoiceSource("knn")
    asked = request(SHOP, history=[("tea", "purchase", 8.0)], surface={"voice_candidates": 10})
    assert len(source.retrieve(asked, EVERYTHING)) == 0, "no ranker listens to it"
    heard = replace(asked, voices={"knn": knn})
    found = source.retrieve(heard, EVERYTHING)
    alone = LearnedSource().retrieve(replace(asked, model=knn), EVERYTHING)
    assert found.rows.tolist() == alone.rows.tolist()
    assert found.scores is not None
    assert len(VoiceSource("markov").retrieve(heard, EVERYTHING)) == 0
    nobody = replace(heard, history_rows=np.empty(0, np.int32), history_weights=np.empty(0, np.float32))
    assert len(source.retrieve(replace(nobody, history_ts=np.empty(0, np.int64)), EVERYTHING)) == 0
    few = replace(heard, surface=heard.surface.model_copy(update={"sources": [SourceUse(name="knn", limit=1)]}))
    assert len(source.retrieve(few, EVERYTHING)) == 1
