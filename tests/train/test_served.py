"""The lists that models are judged by are the lists that users get."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from honeyguide import Honeyguide
from honeyguide.config.settings import Models, Project, Settings, Surface
from honeyguide.models.artefact import load
from honeyguide.offline.evaluation import Questions
from honeyguide.offline.splits import Split
from honeyguide.ranking.caps import WINDOW
from honeyguide.train import snapshot
from honeyguide.train.served import AsServed, Limit, categories_of, limits_of, most_popular, surface_of
from honeyguide.types import FloatArray, IntArray

USERS, ITEMS = 40, 120
DAY = 86_400_000


def settings_in(folder: Path, **surface: object) -> Settings:
    home = Surface(name="home", new_items=0, content=0, **surface)  # type: ignore[arg-type]
    return Settings(project=Project(data_dir=folder), models=Models(train=["popular", "knn"]), surfaces=[home])


def purchases() -> pl.DataFrame:
    """Users keep to a fifth of the items, whose categories are few: the cap has work to do, and neighbours run out."""
    generator = np.random.default_rng(4)
    rows = []
    for user in range(USERS):
        own = [item for item in range(ITEMS) if item % 5 == user % 5]
        rows += [(user, item) for item in generator.choice(own, 8, replace=False).tolist()]
        rows.append((user, int(generator.integers(0, 10))))
    return pl.DataFrame(
        {
            "user_id": [f"u{user}" for user, _ in rows],
            "item_id": [f"i{item}" for _, item in rows],
            "type": "purchase",
            "ts": [1_600_000_000_000 + number * 1000 for number in range(len(rows))],
        }
    )


def items() -> pl.DataFrame:
    names = [[f"c{number % 4}", "all"] if number % 7 else [] for number in range(ITEMS)]
    ids = [f"i{number}" for number in range(ITEMS)]
    more = [{"brand": f"b{number % 3}"} if number % 5 else {} for number in range(ITEMS)]
    columns = {"item_id": ids, "categories": names, "price": [float(number) for number in range(ITEMS)], "properties": more}
    return pl.DataFrame({**columns, "created_at": "2020-01-01T00:00:00Z"})


@pytest.mark.parametrize(
    "surface",
    [
        {},
        {"max_per_category": 1},
        {"max_per_category": 0},
        {"popular": 5},
        {"minimum": 5},
        {"max_per_category": 2, "caps": [{"of": "properties.brand", "most": 1, "window": 4}]},
        {"max_per_category": 0, "caps": [{"of": "price", "most": 2, "window": 6, "bands": [10, 20]}]},
    ],
)
def test_they_are_the_same(tmp_path: Path, surface: dict[str, Any]) -> None:
    settings, seen = settings_in(tmp_path, **surface), list[IntArray]()
    with Honeyguide.open(settings) as hg:
        hg.ingest(purchases())  # first, so that items are numbered alike: ties inside a source go by the number
        hg.ingest(items(), "items")
        hg.train()
        store = hg.runtime.store
        _, data = snapshot(store, settings, lambda stage, share: None)
        popular, knn = (load(hg.runtime.artefacts.path(name, 1)) for name in ("popular", "knn"))
        assert knn.item_ids == data.item_ids
        categories = categories_of(store.catalogue, data.item_ids)
        limits = limits_of(store.catalogue, data.item_ids, surface_of(settings), categories)
        ranker = AsServed(surface_of(settings), data.item_ids, limits, most_popular(popular.model))

        def noted(scores: FloatArray, k: int) -> IntArray:
            seen.append(ranker(scores, k))
            return seen[-1]

        nobody = np.empty(0, np.int32)
        everybody = Split(data.interactions, np.arange(USERS, dtype=np.int32), np.zeros(USERS + 1, np.int64), nobody)
        with np.errstate(invalid="ignore"):  # nothing is held out: it is the lists that are wanted
            Questions(everybody, k=20).answers(knn.model, [noted])
        for number, user in enumerate(data.user_ids):
            judged = [data.item_ids[row] for row in np.concatenate(seen)[number].tolist() if row >= 0]
            served = hg.recommend(user, n=20, model="knn@1", dry_run=True)
            assert [item.item_id for item in served.items][: len(judged)] == judged
            assert len(judged) == 20 or {"popular", "minimum"} & set(surface)


def test_categories_are_numbered_with_the_main_one_first(tmp_path: Path) -> None:
    with Honeyguide.open(settings_in(tmp_path)) as hg:
        hg.ingest(pl.DataFrame({"item_id": ["a", "b", "c"], "categories": [["x", "y"], ["y"], []]}), "items")
        found = categories_of(hg.runtime.store.catalogue, ["c", "b", "unknown", "a"])
    assert found.tolist() == [[-1, -1], [1, -1], [-1, -1], [0, 1]]
    assert found.dtype == np.int32


def test_the_surface_is_home_or_the_first_personal_one(tmp_path: Path) -> None:
    assert surface_of(settings_in(tmp_path, max_per_category=2)).max_per_category == 2
    settings = Settings(surfaces=[Surface(name="home", recipe="popular"), Surface(name="aside")])
    assert surface_of(settings).name == "aside"
    assert surface_of(Settings(surfaces=[Surface(name="home", recipe="popular")])).name == "home"
    assert 0 < surface_of(Settings()).max_per_category < WINDOW


def test_nothing_to_rank_is_an_empty_list() -> None:
    ranker = AsServed(Surface(name="home"), ["a"], [Limit([None], 1, 10)], np.empty(0, np.int32))
    assert ranker(np.array([[-np.inf]], np.float32), 3).tolist() == [[-1, -1, -1]]
    assert ranker(np.array([[0.0]], np.float32), 3).tolist() == [[-1, -1, -1]]
