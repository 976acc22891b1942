"""Aliases, the way back, and what is kept."""

import shutil

import pytest

from honeyguide.errors import DamagedArtefact, NotFound
from honeyguide.models.artefact import ARRAYS
from honeyguide.protocols import Store
from honeyguide.train import promote, rollback
from tests.train.conftest import Shop, quick


def spoil(shop: Shop, model: str, version: int) -> None:
    path = shop.artefacts.path(model, version) / ARRAYS
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def aliases(store: Store) -> dict[str, str]:
    return {alias: version.label for alias, version in store.registry.aliases().items()}


def test_promote_points_an_alias_at_a_version(shop: Shop) -> None:
    shop.train()
    found = promote(shop.store.registry, shop.artefacts, "challenger", "knn", 1)
    assert found.label == "knn@1"
    assert aliases(shop.store) == {"champion": "markov@1", "challenger": "knn@1"}


@pytest.mark.parametrize("damaged", ["knn", "popular"])
def test_promote_refuses_a_damaged_version_or_companion(shop: Shop, damaged: str) -> None:
    shop.train()
    spoil(shop, damaged, 1)
    with pytest.raises(DamagedArtefact):
        promote(shop.store.registry, shop.artefacts, "champion", "knn", 1)
    assert aliases(shop.store) == {"champion": "markov@1"}


def test_promote_refuses_a_version_whose_files_are_gone(shop: Shop) -> None:
    shop.train()
    shutil.rmtree(shop.artefacts.path("knn", 1))
    with pytest.raises(DamagedArtefact):
        promote(shop.store.registry, shop.artefacts, "champion", "knn", 1)


def test_promote_names_the_versions_there_are(shop: Shop) -> None:
    shop.train()
    with pytest.raises(NotFound, match="knn@1"):
        promote(shop.store.registry, shop.artefacts, "champion", "knn", 2)


def test_rollback_goes_one_step_back_and_again_forward(shop: Shop) -> None:
    shop.train()
    shop.train()
    assert shop.champion() == "markov@2"
    assert rollback(shop.store.registry, shop.artefacts, "champion").label == shop.champion() == "markov@1"
    assert rollback(shop.store.registry, shop.artefacts, "champion").label == shop.champion() == "markov@2"


def test_rollback_without_a_past(shop: Shop) -> None:
    shop.train()
    for alias in ("champion", "nobody"):
        with pytest.raises(NotFound, match="no version before"):
            rollback(shop.store.registry, shop.artefacts, alias)


def test_rollback_to_a_damaged_version_is_refused(shop: Shop) -> None:
    shop.train()
    shop.train()
    spoil(shop, "markov", 1)
    with pytest.raises(DamagedArtefact):
        rollback(shop.store.registry, shop.artefacts, "champion")
    assert shop.champion() == "markov@2"


def test_only_the_newest_versions_are_kept(shop: Shop) -> None:
    settings = quick(shop.folder, keep=2)
    for _ in range(4):
        shop.train(settings)
    assert shop.labels() == ["knn@3", "knn@4", "markov@3", "markov@4", "popular@3", "popular@4"]
    assert shop.folders() == shop.labels()


def test_what_serves_the_way_back_and_their_companions_are_kept(shop: Shop) -> None:
    settings = quick(shop.folder, keep=2)
    shop.train(settings)
    promote(shop.store.registry, shop.artefacts, "shadow", "knn", 1)
    shop.train(settings)
    promote(shop.store.registry, shop.artefacts, "shadow", "markov", 2)
    for _ in range(4):
        shop.train(settings)
    kept = {"knn@1", "markov@2", "popular@1", "popular@2"}  # shadow's previous and present target with their popularity
    newest = {f"{model}@{version}" for model in ("knn", "markov", "popular") for version in (5, 6)}
    assert set(shop.labels()) == set(shop.folders()) == kept | newest
    assert rollback(shop.store.registry, shop.artefacts, "shadow").label == "knn@1"


def test_the_companion_of_a_version_that_is_kept_is_kept(shop: Shop) -> None:
    settings = quick(shop.folder, keep=2)
    shop.train(settings)
    for _ in range(4):
        shop.train(settings, models=["markov"])
    assert {"knn@1", "popular@1"} <= set(shop.labels())
    assert promote(shop.store.registry, shop.artefacts, "champion", "knn", 1).label == "knn@1"


def test_a_number_is_never_used_twice(shop: Shop) -> None:
    settings = quick(shop.folder, keep=2)
    for _ in range(3):
        shop.train(settings)
    assert "markov@1" not in shop.labels()
    assert shop.train(settings).champion == "markov@4"


def test_a_folder_that_a_killed_training_left_is_removed_when_it_is_old(shop: Shop) -> None:
    settings = quick(shop.folder, keep=2)
    shop.train(settings)
    left = shop.store.registry.next_version("knn")
    with shop.artefacts.create("knn", left) as folder:
        (folder / "x").write_text("files without a row")
    shop.train(settings)
    assert f"knn@{left}" in shop.folders()  # another training may be just about to record it
    shop.train(settings)
    assert f"knn@{left}" not in shop.folders()
    assert shop.folders() == shop.labels()
