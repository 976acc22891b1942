"""What targeting asks of a user is read once, and again when something that matters has happened to them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.errors import Unavailable
from honeyguide.messages import Query
from honeyguide.recommend.persons import Person
from tests.shop import open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, train=False) as hg:
        hg.ingest([{"user_id": "u0", "properties": {"tier": "gold"}}], "users")
        yield hg


@pytest.fixture
def reads(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The users that were read from the database."""
    found: list[str] = []
    log = shop.runtime.store.log
    read = log.user_state

    async def noting(user_id: str, **told: Any) -> Any:
        found.append(user_id)
        return await read(user_id, **told)

    monkeypatch.setattr(log, "user_state", noting)
    return found


def persons(shop: Honeyguide) -> Any:
    return shop.runtime.enrolment._persons


def person(shop: Honeyguide, query: Query, units: dict[str, str] | None = None, epoch: bytes = b"") -> Person | None:
    found: Person | None = shop.run(persons(shop).of(query, units or {}, epoch))
    return found


def test_a_person_is_read_once(shop: Honeyguide, reads: list[str]) -> None:
    query = Query(user_id="u0")
    assert persons(shop).at_once(query, {}, b"") is None
    for _ in range(3):
        assert person(shop, query) == Person({"tier": "gold"}, {})
    assert reads == ["u0"]
    assert persons(shop).at_once(query, {}, b"") == Person({"tier": "gold"}, {})
    shop.ingest([{"user_id": "u0", "item_id": "tea", "type": "view"}])
    assert persons(shop).at_once(query, {}, b"") is not None, "a view changes nothing that targeting looks at"


def test_a_person_who_changes_is_read_again(shop: Honeyguide, reads: list[str]) -> None:
    query = Query(user_id="u0")
    person(shop, query)
    shop.ingest([{"user_id": "u0", "properties": {"tier": "tin"}}], "users")
    assert persons(shop).at_once(query, {}, b"") is None
    assert person(shop, query) == Person({"tier": "tin"}, {})
    assert reads == ["u0", "u0"]


def test_other_experiments_with_arms_to_keep_read_again(shop: Honeyguide) -> None:
    query = Query(user_id="u0", device_id="d1")
    assert person(shop, query, {"exp": "d1"}, b"one") == Person({"tier": "gold"}, {})
    assert persons(shop).at_once(query, {"exp": "d1"}, b"one") is not None
    assert persons(shop).at_once(query, {"exp": "d1"}, b"two") is None
    assert persons(shop).at_once(query, {"exp": "d2"}, b"one") is None


def test_nobody_and_strangers_have_no_properties(shop: Honeyguide, reads: list[str]) -> None:
    assert person(shop, Query(user_id="u0", personalised=False)) == Person()
    assert reads == []
    assert person(shop, Query(user_id="never seen")) == Person()


def test_who_cannot_be_read_is_not_known_and_not_kept(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*told: Any, **more: Any) -> None:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(shop.runtime.store.log, "user_state", away)
        assert person(shop, Query(user_id="u0")) is None
    assert person(shop, Query(user_id="u0")) == Person({"tier": "gold"}, {})
    text = shop.runtime.metrics.render()
    assert b'recommend_fallbacks_total{reason="experiments",surface="home"} 1.0' in text
