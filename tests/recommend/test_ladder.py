"""The ladder, rung by rung: what is served when ever more is gone, what the answer says of it, and what is counted."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from honeyguide import Honeyguide
from honeyguide.api.app import create_app
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Segments
from honeyguide.errors import Unavailable
from honeyguide.messages import Query, Slate
from honeyguide.protocols import Recipe, Source
from honeyguide.ranking.rules import OF_RULES
from tests.shop import BALL, NOW, TEA, open_shop


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    with open_shop(tmp_path / "data", clock=clock, train=False, segments=Segments(attributes=["likes"])) as hg:
        users = [
            {"user_id": f"u{number}", "properties": {"likes": "sport" if number % 2 else "tea"}} for number in range(40)
        ]
        assert not hg.ingest(users, "users").rejected
        hg.train()
        yield hg


@pytest.fixture
def no_state(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.runtime.store.log, "user_state", gone)
    monkeypatch.setattr(shop.runtime.store.log, "position", gone)


async def gone(*_: object, **__: object) -> NoReturn:
    raise Unavailable("The database is gone.")


def broken(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("broken")


def fallbacks(shop: Honeyguide, reason: str) -> float:
    return float(shop.runtime.metrics.recommend_fallbacks.labels("home", reason)._value.get())


def recipe(shop: Honeyguide) -> Recipe:
    found: Recipe = shop.runtime.recommend.making._recipes["personal"]
    return found


def sources(shop: Honeyguide) -> Sequence[Source]:
    return recipe(shop).sources


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def test_first_rung_personal(shop: Honeyguide) -> None:
    slate = shop.recommend("u2", 3)
    assert (slate.rung, slate.served_from, slate.degraded) == ("personal", "computed", [])
    assert set(ids(slate)) <= set(TEA)


def test_second_rung_stale(shop: Honeyguide, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shop.recommend("u2")
    monkeypatch.setattr(shop.runtime.store.log, "user_state", gone)
    clock.advance(shop.settings.cache.ttl * 1.2 + shop.settings.cache.stale)
    slate = shop.recommend("u2")
    assert (slate.rung, slate.served_from, slate.degraded) == ("personal", "stale-error", ["stale"])
    assert ids(slate) == ids(first)
    assert fallbacks(shop, "state") == 1


def test_third_rung_segment(shop: Honeyguide) -> None:
    shop.ingest([{"user_id": "new", "properties": {"likes": "sport"}}], "users")
    slate = shop.recommend("new", 3)
    assert (slate.rung, slate.degraded) == ("segment", [])
    assert set(ids(slate)) <= set(BALL)


@pytest.mark.usefixtures("no_state")
def test_fourth_rung_popular(shop: Honeyguide) -> None:
    slate = shop.recommend("u2")
    assert (slate.rung, slate.served_from, slate.degraded) == ("popular", "fallback", ["state"])
    assert ids(slate)
    assert fallbacks(shop, "state") == 1


@pytest.mark.usefixtures("no_state")
def test_fifth_rung_from_disk(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in sources(shop):
        monkeypatch.setattr(source, "retrieve", broken)
    slate = shop.recommend("u2", 5)
    assert (slate.rung, slate.served_from) == ("disk", "fallback")
    asked = [source.name for source in sources(shop) if source.name not in OF_RULES]  # no rule wants anything
    assert set(slate.degraded) == {"state", *(f"source:{name}" for name in asked)}
    assert len(ids(slate)) == 5
    assert {item.reason.code for item in slate.items} == {"popular"}


def test_a_stage_that_fails_is_as_if_no_source_had_answered(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe(shop).scorer, "score", broken)
    slate = shop.recommend("u2")
    assert slate.rung == "disk"
    assert slate.degraded[0] == "stages"
    assert slate.items
    assert fallbacks(shop, "stages") == 1


def test_what_cannot_be_checked_is_not_shown_and_that_is_said(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = recipe(shop).filters[0]
    monkeypatch.setattr(failing, "keep", broken)
    slate = shop.recommend("u2")
    assert slate.items == []
    assert slate.degraded == [f"filter:{failing.name}"]


@pytest.mark.usefixtures("no_state")
def test_below_the_ladder_is_a_clean_error(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in sources(shop):
        monkeypatch.setattr(source, "retrieve", broken)
    (shop.settings.project.data_dir / "last-popular.json").unlink()
    with pytest.raises(Unavailable, match="no source answers"):
        shop.recommend("u2")

    async def over_http() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_app(shop.runtime))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/v1/recommendations", json={"user_id": "u2"})

    answer = shop.run(over_http())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["detail"].startswith("No list can be made now: no source answers.")


def test_a_state_that_takes_too_long_is_not_waited_for(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(shop.runtime.store.log, "user_state", never)
    slate = shop.run(shop.runtime.recommend.recommend(Query(user_id="u2")))
    assert slate.degraded == ["state"]
    assert slate.items
