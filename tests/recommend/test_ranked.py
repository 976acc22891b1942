"""The kept list: cutting its text gives what decoding and slicing would."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.messages import Reason, SlateItem
from honeyguide.recommend.ranked import Ranked, decode, encode, ids_of, items_of, pack, part_of

IDS = st.lists(st.text(min_size=1, max_size=12).filter(lambda text: "\ud800" not in text), max_size=60, unique=True)


def listed(ids: list[str]) -> Ranked:
    items = [SlateItem(name, 1.0 / rank, rank, ["model"], Reason("ranked", f"“{name}”")) for rank, name in enumerate(ids, 1)]
    made = pack(items, as_of=7, computed_at=8, model="ease@1", lineup="l", rung="personal", degraded=[], missed=[])
    return decode(encode(made))


@given(ids=IDS.map(lambda ids: [text for text in ids if text.isprintable()]), start=st.integers(0, 70), n=st.integers(1, 70))
def test_a_page_is_the_slice(ids: list[str], start: int, n: int) -> None:
    ranked = listed(ids)
    assert ranked.length == len(ids)
    part = ranked.upto(start + n)
    cut_ids, cut_items = part.cut(start, start + n)
    assert ids_of(cut_ids) == ids[start : start + n]
    assert [item.item_id for item in items_of(cut_items)] == ids[start : start + n]
    assert [item.rank for item in items_of(cut_items)] == list(range(start + 1, start + 1 + len(ids[start : start + n])))


def test_removed_items_close_ranks() -> None:
    whole = items_of(listed(["a", "b,", 'c"', "d"]).upto(4).items)
    part = part_of([item for item in whole if item.item_id != "b,"])
    assert ids_of(part.ids) == ["a", 'c"', "d"]
    assert [item.rank for item in items_of(part.items)] == [1, 2, 3]
    assert part_of([]).cut(0, 10) == (b"", b"")


def test_bytes_that_are_no_list_are_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(b"\x93\x01\x02")
