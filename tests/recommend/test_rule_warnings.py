"""What may not be meant so with a rule, and the times that are read."""

from typing import Any

import pytest

from honeyguide.errors import InvalidInput
from honeyguide.messages import Rule
from honeyguide.ranking.conditions import as_kept
from honeyguide.ranking.rule_warnings import HIDES_ALL, matches, warnings_of
from honeyguide.recommend.decisions import moment_of
from tests.world import DAY, NOW, block, item

GOODS = block(
    [
        item("a", "tea", price=5.0, created_at=NOW - DAY),
        item("b", "cup", price=9.0, available=False),
        item("c", "cup", price=20.0, properties={"brand": "acme"}),
    ]
)


def told(kind: Any, **fields: Any) -> list[str]:
    return warnings_of(Rule(**{"name": "r", "kind": kind, **fields}), GOODS, NOW, as_kept)


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("filter", {"where": "item.price > 5"}, []),
        ("filter", {"where": "item.price > 50"}, [HIDES_ALL]),
        ("filter", {"where": "item.price == 9"}, [HIDES_ALL]),
        ("filter", {"where": "item.properties.unheard == 1"}, [HIDES_ALL]),
        ("filter", {"where": "user.segment == 'x'"}, []),
        ("filter", {"where": "context.shop == 'x'"}, []),
        ("filter", {"where": "item.clicks_1d > 5"}, []),
        ("filter", {"where": "item.age < days(2)"}, []),
        ("filter", {"where": "item.age > days(2)"}, [HIDES_ALL]),
        ("filter", {"where": "now > date('2000-01-01')"}, []),
        ("boost", {"where": "item.price > 50", "factor": 2.0}, ["no item meets it, so it does nothing"]),
        ("bury", {"where": "item.category == 'tea'", "factor": 0.5}, []),
        ("promote", {"where": "item.category == 'hat'", "percent": 5.0}, ["no item meets it, so it does nothing"]),
        ("filter", {"where": "item.price > 5", "ends_at": NOW}, ["it is over already"]),
        ("filter", {"where": "item.price > 50", "ends_at": NOW - 1}, ["it is over already", HIDES_ALL]),
        ("filter", {"where": "item.price > 5", "ends_at": NOW + 1}, []),
        ("pin", {"item_id": "a", "slot": 1}, []),
        ("pin", {"item_id": "b", "slot": 1}, ["'b' is hidden, deleted or not available, so its slot goes to the next item"]),
        ("pin", {"item_id": "z", "slot": 1}, ["there is no item 'z', so nothing is pinned until there is one"]),
    ],
)
def test_a_rule_is_warned_of(kind: str, fields: dict[str, Any], said: list[str]) -> None:
    assert told(kind, **fields) == said


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("", 2),
        ("item.price > 0", 2),
        ("item.price >= 20", 1),
        ("item.price == 9", 0),
        ("item.properties.brand == 'acme'", 1),
        ("item.properties.brand is None", 1),
        ("item.title == 'A'", 1),
        ("item.title in ['A', 'C']", 2),
        ("item.age == days(1)", 1),
        ("item.age is None", 1),
        ("item.created_at < now", 1),
        ("now < date('2000-01-01')", 0),
        ("item.id != 'a'", 1),
        ("context.shop is None", 2),
        ("user.segment is None", 2),
        ("item.price > 5", 1),
        ("item.category == 'cup'", 1),
        ("item.available", 2),
        ("not item.available", 0),
        ("user.id == 'ann'", 0),
    ],
)
def test_only_what_may_be_shown_is_counted(where: str, count: int) -> None:
    assert matches(Rule(name="r", kind="filter", where=where), GOODS, NOW, as_kept) == count


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        (0, 0),
        (1_700_000_000_000, 1_700_000_000_000),
        (1_700_000_000_000.4, 1_700_000_000_000),
        ("1970-01-01", 0),
        ("1970-01-02T00:00:00Z", 86_400_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:01.5", 1_500),
    ],
)
def test_times_are_read_as_milliseconds(given: Any, wanted: int | None) -> None:
    assert moment_of(given, "starts_at") == wanted


@pytest.mark.parametrize("given", ["", "soon", "1970-13-01", "-5", -1, 1e300, float("nan"), "1969-12-31T23:59:59Z"])
def test_what_is_no_time_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput) as raised:
        moment_of(given, "ends_at")
    assert raised.value.errors[0].pointer == "/ends_at"
