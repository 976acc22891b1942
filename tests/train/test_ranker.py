"""Rankers as training makes them: from which lists, judged how, refused when, served with what."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Models, Project, Settings, Surface, Training
from honeyguide.errors import DamagedArtefact
from honeyguide.features.replay import replay
from honeyguide.models import untrained
from honeyguide.models.artefact import load_parts
from honeyguide.ranking.learned import LearnedRanker, part_of
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.urls import open_store
from honeyguide.train import promote
from honeyguide.train.material import material
from honeyguide.train.ranker import rows
from honeyguide.train.ranker import world as world_module
from honeyguide.train.ranker.rows import Lists, drawn, from_history, gains_of_pairs, inner_split, thinned
from honeyguide.train.ranker.world import World, world_of
from honeyguide.types import LogRow
from tests.train.conftest import Shop, tastes

START = 1_600_000_000_000
HOUR = 3_600_000
ITEMS, LEVELS = 450, 30


def settings(folder: Path, **surface: object) -> Settings:
    home = Surface(name="home", recipe="ranked", max_per_category=0, **surface)  # type: ignore[arg-type]
    return Settings(
        project=Project(data_dir=folder),
        surfaces=[home],
        models=Models(train=["popular", "knn", "markov"]),
        training=Training(k=10),
    )


def goods() -> list[LogRow]:
    return [
        LogRow(
            kind="item_put",
            event_id=f"item{number}",
            ts=START,
            received_at=START,
            item_id=f"i{number}",
            payload=f'{{"price": {2 * 1.4 ** (number % LEVELS):.2f}, "categories": ["c{number % 7}"]}}',
            imported=True,
        )
        for number in range(ITEMS)
    ]


def purchases(*, users: int = 120, each: int = 6, seed: int = 3, change_after: int | None = None) -> list[LogRow]:
    """Every user buys what costs as much as what they bought before, and nothing else makes a pattern. With `change_after`
    all that comes after this event, in order of time, is of other items."""
    generator, other = np.random.default_rng(seed), np.random.default_rng(99)
    made = []
    for turn in range(each):
        for user in range(users):
            item = LEVELS * int(generator.integers(0, ITEMS // LEVELS)) + user % LEVELS
            place = turn * users + user
            if change_after is not None and place >= change_after:
                item = int(other.integers(0, ITEMS))
            at = START + HOUR * (1 + place)
            made.append(
                LogRow(
                    event_id=f"e{place}",
                    ts=at,
                    received_at=at,
                    user_id=f"u{user}",
                    item_id=f"i{item}",
                    type="purchase",
                    imported=True,
                )
            )
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose ranker passed."""
    shop = opened(tmp_path_factory.mktemp("shop"))
    fill(shop, purchases())
    shop.train()
    yield shop
    shop.store.close()


def opened(folder: Path) -> Shop:
    clock, given = ManualClock(), settings(folder)
    return Shop(folder, open_store(given, clock), FileArtefacts(folder / "models"), clock, given)


def fill(shop: Shop, events: list[LogRow]) -> None:
    for batch in (goods(), events):
        asyncio.run(shop.store.log.append(batch))


def test_a_ranker_that_is_better_than_every_model_serves_with_the_version(trained: Shop) -> None:
    champion = trained.store.registry.aliases()["champion"]
    told = champion.manifest["rankers"]["home"]
    assert told["passed"]
    assert told["served_ndcg@10"] > told["best_source_ndcg@10"]
    assert told["gain"][1] > 0, "beyond chance"
    assert "price_distance" in told["strongest"][:3]
    assert told["reason"].startswith("the ranker of home serves: served ndcg@10")
    voices = {"knn", "markov"} - {champion.model}
    assert told["voices"] == sorted(voices)
    assert {role for role in champion.manifest["companions"] if role.startswith("voice:")} == {f"voice:{v}" for v in voices}
    found = load_parts(trained.artefacts.path(champion.model, champion.version), part_of("home"), whole=True)
    assert found is not None
    assert "item:popularity" in LearnedRanker.of(champion.label, *found).names
    others = [version for version in trained.store.registry.versions() if version.label != champion.label]
    assert not any(version.manifest.get("rankers") for version in others)


def test_a_damaged_ranker_is_not_promoted(trained: Shop) -> None:
    champion = trained.store.registry.aliases()["champion"]
    path = trained.artefacts.path(champion.model, champion.version) / f"{part_of('home')}.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(DamagedArtefact, match="ranker-home"):
            promote(trained.store.registry, trained.artefacts, "next", champion.model, champion.version)
    finally:
        path.write_bytes(whole)
    assert promote(trained.store.registry, trained.artefacts, "next", champion.model, champion.version).label


def test_a_ranker_that_is_no_better_is_refused_and_training_says_so(empty: Shop) -> None:
    empty.log(tastes())
    report = empty.train(settings(empty.folder))
    told = empty.store.registry.aliases()["champion"].manifest["rankers"]["home"]
    assert not told["passed"]
    assert told["reason"].startswith("the ranker of home is refused, it is not better beyond chance: served ndcg@10")
    assert told["reason"] in report.notes
    assert told["voices"] == []
    version = empty.store.registry.aliases()["champion"]
    assert load_parts(empty.artefacts.path(version.model, version.version), part_of("home")) is None


def world(shop: Shop) -> World:
    data = material(shop.store, shop.settings, lambda stage, share: None)
    return world_of(shop.store, shop.settings, shop.settings.surfaces[0], data, ["markov"])


def lists(here: World, shop: Shop) -> Lists:
    past = here.data.dataset.interactions
    split = inner_split(past, here.settings)
    voices = here.fitted(["knn", "markov"], [untrained(name) for name in ("popular", "knn", "markov")], split.train)
    asked = drawn(np.arange(len(split.users)), 1000, 0)
    return from_history(here, voices, split, past, gains_of_pairs(here, shop.store), asked)


def test_no_signal_knows_anything_of_the_future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shops with the same past, and another future from the moment on: only what the candidates were worth differs."""
    monkeypatch.setattr(rows, "_FEWEST", 10)
    made: list[Lists] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shop = opened(tmp_path / name)
        change = (int(made[0].at.min()) - START) // HOUR - 1 if made else None
        fill(shop, purchases(change_after=change))
        here = world(shop)
        made.append(lists(here, shop))
        shop.store.close()
    first = made[0].at.min()  # who is asked later has seen what others did from the moment on
    one, two = (each.only(np.flatnonzero(each.at == first)) for each in made)
    assert len(one) == len(two) == 1
    assert not np.array_equal(one.gains, two.gains)
    ids = [here.items.ids[item] for item in one.items]
    assert ids == [here.items.ids[item] for item in two.items]
    assert np.array_equal(one.table, two.table, equal_nan=True)


def test_views_are_those_of_each_moment(trained: Shop) -> None:
    here = world(trained)
    bought = np.array([0, 0, 0], np.int32)
    at = np.array([START, START + 200 * HOUR, START + 10_000 * HOUR])
    place = here.signals.item_views.index("purchases_30d")
    counts = here.item_views(bought, at)[:, place]
    events = [row.ts for row in purchases() if row.item_id == "i0" and row.ts < START + 200 * HOUR]
    assert counts.tolist() == [0, len(events), 0]


def test_goals_say_what_a_candidate_is_worth(empty: Shop) -> None:
    asyncio.run(empty.store.log.append(goods()))
    empty.log(
        [("u", "i1", "click"), ("u", "i1", "purchase"), ("u", "i2", "hide"), ("u", "i3", "click"), ("u", "i3", "click")]
    )
    given = settings(empty.folder, goals={"click": 1, "purchase": 5, "hide": -2, "dwell": 3})
    view, short = (
        LogRow(
            event_id=name,
            ts=START,
            received_at=START,
            user_id="u",
            item_id=item,
            type="view",
            value=seconds,
            imported=True,
        )
        for name, item, seconds in (("v", "i4", 31.0), ("w", "i5", 2.0))
    )
    asyncio.run(empty.store.log.append([view, short]))
    told = rows.gains_of(empty.store.log.interactions(), given, given.surfaces[0], ["item_id"])
    assert dict(told.iter_rows()) == {"i1": 6, "i2": -2, "i3": 1, "i4": 3, "i5": 0}
    without = empty.settings
    told = rows.gains_of(empty.store.log.interactions(), without, Surface(name="home"), ["item_id"])
    assert dict(told.iter_rows()) == {"i1": 10, "i2": -2, "i3": 2, "i4": 1, "i5": 1}, "the weights of the event types"


def test_lists_keep_what_was_worth_something_and_a_draw_of_the_rest() -> None:
    gains = np.zeros(600, np.float32)
    gains[[7, 310]] = [2, -1]
    table = np.arange(600, dtype=np.float32)[:, None]
    made = Lists(table, np.arange(600, dtype=np.int32), gains, np.array([0, 300, 600]), np.array([5, 6]))
    kept = thinned(made, seed=0)
    assert kept.at.tolist() == [5], "a list of which nothing was worth anything teaches nothing"
    assert len(kept.items) == rows.OTHERS + 1
    assert 7 in kept.items
    assert thinned(made, seed=0).items.tolist() == kept.items.tolist()


def test_a_list_of_the_past_is_asked_for_as_it_would_have_been(trained: Shop) -> None:
    here = world(trained)
    data = here.data.dataset.interactions
    names = ["knn", "markov"]
    voices = here.fitted(names, [untrained(name) for name in ("popular", *names)], data)
    assert voices.model.model.name == "knn"
    assert set(voices.others) == {"markov"}
    pasts, user = here.pasts(data), 4
    asked = here.request(voices, pasts, user, START)
    mine = data.items[data.users == user]
    assert [here.items.ids[row] for row in asked.history_rows] == [here.data.dataset.item_ids[item] for item in mine]
    assert asked.now == START
    assert asked.voices == voices.others
    pool = here.pool(asked)
    assert {"model", "markov", "popular"} <= set(pool.sources)
    assert not set(pool.items.tolist()) & set(asked.excluded.tolist()), "nothing of the past is shown again"
    assert pool.scores[:, pool.sources.index("model")][~np.isnan(pool.scores[:, 0])].min() > 0


def test_what_was_not_there_yet_is_no_candidate(empty: Shop) -> None:
    """Not even where a model knows of it; what is created later by its record, and was bought before, was there."""
    asyncio.run(empty.store.log.append(goods()))
    late = [
        LogRow(
            kind="item_put",
            event_id=f"late{number}",
            ts=START,
            received_at=START,
            item_id=f"late{number}",
            payload=f'{{"created_at": {START + 50 * HOUR}}}',
            imported=True,
        )
        for number in range(2)
    ]
    asyncio.run(empty.store.log.append(late))
    at = {"late0": START + 51 * HOUR, "late1": START + 2 * HOUR, "i3": START + HOUR}
    rows = [
        LogRow(event_id=f"bought-{item}", ts=ts, received_at=ts, user_id=user, item_id=item, type="purchase", imported=True)
        for (item, ts), user in zip(at.items(), ("u", "v", "w"), strict=True)
    ]
    asyncio.run(empty.store.log.append(sorted(rows, key=lambda row: row.ts)))
    here = world_of(
        empty.store,
        settings(empty.folder),
        settings(empty.folder).surfaces[0],
        material(empty.store, empty.settings, lambda stage, share: None),
        [],
    )
    data = here.data.dataset.interactions
    voices = here.fitted(["popular"], [untrained("popular")], data)

    def found(moment: int) -> set[str]:
        pool = here.pool(here.request(voices, here.pasts(data.only(data.users < 0)), 0, moment))
        return {here.items.ids[row] for row in pool.items.tolist()} & {*at}

    assert found(START + 3 * HOUR) == {"i3", "late1"}
    assert found(START + 52 * HOUR) == {"i3", "late0", "late1"}


def test_equal_moments_of_an_item_are_replayed_once(trained: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    here, told = world(trained), list[int]()

    def counted(past: object, entity: str, frame: pl.DataFrame, names: object) -> pl.DataFrame:
        told.append(len(frame))
        return replay(past, entity, frame, names)  # type: ignore[arg-type]

    monkeypatch.setattr(world_module, "replay", counted)
    items, at = np.array([3, 3, 5, 3], np.int32), np.array([START, START, START, START + 700 * HOUR])
    found = here.item_views(items, at)
    assert told == [3]
    assert found.shape == (4, len(here.signals.item_views))
    assert np.array_equal(found[0], found[1], equal_nan=True)
    assert not np.array_equal(found[0], found[3], equal_nan=True)


def test_a_surface_without_a_ranker_costs_training_nothing(empty: Shop) -> None:
    empty.log(tastes())
    report = empty.train()
    assert "rank" not in report.stages
    assert report.notes == ()
    champion = empty.store.registry.aliases()["champion"]
    assert "rankers" not in champion.manifest
    assert set(champion.manifest["companions"]) == {"popular"}


def test_where_popularity_serves_there_is_nothing_to_rank(empty: Shop) -> None:
    empty.log([("u", "i1", "view"), ("u", "i2", "view"), ("v", "i1", "view")])
    report = empty.train(settings(empty.folder))
    assert report.champion == "popular@1"
    assert report.notes == ("no ranker for home: no personal model was chosen to serve",)
