"""The frame around the stages: merging, ties, rungs, failing and late sources, failing filters."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from honeyguide.clock import SystemClock
from honeyguide.messages import SlateItem
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Recipe, Request
from honeyguide.ranking import BlendedRanks, Blocked, Caps, Excluded, Reranking
from honeyguide.recommend.pipeline import Outcome, Pipeline, rung_of
from honeyguide.recommend.trace import trace
from honeyguide.retrieval import NewItemSource
from honeyguide.types import BoolArray, Found
from tests.world import NOW, block, item, request

SHOP = block([item(name, category) for name, category in zip("abcdef", "xxxyyy", strict=True)])


class Fixed:
    """A source that always finds the same rows, first among the allowed."""

    def __init__(self, name: str, rows: list[int], *, slow: bool = False) -> None:
        self.name, self.slow = name, slow
        self._rows = np.array(rows, dtype=np.int32)

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        return Found(self._rows[allowed[self._rows]])


class Failing(Fixed):
    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        raise RuntimeError("no")


class Hanging(Fixed):
    def __init__(self, name: str, release: threading.Event) -> None:
        super().__init__(name, [0], slow=True)
        self._release = release

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        self._release.wait(30)
        return Found(self._rows)


class BrokenFilter:
    name = "broken"

    def keep(self, request: Request) -> BoolArray | None:
        raise RuntimeError("no")


WEIGHTS = {"model": 1.0, "popular": 0.3, "new": 0.15}


def recipe(*sources: object, filters: tuple[object, ...] = (Blocked(), Excluded())) -> Recipe:
    return Recipe(filters, sources, BlendedRanks(WEIGHTS), Reranking((Caps(),)))  # type: ignore[arg-type]


def run(made: Recipe, asked: Request, length: int = 100, skip: tuple[str, ...] = ()) -> tuple[Outcome, Metrics]:
    metrics = Metrics()
    with ThreadPoolExecutor(2) as pool:
        outcome = asyncio.run(Pipeline(metrics, SystemClock(), pool).run(made, asked, length, skip=skip))
    return outcome, metrics


def names(outcome: Outcome) -> list[str]:
    return [each.item_id for each in outcome.items]


def test_sources_are_merged_each_item_once_with_all_its_sources() -> None:
    outcome, _ = run(recipe(Fixed("model", [2, 1], slow=True), Fixed("popular", [1, 0])), request(SHOP))
    assert names(outcome) == ["c", "b", "a"]
    assert [each.sources for each in outcome.items] == [["model"], ["model", "popular"], ["popular"]]
    assert [each.rank for each in outcome.items] == [1, 2, 3]
    assert outcome.items[0].score > outcome.items[1].score > outcome.items[2].score


def test_the_list_does_not_depend_on_which_source_answers_first() -> None:
    slow_first, _ = run(recipe(Fixed("model", [2, 1], slow=True), Fixed("popular", [1, 0])), request(SHOP))
    fast_first, _ = run(recipe(Fixed("model", [2, 1]), Fixed("popular", [1, 0], slow=True)), request(SHOP))
    assert [(i.item_id, i.score) for i in slow_first.items] == [(i.item_id, i.score) for i in fast_first.items]


def test_a_failing_source_is_left_out_and_named() -> None:
    outcome, metrics = run(recipe(Failing("model", [0]), Fixed("popular", [1, 0])), request(SHOP))
    assert names(outcome) == ["b", "a"]
    assert outcome.missed == ["model"]
    assert metrics.registry.get_sample_value("honeyguide_retrieval_errors_total", {"source": "model"}) == 1


def test_a_late_source_is_left_out_and_named() -> None:
    release = threading.Event()
    metrics = Metrics()

    async def body(pool: ThreadPoolExecutor) -> Outcome:
        pipeline = Pipeline(metrics, SystemClock(), pool)
        made = recipe(Hanging("model", release), Fixed("popular", [1, 0]))
        try:
            return await pipeline.run(made, request(SHOP, surface={"deadline": 0.01}), 10)
        finally:
            release.set()

    with ThreadPoolExecutor(1) as pool:
        outcome = asyncio.run(body(pool))
    assert names(outcome) == ["b", "a"]
    assert outcome.missed == ["model"]
    sample = metrics.registry.get_sample_value("honeyguide_recommend_deadline_exceeded_total", {"stage": "model"})
    assert sample == 1


def test_a_skipped_source_is_not_asked() -> None:
    outcome, _ = run(recipe(Fixed("model", [2]), Fixed("popular", [1])), request(SHOP), skip=("model",))
    assert names(outcome) == ["b"]
    assert outcome.missed == ["model"]


def test_a_filter_that_fails_lets_nothing_pass() -> None:
    outcome, metrics = run(recipe(Fixed("model", [2, 1]), filters=(BrokenFilter(),)), request(SHOP))
    assert names(outcome) == []
    labels = {"surface": "home", "reason": "filter_broken"}
    assert metrics.registry.get_sample_value("honeyguide_recommend_fallbacks_total", labels) == 1


def test_ties_are_broken_by_item_id_and_nan_sinks() -> None:
    class Nan(BlendedRanks):
        def score(self, request: Request, pool: object) -> np.ndarray:
            return np.array([np.nan, 1.0, 2.0], dtype=np.float32)

    made = replace(recipe(Fixed("model", [0, 1, 2])), scorer=Nan({"model": 1.0}))
    assert names(run(made, request(SHOP))[0]) == ["c", "b", "a"]


def test_an_empty_catalogue_and_no_candidates() -> None:
    assert run(recipe(NewItemSource()), request(block([])))[0].items == []
    assert run(recipe(Fixed("model", [])), request(SHOP))[0].items == []


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        ({"model": [1]}, True, "personal"),
        ({"model": [1]}, False, "session"),
        ({"similar": [1], "popular": [2]}, False, "similar"),
        ({"model": [], "interests": [1]}, True, "interests"),
        ({"popular": [1]}, True, "popular"),
        ({}, True, "popular"),
    ],
)
def test_the_rung_says_what_carried_the_list(found: dict[str, list[int]], known: bool, expected: str) -> None:
    finds = {name: Found(np.array(rows, np.int32)) for name, rows in found.items()}
    assert rung_of(request(SHOP, known=known), finds) == expected


def test_the_trace_tells_what_was_found_removed_and_moved() -> None:
    shop = block([*(item(name, "x", created_at=NOW - 5) for name in "abcde"), item("f", "y"), item("g", "y", hidden=True)])
    asked = request(shop, excluded=["b"], history=[("b", "purchase", 8.0)], surface={"max_per_category": 2})
    made = recipe(Fixed("model", [6, 1, 0, 2, 3, 5]), Fixed("popular", [1, 5]))

    async def body(pool: ThreadPoolExecutor) -> dict[str, object]:
        pipeline = Pipeline(Metrics(), SystemClock(), pool)
        outcome = await pipeline.run(made, asked, 10)
        return await trace(pipeline, made, asked, outcome, ["f", "a"])

    with ThreadPoolExecutor(1) as pool:
        told = asyncio.run(body(pool))
    assert told["sources"] == {
        "model": {"found": 4, "items": ["a", "c", "d", "f"]},
        "popular": {"found": 1, "items": ["f"]},
    }
    assert told["removed"] == {"blocked": {"count": 1, "items": ["g"]}, "excluded": {"count": 1, "items": ["b"]}}
    assert told["history"] == [{"item_id": "b", "type": "purchase", "weight": 8.0}]
    assert told["before_variety"] == ["a", "c", "d", "f"]
    assert told["moved"] == {"f": 1, "d": -1}
    reranked: Any = told["reranked"]
    (caps,) = reranked
    assert caps["pass"] == "caps"
    assert caps["moved"] == {"f": 1, "d": -1}
    assert 0 < caps["given_up"] < 1
    items: Any = told["items"]
    f, a = items
    assert (f["item_id"], f["moves"], a["moves"]) == ("f", {"caps": 1}, {})
    assert [(each["source"], each["place"]) for each in f["sources"]] == [("model", 4), ("popular", 1)]


def test_items_are_explained_in_order() -> None:
    outcome, _ = run(recipe(Fixed("new", [3])), request(SHOP))
    assert isinstance(outcome.items[0], SlateItem)
    assert outcome.items[0].reason.code == "new"
