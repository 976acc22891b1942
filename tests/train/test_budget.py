"""Training with a budget on a real store: what is published, told and kept, and what an interruption leaves."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from honeyguide.config.settings import Models, Settings, Training
from honeyguide.errors import GateNotMet, InvalidInput
from honeyguide.models import REGISTRY
from honeyguide.models.artefact import load
from honeyguide.models.knn import Knn
from honeyguide.stores.files import FileArtefacts, FileSearches
from honeyguide.stores.urls import open_store
from tests.train.conftest import QUICK, Shop, quick, tastes


def searching(shop: Shop, **training: Any) -> Settings:
    """Settings with a budget that only the end of all ideas ends: the clock of these tests stands still."""
    return quick(shop.folder, budget=60.0, **training)


def test_what_was_chosen_serves_with_the_hyper_parameters_that_were_found(shop: Shop) -> None:
    report = shop.train(searching(shop))
    assert report.champion == shop.champion() == "markov@1"
    assert report.search is not None
    assert report.search["chosen"]["model"] == "markov"
    assert load(shop.artefacts.path("markov", 1)).model.params() == report.search["chosen"]["params"]
    assert set(report.stages) == {"read", "search", "compare", "fit", "publish"}
    assert "markov was chosen by the search: served ndcg@3" in report.reason


def test_the_choice_the_runner_up_and_popularity_are_published(shop: Shop) -> None:
    report = shop.train(searching(shop))
    assert report.search is not None
    assert {model.name for model in report.models} == {"popular", "markov", report.search["runner_up"]["model"]}
    assert shop.labels() == sorted(f"{model.name}@1" for model in report.models)


def test_the_record_of_a_version_says_why(shop: Shop) -> None:
    shop.train(searching(shop))
    record = shop.store.registry.version("markov", 1).manifest["search"]
    assert record["reason"].startswith("markov has ndcg@3 ")
    assert " of knn" in record["reason"]
    mean, low, high = record["difference"]
    assert low <= mean <= high
    assert low > 0
    assert set(record["models"]) == set(QUICK)
    assert record["trials"] == sum(model["trials"] for model in record["models"].values())
    assert record["metric"] == "ndcg@3"
    assert record["users"] == 60
    assert record["budget"] == 60.0
    assert record["left_out"] == {}
    assert record["ended"]
    assert record == load(shop.artefacts.path("markov", 1)).manifest["search"]


def test_what_is_held_out_for_the_end_has_no_part_in_the_choice(empty: Shop) -> None:
    """Whatever everybody did last, the search finds the same and scores it the same."""
    numbered, rows = [("first", f"i{item}", "view") for item in range(25)], tastes()  # ties go by the items' numbers
    empty.log(numbered + rows)
    first = empty.train(searching(empty))
    changed = [(user, "i24" if place % 6 == 5 else item, kind) for place, (user, item, kind) in enumerate(rows)]
    other = replace(empty, folder=empty.folder / "other", written=0)
    other.settings = quick(other.folder, budget=60.0)
    other.store = open_store(other.settings, other.clock)
    other.artefacts = FileArtefacts(other.folder / "models")
    other.log(numbered + changed)
    second = other.train()
    other.store.close()
    assert first.search is not None
    assert second.search is not None
    assert first.search["models"] == second.search["models"]
    assert first.search["difference"] != second.search["difference"]


def test_without_a_budget_nothing_is_searched(shop: Shop) -> None:
    report = shop.train()
    assert report.search is None
    assert "search" not in shop.store.registry.version("markov", 1).manifest


def test_a_search_goes_on_from_its_files(shop: Shop) -> None:
    searches = FileSearches(shop.folder / "searches")
    calls = 0

    def stop(stage: str, share: float) -> None:
        nonlocal calls
        calls += 1
        if stage.startswith("search") and calls == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.train(searching(shop), searches=searches, progress=stop)
    assert shop.labels() == shop.folders() == []
    (file,) = (shop.folder / "searches").iterdir()
    kept = len(file.read_text().split())
    assert kept > 2
    with file.open("a") as torn:
        torn.write('\n{"kind": "kn')
    report = shop.train(searching(shop), searches=searches)
    whole = shop.train(searching(shop, keep=3), searches=FileSearches(shop.folder / "other"))
    assert report.search is not None
    assert whole.search is not None
    assert report.search["chosen"] == whole.search["chosen"]
    assert report.search["trials"] == whole.search["trials"]


def test_the_next_search_begins_with_what_was_best(shop: Shop) -> None:
    searches = FileSearches(shop.folder / "searches")
    first = shop.train(searching(shop), searches=searches)
    shop.log([("u1", "i1", "purchase"), ("u2", "i2", "purchase")])
    shop.train(searching(shop), searches=searches)
    assert first.search is not None
    files = sorted((shop.folder / "searches").glob("36*.jsonl"))
    assert len(files) == 2
    second = [json.loads(line) for line in files[1].read_text().splitlines() if line]
    warm = [record for record in second if record.get("origin") == "last search"]
    assert first.search["chosen"]["params"] in [record["params"] for record in warm] or first.search["chosen"] == {
        **first.search["default"]
    }


def test_nobody_is_in_the_files_of_a_search(shop: Shop) -> None:
    shop.log([("somebody@example.org", f"i{item}", "view") for item in (3, 6, 9, 12)])
    shop.train(searching(shop), searches=FileSearches(shop.folder / "searches"))
    files = list((shop.folder / "searches").iterdir())
    assert files
    assert all(b"somebody" not in path.read_bytes() for path in files)


def test_a_choice_that_does_not_pass_the_gate_leaves_what_serves(shop: Shop) -> None:
    shop.train()
    with pytest.raises(GateNotMet):
        shop.train(searching(shop, gate=1_000.0))
    assert shop.champion() == "markov@1"


def test_nobody_with_three_items_means_no_search_and_says_so(empty: Shop) -> None:
    rows = [(f"u{user}", f"i{item}", "view") for user in range(20) for item in (user % 5, (user + 1) % 5)]
    empty.log(rows)
    report = empty.train(searching(empty))
    assert report.search is None
    assert report.champion == empty.champion() != ""
    assert "three items" in report.notes[0]


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (InvalidInput("It needs 9 GB of memory; 3 are free.", cure="Leave it out."), "It needs 9 GB"),
        (MemoryError(), "it ran out of memory"),
    ],
)
def test_a_model_that_fits_the_past_and_not_everything_is_named_and_does_not_serve(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, refusal: Exception, told: str
) -> None:
    fit, rows = Knn.fit, 360

    def refuse(self: Knn, interactions: Any, **more: Any) -> Knn:
        if len(interactions.users) == rows:
            raise refusal
        return fit(self, interactions, **more)

    monkeypatch.setattr(REGISTRY["knn"], "fit", refuse)
    report = shop.train(models=["knn"])
    assert {model.name: model.failed for model in report.models}["knn"].startswith(told)
    assert report.champion == shop.champion() == "popular@1"
    rows = 0
    assert shop.train(models=["knn"]).champion == "knn@1"
    rows = 360
    assert shop.train(models=["knn"]).champion == "knn@1"


def test_only_some_users_are_asked(shop: Shop) -> None:
    report = shop.train(quick(shop.folder, max_users=10))
    assert {model.metrics["users"] for model in report.models} == {10}


@pytest.mark.parametrize("budget", ["-1s", -1.0, float("nan"), "nan", "soon", "", float("inf"), "8d"])
def test_a_budget_that_is_none(budget: object) -> None:
    with pytest.raises(ValidationError):
        Training(budget=budget)  # type: ignore[arg-type]


def test_a_model_without_memory_is_left_out_of_the_search(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, interactions: object, **more: object) -> None:
        raise InvalidInput("It needs 9 GB of memory; 3 are free.", cure="Leave it out.")

    monkeypatch.setattr(REGISTRY["knn"], "fit", refuse)
    report = shop.train(searching(shop))
    assert report.search is not None
    assert "9 GB" in report.search["left_out"]["knn"]
    assert report.champion == "markov@1"
    assert report.search["runner_up"] is None
    assert report.search["difference"] is None


def test_the_models_of_a_search_can_be_named(shop: Shop) -> None:
    settings = searching(shop).model_copy(update={"models": Models(train=["popular", "knn"])})
    report = shop.train(settings)
    assert report.search is not None
    assert set(report.search["models"]) == {"popular", "knn"}
    report = shop.train(settings, models=["markov"])
    assert report.search is not None
    assert set(report.search["models"]) == {"popular", "markov"}
