"""Pages: nothing is shown twice, also when the list was made anew in between."""

import base64
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.errors import InvalidInput
from honeyguide.messages import Reason, SlateItem
from honeyguide.recommend.pages import MARK, cursor_of, mark_of, marks_of, order_after, page_of, split
from honeyguide.recommend.ranked import Ranked, continued, decode, encode, ids_of, items_of, pack

DIGEST = "0123456789abcdef"


def ranked(item_ids: Sequence[str]) -> Ranked:
    items = [
        SlateItem(item_id, 1.0 - rank / 1000, rank, ["model"], Reason("ranked", "x"))
        for rank, item_id in enumerate(item_ids, start=1)
    ]
    made: dict[str, Any] = {
        "as_of": 7, "computed_at": 5, "model": "ease@1", "lineup": DIGEST, "rung": "personal", "degraded": [], "missed": [],
    }  # fmt: skip
    return decode(encode(pack(items, **made)))


def listed(found: Ranked, start: int = 0) -> list[str]:
    return ids_of(found.upto(found.length).cut(start, found.length)[0])


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20))
def test_a_cursor_says_what_was_shown(item_ids: list[str]) -> None:
    assert page_of(cursor_of(DIGEST, marks_of(item_ids))) == (marks_of(item_ids), DIGEST, None)
    for seed in (0, 7, 2**32 - 1):
        assert page_of(cursor_of(DIGEST, marks_of(item_ids), seed)) == (marks_of(item_ids), DIGEST, seed)
    assert split(marks_of(item_ids)) == [mark_of(item_id) for item_id in item_ids]
    assert {len(mark) for mark in split(marks_of(item_ids))} == {MARK}


@pytest.mark.parametrize(
    "told",
    [
        b"hg2:10:" + DIGEST.encode(),
        b"hg3:" + DIGEST.encode(),
        b"hg3:" + DIGEST.encode() + bytes(5),
        b"hg3:" + DIGEST.encode() + bytes(5) + b"abc",
        b"hg3:" + DIGEST.encode() + b"\2" + bytes(4) + b"abcd",
        b"hg3:" + DIGEST.upper().encode() + bytes(5) + b"abcd",
        b"hg3:" + DIGEST.encode() + bytes(5) + b"abcd" * 501,
        b"",
    ],
)
def test_what_is_no_cursor(told: bytes) -> None:
    with pytest.raises(InvalidInput, match="page cannot be found"):
        page_of(base64.urlsafe_b64encode(told).decode())


def test_the_marks_of_a_list_are_those_of_its_items() -> None:
    names = [f"i{number}" for number in range(50)]
    found = ranked(names)
    for end in (5, 20, 21, 50):
        assert found.upto(end).marks[: MARK * end] == marks_of(names[:end])


def test_a_list_that_is_still_the_same_is_cut_as_it_is() -> None:
    found = ranked([f"i{number}" for number in range(30)])
    again, start = continued(found, marks_of([f"i{number}" for number in range(10)]), set())
    assert again is found
    assert start == 10


def test_a_list_made_anew_goes_on_with_what_was_not_shown() -> None:
    shown = marks_of(["a", "b", "c", "gone"])
    found, start = continued(ranked(["x", "b", "y", "a", "c", "z"]), shown, set())
    assert start == 3
    assert listed(found, start) == ["x", "y", "z"]
    assert [item.rank for item in items_of(found.upto(6).cut(start, 6)[1])] == [4, 5, 6]
    assert (found.as_of, found.model, found.lineup) == (7, "ease@1", DIGEST)


def test_what_was_shown_and_is_denied_by_now_takes_no_place() -> None:
    found, start = continued(ranked(["a", "b", "c", "d"]), marks_of(["a", "b"]), {"a"})
    assert start == 1
    assert [item_id for item_id in listed(found) if item_id != "a"][start:] == ["c", "d"]


@given(st.permutations([f"i{number}" for number in range(12)]), st.integers(0, 12))
def test_nothing_is_lost_and_nothing_comes_twice(names: list[str], shown: int) -> None:
    before = [f"i{number}" for number in range(shown)]
    order, start = order_after(names, marks_of(before))
    assert sorted(order) == list(range(12))
    assert {names[place] for place in order[:start]} == set(before)
    rest = [names[place] for place in order[start:]]
    assert rest == [name for name in names if name not in before]
