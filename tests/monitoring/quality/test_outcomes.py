"""Which events count for which list: times, repetitions, names that are wrong, what proves that a place was seen."""

from typing import Any

import pytest

from honeyguide.config.quality import Quality
from honeyguide.monitoring.quality.outcomes import EARLY, Outcomes
from honeyguide.types import LogRow
from tests.monitoring.quality.test_fold import HOUR, NOW, event, slate

RULES = Quality()
LIST = slate(1, ["a", "b", "c"])


def outcomes(*events: LogRow, rules: Quality = RULES) -> Outcomes:
    return Outcomes([LIST, slate(2, ["a", "x"], surface="cart")], events, rules)


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        (-EARLY - 1, False),
        (-EARLY, True),
        (0, True),
        (1_800_000, True),
        (1_800_001, False),
    ],
)
def test_a_click_counts_within_its_window(after: int, counts: bool) -> None:
    assert (outcomes(event(1, "click", "r1", "a", ts=NOW + after)).clicked == {(0, 0)}) is counts


@pytest.mark.parametrize(("after", "counts"), [(24 * HOUR, True), (24 * HOUR + 1, False), (-EARLY - 1, False)])
def test_a_conversion_counts_within_its_window(after: int, counts: bool) -> None:
    found = outcomes(event(1, "purchase", "r1", "b", ts=NOW + after, value=3.0)).converted
    assert found == ({(0, 1): 3.0} if counts else {})


@pytest.mark.parametrize(
    "told",
    [
        {"items": ["a", "b", "nowhere"]},
        {"positions": [1, 2, 9]},
        {"items": ["a"], "positions": [2]},
        {"positions": [1, 2, "3", None, 0, -1]},
    ],
)
def test_an_impression_names_items_or_positions(told: dict[str, Any]) -> None:
    assert outcomes(event(1, "impression", "r1", told=told)).seen == {0: {0, 1}}


@pytest.mark.parametrize("payload", [None, "", "[]", "{", '{"items": "a"}', '{"positions": [99]}'])
def test_an_impression_that_says_nothing_is_none(payload: str | None) -> None:
    row = event(1, "impression", "r1")
    row.payload = payload
    found = outcomes(row)
    assert found.seen == {}
    assert found.shown(0) == [0, 1, 2], "nobody tells impressions here: what was served counts"


def test_several_impressions_of_a_list_are_one() -> None:
    found = outcomes(
        event(1, "impression", "r1", told={"positions": [1]}),
        event(2, "impression", "r1", told={"positions": [1, 2]}),
        event(3, "impression", "r1", told={"positions": [3]}, ts=NOW + HOUR),
        event(4, "impression", "elsewhere", told={"positions": [3]}),
    )
    assert found.shown(0) == [0, 1]


def test_a_surface_that_tells_impressions_does_not_speak_for_another() -> None:
    found = outcomes(event(1, "impression", "r1", told={"positions": [2]}))
    assert found.told == {"home"}
    assert (found.shown(0), found.shown(1)) == ([1], [0, 1])


@pytest.mark.parametrize("kind", ["click", "purchase", "add_to_cart"])
def test_what_somebody_acted_on_was_seen(kind: str) -> None:
    found = outcomes(event(1, "impression", "r1", told={"positions": [1]}), event(2, kind, "r1", "c"))
    assert found.shown(0) == [0, 2]


def test_a_purchase_that_names_its_list_needs_no_click() -> None:
    found = outcomes(event(1, "click", "r2", "a"), event(2, "purchase", "r1", "a", ts=NOW + 5000, value=1.0))
    assert found.converted == {(0, 0): 1.0}


def test_a_purchase_that_names_a_list_without_the_item_is_that_of_the_last_click() -> None:
    found = outcomes(event(1, "click", "r1", "c"), event(2, "purchase", "r2", "c", ts=NOW + 5000, value=1.0))
    assert found.converted == {(0, 2): 1.0}


def test_a_click_after_the_purchase_and_one_of_somebody_else_get_nothing() -> None:
    found = outcomes(
        event(1, "click", "r1", "a", user_id="somebody else"),
        event(2, "purchase", None, "a", ts=NOW + 5000),
        event(3, "click", "r1", "a", ts=NOW + 6000),
    )
    assert found.converted == {}


def test_two_purchases_are_one_conversion_with_the_value_of_both() -> None:
    found = outcomes(event(1, "purchase", "r1", "a", value=2.0), event(2, "purchase", "r1", "a", value=5.0))
    assert found.converted == {(0, 0): 7.0}
    assert outcomes(event(1, "purchase", "r1", "a")).converted == {(0, 0): 0.0}


def test_the_last_click_was_on_a_list_that_is_not_looked_at() -> None:
    """It gets the conversion, wherever it is: none of these does."""
    found = outcomes(
        event(1, "click", "r1", "a"),
        event(2, "click", "another hour", "a", ts=NOW + 2000),
        event(3, "purchase", None, "a", ts=NOW + 3000, value=9.0),
    )
    assert found.converted == {}


def test_what_a_click_and_a_conversion_are_is_configured() -> None:
    rules = Quality(clicks=["view", "tap"], conversions=["subscribe", "tap"], click_window=60, conversion_window=120)
    found = outcomes(
        event(1, "click", "r1", "a"),
        event(2, "purchase", "r1", "a"),
        event(3, "view", "r1", "b"),
        event(4, "tap", "r1", "c", ts=NOW + 60_000),
        event(5, "tap", "r1", "a", ts=NOW + 61_000),
        event(6, "subscribe", "r1", "b", ts=NOW + 121_000),
        rules=rules,
    )
    assert found.clicked == {(0, 1), (0, 2)}
    assert found.converted.keys() == {(0, 0), (0, 2)}


def test_events_without_an_item_or_a_list_are_passed_over() -> None:
    found = outcomes(event(1, "click", None, "a"), event(2, "click", "r1", None), event(3, "purchase", "?", None))
    assert (found.clicked, found.converted, found.carted) == (set(), {}, set())
    assert found.told == set()
