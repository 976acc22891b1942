"""Cursors: opaque, for one list only, null at the end."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.api import cursors
from honeyguide.api.wire.base import PageParams
from honeyguide.errors import InvalidInput

ID = st.text(min_size=1)


@given(ID)
def test_a_cursor_gives_back_its_id(last_id: str) -> None:
    cursor = cursors.write("items", last_id)
    assert cursors.read("items", cursor) == last_id
    assert cursor.isascii()
    assert set("+/=") & set(cursor) == set()


def test_no_cursor_is_the_beginning() -> None:
    assert cursors.read("items", None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "item_1",
        cursors.write("users", "a"),
        cursors.write("items", ""),
        cursors.write("items", "a") + "=",
        cursors.write("items", "a")[:-1],
        base64.urlsafe_b64encode(b"items\n\xff\xfe").decode(),
        "ä",
    ],
)
def test_what_this_list_did_not_give_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        cursors.read("items", cursor)
    assert caught.value.errors[0].pointer == "/cursor"
    assert "Begin again" in caught.value.errors[0].detail


@given(st.text(max_size=30))
def test_no_text_ends_in_any_other_error(cursor: str) -> None:
    with suppress(InvalidInput):
        assert cursors.write("items", cursors.read("items", cursor) or "") == cursor


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**12])
def test_a_page_has_a_length(limit: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        cursors.check_limit(PageParams(limit=limit))
    assert caught.value.errors[0].pointer == "/limit"
    assert cursors.check_limit(PageParams(limit=1000)) == 1000


def test_pages_follow_one_another_and_end() -> None:
    rows = [f"id{number}" for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while True:
        after = cursors.read("ids", cursor)
        rest = [row for row in rows if after is None or row > after]
        shown, cursor = cursors.page("ids", rest[:4], 3, str)
        seen += shown
        pages += 1
        if cursor is None:
            break
    assert seen == rows
    assert pages == 3
