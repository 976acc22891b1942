"""What is known of users: read in the time that a surface has, alone or together."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import FeatureStore
from honeyguide.errors import Unavailable
from honeyguide.messages import Query
from honeyguide.recommend.known import Known
from tests.shop import NOW, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    store = FeatureStore(log_share=0.0)
    with open_shop(tmp_path / "data", clock=ManualClock(NOW), train=False, feature_store=store) as hg:
        yield hg


def of(shop: Honeyguide, query: Query) -> Known:
    found: Known = shop.run(shop.runtime.recommend.states.of(query))
    return found


def of_many(shop: Honeyguide, *queries: Query) -> list[Known]:
    found: list[Known] = shop.run(shop.runtime.recommend.states.of_many(queries))
    return found


def test_together_it_is_what_it_is_alone(shop: Honeyguide) -> None:
    queries = [
        Query(user_id="u1"),
        Query(user_id="nobody"),
        Query(personalised=False),
        Query(user_id="u2"),
        Query(user_id="u1"),
    ]
    assert of_many(shop, *queries) == [of(shop, query) for query in queries]
    assert of_many(shop) == []
    (nobody,) = of_many(shop, Query(user_id="u1", personalised=False))
    assert (nobody.state.user_id, nobody.state.events) == ("", ())
    assert nobody.state.as_of == shop.run(shop.runtime.store.log.position())


def test_what_does_not_answer_is_missing_and_counted(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: Any, **__: Any) -> NoReturn:
        raise Unavailable("The database is gone.")

    for name in ("user_state", "user_states", "position"):
        monkeypatch.setattr(shop.runtime.store.log, name, gone)
    counted = shop.runtime.metrics.recommend_fallbacks.labels("home", "state")
    alone = of(shop, Query(user_id="u1"))
    assert (alone.state.user_id, alone.state.as_of, alone.missing) == ("u1", 0, ("state",))
    assert counted._value.get() == 1
    assert of_many(shop, Query(user_id="u1"), Query(personalised=False))[0] == alone
    assert counted._value.get() == 3


def test_what_takes_longer_than_a_surface_has_is_missing(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(shop.runtime.store.log, "user_states", never)
    assert [known.missing for known in of_many(shop, Query(user_id="u1"), Query(user_id="u2"))] == [("state",)] * 2


def test_features_are_read_only_where_somebody_looks(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    states = shop.runtime.recommend.states
    assert of_many(shop, Query(user_id="u1"))[0].state.folded is None
    monkeypatch.setattr(states, "is_sample", lambda query, now: query.user_id == "u2")
    assert of(shop, Query(user_id="u1")).state.folded is None
    assert of(shop, Query(user_id="u2")).state.folded is not None
    assert all(known.state.folded is not None for known in of_many(shop, Query(user_id="u1"), Query(user_id="u2")))
