"""Users like a user: by what they did lately, from the end of the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.recommend import neighbours
from honeyguide.recommend.neighbours import FindNeighbours, Neighbours, nearest
from tests.shop import NOW, open_shop


def test_the_same_taste_is_nearest_and_nothing_in_common_is_no_neighbour() -> None:
    own = {"a": 1.0, "b": 2.0}
    others = {"twin": {"a": 1.0, "b": 2.0}, "half": {"b": 2.0, "c": 5.0}, "other": {"c": 1.0}, "also": {"a": 1.0, "b": 2.0}}
    found = nearest(own, others, 9)
    assert [(each.user_id, each.shared) for each in found] == [("also", 2), ("twin", 2), ("half", 1)]
    assert found[0].score == found[1].score == pytest.approx(1.0)
    assert 0 < found[2].score < 1
    assert nearest(own, others, 1) == found[:1]
    assert nearest({}, others, 9) == nearest(own, {}, 9) == []


def test_a_rare_item_in_common_counts_more_than_one_that_everybody_has() -> None:
    others = {f"u{number}": {"hit": 1.0, f"own{number}": 1.0} for number in range(20)}
    others["rare"] = {"gem": 1.0, "other": 1.0}
    others["u0"]["gem"] = 0.0
    found = nearest({"hit": 1.0, "gem": 1.0}, others, 1)
    assert found[0].user_id == "rare"


def test_what_only_the_user_has_touched_makes_others_less_alike() -> None:
    others = {"x": {"a": 1.0}}
    assert nearest({"a": 1.0, "never": 1.0}, others, 1)[0].score < nearest({"a": 1.0}, others, 1)[0].score


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    with open_shop(tmp_path / "data", clock=ManualClock(NOW), train=False) as hg:
        yield hg


def test_neighbours_come_from_the_log_and_know_the_last_event(shop: Honeyguide) -> None:
    found = shop.similar_users("u1", 5)
    assert isinstance(found, Neighbours)
    assert len(found.users) == 5
    assert "u1" not in [each.user_id for each in found.users]
    assert found.rows == found.as_of
    assert shop.similar_users("nobody").users == []
    items = sorted(shop.runtime.items.ids)[:3]
    shop.ingest([{"type": "purchase", "user_id": user, "item_id": item} for user in ("new", "twin") for item in items])
    assert [each.user_id for each in shop.similar_users("new", 1).users] == ["twin"]
    shop.ingest([{"type": "hide", "user_id": "naysayer", "item_id": item} for item in items])
    assert "naysayer" not in [each.user_id for each in shop.similar_users("new", 100).users]


def test_the_ids_of_one_person_are_no_neighbours(shop: Honeyguide) -> None:
    items = sorted(shop.runtime.items.ids)[:3]
    shop.ingest([{"type": "view", "user_id": user, "item_id": item} for user in ("visitor", "customer") for item in items])
    assert [each.user_id for each in shop.similar_users("customer", 1).users] == ["visitor"]
    shop.merge_users("visitor", "customer")
    assert not {"visitor", "customer"} & {each.user_id for each in shop.similar_users("customer", 100).users}


def test_only_the_end_of_the_log_is_looked_at(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "LOOK", 2)
    items = sorted(shop.runtime.items.ids)
    shop.ingest([{"type": "view", "user_id": "late", "item_id": items[0]}] * 2)
    runtime = shop.runtime
    find = FindNeighbours(runtime.store.log, runtime.store.catalogue, runtime.settings)
    shop.ingest([{"type": "view", "user_id": "asker", "item_id": items[0]}])
    found = shop.run(find.of("asker", 9))
    assert found.rows == 2
    assert [each.user_id for each in found.users] == ["late"]
