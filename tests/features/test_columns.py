"""Columns: the same values as reading one item after another, in bounded memory, of one moment for whoever holds them."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.config import Settings
from honeyguide.features.columns import Columns, ColumnStore, is_column, totals
from honeyguide.features.custom import plans_of
from honeyguide.features.fold import by_subject
from honeyguide.features.plan import Plan
from honeyguide.features.read import read
from honeyguide.features.state import State, encode, state_of
from honeyguide.types import LogRow
from tests.features.events import DAY, HOUR, NOW, events, of_items, view, views

PLAN = Plan("item", views("item"))
IDS = ["a", "b", "c/ü🍯", "d", "unknown"]
NONE = np.full(len(IDS), np.nan, np.float32)


def states_of(rows: list[LogRow], plan: Plan = PLAN) -> dict[str, bytes]:
    return {name: encode(plan, state_of(plan, mine)) for name, mine in by_subject(plan, rows).items()}


def made(store: ColumnStore, states: dict[str, bytes], now: int, rows: int = len(IDS)) -> Columns:
    values = store.begin(rows)
    known = [at for at, name in enumerate(IDS) if name in states]
    store.put(values, np.array(known, np.int32), [states[IDS[at]] for at in known], now)
    store.describe(values, range(rows), IDS, of_items)
    return store.publish(values, now, NONE, np.zeros(len(IDS), np.int64), sequence=1, exact_at=now)


@given(events(most=30), st.sampled_from([0, 1, 59_999, HOUR, DAY, 3 * DAY]))
def test_columns_are_what_reading_one_by_one_says(rows: list[LogRow], later: int) -> None:
    now = max([NOW - 3 * DAY, *(row.received_at for row in rows)]) + later
    columns = made(ColumnStore(PLAN), states_of(rows), now)
    assert set(columns.names) == {v.name for v in PLAN.views if is_column(v)}
    mine = by_subject(PLAN, rows)
    for row, item_id in enumerate(IDS):
        found = read(PLAN, state_of(PLAN, mine.get(item_id, [])), now, names=columns.names)
        for name, told in zip(columns.names, columns.gather(np.array([row], np.int32), columns.names)[0], strict=True):
            value = found[name].value
            assert told == np.float32(value) if value is not None else np.isnan(told), (item_id, name)


@given(events(most=30), st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_only_what_is_due_has_to_be_read_again(rows: list[LogRow], steps: list[int]) -> None:
    """As time goes by, looking at the due rows alone keeps every column right."""
    now = max([NOW - 3 * DAY, *(row.received_at for row in rows)])
    states, store = states_of(rows), ColumnStore(PLAN)
    store.due(now)
    made(store, states, now)
    for step in steps:
        now += [1, 59_000, 61_000, HOUR // 2, 8 * HOUR, 2 * DAY][step]
        due = {IDS[row] for row in store.due(now).tolist()}
        kept = made(store, {name: states.get(name, encode(PLAN, State())) for name in due}, now)
        np.testing.assert_array_equal(kept.values, made(ColumnStore(PLAN), states, now).values)


def test_what_a_reader_holds_never_changes() -> None:
    row = LogRow(event_id="e", ts=NOW, received_at=NOW, user_id="u", item_id="a", type="view")
    store = ColumnStore(PLAN)
    first = made(store, {}, NOW)
    before = first.values.copy()
    second = made(store, states_of([row]), NOW)
    np.testing.assert_array_equal(first.values, before)
    assert second.gather(np.array([0], np.int32), ["all_views"]).tolist() == [[1.0]]
    with pytest.raises(ValueError, match="read-only"):
        second.values[0, 0] = 7.0


def test_a_gather_of_what_is_not_there_is_nan() -> None:
    columns = made(ColumnStore(PLAN), {}, NOW, rows=2)
    found = columns.gather(np.array([1, 0, 4, 99], np.int32), ["all_views", "nobody", "shrunken_rate"])
    assert found.shape == (4, 3)
    assert np.isnan(found).tolist() == [[False, True, False]] * 2 + [[True] * 3] * 2
    assert found[0].tolist()[::2] == [0.0, np.float32(0.1)]
    assert Columns().gather(np.array([0], np.int32), ["price"]).shape == (1, 1)


def test_items_in_thirty_columns_have_their_bounded_bytes() -> None:
    """Arrays of at most 240 bytes per item, whatever there is in the log, and 120 more while the next columns are made: a
    million items are 240 MB."""
    windows = ("1h", "1d", "7d", "30d")
    more = [view(f"carts_{window}", "count", "add_to_cart", window=window) for window in windows[1:]]
    more += [view(f"stars_{window}", "mean", "rating", of="value", window=window) for window in windows]
    more += [view("last_sold", "time_since", "purchase")]
    settings = Settings(features=[each.model_copy(update={"entity": "item"}) for each in more])
    store = ColumnStore(plans_of(settings)["item"])
    assert len(store.names) == 30
    rows = 200_000
    columns = store.publish(
        store.begin(rows), NOW, np.zeros(rows, np.float32), np.full(rows, NOW - DAY), sequence=1, exact_at=NOW
    )
    assert columns.values.shape == (rows, 30)
    assert store.nbytes <= 240 * rows
    assert store.begin(rows).nbytes <= 120 * rows
    candidates = np.arange(0, rows, rows // 500, dtype=np.int32)
    assert columns.gather(candidates, store.names).shape == (500, 30)


def test_bytes_that_are_no_state_are_refused() -> None:
    for damaged in (
        b"",
        b"honey",
        msgspec.msgpack.encode([1, b"abc", b"", b""]),
        msgspec.msgpack.encode([9, b"", b"", b""]),
    ):
        with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
            totals(PLAN, [damaged], NOW)
