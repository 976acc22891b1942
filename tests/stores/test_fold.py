"""Folding rows into items and users: pure functions on known answers."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.stores.fold import Catalogue, People, fold_item, merge_patch, merged_properties, merges_named
from honeyguide.testing.stores.rows import change, event
from honeyguide.types import Item, LogRow, User

# RFC 7396, appendix A: those of its examples whose patch is an object, as every patch of ours is.
RFC_7396 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_merge_patch_does_what_its_standard_says(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(OBJECT, OBJECT)
def test_merge_patch_changes_neither_and_is_idempotent(target: dict[str, Any], patch: dict[str, Any]) -> None:
    before = json.dumps([target, patch])
    once = merge_patch(target, patch)
    assert json.dumps([target, patch]) == before
    assert merge_patch(once, patch) == once


def at(sequence: int, row: LogRow) -> LogRow:
    row.sequence = sequence
    return row


def test_an_event_changes_no_known_item() -> None:
    item = Item(item_id="i", title="T", created_at=3, sequence=2)
    assert fold_item(item, at(9, event("u", "i", ts=99))) is item


def test_null_sets_a_field_to_its_default() -> None:
    row = at(1, change("item_put", "i", title="T", price=3, available=False, properties={"a": 1}, vector=[1], created_at=5))
    item = fold_item(None, row)
    nothing: dict[str, Any] = dict.fromkeys(
        ["title", "price", "available", "properties", "vector", "created_at", "categories"]
    )
    assert fold_item(item, at(2, change("item_patch", "i", **nothing))) == Item(item_id="i", created_at=5, sequence=2)


def test_an_empty_patch_of_properties_changes_none() -> None:
    item = fold_item(None, at(1, change("item_put", "i", properties={"a": 1})))
    assert fold_item(item, at(2, change("item_patch", "i", properties={}))).properties == {"a": 1}
    people = People([User(user_id="u", properties={"a": 1})])
    for row in (change("user_patch", "u", properties={}), change("user_patch", "u")):
        people.apply(at(2, row))
        assert people.users["u"].properties == {"a": 1}
    people.apply(at(3, change("user_patch", "u", properties=None)))
    assert people.users["u"].properties == {}


def test_vectors_are_folded_at_the_width_that_they_are_stored_in() -> None:
    item = fold_item(None, at(1, change("item_put", "i", vector=[0.1, 1 / 3])))
    assert item.vector == (0.10000000149011612, 0.3333333432674408)


def test_unknown_fields_of_a_newer_release_are_passed_over() -> None:
    item = fold_item(None, at(1, change("item_put", "i", title="T", smell="sweet")))
    assert item.title == "T"


@pytest.mark.parametrize("fields", [{"title": 1}, {"categories": "a"}, {"properties": []}, {"created_at": "now"}])
def test_a_field_of_another_type_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        fold_item(None, at(1, change("item_put", "i", **fields)))


def test_the_catalogue_tells_what_changed() -> None:
    known = Item(item_id="known", created_at=1)
    catalogue = Catalogue([known])
    rows = [event("u", "known"), event("u", "new"), change("item_delete", "new", ts=7), change("user_put", "known")]
    for sequence, row in enumerate([*rows, event("u", None)], 1):
        catalogue.apply(at(sequence, row))
    assert catalogue.changed == {"new": Item(item_id="new", created_at=0, deleted_at=7, sequence=3)}
    assert catalogue.first == {"new": 2}
    assert catalogue.items["known"] is known


def test_pointers_stay_one_step_long() -> None:
    people = People()
    for sequence, (user, into) in enumerate([("a", "b"), ("b", "c"), ("d", "a"), ("c", "e"), ("e", "a"), ("e", "e")], 1):
        people.apply(at(sequence, change("user_merge", user, canonical_id=into)))
    assert {name: user.canonical_id for name, user in people.users.items()} == {
        "a": "e", "b": "e", "c": "e", "d": "e", "e": None,
    }  # fmt: skip
    assert [user.user_id for user in people.group("d")][-1] == "e"


def test_pointing_elsewhere_leaves_the_others() -> None:
    people = People()
    for user, into in [("a", "x"), ("b", "x"), ("a", "y")]:
        people.apply(at(1, change("user_merge", user, canonical_id=into)))
    assert {user.user_id for user in people.group("x")} == {"b", "x"}
    assert {user.user_id for user in people.group("y")} == {"a", "y"}


def test_removing_a_user_lets_go_of_those_who_point_at_it() -> None:
    people = People()
    for user in "ab":
        people.apply(at(1, change("user_merge", user, canonical_id="root")))
    people.apply(at(2, change("user_delete", "a")))
    assert {user.user_id for user in people.group("root")} == {"b", "root"}
    people.apply(at(3, change("user_delete", "root")))
    assert people.users == {"b": User(user_id="b", sequence=3)}
    assert people.changed["a"] is people.changed["root"] is None
    people.apply(at(4, change("user_delete", "never seen")))
    assert people.changed["never seen"] is None


def test_moves_tell_who_went_by_which_id_and_since_when() -> None:
    people = People([User(user_id="z", canonical_id="c")])
    steps = [("a", "b"), ("b", "c"), ("b", "c"), ("a", None)]
    for sequence, (user, into) in enumerate(steps, 1):
        people.apply(at(sequence, change("user_merge", user, canonical_id=into)))
    people.apply(at(5, change("user_delete", "c")))
    assert people.moves == [
        ("a", None, "b", 1), ("b", None, "c", 2), ("a", "b", "c", 2), ("a", "c", None, 4), ("b", "c", None, 5),
        ("z", "c", None, 5),
    ]  # fmt: skip


def test_what_was_there_before_is_not_a_change() -> None:
    people = People([User(user_id="a", canonical_id="b"), User(user_id="b")])
    assert people.changed == {}
    people.apply(at(1, event("a", "i")))
    people.apply(at(1, change("item_put", "i")))
    assert people.changed == {}


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=25))
def test_merging_roots_gives_the_components(pairs: list[tuple[str, str]]) -> None:
    """Against a union of sets: whoever merges a canonical id joins both groups."""
    people, sets = People(), {name: {name} for name in "abcdef"}
    for sequence, (left, right) in enumerate(pairs, 1):
        root = people.root(left)
        people.apply(at(sequence, change("user_merge", root, canonical_id=right)))
        joined = sets[left] | sets[right]
        for name in joined:
            sets[name] = joined
    for name in "abcdef":
        assert {user.user_id for user in people.group(name)} | {name} == sets[name]
        root = people.root(name)
        assert people.root(root) == root


def test_the_canonical_id_has_the_last_word() -> None:
    people = People([User(user_id="a", canonical_id="b", properties={"x": 1, "y": 2}, sequence=9)])
    people.apply(at(3, change("user_put", "b", properties={"x": 3})))
    assert merged_properties(people.group("a")) == {"x": 3, "y": 2}
    assert merged_properties([]) == {}


def test_merges_name_their_targets() -> None:
    rows = [change("user_merge", "a", canonical_id="b"), change("user_merge", "a", canonical_id=None), event("u", "i")]
    assert merges_named(rows) == {"b"}
