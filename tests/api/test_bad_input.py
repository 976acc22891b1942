"""What shops and their tools send by mistake when they decide about lists: each has its clear answer, and lists go on."""

from typing import Any

import pytest

from tests.api.site import Site, problem


def refused(answer: Any, status: int) -> Any:
    return problem(answer, status)


@pytest.fixture
def filled(site: Site) -> Site:
    site.fill()
    return site


def put(site: Site, name: str, **rule: Any) -> Any:
    return site.ask("PUT", f"/v1/rules/{name}", json=rule)


def ids(site: Site, **asked: Any) -> list[str]:
    answer = site.post("/v1/recommendations", {"user_id": "stranger", "n": 8, "explore": False, **asked})
    assert answer.status_code == 200, answer.text
    return [each["item_id"] for each in answer.json()["items"]]


def test_a_rule_that_hides_everything_is_named_in_warning_answer_and_page(filled: Site) -> None:
    saved = put(filled, "all", kind="filter", where="item.price < 0")
    assert saved.status_code in (200, 201)
    assert saved.json()["warnings"] == ["no item meets it: lists are empty while it is in force"]
    for surface in ("home", "popular"):
        told = filled.post("/v1/recommendations", {"user_id": "u1", "surface": surface}).json()
        assert (told["items"], told["empty_because"]) == ([], "the rule 'all' leaves no item")
    assert filled.get("/v1/lists/popular").json()["empty_because"] == "the rule 'all' leaves no item"
    assert filled.post("/v1/rank", {"user_id": "u1", "items": ["i1"]}).json()["left_out"] == ["i1"]


@pytest.mark.parametrize("factor", ["1e999", "1e300", "Infinity", "NaN", "-2", "1"])
def test_a_boost_of_infinity_or_of_no_number(filled: Site, factor: str) -> None:
    body = f'{{"kind": "boost", "where": "item.price > 1", "factor": {factor}}}'
    answer = filled.ask("PUT", "/v1/rules/endless", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]
    assert filled.get("/v1/rules").json()["items"] == []
    assert ids(filled)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("item.price > 1 and " * 600 + "item.available", "8192"),
        ("(" * 100 + "item.price" + ")" * 100 + " > 1", ""),
        ("not " * 100 + "item.available", "deep"),
        ("item.price > " + "-" * 100 + "1", "deep"),
        ("item.price + " * 150 + "1 > 2", ""),
        ("item.prise > 1", "Did you mean item.price?"),
        ("item.price >", "^"),
        ("__import__('os').system('true')", ""),
        ("item.price.__class__ > 1", ""),
        ("\x00", ""),
    ],
)
def test_conditions_that_are_too_long_too_deep_or_of_nothing_that_there_is(filled: Site, where: str, said: str) -> None:
    """The same in a request and in a rule; parentheses alone are no depth."""
    if where.startswith("((("):
        assert ids(filled, filter=where) == ids(filled, filter="item.price > 1")
        return
    asked = refused(filled.post("/v1/recommendations", {"user_id": "u1", "filter": where}), 422)
    assert asked["errors"][0]["pointer"] == "/filter"
    kept = refused(put(filled, "wrong", kind="filter", where=where), 422)
    assert kept["errors"][0]["pointer"] == "/where"
    for told in (asked, kept):
        assert said in told["detail"]
    assert filled.get("/v1/rules").json()["items"] == []


def test_a_division_by_zero_is_missing_and_no_fault(filled: Site) -> None:
    everything = ids(filled, n=30)
    assert ids(filled, filter="item.price / 0 > 1") == []
    assert ids(filled, n=30, filter="(item.price / (item.price - 3.5)) is None") == ["i3"]
    assert set(ids(filled, n=30, filter="1 / (item.price - 3.5) != 0")) == set(everything) - {"i3"}
    put(filled, "zero", kind="boost", where="item.price / 0 > 1", factor=50)
    put(filled, "share", kind="promote", where="item.price % 0 == 1", percent=50)
    assert ids(filled, n=30, surface="popular", item_id=None) == everything


def test_a_pin_of_what_is_not_available_and_a_second_one_for_its_slot(filled: Site) -> None:
    before = ids(filled)
    last = ids(filled, n=30)[-1]
    assert put(filled, "pin", kind="pin", item_id=last, slot=2).json()["warnings"] == []
    assert ids(filled)[1] == last
    filled.ask("PATCH", f"/v1/items/{last}", json={"available": False})
    assert ids(filled) == before, "its slot goes to the next"
    again = put(filled, "pin", kind="pin", item_id=last, slot=2)
    assert "not available" in again.json()["warnings"][0]
    answer = refused(put(filled, "other", kind="pin", item_id="i1", slot=2), 409)
    assert "'pin'" in answer["detail"]
    assert last in answer["detail"]


def test_candidates_that_there_are_not(filled: Site) -> None:
    told = filled.post("/v1/recommendations", {"user_id": "u1", "candidates": ["i1", "nowhere"]}).json()
    assert ([each["item_id"] for each in told["items"]], told["unknown"]) == (["i1"], ["nowhere"])
    told = filled.post("/v1/recommendations", {"user_id": "u1", "candidates": ["nowhere"]}).json()
    assert (told["items"], told["unknown"]) == ([], ["nowhere"])
    assert told["empty_because"]
