"""Rows out of databases: what a query gives, whatever kinds its columns have, and what is said when it gives none."""

import sqlite3
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from honeyguide.errors import HoneyguideError, InvalidInput, Unavailable
from honeyguide.importers import ImportOptions, Select, import_events
from honeyguide.importers.queries import rows_of
from honeyguide.importers.sources import PLAIN, chunks
from tests import postgres
from tests.importers.project import Project, within

ORDERS = "SELECT customer AS user_id, sku AS item_id, at AS ts, 'purchase' AS type, paid AS value FROM orders ORDER BY at"


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (customer TEXT, sku TEXT, at TEXT, paid REAL)")
        rows = [(f"c{n % 7}", f"s{n % 5}", f"2025-01-{1 + n // 500:02} 10:{n % 60:02}:00", 0.5 * n) for n in range(6_000)]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    return f"sqlite:///{path}"


def test_all_rows_come_in_parts(shop: str) -> None:
    parts = list(chunks(Select(shop, ORDERS), PLAIN))
    assert [(part.first, len(part.rows)) for part in parts] == [(1, 5_000), (5_001, 1_000)]
    assert parts[0].rows[0] == {
        "user_id": "c0",
        "item_id": "s0",
        "ts": "2025-01-01 10:00:00",
        "type": "purchase",
        "value": 0.0,
    }


def test_an_import_counts_once_and_a_later_one_adds_what_is_new(shop: str, tmp_path: Path) -> None:
    project = Project(tmp_path)

    async def work() -> None:
        first = await import_events(project, [Select(shop, ORDERS)])
        assert (first.new, first.duplicates, first.sources) == (6_000, 0, [shop])
        with sqlite3.connect(shop.removeprefix("sqlite:///")) as database:
            database.execute("INSERT INTO orders VALUES ('c1', 's1', '2025-02-01 00:00:00', 3)")
        again = await import_events(project, [Select(shop, ORDERS)], ImportOptions(resume=True))
        assert (again.new, again.duplicates) == (1, 6_000)

    within(project, work)


def test_a_colon_in_a_statement_is_a_colon(shop: str) -> None:
    assert [*rows_of(Select(shop, "SELECT '10:30:x' AS time, ':name' AS name;"))] == [{"time": "10:30:x", "name": ":name"}]


def test_postgresql_gives_its_kinds() -> None:
    url = postgres.new_url()
    statement = """SELECT '0b6c9e2e-8a4f-4b7c-9f0a-3f1f0a1c2d3e'::uuid AS user_id, 12.50::numeric AS value,
        ARRAY['a','b'] AS tags,
        '{"a": 1}'::jsonb AS properties, timestamp '2025-01-02 03:04:05' AS ts, NULL AS note, '5 %' AS percent"""
    (row,) = rows_of(Select(plain(url), statement))
    assert row == {
        "user_id": "0b6c9e2e-8a4f-4b7c-9f0a-3f1f0a1c2d3e",
        "value": Decimal("12.50"),
        "tags": ["a", "b"],
        "properties": {"a": 1},
        "ts": datetime.fromisoformat("2025-01-02T03:04:05"),
        "note": None,
        "percent": "5 %",
    }


def plain(url: str) -> str:
    """Without what only our own stores understand."""
    return url.partition("?")[0]


def test_nothing_is_written_to_the_database(shop: str) -> None:
    with pytest.raises(HoneyguideError, match=r"readonly|read-only|gives no rows"):
        list(rows_of(Select(shop, "DELETE FROM orders")))
    assert len([*rows_of(Select(shop, ORDERS))]) == 6_000
    url = plain(postgres.new_url())
    with pytest.raises(InvalidInput, match=r"read-only transaction|syntax error at or near .CREATE"):
        list(rows_of(Select(url, "CREATE TABLE made (x int)")))


@pytest.mark.parametrize(
    ("url", "statement", "error", "says"),
    [
        ("sqlite:///{missing}", "SELECT 1 AS a", Unavailable, "unable to open database file"),
        ("sqlite://", "SELECT 1 AS a", InvalidInput, "names no SQLite file"),
        ("nothing at all://", "SELECT 1 AS a", InvalidInput, "cannot be read"),
        ("oracle9://x/y", "SELECT 1 AS a", InvalidInput, "no driver"),
        ("mysql://u:s3cret@127.0.0.1:1/y", "SELECT 1 AS a", InvalidInput, "no driver"),
        ("{shop}", "SELECT colour FROM orders", InvalidInput, "no such column: colour"),
        ("{shop}", "SELEKT", InvalidInput, "syntax error"),
        ("{shop}", "SELECT 1 AS a, 2 AS a", InvalidInput, "Two columns of the query are called 'a'"),
        ("postgresql://u:s3cret@127.0.0.1:1/y", "SELECT 1 AS a", Unavailable, "cannot be reached"),
    ],
)
def test_what_is_said(shop: str, tmp_path: Path, url: str, statement: str, error: type[Exception], says: str) -> None:
    address = url.replace("{shop}", shop).replace("{missing}", str(tmp_path / "missing.db"))
    with pytest.raises(error, match=says) as told:
        list(rows_of(Select(address, statement)))
    assert "s3cret" not in str(told.value) + repr(Select(address, statement))
    assert not (tmp_path / "missing.db").exists()
