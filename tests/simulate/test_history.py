"""The past: the same each time, by the truth, and with something in it to learn from."""

import numpy as np
import polars as pl
import pytest

from honeyguide.config import Settings
from honeyguide.errors import InvalidInput
from honeyguide.models.knn import Knn
from honeyguide.offline.dataset import dataset_from
from honeyguide.simulate import Shop, arrivals, history, make_shop, measure, owned, popularity
from honeyguide.simulate.reference import ListMaker, popular_lists
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.shopper import Visit
from honeyguide.simulate.truth import Truth
from honeyguide.simulate.vocabulary import SHELVES
from honeyguide.types import Histories


def test_it_is_the_same_each_time(small: Shop) -> None:
    assert history(small, 10).equals(history(small, 10))
    assert not history(make_shop(items=160, users=60, seed=6, opened_at=small.opened_at), 10).equals(history(small, 10))


def test_rows_are_as_the_log_takes_them(shop: Shop, past: pl.DataFrame) -> None:
    assert past.columns == ["event_id", "ts", "user_id", "item_id", "type", "value", "session_id"]
    assert past["event_id"].is_unique().all()
    assert past["ts"].is_sorted()
    assert past["ts"].max() < shop.opened_at  # type: ignore[operator]
    assert past["ts"].min() >= shop.opened_at - 31 * DAY_MS  # type: ignore[operator]
    assert set(past["type"]) == {"view", "click", "add_to_cart", "purchase", "rating", "hide"}
    assert past["user_id"].is_in(shop.user_ids).all()
    assert past["item_id"].is_in(shop.item_ids).all()
    assert past.height > 80_000


def test_values_mean_what_their_type_says(shop: Shop, past: pl.DataFrame) -> None:
    purchase, rating, view, click = (past.filter(type=kind) for kind in ("purchase", "rating", "view", "click"))
    prices = [shop.items.price[shop.item_number[item_id]] for item_id in purchase["item_id"]]
    assert np.array_equal(purchase["value"], prices)
    assert set(rating["value"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert view["value"].min() >= 8.0  # type: ignore[operator]
    assert click["value"].is_null().all()


def test_nothing_happens_to_items_before_they_exist(shop: Shop, past: pl.DataFrame) -> None:
    born = pl.DataFrame({"item_id": shop.item_ids, "born": shop.items.created_at})
    assert past.join(born, on="item_id").filter(pl.col("ts") < pl.col("born")).is_empty()


def test_events_follow_from_one_another(past: pl.DataFrame) -> None:
    pairs = {kind: set(past.filter(type=kind).select("user_id", "item_id").iter_rows()) for kind in set(past["type"])}
    assert pairs["click"] <= pairs["view"]
    assert pairs["purchase"] <= pairs["view"]
    assert pairs["rating"] <= pairs["purchase"]
    carted = past.filter(type="add_to_cart")
    assert 0.25 < carted.height / past.filter(type="purchase").height < 0.45


def test_hardly_anything_is_bought_twice(past: pl.DataFrame) -> None:
    bought = past.filter(type="purchase").select("user_id", "item_id")
    assert bought.is_duplicated().mean() < 0.01  # type: ignore[operator]


def test_the_shop_had_a_list_of_popular_items(past: pl.DataFrame) -> None:
    clicked = past.filter(type="click")["item_id"].value_counts(sort=True)
    assert 20 < clicked.height < 400
    counts = clicked["count"].to_numpy()
    assert counts[:20].sum() > 0.4 * counts.sum()


def test_owned_is_what_was_bought_or_hidden(shop: Shop, past: pl.DataFrame) -> None:
    stranger = past.filter(type="purchase").head(2).with_columns(user_id=pl.lit("visitor"))
    held = owned(shop, pl.concat([past, stranger]))
    gone = past.filter(pl.col("type").is_in(["purchase", "hide"])).select("user_id", "item_id").unique()
    assert sum(map(len, held.values())) == gone.height
    user_id, item_id = gone.row(0)
    assert shop.item_number[item_id] in held[int(user_id.removeprefix("user_")) - 1]


def test_popularity_weighs_events(small: Shop) -> None:
    rows = [("item_1", "purchase"), ("item_2", "view"), ("item_2", "view"), ("item_3", "hide"), ("elsewhere", "view")]
    counts = popularity(small, pl.DataFrame(rows, schema=["item_id", "type"], orient="row"))
    assert counts[:3].tolist() == [8.0, 2.0, 0.0]
    assert counts[3:].sum() == 0.0


def test_a_short_past_and_none(small: Shop) -> None:
    assert history(small, 1)["ts"].min() >= small.opened_at - DAY_MS  # type: ignore[operator]
    with pytest.raises(InvalidInput, match="at least one day"):
        history(small, 0)


def knn_lists(shop: Shop, past: pl.DataFrame) -> ListMaker:
    """Lists of an item-item model that was trained on the past, without what the shopper has."""
    dataset = dataset_from(past, Settings())
    data = dataset.interactions
    model = Knn().fit(data)
    order = np.argsort(data.users, kind="stable")
    bounds = np.searchsorted(data.users[order], np.arange(data.n_users + 1))
    numbers = {user_id: number for number, user_id in enumerate(dataset.user_ids)}
    rows = np.array([shop.item_number[item_id] for item_id in dataset.item_ids])

    def make(visit: Visit, n: int) -> list[int]:
        number = numbers.get(visit.user_id)
        mine = order[:0] if number is None else order[bounds[number] : bounds[number + 1]]
        indptr = np.array([0, len(mine)], dtype=np.int64)
        asked = Histories(indptr, data.items[mine], data.weights[mine], data.ts[mine], visit.session.at)
        best = rows[np.argsort(-model.scores(asked)[0], kind="stable")]
        chosen: list[int] = best[~np.isin(best, list(visit.shopper.gone))][:n].tolist()
        return chosen

    return make


def test_a_collaborative_model_clearly_beats_popularity(shop: Shop, past: pl.DataFrame) -> None:
    sessions = [each for each in arrivals(shop, shop.opened_at, shop.opened_at + DAY_MS) if each.user % 4 == 0]
    held = owned(shop, past)
    popular = measure(shop, popular_lists(popularity(shop, past)), sessions, owned=held)
    personal = measure(shop, knn_lists(shop, past), sessions, owned=held)
    assert personal.lists == popular.lists > 500
    assert personal.ctr > 2 * popular.ctr
    assert personal.conversion > 2 * popular.conversion
    assert personal.coverage > 10 * popular.coverage


@pytest.mark.parametrize("field", ["user_id", "item_id"])
def test_most_users_and_items_have_a_past(shop: Shop, past: pl.DataFrame, field: str) -> None:
    whole = len(shop.user_ids if field == "user_id" else shop.item_ids)
    assert past[field].n_unique() > 0.85 * whole


def test_a_session_is_one_users(past: pl.DataFrame) -> None:
    assert past.group_by("session_id").agg(pl.col("user_id").n_unique())["user_id"].max() == 1
    later = past.filter(pl.col("type") != "rating")
    spans = later.group_by("session_id").agg(length=pl.col("ts").max() - pl.col("ts").min())
    assert spans["length"].max() < 3_600_000  # type: ignore[operator]
    assert later.group_by("user_id").agg(pl.col("session_id").n_unique())["session_id"].max() > 20  # type: ignore[operator]


def test_evenings_are_busy(past: pl.DataFrame) -> None:
    hours = past.filter(pl.col("type") != "rating")["ts"].to_numpy() // 3_600_000 % 24
    counts = np.bincount(hours, minlength=24)
    assert counts[19:22].sum() > 5 * counts[2:5].sum()


def test_the_season_shows(past: pl.DataFrame, shop: Shop) -> None:
    def share(opened_at: int, motifs: set[str]) -> float:
        there = make_shop(items=800, users=600, seed=2, opened_at=opened_at)
        shelves = [SHELVES[there.items.shelf[there.item_number[item_id]]] for item_id in history(there, 10)["item_id"]]
        return sum(shelf.motif in motifs for shelf in shelves) / len(shelves)

    april, december = 1_776_000_000_000, 1_797_000_000_000
    assert share(april, {"planter", "trowel", "sprout"}) > 1.3 * share(december, {"planter", "trowel", "sprout"})
    assert share(december, {"scarf", "candle", "dice"}) > 1.3 * share(april, {"scarf", "candle", "dice"})


def test_better_things_get_better_stars_and_longer_looks(shop: Shop, past: pl.DataFrame) -> None:
    for kind in ("rating", "view"):
        some = past.filter(type=kind).sample(1_500, seed=1)
        users = np.array([int(user_id.removeprefix("user_")) - 1 for user_id in some["user_id"]])
        items = np.array([shop.item_number[item_id] for item_id in some["item_id"]])
        attraction = Truth(shop).attraction(users, items, some["ts"].to_numpy(), np.full(len(items), -1))
        assert np.asarray(np.corrcoef(attraction, some["value"].to_numpy()))[0, 1] > 0.15


def test_new_items_are_found_by_some(shop: Shop, past: pl.DataFrame) -> None:
    new = [shop.item_ids[item] for item in np.flatnonzero(shop.items.created_at > shop.opened_at - 10 * DAY_MS)]
    assert past["item_id"].is_in(new).sum() > 100


def test_users_look_at_what_they_like(shop: Shop, past: pl.DataFrame) -> None:
    views = past.filter(type="view").head(5_000)
    users = np.array([int(user_id.removeprefix("user_")) - 1 for user_id in views["user_id"]])
    shelves = shop.items.shelf[[shop.item_number[item_id] for item_id in views["item_id"]]]
    assert shop.users.shelves[users, shelves].mean() > shop.users.shelves[users].mean() + 0.8
