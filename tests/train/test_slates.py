"""Rankers that learn from lists that were served: which ones, with what signals, and what a version says of it."""

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from honeyguide.models import untrained
from honeyguide.train import ranker as ranker_module
from honeyguide.train.lineage import lineage_of
from honeyguide.train.ranker import positions as positions_module
from honeyguide.train.ranker import slates as slates_module
from honeyguide.train.ranker.outcomes import Outcome
from honeyguide.train.ranker.positions import Positions
from honeyguide.train.ranker.rows import inner_split
from honeyguide.train.ranker.slates import Chosen, Slates, read
from honeyguide.train.ranker.world import Voices, World
from honeyguide.types import Explored, LogRow, ServedFeatures, ServedSlate
from tests.train.conftest import Shop, tastes
from tests.train.test_outcomes import slate
from tests.train.test_ranker import ITEMS, LEVELS, START, fill, opened, purchases, settings, world

USERS, EACH, SHOWN = 120, 6, 8


def served(events: list[LogRow]) -> list[ServedSlate]:
    """A list before each purchase but the first of each user: what was bought then is in it, anywhere where it was drawn and
    else among the first; all others cost something else. The purchase names its list."""
    generator, made = np.random.default_rng(5), []
    for number, row in enumerate(events[USERS:]):
        level = int((row.user_id or "u0")[1:]) % LEVELS
        other = [f"i{item}" for item in generator.choice(ITEMS, 3 * SHOWN, replace=False) if item % LEVELS != level]
        drawn = number % 3 == 0
        place = int(generator.integers(0, SHOWN if drawn else 3))
        items = [*other[:place], row.item_id or "", *other[place : SHOWN - 1]]
        row.request_id = f"r{number}"
        each = slate(row.request_id, row.user_id or "", *items, ts=row.ts - 60_000)
        if drawn:
            each.explored = Explored("all", 100)
        made.append(each)
    return made


@pytest.fixture(scope="module", autouse=True)
def fewer() -> Iterator[None]:
    """What is enough in a small shop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slates_module, "ENOUGH", 50)
        patch.setattr(ranker_module, "ENOUGH", 50)
        patch.setattr(positions_module, "MEASURED", 30)
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = opened(tmp_path_factory.mktemp("shop"))
    events = purchases(users=USERS, each=EACH)
    slates = served(events)
    for start in range(0, len(events), 1_000):
        fill(made, events[start : start + 1_000])
    made.store.slates.append(slates)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def here(shop: Shop) -> World:
    return world(shop)


@pytest.fixture(scope="module")
def slates(shop: Shop, here: World) -> Slates:
    found = read(here, shop.store)
    assert isinstance(found, Slates), found
    return found


def voices(here: World) -> Voices:
    inner = inner_split(here.data.split.train, here.settings)
    return here.fitted(["knn", "markov"], [untrained(name) for name in ("popular", "knn", "markov")], inner.train)


def chosen(here: World, slates: Slates) -> Chosen:
    return slates.between(here, inner_split(here.data.split.train, here.settings), here.data.split)


def test_what_a_version_says_of_its_ranker_says_where_its_rows_came_from(shop: Shop) -> None:
    report = shop.train()
    told = shop.store.registry.aliases()["champion"].manifest["rankers"]["home"]
    rows = told["rows"]
    assert told["passed"], report.notes
    assert rows["from"] == "slates"
    assert rows["slates"] == USERS * (EACH - 1)
    assert USERS < rows["lists"] < rows["slates"], "those before what rankers are judged by, and those after it"
    assert 0.2 < rows["drawn"] / rows["lists"] < 0.5
    assert rows["looked_at"][0] == 1
    assert rows["window"][0] >= START
    assert "price_distance" in told["strongest"][:3], "what the people of this shop go by"
    lineage = lineage_of(shop.store.registry.aliases()["champion"])
    assert lineage.rankers == {"home": rows}


def test_no_list_is_used_of_which_its_models_know_the_outcome(here: World, slates: Slates) -> None:
    inner, found = inner_split(here.data.split.train, here.settings), chosen(here, slates)
    assert len(found.places) >= len(inner.users) == USERS
    for place in found.places.tolist():
        each = slates.slates[place]
        known = inner.train.ts[inner.train.users == slates.users[place]]
        assert each.computed_at > known.max()
    split = here.data.split
    judged = set(zip(np.repeat(split.users, np.diff(split.indptr)).tolist(), split.items.tolist(), strict=True))
    numbers = {item_id: number for number, item_id in enumerate(here.data.dataset.item_ids)}
    learned = {
        (int(slates.users[place]), numbers[slates.slates[place].items[spot]])
        for place in found.places.tolist()
        for spot in np.flatnonzero(found.gains[place]).tolist()
    }
    assert learned
    assert not learned & judged, "nothing of what rankers are judged by"


def test_rows_are_what_was_shown_in_its_order_and_some_others(here: World, slates: Slates) -> None:
    found, pasts = chosen(here, slates), here.pasts(here.data.dataset.interactions)
    some = found.some(20, seed=0)
    lists = some.lists(here, voices(here), pasts, k=10, seed=0)
    assert len(lists) == len(some.places) == 20
    names = here.signals.names
    for one, place in enumerate(some.places.tolist()):
        rows = slice(lists.indptr[one], lists.indptr[one + 1])
        each = slates.slates[place]
        assert [here.items.ids[row] for row in lists.items[rows]][:SHOWN] == each.items
        assert len(lists.items[rows]) > SHOWN
        assert len(set(lists.items[rows].tolist())) == len(lists.items[rows])
        assert (lists.gains[rows][SHOWN:] == 0).all()
        spot = int(np.flatnonzero(lists.gains[rows])[0])
        worth = lists.gains[rows][spot] * slates.positions.at(SHOWN)[spot]
        assert worth == pytest.approx(8), "a purchase, whatever is made of its position"
        assert lists.at[one] == each.computed_at
        before = [row.ts for row in purchases(users=USERS, each=EACH) if row.user_id == each.user_id and row.ts < each.ts]
        assert lists.table[rows][0, names.index("history")] == pytest.approx(np.log1p(len(before)))


def test_lists_that_were_drawn_come_first(here: World, slates: Slates) -> None:
    found = chosen(here, slates)
    assert 0 < found.drawn < len(found.places)
    few = found.some(found.drawn, seed=0)
    assert few.drawn == len(few.places) == found.drawn
    more = found.some(found.drawn + 10, seed=0)
    assert (more.drawn, len(more.places)) == (found.drawn, found.drawn + 10)
    assert found.some(10**6, 0) is found


def test_views_are_as_they_were_logged_with_the_list_where_they_were(here: World, slates: Slates) -> None:
    found = chosen(here, slates)
    place = int(found.places[0])
    logged = ServedFeatures(
        at=slates.slates[place].computed_at,
        as_of=1,
        user={"total_purchases": 77.0},
        items_at=1,
        items_as_of=1,
        items={"purchases_30d": [float(spot) for spot in range(SHOWN - 1)] + [None]},
    )
    before = slates.slates[place]
    told = [*slates.slates]
    told[place] = dataclass_like(before, logged)
    changed = dataclasses.replace(slates, slates=told)
    pasts, names = here.pasts(here.data.dataset.interactions), here.signals.names
    one, two = (
        Chosen(each, np.array([place]), found.gains).lists(here, voices(here), pasts, k=10, seed=0)
        for each in (slates, changed)
    )
    item, user = names.index("item:purchases_30d"), names.index("user:total_purchases")
    assert two.table[: SHOWN - 1, item].tolist() == list(range(SHOWN - 1))
    assert np.isnan(two.table[SHOWN - 1, item])
    assert np.array_equal(one.table[SHOWN:, item], two.table[SHOWN:, item], equal_nan=True), "the others are replayed"
    assert set(two.table[:, user].tolist()) == {77.0}
    same = [column for column in range(len(names)) if column not in (item, user)]
    assert np.array_equal(one.table[:, same], two.table[:, same], equal_nan=True)


def dataclass_like(each: ServedSlate, features: ServedFeatures) -> ServedSlate:
    fields = {name: getattr(each, name) for name in each.__struct_fields__}
    return ServedSlate(**{**fields, "features": features})


def test_what_cannot_be_learned_from_is_left_out(here: World, shop: Shop) -> None:
    whole = slates_of_kind(here, [])
    assert whole
    contexts: list[dict[str, object]] = [{"offset": 10}, {"candidates": ["i1"]}, {"item_id": "i1"}]
    for context in contexts:
        assert not slates_of_kind(here, [context])
    other = slate("x", "u1", "i1")
    other.surface = "cart"
    assert not slates_module._is_usable(other, here)
    assert not slates_module._is_usable(slate("x", "", "i1"), here)
    assert not slates_module._is_usable(slate("x", "u1", "gone for good"), here)


def slates_of_kind(here: World, contexts: list[dict[str, object]]) -> bool:
    each = slate("x", "u1", "i1", "i2")
    for context in contexts:
        each.context = context
    return slates_module._is_usable(each, here)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ENOUGH": 10**6}, "600 served lists are too few"),
        ({"drawn": False}, "too little came of lists drawn by chance"),
        ({"outcomes": []}, "something came of 0 of 600 served lists, too few"),
    ],
)
def test_without_enough_it_says_what_is_missing(
    shop: Shop, here: World, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], reason: str
) -> None:
    if "ENOUGH" in change:
        monkeypatch.setattr(slates_module, "ENOUGH", change["ENOUGH"])
    if "drawn" in change:
        monkeypatch.setattr(slates_module, "_is_drawn", lambda each: False)
    if "outcomes" in change:
        monkeypatch.setattr(slates_module, "outcomes", lambda *given: list[Outcome]())
    told = read(here, shop.store)
    assert isinstance(told, str)
    assert told.startswith(reason)


def test_without_lists_a_ranker_learns_from_history_and_says_why(empty: Shop) -> None:
    empty.log(tastes())
    empty.train(settings(empty.folder))
    rows = empty.store.registry.aliases()["champion"].manifest["rankers"]["home"]["rows"]
    assert rows["from"] == "history"
    assert rows["no_slates"] == "0 served lists are too few"


def test_a_list_whose_ranker_is_refused_gives_way_to_history(
    tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes that say nothing make a ranker that is no better; history still may."""
    monkeypatch.setattr(slates_module, "measured", lambda told: Positions(np.ones(1, np.float32)))
    made = opened(tmp_path)
    events = purchases(users=USERS, each=EACH)
    wrong = served(events)
    generator = np.random.default_rng(0)
    for each, row in zip(wrong, events[USERS:], strict=True):
        row.request_id = None
        each.items = [f"i{item}" for item in generator.choice(ITEMS, SHOWN, replace=False)]
        each.ts = each.computed_at = row.ts - 60_000
    clicks = [
        LogRow(
            event_id=f"c{number}",
            ts=each.ts + 1,
            received_at=each.ts + 1,
            user_id=each.user_id,
            item_id=each.items[number % SHOWN],
            type="click",
            request_id=each.request_id,
            imported=True,
        )
        for number, each in enumerate(wrong)
    ]
    try:
        rows = sorted([*events, *clicks], key=lambda row: row.ts)
        for start in range(0, len(rows), 1_000):
            fill(made, rows[start : start + 1_000])
        made.store.slates.append(wrong)
        given = settings(made.folder, goals={"purchase": 1.0, "click": 0.1})
        made.train(given)
        told = made.store.registry.aliases()["champion"].manifest["rankers"]["home"]
    finally:
        made.store.close()
    assert told["rows"]["from"] == "history"
    assert "the ranker of home is refused" in told["rows"]["no_slates"]


def test_every_purchase_that_names_a_list_is_found_there(shop: Shop, slates: Slates) -> None:
    assert len(slates.found) == USERS * (EACH - 1)
    for one in slates.found[:50]:
        assert slates.slates[one.slate].request_id.startswith("r")
        assert one.type == "purchase"
    assert asyncio.run(shop.store.slates.get(slates.slates[0].request_id)) is not None
