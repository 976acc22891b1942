"""The item block: columns, growth, the deny set, and the block as it was."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.features import ItemBlock
from honeyguide.types import Item
from tests.world import DAY, NOW, block, ids, item


def test_columns_hold_what_was_put() -> None:
    made = block([item("a", "shoes", "red", price=9.5, created_at=NOW, sequence=4), item("b")])
    assert len(made) == 2
    assert made.number("b") == 1
    assert made.number("nobody") == -1
    assert made.price[0] == np.float32(9.5)
    assert np.isnan(made.price[1])
    assert made.created_at.tolist() == [NOW, 0]
    assert made.first_sequence.tolist() == [4, 0]
    assert [made.category_names[number] for number in made.categories[0, :2]] == ["shoes", "red"]
    assert made.categories[1].tolist() == [-1] * 12


def test_a_second_put_replaces_and_keeps_the_row() -> None:
    made = block([item("a", "shoes", price=1.0, sequence=1), item("b")])
    made.put([item("a", "hats", title="New", sequence=9)])
    assert made.number("a") == 0
    assert made.titles[0] == "New"
    assert made.category_names[made.categories[0, 0]] == "hats"
    assert made.categories[0, 1] == -1
    assert np.isnan(made.price[0])
    assert made.first_sequence[0] == 1, "an item appears once, however often it changes"


def test_hidden_deleted_and_unavailable_items_are_denied_and_come_back() -> None:
    made = block([item("a", hidden=True), item("b", available=False), item("c", deleted_at=NOW), item("d")])
    assert made.denied == {"a", "b", "c"}
    assert made.blocked.tolist() == [True, True, True, False]
    made.put([item("a"), item("b"), item("c"), item("d", hidden=True)])
    assert made.denied == {"d"}
    assert made.blocked.tolist() == [False, False, False, True]


@given(st.integers(1, 5000))
def test_growth_keeps_every_value(count: int) -> None:
    made = ItemBlock()
    made.put(Item(item_id=str(n), price=float(n), created_at=n + 1, categories=(f"c{n % 7}",)) for n in range(count))
    assert made.price.tolist() == [float(n) for n in range(count)]
    assert made.created_at.tolist() == list(range(1, count + 1))
    assert len(made.categories) == len(made.blocked) == count


def test_a_reader_keeps_its_columns_while_the_block_grows() -> None:
    made = block([item(str(n), price=1.0) for n in range(1000)])
    price = made.price
    made.put([item(f"new {n}", price=2.0) for n in range(5000)])
    assert price.tolist() == [1.0] * 1000


def test_newest_first_without_items_of_unknown_age() -> None:
    made = block([item("old", created_at=NOW - DAY), item("unknown"), item("new", created_at=NOW)])
    assert ids(made, made.newest()) == ["new", "old"]
    made.put([item("newer", created_at=NOW + 1)])
    assert ids(made, made.newest()) == ["newer", "new", "old"]


def test_the_block_as_it_was_leaves_the_present_one_alone() -> None:
    made = block([item("a", "shoes", price=1.0), item("b", hidden=True, created_at=NOW), item("c", created_at=NOW)])
    before = made.as_it_was([("a", item("a", "hats", price=2.0)), ("b", item("b")), ("c", None)])
    assert before.price[0] == 2.0
    assert before.category_names[before.categories[0, 0]] == "hats"
    assert before.denied == {"c"}, "an item that was not there yet must not be shown"
    assert ids(before, before.newest()) == []
    assert made.price[0] == 1.0
    assert made.denied == {"b"}
    assert "hats" not in made.category_numbers
