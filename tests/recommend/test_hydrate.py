"""The user's events as a history: what was taken back is gone, what was disliked is there with a negative weight."""

from typing import Any

import numpy as np

from honeyguide.config.settings import Settings, Surface
from honeyguide.messages import Query
from honeyguide.recommend.hydrate import Weighing, hydrate
from honeyguide.types import UserEvent, UserState
from tests.world import NOW, block, item

ITEMS = block([item("tea"), item("pot"), item("cup")])


def history(*events: tuple[str, str], **settings: Any) -> list[tuple[str, float, str]]:
    """(item, weight, type) of what a request is made with, for events (item, type), oldest first."""
    made = tuple(UserEvent(item_id, kind, NOW + place, None) for place, (item_id, kind) in enumerate(events))
    state = UserState("u", 1, made, {}, True)
    own = Settings(**settings)
    found = hydrate(Query(user_id="u"), Surface(name="home"), state, ITEMS, None, None, Weighing.of(own.events), own, NOW)
    names = [ITEMS.ids[row] for row in found.history_rows.tolist()]
    assert found.history_ts.dtype == np.int64
    return list(zip(names, found.history_weights.tolist(), found.history_types, strict=True))


def test_a_no_takes_back_what_was_before_it_and_counts_against_the_item() -> None:
    found = history(("tea", "view"), ("pot", "purchase"), ("tea", "dislike"), ("cup", "hide"))
    assert found == [("pot", 8.0, "purchase"), ("tea", -4.0, "dislike"), ("cup", -2.0, "hide")]


def test_what_comes_after_a_no_counts_in_its_place() -> None:
    assert history(("tea", "purchase"), ("tea", "hide"), ("tea", "view")) == [("tea", 1.0, "view")]
    assert history(("tea", "hide"), ("tea", "dislike")) == [("tea", -4.0, "dislike")]


def test_a_no_without_weight_takes_back_and_says_no_more() -> None:
    events = {"types": {"hide": {"weight": 0, "negative": True}}}
    assert history(("tea", "view"), ("pot", "view"), ("tea", "hide"), events=events) == [("pot", 1.0, "view")]
