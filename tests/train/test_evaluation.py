"""All models on one split of the log: figures at several lengths, for groups, beside the best; errors that name the cure."""

from dataclasses import replace

import pytest

from honeyguide.config.settings import Models
from honeyguide.errors import ConfigError, InvalidInput, NotEnoughData
from honeyguide.models import untrained
from honeyguide.offline.splits import SPLITS
from honeyguide.testing.models import checkerboard
from honeyguide.train.evaluation import SPLIT_WORDS, EvaluationReport, evaluate_models
from tests.train.conftest import Shop


def evaluated(shop: Shop, **more: object) -> EvaluationReport:
    return evaluate_models(shop.store, shop.settings, shop.clock, **more)  # type: ignore[arg-type]


def test_every_model_at_every_length_with_intervals(shop: Shop) -> None:
    told: list[float] = []
    found = evaluated(shop, ks=[2, 3, 5], progress=lambda stage, share: told.append(share))
    assert (found.ks, found.k, found.metric) == ((2, 3, 5), 3, "ndcg")
    assert found.best == found.models[0].name == "markov"
    assert {model.name for model in found.models} == {"popular", "knn", "markov"}
    assert (found.asked, found.users, found.items) == (60, 60, 24)
    for model in found.models:
        for k in found.ks:
            low, high = model.metrics[f"served_recall@{k}_interval"]
            assert low <= model.metrics[f"served_recall@{k}"] <= high
        assert model.metrics["recall@2"] <= model.metrics["recall@3"] <= model.metrics["recall@5"]
        assert len(model.curve["recall"]) == 5
        assert "served_coverage@3" in model.metrics
        assert "served_diversity@3" not in model.metrics  # no item has a category
        assert model.curve["recall"][2] == model.metrics["served_recall@3"]
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_others_are_behind_the_best_per_user(shop: Shop) -> None:
    best, *others = evaluated(shop).models
    assert best.behind is None
    for other in others:
        assert other.behind is not None
        mean, low, high = other.behind
        assert low <= mean <= high
        assert mean == pytest.approx(other.metrics["served_ndcg@3"] - best.metrics["served_ndcg@3"], abs=2e-6)


def test_groups_and_what_is_shown_most(shop: Shop) -> None:
    shop.log([("heavy", f"i{at}", "view") for at in range(24)])
    found = evaluated(shop)
    assert [group.name for group in found.groups] == ["new users", "heavy users", "head items", "tail items"]
    assert {group.name for group in found.groups} == set(found.models[0].groups)
    assert found.groups[1].users == 1
    popular = next(model for model in found.models if model.name == "popular")
    assert 1 <= len(popular.shown) <= 5
    item_id, title, share = popular.shown[0]
    assert item_id.startswith("i")
    assert title == ""
    assert 0 < share <= 1


@pytest.mark.parametrize("name", SPLITS)
def test_each_split_is_said_in_words(shop: Shop, name: str) -> None:
    shop.log([(f"u{user}", f"i{(user + 1) % 3 + 3 * (user % 8)}", "view") for user in range(60)])
    found = evaluated(shop, split=name)
    assert found.split == name
    assert found.about == SPLIT_WORDS[name].format(share="20%")
    assert found.asked > 0


def test_what_serves_is_judged_with_the_hyper_parameters_that_it_serves_with(shop: Shop) -> None:
    tuned = Models(train=["markov"], params={"markov": {"kappa": 7.0}})
    assert shop.train(shop.settings.model_copy(update={"models": tuned})).champion == "markov@1"
    params = {model.name: model.params for model in evaluated(shop).models}
    assert params["markov"]["kappa"] == 7.0
    assert params["knn"] == untrained("knn").params()


def test_a_champion_of_another_release_is_judged_with_what_is_configured(shop: Shop) -> None:
    shop.train(models=["markov"])
    now = shop.store.registry.version("markov", 1)
    old = replace(now, version=shop.store.registry.next_version("markov"), manifest=now.manifest | {"params": {"gone": 1}})
    shop.store.registry.publish(old)
    shop.store.registry.set_alias("champion", "markov", old.version)
    params = {model.name: model.params for model in evaluated(shop).models}
    assert params["markov"] == untrained("markov").params()


def test_nothing_is_published(shop: Shop) -> None:
    evaluated(shop)
    assert shop.labels() == shop.folders() == []


class TestBadInput:
    def test_one_event_per_user(self, empty: Shop) -> None:
        empty.log([(f"u{at}", f"i{at % 5}", "view") for at in range(40)])
        with pytest.raises(NotEnoughData, match=r"the split 'time' asks 0 users\. Import more history.*--split"):
            evaluated(empty)

    def test_no_events(self, empty: Shop) -> None:
        with pytest.raises(NotEnoughData, match="no events"):
            evaluated(empty)

    def test_all_times_equal(self, empty: Shop) -> None:
        data = checkerboard()
        empty.log([(f"u{u}", f"i{i}", "view") for u, i in zip(data.users, data.items, strict=True)], step=0)
        found = evaluated(empty)
        assert found.asked == 60
        assert found.window[0] == found.window[1]

    def test_ids_that_differ_by_case_only_are_different_users_and_items(self, empty: Shop) -> None:
        for user in ("ann", "Ann", "ANN"):
            empty.log([(user, item, "view") for item in ("x", "X", "y", "Y", f"only-{user}")])
        found = evaluated(empty)
        assert (found.users, found.items) == (3, 7)

    def test_a_user_with_very_many_events_and_an_item_that_all_have(self, empty: Shop) -> None:
        for start in range(0, 20_000, 1_000):
            empty.log([("robot", f"i{at % 300}", "view") for at in range(start, start + 1_000)], step=1)
        empty.log([(f"u{at}", item, "view") for at in range(30) for item in ("all", f"i{at}", f"i{at + 1}")])
        found = evaluated(empty)
        assert found.asked == 31
        assert "heavy users" in {group.name for group in found.groups}

    @pytest.mark.parametrize("ks", [[0], [501], [3, -1]])
    def test_lengths_that_are_none(self, shop: Shop, ks: list[int]) -> None:
        with pytest.raises(InvalidInput, match="1 to 500"):
            evaluated(shop, ks=ks)

    def test_names_that_are_none(self, shop: Shop) -> None:
        with pytest.raises(InvalidInput, match="There is no split 'coin'"):
            evaluated(shop, split="coin")
        with pytest.raises(ConfigError, match="eese"):
            evaluated(shop, models=["eese"])
