"""Rows in one body, and what goes over the wire."""

import json
from typing import Any

import msgspec
import pytest

from honeyguide.api.fields import FIELDS, nearest, takes
from honeyguide.api.problems import UnsupportedMediaType
from honeyguide.api.rows import check_rows_type, read_rows, taken
from honeyguide.api.wire.base import iso
from honeyguide.api.wire.catalogue import ItemOut
from honeyguide.api.wire.events import TrackIn
from honeyguide.api.wire.operations import JobOut, VersionOut
from honeyguide.errors import InvalidInput, TooLarge
from honeyguide.ingest.decode import EVENTS, ITEMS
from honeyguide.messages import EventIn, IngestReport, ItemIn, Rejected
from honeyguide.types import Item, Job, ModelVersion

ARRAY = {b"content-type": b"application/json"}
LINES = {b"content-type": b"application/x-ndjson"}


def encoded(rows: list[Any], headers: dict[bytes, bytes]) -> bytes:
    return json.dumps(rows).encode() if headers is ARRAY else b"\n".join(json.dumps(row).encode() for row in rows)


@pytest.mark.parametrize("headers", [ARRAY, LINES])
def test_rows_keep_their_places(headers: dict[bytes, bytes]) -> None:
    rows = read_rows(ITEMS, encoded([{"item_id": "a"}, {"title": 1}, {"item_id": "c", "price": None}], headers), headers)
    assert [type(row) for row in rows] == [ItemIn, Rejected, ItemIn]
    assert isinstance(rows[1], Rejected)
    assert rows[1].index == 1


@pytest.mark.parametrize("headers", [ARRAY, LINES])
@pytest.mark.parametrize("count", [0, 1, 1000, 1001])
def test_rows_have_a_limit(headers: dict[bytes, bytes], count: int) -> None:
    body = encoded([{"item_id": f"i{n}"} for n in range(count)], headers)
    if count > 1000:
        with pytest.raises(TooLarge):
            read_rows(ITEMS, body, headers)
    else:
        assert len(read_rows(ITEMS, body, headers)) == count


def test_one_object_is_no_array() -> None:
    with pytest.raises(InvalidInput, match="one object"):
        read_rows(EVENTS, b' {"type": "view"}', ARRAY)
    assert len(read_rows(EVENTS, b'{"type": "view"}', LINES)) == 1


@pytest.mark.parametrize("kind", [b"", b"text/csv", b"application/xml"])
def test_rows_come_as_json_only(kind: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match=r"application/json or application/jsonl or"):
        check_rows_type({b"content-type": kind})


def test_a_single_row_that_was_not_taken_is_an_error() -> None:
    report = IngestReport(rejected=[Rejected(0, "bad_time", "/ts", "No time. Send one.")])
    with pytest.raises(InvalidInput) as caught:
        taken(report, "event")
    assert (caught.value.code, caught.value.errors[0].pointer) == ("bad_time", "/ts")
    fine = IngestReport(duplicates=1)
    assert taken(fine, "event") is fine


def test_times_go_out_to_the_millisecond() -> None:
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_780_000_000_001) == "2026-05-28T20:26:40.001Z"
    assert iso(-62_135_596_800_000) == "0001-01-01T00:00:00.000Z"


def test_an_item_on_the_wire_has_every_field() -> None:
    out = ItemOut.of(Item(item_id="a", created_at=5, categories=("x", "y"), vector=(0.5,)))
    assert msgspec.to_builtins(out) == {
        "item_id": "a",
        "title": "",
        "categories": ["x", "y"],
        "price": None,
        "image_url": None,
        "url": None,
        "available": True,
        "hidden": False,
        "created_at": "1970-01-01T00:00:00.005Z",
        "properties": {},
        "vector": [0.5],
        "sequence": 0,
    }


def test_a_version_names_the_aliases_that_point_at_it() -> None:
    old, new = (ModelVersion("ease", number, 0, 1, {}, {}) for number in (1, 2))
    aliases = {"champion": new, "b": old, "a": old}
    assert VersionOut.of(old, aliases).aliases == ["a", "b"]
    assert VersionOut.of(new, aliases).aliases == ["champion"]


def test_a_job_on_the_wire() -> None:
    out = JobOut.of(Job(job_id="j", kind="train", state="queued", created_at=0))
    assert (out.started_at, out.finished_at, out.created_at) == (None, None, "1970-01-01T00:00:00.000Z")


def test_a_tracked_body_becomes_the_event() -> None:
    event = TrackIn(user_id="u", item_id="i", value=2.5, properties={"a": 1}).event("rating")
    assert event == EventIn(type="rating", user_id="u", item_id="i", value=2.5, properties={"a": 1})


def test_fields_are_told_in_words() -> None:
    assert takes("n") == "n is how many items: a whole number from 1 to 500."
    assert takes("no such") == ""
    assert nearest("limt", ["limit", "cursor"]) == "Did you mean limit?"
    assert nearest("zzzz", ["limit", "cursor"]) == "Possible are cursor, limit."
    assert nearest("x", []) == "There are none."
    for name, rule in FIELDS.items():
        assert rule.takes, name
        assert not rule.takes.endswith("."), name
