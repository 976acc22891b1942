"""Columns say of every item what the language says of each alone."""

import ast
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.expressions import condition
from honeyguide.expressions.columns import Column
from honeyguide.expressions.values import known_of, numbers_of, texts_of
from tests.expressions.world import KNOWN, Rows, meant

WORDS = st.sampled_from(["red", "blue", "green", "reddish", "é", ""])
NUMBERS = st.sampled_from([0, 1, 2.5, -3, 10, 1e300])
LISTS = st.lists(WORDS | NUMBERS, max_size=3)
ODD = st.none() | WORDS | NUMBERS | st.booleans() | LISTS
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "price": NUMBERS,
        "stock": NUMBERS,
        "new": st.booleans(),
        "brand": WORDS,
        "title": WORDS,
        "tags": LISTS,
        "properties.odd": ODD,
    },
)
USERS = st.fixed_dictionaries({}, optional={"user.country": WORDS, "user.likes": LISTS, "user.age": NUMBERS})

number: st.SearchStrategy[str] = st.deferred(
    lambda: (
        st.sampled_from(["item.price", "item.stock", "user.age", "item.properties.odd", "0", "2.5", "1e300"])
        | st.tuples(number, st.sampled_from("+-*/"), number).map("({0[0]} {0[1]} {0[2]})".format)
    )
)
text = st.sampled_from(
    ["item.brand", "item.title", "user.country", "item.properties.odd", "'red'", "'é'", "context.nothing"]
)
several = st.sampled_from(["item.tags", "user.likes", "item.properties.odd", "['red', 'blue', 2.5]", "[]"])
truth: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["item.new", "True", "False", "item.properties.odd"]),
        st.tuples(number, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), number).map(_spaced),
        st.tuples(text, st.sampled_from(["==", "!=", "in", "not in"]), text).map(_spaced),
        st.tuples(text, st.sampled_from(["in", "not in"]), several).map(_spaced),
        st.tuples(number, st.just("in"), several).map(_spaced),
        st.tuples(text | number | several.filter(lambda each: each[0] != "["), st.sampled_from(["is", "is not"])).map(
            lambda pair: f"({pair[0]} {pair[1]} None)"
        ),
        st.tuples(truth, st.sampled_from(["and", "or"]), truth).map(_spaced),
        truth.map("(not {})".format),
    )
)


def _spaced(parts: tuple[str, ...]) -> str:
    return f"({' '.join(parts)})"


@settings(max_examples=150, deadline=None)
@given(truth, st.lists(ITEMS, min_size=1, max_size=6), USERS)
def test_columns_agree_with_one_item_after_another(text: str, items: list[dict[str, Any]], user: dict[str, Any]) -> None:
    rows = Rows(items)
    rows.others = user
    found = condition(text, KNOWN).holds(rows, len(items)).tolist()
    tree = ast.parse(text, mode="eval").body
    assert found == [meant(tree, rows, at) is True for at in range(len(items))]


SHOP = Rows(
    [
        {"price": 10, "brand": "Acme", "title": "Red cup", "tags": ["cup", "red"], "age": 86_400_000.0, "new": True},
        {"price": 0, "brand": "acme", "title": "Blue pan", "tags": [], "age": 40 * 86_400_000.0, "new": False},
        {"title": "Green bowl", "tags": ["red", 38]},
    ],
    now=1_764_201_600_000,  # Thursday, 2025-11-27
    user__likes=["red", "pans"],
    user__country="PT",
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("item.price < 5", "010"),
        ("not item.price < 5", "100"),
        ("1 / item.price > 0", "100"),
        ("1 / item.price is None", "011"),
        ("0 < item.price <= 10", "100"),
        ("item.price == 10 or item.brand is None", "101"),
        ("lower(item.brand) == 'acme'", "110"),
        ("startswith(item.title, 'Blue')", "010"),
        ("'cup' in item.title", "100"),
        ("'red' in item.tags", "101"),
        ("38 in item.tags", "001"),
        ("overlaps(item.tags, user.likes)", "101"),
        ("overlaps(user.likes, item.tags)", "101"),
        ("overlaps(['cup'], item.tags)", "100"),
        ("len(item.tags) == 0", "010"),
        ("len(item.brand) == 4", "110"),
        ("item.age < days(30)", "100"),
        ("item.age / days(1) == 1", "100"),
        ("item.age > hours(12) + minutes(1)", "110"),
        ("now > date('2025-11-01')", "111"),
        ("now - days(1) == date('2025-11-26')", "111"),
        ("weekday(now) == 3 and hour(now) == 0", "111"),
        ("(item.price if item.new else 99) == 99", "010"),
        ("(item.brand if item.new else 'none') == 'none'", "010"),
        ("min(item.price, 5) == 5", "100"),
        ("max(item.price, 5, 7) == 7", "010"),
        ("abs(-item.price) == 10", "100"),
        ("item.new", "100"),
        ("user.country in ['PT', 'ES']", "111"),
        ("item.brand == user.country", "000"),
        ("context.device == 'phone'", "000"),
        ("context.device is None", "111"),
    ],
)
def test_what_it_means(text: str, wanted: str) -> None:
    assert "".join(str(int(one)) for one in condition(text, KNOWN).holds(SHOP, 3)) == wanted


def test_no_items_are_no_trouble() -> None:
    assert condition("item.price < 5 and 'a' in item.tags", KNOWN).holds(Rows([]), 0).tolist() == []


def test_a_row_that_changes_its_kind_is_of_its_new_kind() -> None:
    column = Column()
    column.put([0, 1], ["a", 2], 2)
    column.put([0], [5], 2)
    value = column.value()
    assert column.kind == "any"
    assert numbers_of(value).values.tolist() == [5.0, 2.0]
    assert texts_of(value).known.tolist() == [False, False]
    assert np.asarray(known_of(value)).tolist() == [True, True]
