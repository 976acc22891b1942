"""The recipe `ranked` in the request path: the ranker's order, its voices, and what stands when it fails."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Models, Project, Settings, Surface
from honeyguide.errors import DamagedArtefact
from honeyguide.protocols import Request
from honeyguide.recipes import recipes
from honeyguide.recommend.lineup import Pair, with_ranker
from honeyguide.types import FloatArray, IntArray, Pool
from tests.shop import HOUR, NOW, filled
from tests.world import block, item, request

VOICES = ["knn", "markov"]


class ByPrice:
    """What is dear comes first."""

    label = "ease@1"
    names = ("price",)

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.broken = False

    def score(self, request: Request, pool: Pool) -> FloatArray:
        self.asked.append(request)
        if self.broken:
            raise RuntimeError("out of order")
        scores: FloatArray = request.items.price[pool.items] / np.float32(100)
        return scores

    def contributions(self, request: Request, pool: Pool, positions: IntArray) -> FloatArray:
        scores = self.score(request, pool)[positions]
        return np.stack([scores, np.zeros_like(scores)], axis=1)


def given(folder: Path, **surface: Any) -> Settings:
    return Settings(
        project=Project(data_dir=folder),
        surfaces=[Surface(name="home", recipe="ranked", max_per_category=0, **surface), Surface(name="plain")],
        models=Models(train=["popular", "ease", *VOICES], voices=VOICES),
    )


@pytest.fixture
def hg(tmp_path: Path) -> Iterator[Honeyguide]:
    with filled(given(tmp_path), ManualClock(NOW)) as made:
        yield made


@pytest.fixture
def ranker(hg: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> ByPrice:
    """The champion has a ranker that listens to other models."""
    serving, made = hg.runtime.serving, ByPrice()
    real = serving.pair

    async def pair(name: str, *more: Any) -> Pair:
        found = await real(name, *more)
        voices = {voice: serving._load(f"{voice}@1", voice, 1) for voice in VOICES}
        return Pair(found.model, found.popular, found.content, {"home": made}, voices)

    monkeypatch.setattr(serving, "pair", pair)
    return made


def prices(hg: Honeyguide, slate: Any) -> list[float]:
    return [float(hg.runtime.items.price[hg.runtime.items.number(each.item_id)]) for each in slate.items]


def fallbacks(hg: Honeyguide) -> float:
    return float(hg.runtime.metrics.recommend_fallbacks.labels("home", "ranker")._value.get())


def test_the_list_is_in_the_order_of_the_ranker(hg: Honeyguide, ranker: ByPrice) -> None:
    slate = hg.recommend("u2", n=8)
    found = prices(hg, slate)
    assert found == sorted(found, reverse=True)
    assert slate.degraded == []
    assert [each.score for each in slate.items] == pytest.approx([price / 100 for price in found])
    assert {source for each in slate.items for source in each.sources} >= {"model", "popular"}


def test_its_voices_are_sources(hg: Honeyguide, ranker: ByPrice) -> None:
    slate = hg.recommend("u2", n=8, explain=True)
    assert slate.trace is not None
    found = slate.trace["sources"]
    assert set(VOICES) < set(found)
    assert found["knn"]["found"] > 0
    assert len(found["knn"]["scores"]) == len(found["knn"]["items"])
    asked = ranker.asked[0]
    assert set(asked.voices) == set(VOICES)
    assert asked.features is not None, "the state was read with what features are read from"


def test_other_surfaces_do_not_ask_it(hg: Honeyguide, ranker: ByPrice) -> None:
    assert hg.recommend("u2", n=5, surface="plain").items
    assert ranker.asked == []


def test_a_ranker_that_fails_leaves_the_blend_and_is_counted(hg: Honeyguide, ranker: ByPrice) -> None:
    with_it = prices(hg, hg.recommend("u2", n=8))
    ranker.broken = True
    before = fallbacks(hg)
    slate = hg.recommend("u4", n=8)
    assert slate.degraded == ["ranker"]
    assert fallbacks(hg) == before + 1
    found = prices(hg, slate)
    assert found != sorted(found, reverse=True)
    assert with_it == sorted(with_it, reverse=True)
    hg.run(hg.runtime.slates.round())
    ranker.broken = False
    assert hg.explain(slate.request_id).matches, "made again without a ranker, as it was"


def test_a_list_of_the_ranker_is_made_again_by_its_explanation(hg: Honeyguide, ranker: ByPrice) -> None:
    slate = hg.recommend("u2", n=6)
    hg.run(hg.runtime.slates.round())
    hg.ingest([{"type": "purchase", "user_id": "u2", "item_id": slate.items[0].item_id}], imported=False)
    told = hg.explain(slate.request_id)
    assert told.matches
    assert [each.item_id for each in told.items] == [each.item_id for each in slate.items]


def test_a_short_list_is_the_beginning_of_a_long_one(hg: Honeyguide, ranker: ByPrice) -> None:
    long = [each.item_id for each in hg.recommend("u2", n=10, dry_run=True).items]
    assert [each.item_id for each in hg.recommend("u2", n=3, dry_run=True).items] == long[:3]


def test_without_a_ranker_the_surface_is_served_as_personal(hg: Honeyguide) -> None:
    ranked, plain = (hg.recommend("u2", n=8, surface=name) for name in ("home", "plain"))
    known = [[each.item_id for each in slate.items] for slate in (ranked, plain)]
    assert set(known[0][:3]) == set(known[1][:3])
    assert ranked.degraded == []
    assert not {source for each in ranked.items for source in each.sources} & set(VOICES)


def test_training_says_what_became_of_the_ranker(tmp_path: Path) -> None:
    with filled(given(tmp_path), ManualClock(NOW), train=False) as made:
        report = made.train()
        assert len(report.notes) == 1
        assert "ranker" in report.notes[0]
        version = made.runtime.store.registry.aliases()["champion"]
        assert version.manifest["rankers"]["home"]["reason"] == report.notes[0]
        assert "rank" in report.stages


def test_a_version_with_a_damaged_ranker_does_not_serve(hg: Honeyguide) -> None:
    """The version before it stays: here none, so popularity counted from the log."""
    champion = hg.runtime.store.registry.aliases()["champion"]
    folder = hg.runtime.artefacts.path(champion.model, champion.version)
    (folder / "ranker-home.json").write_text('{"about": {}, "files": {}, "checksum": "x"}', encoding="utf-8")
    with pytest.raises(DamagedArtefact, match="ranker-home"):
        hg.runtime.serving._rankers(champion)


def test_only_the_recipe_that_asks_gets_a_ranker() -> None:
    shop = block([item("a"), item("b")])
    rankers: Mapping[str, Any] = {"home": ByPrice(), "other": ByPrice()}
    pair = Pair(None, None, None, rankers, {})
    assert with_ranker(request(shop), pair).ranker is None
    assert with_ranker(request(shop, surface={"recipe": "ranked"}), pair).ranker is rankers["home"]
    assert with_ranker(request(shop, surface={"recipe": "ranked", "name": "cart"}), pair).ranker is None


def test_an_explanation_tells_the_signals_and_they_add_up(hg: Honeyguide, ranker: ByPrice) -> None:
    slate = hg.recommend("u2", n=4, explain=True)
    assert slate.trace is not None
    for account, shown in zip(slate.trace["items"], slate.items, strict=False):
        told = account["ranker"]
        assert told["signals"][0]["signal"] == "price"
        assert told["logit"] == pytest.approx(sum(each["adds"] for each in told["signals"]) + told["others"] + told["base"])
        assert {"code": "ranker", "text": "what the ranker counts for it most: price"} in account["reasons"]
        assert told["signals"][0]["adds"] == pytest.approx(shown.score, abs=1e-5)
    assert "ranker" not in hg.recommend("u2", n=4, explain=True, surface="plain").trace["items"][0]


def test_the_recipe_is_personal_with_voices_and_features() -> None:
    made = recipes(voices=VOICES)
    names = {name: [source.name for source in recipe.sources] for name, recipe in made.items()}
    assert [name for name in names["ranked"] if name not in names["personal"]] == VOICES
    assert [name for name in names["ranked"] if name not in VOICES] == names["personal"]
    assert [name for name, recipe in made.items() if recipe.features] == ["ranked"]
    assert made["ranked"].filters == made["personal"].filters
    assert not set(VOICES) & set(names["similar"])
    assert [source.name for source in recipes()["ranked"].sources] == names["personal"]


def test_a_failure_of_the_ranker_is_not_kept(hg: Honeyguide, ranker: ByPrice) -> None:
    ranker.broken = True
    assert hg.recommend("u6", n=4).degraded == ["ranker"]
    ranker.broken = False
    again = hg.recommend("u6", n=4)
    assert again.degraded == []
    assert not again.cached


def test_what_nobody_has_touched_stands_where_the_blend_has_it(hg: Honeyguide, ranker: ByPrice) -> None:
    """The ranker would put it last, for it is cheap."""
    old = {"created_at": NOW - 100 * 24 * HOUR}
    assert not hg.ingest(
        [{"item_id": "teapot", "title": "teapot", "categories": ["kitchen"], "price": 0.5, **old}], "items"
    ).rejected
    slate = hg.recommend("u0", n=20, explain=True)
    personal = hg.recommend("u0", n=20, surface="plain")
    place = [each.item_id for each in slate.items].index("teapot")
    assert slate.items[place].sources[0] == "content"
    assert place == [each.item_id for each in personal.items].index("teapot") < len(slate.items) - 1
    others = [price for at, price in enumerate(prices(hg, slate)) if at != place]
    assert others == sorted(others, reverse=True), "the ranker's order"
    assert slate.trace is not None
    account = slate.trace["items"][place]
    told = account["placed"]
    assert "ranker" not in account
    assert told["place"] == place + 1
    assert told["below"] + (told["above"] - told["below"]) * told["share"] == pytest.approx(account["score"], abs=2e-6)
    assert "placed" in [reason["code"] for reason in account["reasons"]]
    hg.run(hg.runtime.slates.round())
    assert hg.explain(slate.request_id).matches
