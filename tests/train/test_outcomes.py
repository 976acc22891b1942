"""Which list an event is an outcome of, and what that makes of the list."""

from typing import Any

import pytest

from honeyguide.config.settings import Settings, Surface, Training
from honeyguide.train.ranker.outcomes import Attribution, Outcome, outcomes, windows_of
from honeyguide.types import LogRow, ServedSlate

NOW = 1_700_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def slate(request_id: str, user: str, *items: str, ts: int = NOW) -> ServedSlate:
    return ServedSlate(
        request_id=request_id,
        ts=ts,
        user_id=user,
        surface="home",
        items=list(items),
        n=len(items),
        served_from="computed",
        rung="personal",
        model="knn@1",
        as_of=1,
        computed_at=ts,
        seed=0,
        config="",
    )


def event(user: str, item: str | None, kind: str = "click", *, at: int = NOW + 1_000, **more: Any) -> LogRow:
    return LogRow(**{"event_id": "e", "ts": at, "received_at": at, "user_id": user, "item_id": item, "type": kind, **more})


SLATES = [slate("r1", "u", "a", "b"), slate("r2", "u", "b", "c", ts=NOW + HOUR), slate("r3", "v", "a")]


def told(row: LogRow, people: dict[str, str] | None = None, others: tuple[str, ...] = ()) -> tuple[int, int] | None:
    found = Attribution(SLATES, people or {}, windows_of(Settings()), others).of(row)
    return None if found is None else (found.slate, found.place)


def test_an_event_belongs_to_the_list_that_it_names() -> None:
    assert told(event("u", "b", request_id="r1", at=NOW + HOUR)) == (0, 1), "a later list showed it, too"
    assert told(event("u", "c", request_id="r1", at=NOW + HOUR)) is None, "that list did not show it"
    assert told(event("u", "b", request_id="elsewhere", at=NOW + HOUR)) is None, "a list of another surface"
    assert told(event("v", "b", request_id="r1")) == (0, 1), "somebody has signed in meanwhile"


def test_without_a_name_it_belongs_to_the_latest_list_that_showed_its_user_the_item() -> None:
    assert told(event("u", "b", at=NOW + 1)) == (0, 1)
    assert told(event("u", "b", at=NOW + HOUR)) == (1, 0)
    assert told(event("u", "b", at=NOW - 1)) is None
    assert told(event("u", "x")) is None
    assert told(event("v", "b")) is None
    assert told(event("w", "a", at=NOW + 5)) is None
    assert told(event("w", "a", at=NOW + 5), people={"w": "u", "u": "u"}) == (0, 0), "one person by now"


def test_what_says_that_it_happened_elsewhere_is_of_no_list_unless_it_names_one() -> None:
    assert told(event("u", "b", surface="cart"), others=("cart",)) is None
    assert told(event("u", "b", surface="home"), others=("cart",)) == (0, 1)
    assert told(event("u", "b", surface="checkout"), others=("cart",)) == (0, 1), "that is no surface with lists"
    assert told(event("u", "b", surface="cart", request_id="r1"), others=("cart",)) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "window"), [("click", HOUR), ("view", HOUR), ("purchase", 7 * DAY), ("rating", 7 * DAY), ("hide", DAY)]
)
def test_each_goal_has_its_window(kind: str, window: int) -> None:
    for named in ({"request_id": "r1"}, {}):
        assert told(event("u", "a", kind, at=NOW + window, **named)) == (0, 0)
        assert told(event("u", "a", kind, at=NOW + window + 1, **named)) is None


def test_windows_may_be_set_by_type() -> None:
    windows = windows_of(Settings(training=Training(attribution={"click": "2h"})))  # type: ignore[dict-item]
    assert windows["click"] == 2 * HOUR
    assert windows["purchase"] == 7 * DAY
    assert windows["add_to_cart"] == DAY


def test_live_events_go_by_our_clock_and_history_by_theirs() -> None:
    live = event("u", "a", at=NOW, received_at=NOW + 2 * HOUR)
    assert told(live) is None, "it came in two hours after the list"
    imported = event("u", "a", at=NOW, received_at=NOW + 2 * HOUR, imported=True)
    assert told(imported) == (0, 0)


def test_other_rows_of_the_log_are_no_outcomes() -> None:
    rows = [event("u", None, "search"), event("u", "a", kind="undeclared"), event("u", "a", "click")]
    rows.append(LogRow(kind="item_put", event_id="i", ts=NOW, received_at=NOW, item_id="a", payload="{}"))
    found = outcomes([rows], Attribution(SLATES, {}, windows_of(Settings())))
    assert found == [Outcome(0, 0, "click", None, NOW + 1_000)]


def test_goals_are_of_the_surface() -> None:
    assert "click" in windows_of(Settings(surfaces=[Surface(name="home", recipe="ranked")]))
