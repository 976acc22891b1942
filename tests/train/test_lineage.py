"""Where a version comes from, read from its manifest."""

from typing import Any

from honeyguide.train.lineage import lineage_of
from honeyguide.types import ModelVersion
from tests.train.conftest import Shop, quick


def version(**manifest: Any) -> ModelVersion:
    return ModelVersion("ease", 3, 1_700_000_000_000, 1000, {}, manifest)


def test_a_manifest_of_a_release_that_noted_less() -> None:
    found = lineage_of(version())
    assert found.through == 1000
    assert (found.first, found.last, found.interactions, found.users, found.items) == (None,) * 5
    assert (found.config, found.release, found.parent, found.seed) == ("", "", "", None)
    assert (found.gain, found.gain_metric, found.warm_start, found.companions) == (None, "", False, {})


def test_all_that_a_manifest_tells() -> None:
    gain = {"over": "popular", "metric": "served_ndcg@20", "interval": [0.05, 0.02, 0.08]}
    found = lineage_of(
        version(
            window=[5, 9],
            interactions=40,
            users=8,
            items=6,
            config="abc",
            release="1.2",
            seed=7,
            params={"l2": 3.0},
            parent="ease@2",
            companions={"popular": "popular@3"},
            gain=gain,
        )
    )
    assert (found.first, found.last, found.interactions, found.users, found.items) == (5, 9, 40, 8, 6)
    assert (found.config, found.release, found.seed, found.params) == ("abc", "1.2", 7, {"l2": 3.0})
    assert (found.parent, found.companions) == ("ease@2", {"popular": "popular@3"})
    assert (found.gain, found.gain_metric) == ((0.05, 0.02, 0.08), "served_ndcg@20")


def test_a_warm_start_is_that_of_the_model_that_a_search_chose() -> None:
    chosen = {"model": "ease", "origin": "last search"}
    assert lineage_of(version(search={"chosen": chosen})).warm_start is True
    assert lineage_of(version(search={"chosen": {**chosen, "origin": "drawn"}})).warm_start is False
    assert lineage_of(version(search={"chosen": {**chosen, "model": "knn"}})).warm_start is False
    assert lineage_of(version(search=None)).warm_start is False


def test_the_lineage_of_a_real_training(shop: Shop) -> None:
    shop.train()
    shop.train(quick(shop.folder, seed=5))
    found = lineage_of(shop.store.registry.version("markov", 2))
    assert (found.through, found.interactions, found.users, found.items) == (360, 360, 60, 24)
    assert (found.parent, found.seed) == ("markov@1", 5)
    assert found.companions == {"popular": "popular@2"}
    assert found.gain is not None
    mean, low, high = found.gain
    assert 0 < low <= mean <= high
    popular = lineage_of(shop.store.registry.version("popular", 2))
    assert (popular.gain, popular.parent) == (None, "markov@1")
