"""From rows of the log to arrays: weights, order, what is left out, segments."""

import polars as pl
import pytest

from honeyguide.config.settings import Events, EventType, Settings
from honeyguide.offline.dataset import MAX_SEGMENTS, OTHER, dataset_from

Row = tuple[str, str, str, float | None, int]


def frame(*rows: Row) -> pl.DataFrame:
    """Rows (user, item, type, value, ts) as the log gives them: by time, then sequence."""
    schema = {"user_id": pl.String, "item_id": pl.String, "type": pl.String, "value": pl.Float64, "ts": pl.Int64}
    found = pl.DataFrame(list(rows), schema=schema, orient="row")
    quantity = pl.lit(None, dtype=pl.Float64)
    return found.with_columns(quantity=quantity, sequence=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).sort(
        "ts", "sequence"
    )


def test_ids_become_numbers_and_come_back() -> None:
    found = dataset_from(
        frame(("b", "y", "view", None, 2), ("a", "x", "click", None, 1), ("b", "x", "view", None, 3)), Settings()
    )
    data = found.interactions
    pairs = [(found.user_ids[user], found.item_ids[item]) for user, item in zip(data.users, data.items, strict=True)]
    assert pairs == [("a", "x"), ("b", "y"), ("b", "x")]
    assert data.weights.tolist() == [2.0, 1.0, 1.0]
    assert data.ts.tolist() == [1, 2, 3]
    kinds = [str(array.dtype) for array in (data.users, data.items, data.weights, data.ts)]
    assert kinds == ["int32", "int32", "float32", "int64"]
    assert (data.n_users, data.n_items, data.n_segments) == (2, 2, 1)


def test_ids_are_kept_exactly() -> None:
    ids = ["A", "a", " a", "a ", "\u00e9", "e\u0301", "\U0001f41d", "1", "01", "null"]
    rows = [(own, own, "view", None, place) for place, own in enumerate(ids)]
    found = dataset_from(frame(*rows), Settings())
    assert found.user_ids == ids
    assert found.item_ids == ids


@pytest.mark.parametrize(("stars", "weight"), [(3.0, 4.0), (5.0, 20 / 3), (1.0, 4 / 3), (0.5, 2 / 3), (None, 4.0)], ids=str)
def test_a_rating_weighs_by_its_value_over_the_middle(stars: float | None, weight: float) -> None:
    found = dataset_from(frame(("u", "i", "rating", stars, 1)), Settings())
    assert found.interactions.weights.tolist() == pytest.approx([weight], rel=1e-6)


@pytest.mark.parametrize("stars", [0.0, -3.0, float("nan"), float("inf"), float("-inf")])
def test_a_rating_that_is_no_signal_is_left_out(stars: float) -> None:
    found = dataset_from(frame(("u", "i", "rating", stars, 1), ("u", "j", "view", None, 2)), Settings())
    assert found.item_ids == ["j"]


def test_types_without_weight_or_declaration_are_left_out() -> None:
    rows = [("u", kind, kind, 9.0, 1) for kind in ("view", "profile_update", "hide", "dislike", "impression", "unheard_of")]
    assert dataset_from(frame(*rows), Settings()).item_ids == ["view"]


def test_declared_types_count() -> None:
    settings = Settings(events=Events(types={"listen": EventType(weight=7), "view": EventType(weight=0)}))
    found = dataset_from(frame(("u", "a", "listen", None, 1), ("u", "b", "view", None, 2)), settings)
    assert found.item_ids == ["a"]
    assert found.interactions.weights.tolist() == [7.0]


def test_what_was_done_before_a_hide_is_taken_back_and_what_comes_later_counts() -> None:
    rows: list[Row] = [
        ("u", "a", "purchase", None, 1),
        ("u", "a", "hide", None, 2),
        ("u", "a", "view", None, 3),
        ("v", "a", "view", None, 1),
        ("u", "b", "view", None, 1),
        ("u", "b", "dislike", None, 1),
    ]
    found = dataset_from(frame(*rows), Settings())
    data = found.interactions
    kept = {
        (found.user_ids[user], found.item_ids[item], int(ts))
        for user, item, ts in zip(data.users, data.items, data.ts, strict=True)
    }
    assert kept == {("u", "a", 3), ("v", "a", 1)}


def test_a_dislike_is_one_row_of_negative_weight_unless_something_positive_came_after_it() -> None:
    rows: list[Row] = [
        ("u", "a", "view", None, 1),
        ("u", "b", "hide", None, 2),
        ("u", "b", "dislike", None, 3),
        ("v", "b", "view", None, 4),
        ("v", "a", "hide", None, 5),
        ("v", "a", "view", None, 6),
        ("u", "nobody likes it", "dislike", None, 7),
        ("likes nothing", "a", "dislike", None, 8),
    ]
    found = dataset_from(frame(*rows), Settings())
    data = found.interactions
    assert [
        (found.user_ids[user], found.item_ids[item], weight, ts)
        for user, item, weight, ts in zip(data.users, data.items, data.weights.tolist(), data.ts.tolist(), strict=True)
    ] == [("u", "a", 1.0, 1), ("u", "b", -4.0, 3), ("v", "b", 1.0, 4), ("v", "a", 1.0, 6)]


def test_a_negative_type_without_weight_takes_back_and_says_no_more() -> None:
    none = {name: EventType(weight=0, negative=True) for name in ("hide", "dislike")}
    rows: list[Row] = [
        ("u", "a", "view", None, 1),
        ("u", "b", "view", None, 1),
        ("v", "a", "view", None, 1),
        ("u", "a", "hide", None, 2),
    ]
    found = dataset_from(frame(*rows), Settings(events=Events(types=none)))
    assert found.interactions.weights.tolist() == [1.0, 1.0]


def test_no_events_make_an_empty_set() -> None:
    found = dataset_from(frame(), Settings())
    assert found.user_ids == found.item_ids == []
    assert (found.interactions.n_users, len(found.interactions.users)) == (0, 0)


def segments(**of: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"user_id": list(of), "country": list(of.values())}, schema={"user_id": pl.String, "country": pl.String}
    )


def test_users_get_their_segments_largest_first() -> None:
    rows = [(user, "i", "view", None, place) for place, user in enumerate("abcdef")]
    found = dataset_from(frame(*rows), Settings(), segments(a="DE", b="FR", c="FR", d=None, e="IT", z="FR"))
    assert found.segments == [OTHER, "FR", "DE", "IT"]
    assert found.interactions.segments is not None
    assert found.interactions.segments.tolist() == [2, 1, 1, 0, 3, 0]
    assert found.interactions.n_segments == 4


def test_two_attributes_join_and_half_a_segment_is_none() -> None:
    told = pl.DataFrame({"user_id": ["a", "b"], "country": ["DE", "FR"], "plan": ["pro", None]})
    found = dataset_from(frame(("a", "i", "view", None, 1), ("b", "i", "view", None, 2)), Settings(), told)
    assert found.segments == [OTHER, "DE|pro"]


def test_there_are_200_segments_at_most() -> None:
    users = [f"u{number}" for number in range(500)]
    found = dataset_from(
        frame(*[(user, "i", "view", None, 1) for user in users]), Settings(), segments(**{user: user for user in users})
    )
    assert len(found.segments) == MAX_SEGMENTS == 200
    assert found.interactions.segments is not None
    assert int((found.interactions.segments == 0).sum()) == 301
