"""Sources outside: a service that is asked over HTTP, a query of a database, and what happens when they fail."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import ConfigError, Unavailable
from honeyguide.outbound.databases import Query
from honeyguide.protocols import Request
from honeyguide.retrieval.external import HISTORY, PARAMETERS, ExternalSource, Rows, Service
from tests import postgres
from tests.world import block, ids, item, request

SHOP = block([item(name) for name in ("tea", "pot", "cup")])
EVERYTHING = np.ones(len(SHOP), np.bool_)


class Wire:
    """Answers as it is told, and notes what it was asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.asked = answer, list[dict[str, Any]]()
        self.headers: dict[str, str] = {}

    def post(self, url: str, body: bytes, *, headers: Any = None, **limits: Any) -> bytes:
        self.asked.append(json.loads(body))
        self.headers = dict(headers or {})
        return self.answer


class Circuit:
    """Open or not, and what it was told."""

    def __init__(self, *, open: bool = False) -> None:
        self.open, self.said = open, list[str]()

    def allows(self) -> bool:
        return not self.open

    def succeeded(self, seconds: float) -> None:
        self.said.append("succeeded")

    def failed(self) -> None:
        self.said.append("failed")


def asked(**fields: Any) -> Request:
    return request(SHOP, **fields)


def source(answer: Callable[[], Sequence[str]], circuit: Circuit | None = None, limit: int = 10) -> ExternalSource:
    class Somebody:
        def ask(self, request: Request, limit: int) -> Sequence[str]:
            return answer()

    return ExternalSource("partner", Somebody(), limit, circuit or Circuit(), ManualClock(0))


def test_a_service_is_told_what_it_needs_and_names_items() -> None:
    wire = Wire(b'{"items": ["pot", {"item_id": "cup", "score": 0.5, "why": "x"}], "more": 1}')
    history = [("tea", "view", 1.0)] * (HISTORY + 5)
    named = Service(wire, "https://x", 1.0, "secret").ask(asked(history=history, item_id="tea", context={"a": 1}), 7)
    assert named == ["pot", "cup"]
    (told,) = wire.asked
    assert len(told.pop("history")) == HISTORY
    assert told == {"user_id": "u", "item_id": "tea", "surface": "home", "limit": 7, "context": {"a": 1}}
    assert wire.headers == {"Authorization": "Bearer secret"}


def test_who_is_not_to_be_known_is_not_told() -> None:
    wire = Wire(b'{"items": []}')
    Service(wire, "https://x", 1.0).ask(asked(personalised=False), 7)
    assert wire.asked[0]["user_id"] == ""


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"items": 3}', b'{"items": [3]}', b'{"items": [{}]}', b"\xff", b"<html>"])
def test_an_answer_of_another_form_is_none(answer: bytes) -> None:
    with pytest.raises(Unavailable, match="something else"):
        Service(Wire(answer), "https://x", 1.0).ask(asked(), 7)


def test_only_items_that_are_here_and_allowed_are_found() -> None:
    names = ["nowhere", "cup", "tea", "cup", "pot"]
    allowed = EVERYTHING.copy()
    allowed[SHOP.number("pot")] = False
    assert ids(SHOP, source(lambda: names).retrieve(asked(), allowed).rows) == ["cup", "tea"]
    assert ids(SHOP, source(lambda: names, limit=2).retrieve(asked(), allowed).rows) == ["cup"]


def test_a_surface_may_take_fewer() -> None:
    asked_of = asked(surface={"sources": [{"name": "partner", "limit": 1}]})
    assert ids(SHOP, source(lambda: ["pot", "tea"]).retrieve(asked_of, EVERYTHING).rows) == ["pot"]


def test_a_list_is_made_again_from_what_was_said() -> None:
    again = replace(asked(), given={"partner": ["cup"]})
    assert ids(SHOP, source(lambda: ["tea"]).retrieve(again, EVERYTHING).rows) == ["cup"]
    assert len(source(lambda: ["tea"]).retrieve(replace(asked(), given={}), EVERYTHING)) == 0


def test_failures_are_told_to_the_circuit_and_an_open_one_asks_nobody() -> None:
    def fails() -> list[str]:
        raise Unavailable("gone")

    circuit = Circuit()
    with pytest.raises(Unavailable, match="gone"):
        source(fails, circuit).retrieve(asked(), EVERYTHING)
    source(list, circuit).retrieve(asked(), EVERYTHING)
    assert circuit.said == ["failed", "succeeded"]
    with pytest.raises(Unavailable, match="left alone"):
        source(lambda: ["tea"], Circuit(open=True)).retrieve(asked(), EVERYTHING)


ROWS = [("u", "cup", 1), ("u", "tea", 2), ("v", "pot", 1), ("o'hara; --", "pot", 1), ("u", None, 3)]


@pytest.fixture(params=["sqlite", "postgresql"])
def picks(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "picks.db") as db:
            db.execute("CREATE TABLE picks (user_id TEXT, item_id TEXT, place INTEGER)")
            db.executemany("INSERT INTO picks VALUES (?, ?, ?)", ROWS)
        db.close()
        return f"sqlite:///{tmp_path}/picks.db"
    server = postgres.server()
    url = server.url_of(server.database())
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE picks (user_id TEXT, item_id TEXT, place INTEGER)")
        cursor.executemany("INSERT INTO picks VALUES (%s, %s, %s)", ROWS)
    return url


SELECT = "SELECT item_id, place FROM picks WHERE user_id = :user_id ORDER BY place LIMIT :limit;"


def test_a_query_names_items_by_bound_parameters(picks: str) -> None:
    query = Query(picks, SELECT, PARAMETERS, 1.0)
    assert Rows(query).ask(asked(), 10) == ["cup", "tea"]
    assert Rows(query).ask(asked(), 1) == ["cup"]
    assert Rows(query).ask(asked(user_id="o'hara; --"), 10) == ["pot"]
    assert Rows(query).ask(asked(user_id="x' OR '1'='1"), 10) == []
    query.close()


@pytest.mark.parametrize(
    "statement", ["DELETE FROM picks", "INSERT INTO picks VALUES (:user_id, 'x', 1)", "DROP TABLE picks"]
)
def test_a_query_cannot_write(picks: str, statement: str) -> None:
    with closing(Query(picks, statement, PARAMETERS, 1.0)) as query, pytest.raises(Unavailable):
        Rows(query).ask(asked(), 10)
    with closing(Query(picks, SELECT, PARAMETERS, 1.0)) as query:
        assert Rows(query).ask(asked(), 10) == ["cup", "tea"]


def test_postgresql_ends_a_query_that_takes_too_long() -> None:
    """And the connection is as good as before: the next one is answered."""
    query = Query(postgres.server().url_of("postgres"), "SELECT 'tea' FROM pg_sleep(:limit)", PARAMETERS, 0.2)
    with pytest.raises(Unavailable, match="does not answer"):
        Rows(query).ask(asked(), 60)
    assert query.first_column({"limit": 0}, 5) == ["tea"]
    query.close()


def test_postgresql_that_is_not_there_is_unavailable_and_its_password_is_not_told() -> None:
    url = f"postgresql://reader:sesame@127.0.0.1:{postgres.free_port()}/shop"
    with closing(Query(url, "SELECT 1", PARAMETERS, 1.0)) as query, pytest.raises(Unavailable) as raised:
        query.first_column({}, 1)
    assert "sesame" not in str(raised.value)


def test_a_query_of_nothing_is_unavailable(picks: str, tmp_path: Path) -> None:
    for url, statement in ((picks, "SELECT x FROM nowhere"), (f"sqlite:///{tmp_path}/none.db", "SELECT 1")):
        with closing(Query(url, statement, PARAMETERS, 1.0)) as query, pytest.raises(Unavailable):
            query.first_column({}, 10)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("url", "statement", "said"),
    [
        ("sqlite:///x.db", "SELECT :password", "unknown parameter :password"),
        ("sqlite://", "SELECT 1", "no SQLite file"),
        ("what is this secret", "SELECT 1", "cannot be read"),
        ("nosuch://host/db", "SELECT 1", "no driver"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused_at_the_start(url: str, statement: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        Query(url, statement, PARAMETERS, 1.0)
    assert "secret" not in str(caught.value)
