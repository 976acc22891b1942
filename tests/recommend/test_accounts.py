"""The figures of an explanation add up: to the score of the list, to the score of the model, for every model."""

from collections.abc import Iterator
from math import prod

import pytest

from honeyguide import Honeyguide
from honeyguide.config.settings import Models, Surface
from honeyguide.messages import Rule
from honeyguide.types import Json
from tests.shop import open_shop

MODELS = ["popular", "knn", "ease", "als", "markov", "bayes"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honeyguide]:
    surface = Surface(name="home", max_per_category=1)
    with open_shop(tmp_path_factory.mktemp("shop"), models=Models(train=MODELS), surfaces=[surface]) as hg:
        yield hg


def told(shop: Honeyguide, **fields: object) -> tuple[Json, dict[str, float]]:
    slate = shop.recommend("u2", n=8, explain=True, **fields)
    assert slate.trace is not None
    assert [each["item_id"] for each in slate.trace["items"]] == [item.item_id for item in slate.items]
    return slate.trace, {item.item_id: item.score for item in slate.items}


def test_what_sources_speak_for_adds_up_to_the_score(shop: Honeyguide) -> None:
    trace, scores = told(shop)
    for each in trace["items"]:
        best, *others = [source["speaks_for"] for source in each["sources"]]
        assert best == pytest.approx(each["score"], abs=1e-6)
        assert each["score"] == scores[each["item_id"]]
        assert all(other <= best for other in others)
        for source in each["sources"]:
            found = trace["sources"][source["source"]]["items"]
            assert found.index(each["item_id"]) == source["place"] - 1


def test_places_and_weights_give_what_a_source_speaks_for(shop: Honeyguide) -> None:
    trace, _ = told(shop, recipe={"sources": [{"name": "model", "weight": 0.5}, {"name": "popular", "weight": 2.0}]})
    weights = {"model": 0.5, "popular": 2.0}
    for each in trace["items"]:
        for source in each["sources"]:
            formula = weights[source["source"]] * 60 / (60 + source["place"] - 1)
            assert source["speaks_for"] == pytest.approx(formula, abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_what_the_history_adds_is_what_the_model_says(shop: Honeyguide, model: str) -> None:
    trace, _ = told(shop, model=f"{model}@1")
    if model == "popular":
        return
    explained = [each for each in trace["items"] if each["history"]]
    assert explained
    for each in explained:
        history = each["history"]
        parts = [part["adds"] for part in history["items"]] + [history["others"], history["without_history"]]
        assert sum(parts) == pytest.approx(history["model_score"], abs=1e-5)
        (said,) = [source["score"] for source in each["sources"] if source["source"] == "model"]
        assert history["model_score"] == pytest.approx(said, rel=1e-4, abs=1e-5)
        strengths = [abs(part["adds"]) for part in history["items"]]
        assert strengths == sorted(strengths, reverse=True)


def test_the_factors_of_rules_make_up_the_score(shop: Honeyguide) -> None:
    rules = [
        Rule(name="kitchen", kind="boost", where="item.category == 'kitchen'", factor=3.0),
        Rule(name="cheap", kind="bury", where="item.price < 9", factor=0.25),
        Rule(name="dear", kind="boost", where="item.price > 10 and item.category == 'kitchen'", factor=100.0),
    ]
    plain, _ = told(shop, recipe={"max_per_category": 0})
    for rule in rules:
        shop.run(shop.runtime.decisions.save(rule, by="ann"))
    try:
        trace, scores = told(shop, recipe={"max_per_category": 0})
    finally:
        for rule in rules:
            shop.run(shop.runtime.decisions.remove(rule.name, by="ann"))
    before, bounded = {each["item_id"]: each["score"] for each in plain["items"]}, 0
    for each in trace["items"]:
        if "rules" not in each:
            assert each["score"] == pytest.approx(each["sources"][0]["speaks_for"], abs=1e-6)
            continue
        of_rules, product = each["rules"], prod(factor["factor"] for factor in each["rules"]["factors"])
        assert of_rules["weight"] == pytest.approx(min(100.0, product))
        assert of_rules["score_before"] == pytest.approx(each["sources"][0]["speaks_for"], abs=1e-6)
        assert of_rules["score_before"] == pytest.approx(before.get(each["item_id"], of_rules["score_before"]), abs=1e-6)
        assert of_rules["score_before"] * of_rules["weight"] == pytest.approx(scores[each["item_id"]], abs=1e-4)
        assert {factor["rule"] for factor in of_rules["factors"]} <= {"kitchen", "cheap", "dear"}
        codes = [reason["code"] for reason in each["reasons"]]
        assert all(f"rule:{factor['rule']}" in codes for factor in of_rules["factors"])
        bounded += product > 100
    assert bounded, "what the factors come to is within bounds"


def test_moves_lead_from_the_order_by_score_to_the_list(shop: Honeyguide) -> None:
    trace, _ = told(shop)
    before = {item_id: place for place, item_id in enumerate(trace["before_variety"])}
    for place, each in enumerate(trace["items"]):
        assert before[each["item_id"]] - sum(each["moves"].values()) == place
    assert any(each["moves"] for each in trace["items"])


def test_each_item_has_its_reasons_as_codes_and_sentences(shop: Honeyguide) -> None:
    slate = shop.recommend("u2", n=8, explain=True)
    assert slate.trace is not None
    for item, account in zip(slate.items, slate.trace["items"], strict=True):
        first, *others = account["reasons"]
        assert (first["code"], first["text"]) == (item.reason.code, item.reason.text)
        codes = [each["code"] for each in others]
        assert codes[0] == f"source:{account['sources'][0]['source']}"
        assert ("history" in codes) == bool(account["history"] and account["history"]["items"][0]["adds"] > 0)
        assert [code for code in codes if code.startswith("moved:")] == [f"moved:{name}" for name in account["moves"]]
        assert all(each["text"] for each in others)


def test_an_explanation_of_a_later_page_is_of_its_items(shop: Honeyguide) -> None:
    page = shop.recommend("u2", n=3, offset=4)
    found = shop.explain(page.request_id)
    assert found.matches
    assert [each["item_id"] for each in found.trace["items"]] == [item.item_id for item in page.items]
