"""The whole path on a real store: what is published, who serves, and what stays when it goes wrong."""

import asyncio
import errno
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide import __version__
from honeyguide.config import settings_fingerprint
from honeyguide.config.settings import Models, Segments, Settings
from honeyguide.errors import ConfigError, GateNotMet, HoneyguideError, NotEnoughData, NotEnoughMemory, StorageFull
from honeyguide.models.als import Als
from honeyguide.models.artefact import ARRAYS, load
from honeyguide.models.ease import Ease
from honeyguide.models.popular import Popular
from honeyguide.train.evaluation import evaluate_models
from honeyguide.types import Histories, Interactions
from tests.train.conftest import QUICK, Shop, quick, tastes


def one_history(items: list[int]) -> Histories:
    count = len(items)
    return Histories(
        np.array([0, count]), np.array(items, np.int32), np.ones(count, np.float32), np.arange(count, dtype=np.int64)
    )


def test_the_best_model_serves_and_all_are_published(shop: Shop) -> None:
    report = shop.train()
    assert report.champion == shop.champion() == "markov@1"
    assert shop.labels() == shop.folders() == ["knn@1", "markov@1", "popular@1"]
    assert (report.interactions, report.users, report.items) == (360, 60, 24)
    assert report.position == asyncio.run(shop.store.log.position())
    by_name = {model.name: model.metrics["ndcg@3"] for model in report.models}
    assert by_name["markov"] == max(by_name.values())
    assert by_name["markov"] > by_name["popular"]
    assert report.margin is not None
    assert report.margin[1] <= report.margin[0] <= report.margin[2]
    assert set(report.stages) == {"read", "compare", "fit", "publish"}


def test_the_published_model_knows_the_whole_log_and_the_next_item(shop: Shop) -> None:
    shop.train()
    loaded = load(shop.artefacts.path("markov", 1))
    numbers = {item: number for number, item in enumerate(loaded.item_ids)}
    scores = loaded.model.scores(one_history([numbers["i0"], numbers["i3"]]))[0]
    scores[[numbers["i0"], numbers["i3"]]] = -1
    assert loaded.item_ids[int(scores.argmax())] == "i6"


def test_a_version_says_what_it_was_made_of(shop: Shop) -> None:
    shop.train()
    version = shop.store.registry.version("markov", 1)
    manifest = version.manifest
    assert manifest == load(shop.artefacts.path("markov", 1)).manifest
    assert version.trained_through == manifest["trained_through"] == 360
    assert manifest["companions"] == {"popular": "popular@1"}
    assert set(manifest["comparison"]) == set(QUICK)
    assert manifest["comparison"]["markov"] == version.metrics
    low, high = version.metrics["ndcg@3_interval"]
    assert low <= version.metrics["ndcg@3"] <= high
    assert version.metrics["users"] == 60
    assert manifest["window"] == [1_600_000_060_000, 1_600_000_000_000 + 360 * 60_000]
    assert manifest["segments"] == ["other"]
    assert manifest["seed"] == 0
    assert manifest["params"]["window"] == 10
    assert manifest["config"] == settings_fingerprint(shop.settings)
    assert (manifest["release"], manifest["parent"]) == (__version__, "")
    mean, low, high = manifest["gain"]["interval"]
    assert 0 < low < mean < high < 1
    assert mean == pytest.approx(
        version.metrics["served_ndcg@3"] - manifest["comparison"]["popular"]["served_ndcg@3"], abs=2e-6
    )
    shop.train()
    assert shop.store.registry.version("knn", 2).manifest["parent"] == "markov@1"
    assert "gain" not in shop.store.registry.version("popular", 2).manifest


def test_the_next_training_makes_the_next_versions(shop: Shop) -> None:
    shop.train()
    shop.log([("u1", "i1", "purchase"), ("new", "i2", "view")])
    report = shop.train()
    assert report.champion == shop.champion() == "markov@2"
    assert report.position == 362
    assert shop.store.registry.version("markov", 2).manifest["companions"] == {"popular": "popular@2"}
    assert load(shop.artefacts.path("markov", 1)).item_ids  # the old one is there to go back to


def test_no_personal_data_is_in_any_file(shop: Shop) -> None:
    shop.log([("somebody@example.org", "i3", "view"), ("somebody@example.org", "i6", "view")])
    shop.train()
    files = [path for path in (shop.folder / "models").rglob("*") if path.is_file()]
    assert len(files) == 11
    assert all(b"somebody" not in path.read_bytes() for path in files)


def test_the_same_log_and_seed_give_the_same_files(shop: Shop) -> None:
    settings = shop.settings.model_copy(
        update={"models": Models(train=[*QUICK, "als", "ease"], params={"als": {"factors": 4, "regularization": 1}})}
    )
    for _ in range(2):
        shop.train(settings)
    for model in settings.models.train:
        first, second = (shop.artefacts.path(model, version) / ARRAYS for version in (1, 2))
        assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()


def test_progress_rises_to_one_and_names_its_stages(shop: Shop) -> None:
    told: list[tuple[str, float]] = []
    shop.train(progress=lambda stage, fraction: told.append((stage, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages[0] == "read the log"
    for model in QUICK:
        assert (
            stages.index(f"compare {model}") < stages.index(f"fit {model} on everything") < stages.index(f"publish {model}")
        )


def test_only_the_named_models_and_popularity(shop: Shop) -> None:
    report = shop.train(models=["knn"])
    assert shop.labels() == ["knn@1", "popular@1"]
    assert report.champion == "knn@1"


# --- too little ---------------------------------------------------------------------------------------------------------


def test_no_events_say_how_to_bring_some(empty: Shop) -> None:
    with pytest.raises(NotEnoughData, match=r"holds no events.*honeyguide import"):
        empty.train()
    assert empty.labels() == empty.folders() == []


def test_events_without_any_signal_are_named(empty: Shop) -> None:
    empty.log([("u", "i", "hide"), ("u", "j", "impression")])
    with pytest.raises(NotEnoughData, match="no positive events"):
        empty.train()


@pytest.mark.parametrize(
    "rows",
    [
        [("u", "i", "view")],
        [("u", "i", "view")] * 5,
        [("u", "i", "view"), ("u", "j", "view"), ("u", "k", "view")],
        [("u", "i", "view"), ("v", "i", "view"), ("w", "i", "view")],
    ],
    ids=["one event", "one pair", "one user", "one item"],
)
def test_with_too_little_to_compare_popularity_serves(empty: Shop, rows: list[tuple[str, str, str]]) -> None:
    empty.log(rows)
    report = empty.train()
    assert report.champion == empty.champion() == "popular@1"
    assert "too little history to compare" in report.reason
    assert empty.labels() == ["popular@1"]
    assert load(empty.artefacts.path("popular", 1)).item_ids == list(dict.fromkeys(item for _, item, _ in rows))


@pytest.mark.parametrize(
    ("start", "step"),
    [(1_600_000_000_000, 0), (0, 0), (0, 1), (4_102_444_800_000, 60_000), (1_600_000_000, 60)],
    ids=["all equal", "all 1970", "milliseconds of 1970", "the year 2100", "seconds for milliseconds"],
)
def test_odd_times_train_all_the_same(empty: Shop, start: int, step: int) -> None:
    empty.log(tastes(), start=start, step=step)
    report = empty.train()
    assert report.champion == "markov@1"  # equal times keep the order of the log, so what comes next is still seen
    scores = load(empty.artefacts.path("popular", 1)).model.scores(one_history([]))[0]
    assert scores.sum() == pytest.approx(1.0, rel=1e-4)


def test_one_event_far_in_the_future_does_not_hide_the_others(shop: Shop) -> None:
    shop.log([("u1", "odd", "view")], start=32_503_680_000_000)
    shop.train()
    loaded = load(shop.artefacts.path("popular", 1))
    scores = loaded.model.scores(one_history([]))[0]
    assert scores[loaded.item_ids.index("odd")] == scores.min()


def test_too_little_to_compare_does_not_unseat_a_model(shop: Shop) -> None:
    shop.train()
    report = shop.train(quick(shop.folder, min_users=1_000))
    assert report.champion == shop.champion() == "markov@1"
    assert "markov@1 goes on serving" in report.reason
    assert "popular@2" in shop.labels()
    report = shop.train(models=["popular"])
    assert report.champion == shop.champion() == "markov@1"


def test_popularity_follows_popularity(empty: Shop) -> None:
    empty.log([("u", "i", "view")])
    empty.train()
    empty.log([("u", "j", "view")])
    assert empty.train().champion == empty.champion() == "popular@2"


# --- the gate -----------------------------------------------------------------------------------------------------------


def test_nothing_good_enough_and_nothing_serving_makes_popularity_serve(shop: Shop) -> None:
    report = shop.train(quick(shop.folder, gate=1_000.0))
    assert report.champion == shop.champion() == "popular@1"
    assert "no model beats popularity yet" in report.reason
    assert report.margin is None
    assert shop.labels() == ["knn@1", "markov@1", "popular@1"]


def test_nothing_good_enough_leaves_the_serving_version(shop: Shop) -> None:
    shop.train()
    before = shop.labels()
    with pytest.raises(GateNotMet, match=r"ndcg@3 .* against .* of popularity.*markov@1 goes on serving") as caught:
        shop.train(quick(shop.folder, gate=1_000.0))
    assert caught.value.exit_code == 3
    assert shop.champion() == "markov@1"
    assert shop.labels() == shop.folders() == before


def test_the_gate_is_relative(shop: Shop) -> None:
    metrics = {
        model.name: model.metrics["served_ndcg@3"] for model in evaluate_models(shop.store, shop.settings, shop.clock).models
    }
    ratio = metrics["markov"] / metrics["popular"] - 1
    assert shop.train(quick(shop.folder, gate=ratio * 0.99)).champion == "markov@1"
    with pytest.raises(GateNotMet):
        shop.train(quick(shop.folder, gate=ratio * 1.01))


def test_the_metric_that_counts_is_configured(shop: Shop) -> None:
    with pytest.raises(GateNotMet, match="recall@3"):
        shop.train(), shop.train(quick(shop.folder, metric="recall", gate=1_000.0))


# --- trouble ------------------------------------------------------------------------------------------------------------


def test_an_interruption_anywhere_leaves_the_old_version_serving(shop: Shop) -> None:
    shop.train(models=["markov"])
    shop.log([("u1", "i1", "view")])
    calls = 0

    def count(stage: str, fraction: float) -> None:
        nonlocal calls
        calls += 1

    evaluate_models(shop.store, shop.settings, shop.clock, models=["markov"], progress=count)
    for stop_at in range(0, 2 * calls + 6, 3):
        remaining = stop_at

        def stop(stage: str, fraction: float) -> None:
            nonlocal remaining
            if stage == "done":
                return
            remaining -= 1
            if remaining < 0:
                raise KeyboardInterrupt

        try:
            shop.train(models=["markov"], progress=stop)
        except KeyboardInterrupt:
            assert shop.champion() == "markov@1"
        for version in shop.store.registry.versions():
            load(shop.artefacts.path(version.model, version.version))
        assert set(shop.labels()) == set(shop.folders())
        if shop.champion() != "markov@1":
            break
    else:
        pytest.fail("no training came to its end")
    assert stop_at > calls


def test_a_full_disk_while_publishing_leaves_the_old_version_serving(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.train()
    shop.log([("u1", "i1", "view")])

    def full(arrays: object, path: Path) -> None:
        path.write_bytes(b"the beginning")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("honeyguide.models.artefact.save_file", full)
    with pytest.raises(StorageFull):
        shop.train()
    assert shop.champion() == "markov@1"
    assert shop.labels() == shop.folders() == ["knn@1", "markov@1", "popular@1"]
    monkeypatch.undo()
    assert shop.train().champion == shop.champion() != "markov@1"


def test_dislikes_are_learned_from_and_nobody_is_asked_for_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in time to be in everybody's past; what is compared and what is fitted on everything both have them."""
    plain = shop.train(models=["als"])
    shop.log([(f"u{user}", f"i{(user + 1) % 3}", "dislike") for user in range(60)], start=1_500_000_000_000)
    seen: list[tuple[int, int]] = []
    fit = Als.fit

    def watched(self: Als, interactions: Interactions, **more: Any) -> Als:
        seen.append((int((interactions.weights > 0).sum()), int((interactions.weights < 0).sum())))
        return fit(self, interactions, **more)

    monkeypatch.setattr(Als, "fit", watched)
    report = shop.train(models=["als"])
    assert [dislikes for _, dislikes in seen] == [60, 60]
    assert seen[1][0] == 360
    users = {model.metrics["users"] for model in (*plain.models, *report.models)}
    assert users == {60}


def test_a_model_that_refuses_the_data_is_left_out_and_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ease, "peak_bytes", lambda *sizes: 10**15)
    report = shop.train(models=["ease", "markov"])
    failed = {model.name: model.failed for model in report.models}
    assert "needs about 1000000.00 GB of memory" in failed["ease"]
    assert failed["markov"] == failed["popular"] == ""
    assert shop.labels() == ["markov@1", "popular@1"]


def test_a_model_that_runs_out_of_memory_is_left_out_and_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(self: Ease, *data: object, **more: object) -> Ease:
        raise MemoryError

    monkeypatch.setattr(Ease, "fit", exhausted)
    report = shop.train(models=["ease", "markov"])
    assert {model.name: model.failed for model in report.models}["ease"] == "it ran out of memory"
    assert shop.labels() == ["markov@1", "popular@1"]


@pytest.mark.parametrize("enough", [True, False])
def test_popularity_that_runs_out_of_memory_ends_the_training_and_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, enough: bool
) -> None:
    def exhausted(self: Popular, *data: object, **more: object) -> Popular:
        raise MemoryError

    monkeypatch.setattr(Popular, "fit", exhausted)
    with pytest.raises(NotEnoughMemory, match="popular itself ran out of memory") as found:
        shop.train(quick(shop.folder, min_users=2 if enough else 10_000))
    assert found.value.cure
    assert shop.labels() == []


def test_a_worse_model_does_not_replace_what_serves(shop: Shop) -> None:
    good = quick(shop.folder).model_copy(update={"models": Models(train=["markov"])})
    assert shop.train(good).champion == "markov@1"
    with pytest.raises(GateNotMet, match="worse than what serves, markov@1 trained on the same past"):
        shop.train(good.model_copy(update={"models": Models(train=["knn"])}))
    assert shop.champion() == "markov@1"


@pytest.mark.parametrize(
    ("models", "params", "message"),
    [
        (["eese"], {}, "Did you mean 'ease'"),
        (["ease"], {"ease": {"l": 3}}, "Did you mean 'l2'"),
        (["ease"], {"ease": {"l2": -3}}, "models.params.ease.l2 is -3"),
        (["ease"], {"ease": {"l2": "much"}}, "from 0.001"),
    ],
)
def test_wrong_settings_are_named_before_any_work(
    empty: Shop, models: list[str], params: dict[str, dict[str, object]], message: str
) -> None:
    settings = Settings(project=empty.settings.project, models=Models(train=models, params=params))
    with pytest.raises(ConfigError, match=message):
        empty.train(settings)


# --- segments -----------------------------------------------------------------------------------------------------------


def test_segments_have_their_own_popularity(shop: Shop) -> None:
    for user in range(60):
        shop.user(f"u{user}", f'{{"country": "{["DE", "FR", "IT"][user % 3]}"}}')
    settings = shop.settings.model_copy(update={"segments": Segments(attributes=["country"])})
    shop.train(settings)
    loaded = load(shop.artefacts.path("popular", 1))
    assert loaded.manifest["segments"] == ["other", "DE", "FR", "IT"]
    assert isinstance(loaded.model, Popular)
    for name, group in (("DE", 0), ("FR", 1), ("IT", 2)):
        scores = loaded.model.segment_scores(loaded.manifest["segments"].index(name))
        own = [int(item[1:]) % 3 == group for item in loaded.item_ids]
        assert scores[own].min() > scores[np.logical_not(own)].max()


def test_every_error_of_training_has_a_cure(empty: Shop) -> None:
    with pytest.raises(HoneyguideError) as caught:
        empty.train()
    assert caught.value.cure
