"""Ids for rows that bring none."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.importers.identity import Ordinals, digest_of, event_id, key_of
from honeyguide.messages import EventIn

EVENT = EventIn(type="view", user_id="u", item_id="i", ts=1_750_000_000_000)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 20), max_size=30), max_size=30))
def test_ordinals_count_what_came_before(batches: list[list[int]]) -> None:
    ordinals, seen = Ordinals(), Counter[int]()
    for batch in batches:
        wanted = []
        for key in batch:
            wanted.append(seen[key])
            seen[key] += 1
        assert ordinals.take(batch) == wanted


@given(st.lists(st.integers(0, 10), max_size=60), st.integers(1, 20))
def test_ordinals_do_not_depend_on_how_rows_are_cut_into_batches(keys: list[int], size: int) -> None:
    whole, parts = Ordinals(), Ordinals()
    cut = [ordinal for start in range(0, len(keys), size) for ordinal in parts.take(keys[start : start + size])]
    assert whole.take(keys) == cut


@pytest.mark.parametrize(
    "other",
    [
        {"type": "click"},
        {"user_id": "v"},
        {"item_id": None},
        {"value": 1.0},
        {"quantity": 1.0},
        {"session_id": "s"},
        {"device_id": "s"},
        {"surface": "s"},
        {"request_id": "s"},
        {"properties": {"a": 1}},
        {"user_id": "u,i", "item_id": ""},
    ],
)
def test_events_that_say_something_else_have_another_digest(other: dict[str, Any]) -> None:
    assert digest_of(EVENT) == digest_of(msgspec.structs.replace(EVENT))
    assert digest_of(EVENT) != digest_of(msgspec.structs.replace(EVENT, **other))


def test_the_id_begins_with_the_time_and_ends_with_the_ordinal() -> None:
    digest = digest_of(EVENT)
    first, second = event_id(1_750_000_000_000, digest, 0), event_id(1_750_000_000_000, digest, 1)
    assert first == f"01977420dc00-{digest.hex()}"
    assert second == f"{first}-1"
    assert event_id(1_750_000_000_001, digest, 0) > first
    assert len({key_of(1, digest), key_of(2, digest), key_of(2, digest_of(EventIn(type="a", user_id="b")))}) == 3


def test_ids_stay_the_same_from_release_to_release() -> None:
    """A changed id would import every old file a second time."""
    assert digest_of(EVENT).hex() == "bcff5e5393083fff116581bd"
