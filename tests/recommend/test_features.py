"""Features in the request path: with the history in one round trip, only where asked for, and in the slate of a share."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import FeatureStore
from honeyguide.messages import Query
from honeyguide.protocols import Request
from honeyguide.types import FloatArray, Pool, ServedFeatures
from tests.shop import NOW, open_shop


class Looking:
    """A scorer that looks at features, as a learned one would."""

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self.user: FloatArray | None = None
        self.items: FloatArray | None = None
        self.recent: Any = None

    def score(self, request: Request, pool: Pool) -> FloatArray:
        assert request.features is not None
        self.user = request.features.numbers(["total_purchases", "avg_rating", "recent_purchases", "nothing"])
        self.recent = request.features.value("recent_purchases")
        self.items = request.items.features.gather(pool.items, ["price", "purchases_30d"])
        scored: FloatArray = self._scorer.score(request, pool)
        return scored

    def terms(self, request: Request, pool: Pool) -> FloatArray:
        told: FloatArray = self._scorer.terms(request, pool)
        return told


def shop(folder: Path, share: float) -> Honeyguide:
    return open_shop(folder, clock=ManualClock(NOW), feature_store=FeatureStore(log_share=share))


@pytest.fixture
def hg(tmp_path: Path) -> Iterator[Honeyguide]:
    with shop(tmp_path, 1.0) as opened:
        opened.runtime.folding.refresh()
        opened.run(opened.runtime.columns.round())
        yield opened


def logged(hg: Honeyguide, request_id: str) -> ServedFeatures | None:
    hg.run(hg.runtime.slates.round())
    slate = hg.run(hg.runtime.store.slates.get(request_id))
    assert slate is not None
    found: ServedFeatures | None = slate.features
    return found


def asked(hg: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Which features the store is asked for with the user's state, from now on."""
    told: list[str | None] = []
    real = hg.runtime.store.log.user_state

    async def user_state(user_id: str, **more: Any) -> Any:
        told.append(more.get("features"))
        return await real(user_id, **more)

    monkeypatch.setattr(hg.runtime.store.log, "user_state", user_state)
    return told


def test_stages_that_ask_have_the_features_of_user_and_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop(tmp_path, 0.0) as hg:
        runtime = hg.runtime
        runtime.folding.refresh()
        hg.run(runtime.columns.round())
        told = asked(hg, monkeypatch)
        recipes: Any = runtime.recommend.making._recipes
        hg.recommend("u0")
        assert told == [None], "a recipe that does not look costs nothing"
        recipe = recipes["personal"]
        looking = Looking(recipe.scorer)
        monkeypatch.setitem(recipes, "personal", replace(recipe, scorer=looking, features=True))
        slate = hg.recommend("u2", explain=True)
        assert told == [None, runtime.features.users.group]
        assert looking.user is not None
        assert looking.user[0] == 2.0
        assert np.isnan(looking.user[1:]).all()
        assert len(looking.recent) == 2
        assert looking.items is not None
        assert np.isfinite(looking.items).all()
        assert looking.items[:, 1].max() > 0
        before = looking.user
        looking.user = np.empty(0, np.float32)
        hg.ingest([{"type": "purchase", "user_id": "u2", "item_id": "ball"}], imported=False)
        assert hg.explain(slate.request_id).matches
        np.testing.assert_array_equal(looking.user, before, err_msg="not made again with the features of then")


def test_a_share_of_the_lists_logs_its_features(hg: Honeyguide) -> None:
    first = hg.recommend("u0", n=3)
    features = logged(hg, first.request_id)
    assert features is not None
    assert features.user == {name: value.value for name, value in hg.features(["u0"]).users["u0"].items()}
    assert (features.as_of, features.at) == (first.as_of, NOW)
    assert set(features.items) == set(hg.runtime.items.features.names)
    shown = hg.features(items=[item.item_id for item in first.items], views=["price", "purchases_30d", "click_rate_1d"])
    for name, values in features.items.items():
        for item, value in zip(first.items, values, strict=True):
            if name in shown.items[item.item_id]:
                assert value == np.float32(shown.items[item.item_id][name].value)
    again = hg.recommend("u0", n=3)
    assert again.cached
    assert logged(hg, again.request_id) is None, "not what this list was made with"


def test_a_list_for_nobody_or_with_events_of_its_own_logs_none(hg: Honeyguide) -> None:
    assert logged(hg, hg.recommend("somebody new").request_id) is None
    events = [{"type": "view", "user_id": "u0", "item_id": "tea"}]
    assert logged(hg, hg.recommend("u0", events=events).request_id) is None


def test_without_a_share_nothing_is_read_or_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop(tmp_path, 0.0) as hg:
        told = asked(hg, monkeypatch)
        slates = [hg.recommend(f"u{number}") for number in range(20)]
        assert set(told) == {None}
        assert [logged(hg, slate.request_id) for slate in slates] == [None] * 20


def test_a_small_share_is_a_small_share(tmp_path: Path) -> None:
    with shop(tmp_path, 0.2) as hg:
        recommend = hg.runtime.recommend
        drawn = [recommend.states.is_sample(_query(f"user {n}"), NOW) for n in range(5_000)]
        assert 0.17 < sum(drawn) / 5_000 < 0.23
        assert recommend.states.is_sample(_query("user 1"), NOW) == recommend.states.is_sample(_query("user 1"), NOW)


def _query(user_id: str) -> Query:
    return Query(user_id=user_id)
