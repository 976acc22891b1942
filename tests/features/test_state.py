"""States: the same for the same events in whatever order, in whatever parts, and what views read from them is right."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.config.settings import FeatureView
from honeyguide.features.plan import KEPT_CELLS, Plan
from honeyguide.features.read import read
from honeyguide.features.state import State, decode, encode, fold, merge, state_of
from honeyguide.types import LogRow
from tests.features.events import DAY, HOUR, NOW, events, of_items, plain, view, views

PLAN = Plan("user", views())
OWN = {"properties": {"country": "PT"}}


@given(st.data(), events())
def test_the_order_of_events_does_not_matter(data: st.DataObject, rows: list[LogRow]) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert encode(PLAN, state_of(PLAN, shuffled)) == encode(PLAN, state_of(PLAN, rows))


@given(st.data(), events())
def test_states_of_parts_merge_to_the_state_of_all(data: st.DataObject, rows: list[LogRow]) -> None:
    parts: list[list[LogRow]] = [[], [], []]
    for row in rows:
        parts[data.draw(st.integers(0, 2))].append(row)
    merged = merge(decode(encode(PLAN, state_of(PLAN, part))) for part in parts)
    assert encode(PLAN, merged) == encode(PLAN, state_of(PLAN, rows))


@given(st.data(), events())
def test_a_state_may_be_put_away_at_any_time(data: st.DataObject, rows: list[LogRow]) -> None:
    state = State()
    for row in rows:
        fold(PLAN, state, row)
        if data.draw(st.booleans()):
            state = decode(encode(PLAN, state))
    assert encode(PLAN, state) == encode(PLAN, state_of(PLAN, rows))
    assert encode(PLAN, decode(encode(PLAN, state))) == encode(PLAN, state)


@given(events(), st.sampled_from([0, 1, 59_999, HOUR, DAY - 1, DAY, 3 * DAY]), st.sampled_from(["user", "item"]))
def test_every_kind_says_what_its_words_say(rows: list[LogRow], later: int, entity: str) -> None:
    plan = Plan("user", views()) if entity == "user" else Plan("item", views("item"))
    now = max([NOW - 3 * DAY, *(row.received_at for row in rows)]) + later
    found = read(plan, state_of(plan, rows), now, own=OWN, items=of_items)
    assert set(found) == set(plan.bound)
    for declared in plan.views:
        expected = plain(declared, rows, now, OWN, of_items)
        told = found[declared.name]
        if isinstance(expected, float) or (isinstance(expected, list) and declared.kind == "vector"):
            assert told.value == pytest.approx(expected, rel=1e-9, abs=2e-6), declared
        else:
            assert told.value == expected, declared
        times = [min(row.ts, row.received_at) for row in rows if row.type in (*declared.events, *declared.over)]
        assert told.event_at == max(times, default=None)
        assert told.missing == (not times if declared.events else expected is None)


@given(events(most=25), st.integers(1, 24))
def test_what_falls_out_of_a_state_is_in_no_window_any_more(rows: list[LogRow], at: int) -> None:
    """Reading a state that was put away and taken out again is reading one that never was."""
    now = max([NOW - 3 * DAY, *(row.received_at for row in rows)])
    first = decode(encode(PLAN, state_of(PLAN, rows[:at])))
    for row in rows[at:]:
        fold(PLAN, first, row)
    assert read(PLAN, first, now, items=of_items) == read(PLAN, state_of(PLAN, rows), now, items=of_items)


def event(at: int, number: int = 0, **more: object) -> LogRow:
    given: dict[str, object] = {"type": "view", "user_id": "u", "item_id": "a", "ts": at, "received_at": at, **more}
    return LogRow(event_id=f"e{number}", **given)  # type: ignore[arg-type]


def one(declared: FeatureView, rows: Sequence[LogRow], now: int) -> object:
    plan = Plan("user", [declared])
    return read(plan, state_of(plan, rows), now, items=of_items)[declared.name].value


def test_a_window_moves_in_sixtieths() -> None:
    """An event at the start of a minute leaves a window of an hour exactly at the start of that minute an hour later."""
    start = NOW - NOW % HOUR
    for second in (0, 59_999):
        rows = [event(start + second)]
        assert one(view("v", "count", "view", window="1h"), rows, start + HOUR - 1) == 1.0
        assert one(view("v", "count", "view", window="1h"), rows, start + HOUR) == 0.0


def test_an_event_from_the_future_counts_from_when_it_came() -> None:
    rows = [event(NOW + 4 * HOUR, received_at=NOW)]
    assert one(view("v", "time_since", "view"), rows, NOW + 1000) == 1.0
    assert one(view("v", "count", "view", window="1h"), rows, NOW) == 1.0


def test_impressions_count_for_every_item_that_was_seen() -> None:
    plan = Plan("item", [view("seen", "count", "impression").model_copy(update={"entity": "item"})])
    row = event(NOW, type="impression", item_id=None, payload='{"items": ["a", "b", "a", 7]}')
    state = state_of(plan, [row])
    assert read(plan, state, NOW)["seen"].value == 1.0


def test_ten_thousand_events_of_one_user_stay_small() -> None:
    rows = [
        event(NOW - 20 * DAY + 150_000 * number, number, item_id=f"item {number % 3000}", surface=f"s{number}")
        for number in range(10_000)
    ]
    state = state_of(PLAN, rows)
    assert len(state.cells[PLAN.bound["top"].main]) <= 2 * KEPT_CELLS
    encoded = encode(PLAN, state)
    assert len(encoded) < 40_000
    assert encode(PLAN, state_of(PLAN, list(reversed(rows)))) == encoded
    found = read(PLAN, decode(encoded), NOW + 8 * DAY, items=of_items)
    assert found["all_views"].value == 10_000.0


def test_sums_are_exact_however_large() -> None:
    rows = [event(NOW, number, type="purchase", value=value) for number, value in enumerate([0.1, 1e11, 0.2, -1e11, 1e300])]
    assert one(view("v", "sum", "purchase", of="value"), rows[:4], NOW) == 0.3
    assert one(view("v", "sum", "purchase", of="value"), rows, NOW) == 1e12 + 0.3
    many = [event(NOW, number, type="purchase", value=1e300) for number in range(20)]
    plan = Plan("user", [view("v", "sum", "purchase", of="value")])
    assert read(plan, decode(encode(plan, state_of(plan, many))), NOW)["v"].value == pytest.approx(9.223372036854e12)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_numbers_that_are_none_are_left_out(value: float | None) -> None:
    rows = [event(NOW, 1, type="rating", value=value), event(NOW, 2, type="rating", value=4.0)]
    assert one(view("v", "mean", "rating", of="value"), rows, NOW) == 4.0
    assert one(view("v", "sum", "rating", of="value"), rows[:1], NOW) == 0.0


@pytest.mark.parametrize("payload", [None, "", "[]", "{", '{"deep": 5}', '{"deep": {"n": 1e999}}', '{"deep": {"n": [1]}}'])
def test_properties_that_do_not_fit_are_left_out(payload: str | None) -> None:
    assert one(view("v", "sum", "view", of="properties.deep.n"), [event(NOW, payload=payload)], NOW) == 0.0


@pytest.mark.parametrize(
    "damaged", [b"", b"\xc1", b"honey", encode(PLAN, State())[:-1], msgspec.msgpack.encode([1, b"xxx"])]
)
def test_bytes_that_are_no_state_are_refused(damaged: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
        decode(damaged)


def test_a_state_of_another_version_is_refused() -> None:
    parts = msgspec.msgpack.decode(encode(PLAN, State()))
    with pytest.raises(msgspec.DecodeError, match="version 9"):
        decode(msgspec.msgpack.encode([9, *parts[1:]]))
    with pytest.raises(msgspec.DecodeError, match="damaged"):
        decode(msgspec.msgpack.encode([1, b"abc", *parts[2:]]))


def test_views_share_what_they_are_made_of() -> None:
    counted = view("clicks", "count", "click", window="1d")
    rate = view("rate", "rate", "click", over=["view"], window="1d")
    assert len(Plan("user", [counted, rate]).parts) == len(Plan("user", [rate]).parts) + 1, "one more: its own last"


def test_only_what_is_folded_names_the_group() -> None:
    group = Plan("user", [view("a", "rate", "click", over=["view"], window="1d")]).group
    same = view("b", "rate", "click", over=["view"], window="1d", prior=0.5, prior_weight=9, ttl="1h")
    assert Plan("user", [same]).group == group
    for other in (
        view("a", "rate", "click", over=["view"], window="7d"),
        view("a", "rate", "view", over=["click"], window="1d"),
        view("a", "count", "click", window="1d", weights={"click": 2}),
    ):
        assert Plan("user", [other]).group != group
