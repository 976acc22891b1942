"""What a user has just seen steps back, from the log alone, and an explanation sees the same."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Surface
from honeyguide.errors import Unavailable
from honeyguide.messages import EventIn, Slate
from honeyguide.ranking import Reranking, Rotated
from honeyguide.types import Pool
from tests.shop import NOW, open_shop
from tests.world import NOW as THEN
from tests.world import block, item, request


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    diversity = {"seen": 1.0, "seen_for": "1h"}
    surface = Surface(name="rotating", max_per_category=0, diversity=diversity)  # type: ignore[arg-type]
    with open_shop(tmp_path, clock=clock, surfaces=[surface]) as hg:
        yield hg


def made(shop: Honeyguide, user: str = "u0") -> Slate:
    slate: Slate = shop.recommend(user, n=50, surface="rotating", explain=True)
    return slate


def ids(slate: Slate) -> list[str]:
    return [entry.item_id for entry in slate.items]


def see(shop: Honeyguide, slate: Slate, items: list[str], user: str = "u0") -> None:
    event = EventIn(type="impression", user_id=user, request_id=slate.request_id, properties={"items": items})
    assert shop.run(shop.runtime.ingest.events([event])).accepted == 1


def test_what_was_seen_steps_back_and_returns(shop: Honeyguide, clock: ManualClock) -> None:
    first = made(shop)
    head = ids(first)[:3]
    see(shop, first, head)
    after = made(shop)
    assert set(ids(after)) == set(ids(first))
    assert all(ids(after).index(name) > 8 for name in head)
    assert after.trace is not None
    (told,) = after.trace["reranked"]
    assert told["pass"] == "seen"
    assert told["given_up"] > 0
    assert all(told["moved"][name] < 0 for name in head)
    clock.advance(3601)
    assert ids(made(shop)) == ids(first)


def test_the_list_of_others_stays_and_a_surface_that_does_not_look_either(shop: Honeyguide) -> None:
    other, home = ids(made(shop, "u2")), ids(shop.recommend("u0", n=12, explain=True))
    see(shop, made(shop), ids(made(shop))[:3])
    assert ids(made(shop, "u2")) == other
    assert ids(shop.recommend("u0", n=12, explain=True)) == home


def test_an_explanation_knows_only_what_had_been_seen_then(shop: Honeyguide, clock: ManualClock) -> None:
    see(shop, made(shop), ids(made(shop))[:2])
    slate = shop.recommend("u0", n=5, surface="rotating")
    see(shop, slate, ids(slate))
    clock.advance(600)
    shop.run(shop.runtime.slates.round())
    told = shop.run(shop.runtime.recommend.explain(slate.request_id))
    assert told.matches
    assert [step["pass"] for step in told.trace["reranked"]] == ["seen"]


def test_a_list_without_impressions_says_so_and_is_explained_without(
    shop: Honeyguide, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ids(made(shop))
    see(shop, made(shop), plain[:3])

    async def away(*arguments: object, **more: object) -> list[tuple[str, int]]:
        raise Unavailable("The database does not answer.", cure="Ask again.")

    with monkeypatch.context() as patched:
        patched.setattr(shop.runtime.store.log, "impressions", away)
        slate = shop.recommend("u0", n=50, surface="rotating")
    assert slate.degraded == ["impressions"]
    assert ids(slate) == plain
    shop.run(shop.runtime.slates.round())
    assert shop.run(shop.runtime.recommend.explain(slate.request_id)).matches
    assert ids(made(shop)) != plain


def test_the_penalty_fades_and_adds_up() -> None:
    shop = block([item(f"{n}") for n in range(5)])
    surface = {"max_per_category": 0, "diversity": {"seen": 0.5, "seen_for": 100}}
    asked = request(shop, surface=surface)
    object.__setattr__(asked, "seen_rows", np.array([0, 1, 1, 2, 3], np.int32))
    ages = np.array([0, 0, 0, 90_000, 200_000], np.int64)
    object.__setattr__(asked, "seen_at", THEN - ages)
    ranks, rows = np.zeros((5, 1), np.float32), np.arange(5, dtype=np.int32)
    pool, scores = Pool(rows, ranks, ranks, ("model",)), np.array([1.0, 0.99, 0.98, 0.6, 0.0], np.float32)
    # left of their relevance: 0.5, 0.25, 0.95, 1, 1
    chosen = Reranking((Rotated(),)).select(asked, pool, scores, rows, 5).chosen
    assert chosen.tolist() == [2, 3, 0, 1, 4]
