"""Baskets: which purchases are of one go."""

import polars as pl
import pytest

from honeyguide.offline.baskets import LARGEST, baskets_of

IDS = ["a", "b", "c"]


def bought(*rows: tuple[str, str, int], kind: str = "purchase") -> pl.DataFrame:
    """(user, item, minute) of each."""
    users, items, minutes = zip(*rows, strict=True) if rows else ((), (), ())
    made = {"user_id": users, "item_id": items, "type": [kind] * len(rows), "ts": [60_000 * minute for minute in minutes]}
    return pl.DataFrame(made, schema={"user_id": pl.String, "item_id": pl.String, "type": pl.String, "ts": pl.Int64})


def baskets(frame: pl.DataFrame) -> list[set[str]]:
    found = baskets_of(frame, IDS, 3600.0).toarray()
    return [{IDS[item] for item in row.nonzero()[0]} for row in found]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([("u", "a", 0), ("u", "b", 1)], [{"a", "b"}]),
        ([("u", "a", 0), ("u", "b", 61)], []),
        ([("u", "a", 0), ("u", "b", 60), ("u", "c", 120)], [{"a", "b", "c"}]),
        ([("u", "a", 0), ("v", "b", 0)], []),
        ([("u", "a", 0), ("u", "a", 1)], []),
        ([("u", "a", 0), ("v", "b", 0), ("u", "c", 1), ("v", "a", 1)], [{"a", "c"}, {"a", "b"}]),
        ([("u", "a", 0), ("u", "nowhere", 1)], []),
    ],
)
def test_a_basket_is_what_a_user_buys_within_the_gap(rows: list[tuple[str, str, int]], expected: list[set[str]]) -> None:
    assert baskets(bought(*rows)) == expected


def test_only_purchases_are_in_baskets() -> None:
    assert baskets(bought(("u", "a", 0), ("u", "b", 1), kind="view")) == []


def test_a_wholesaler_counts_no_more_than_a_large_basket() -> None:
    ids = [f"i{number}" for number in range(500)]
    found = baskets_of(bought(*(("u", item, 0) for item in ids)), ids, 3600.0)
    assert found.shape == (1, 500)
    assert found.nnz == LARGEST
