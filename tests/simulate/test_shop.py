"""The drawn shop: the same from the same seed, and a catalogue as a shop would have it."""

import json
from collections import Counter

import numpy as np

from honeyguide.simulate import Shop, make_shop
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.vocabulary import BRANDS, DEPARTMENTS, SHELVES, STYLES


def written(shop: Shop) -> str:
    return json.dumps([list(shop.item_rows(until=shop.opened_at + 9 * DAY_MS)), list(shop.user_rows())])


def test_the_same_seed_gives_the_same_shop_byte_for_byte() -> None:
    one, two = (written(make_shop(items=200, users=50, seed=3, opened_at=1)) for _ in range(2))
    assert one == two
    assert written(make_shop(items=200, users=50, seed=4, opened_at=1)) != one


def test_the_opening_moves_times_and_nothing_else(small: Shop) -> None:
    later = make_shop(items=160, users=60, seed=5, opened_at=small.opened_at + 5 * DAY_MS)
    assert later.items.titles == small.items.titles
    assert np.array_equal(later.items.created_at, small.items.created_at + 5 * DAY_MS)


def test_ids_are_numbered_in_order_of_creation(shop: Shop) -> None:
    assert shop.item_ids[:2] == ("item_1", "item_2")
    assert shop.user_ids[122] == "user_123"
    assert len(shop.item_ids) == 2_000
    assert len(shop.user_ids) == 5_000
    assert (np.diff(shop.items.created_at) >= 0).all()
    assert shop.item_number["item_7"] == 6


def test_titles_are_all_different(shop: Shop) -> None:
    assert len(set(shop.items.titles)) == len(shop.items)
    crowded = make_shop(items=9_000, users=1).items.titles
    assert len(set(crowded)) == len(crowded)
    assert all(title == title.strip() and "{" not in title for title in crowded)


def test_no_title_says_a_word_twice(shop: Shop) -> None:
    for title in shop.items.titles:
        words = [word for word in title.replace(":", "").split() if word[0].isupper() and word not in ("The", "No.")]
        assert max(Counter(words).values()) == 1, title


def test_categories_are_a_tree_of_two_levels(shop: Shop) -> None:
    pairs = {tuple(shop.categories(item)) for item in range(len(shop.items))}
    assert len(pairs) == len(SHELVES) == 40
    assert {department for department, _ in pairs} == set(DEPARTMENTS)
    assert len({shelf for _, shelf in pairs}) == 40
    assert set(np.bincount(shop.items.shelf)) == {50}
    assert DEPARTMENTS[shop.departments[11]] == shop.categories(11)[0]


def test_prices_are_log_normal_about_the_shelf(shop: Shop) -> None:
    medians = np.array([SHELVES[number].price for number in shop.items.shelf])
    logs = np.log(shop.items.price / medians)
    assert abs(np.median(logs)) < 0.05
    assert 0.35 < logs.std() < 0.5
    assert shop.items.price.min() > 0
    assert all(round(float(price), 2) == price for price in shop.items.price)


def test_new_items_keep_arriving(shop: Shop) -> None:
    age_days = (shop.opened_at - shop.items.created_at) / DAY_MS
    assert (age_days > 60).mean() > 0.7
    assert 0.15 < ((age_days > 0) & (age_days < 60)).mean() < 0.3
    coming = int((age_days < 0).sum())
    assert coming > 10
    assert sum(1 for _ in shop.item_rows()) == len(shop.items) - coming
    assert sum(1 for _ in shop.item_rows(until=shop.opened_at + 60 * DAY_MS)) == len(shop.items)


def test_a_row_has_all_that_a_page_shows(shop: Shop) -> None:
    row = shop.item_row(0)
    assert row["item_id"] == "item_1"
    assert row["categories"] == shop.categories(0)
    assert row["image_url"].startswith("data:image/svg+xml,")
    assert row["url"].endswith("/item_1")
    assert row["properties"]["brand"] in BRANDS
    assert row["properties"]["style"] in STYLES


def test_brands_are_at_home_in_two_departments(shop: Shop) -> None:
    homes: dict[int, set[int]] = {}
    for brand, department in zip(shop.items.brand, shop.departments, strict=True):
        homes.setdefault(int(brand), set()).add(int(department))
    assert {len(found) for found in homes.values()} == {2}


def test_interests_are_said_by_some_and_true(shop: Shop) -> None:
    said = [shop.users.properties(user) for user in range(500)]
    tells = [found for found in said if "interests" in found]
    assert 0.5 < len(tells) / len(said) < 0.7
    user = next(number for number, found in enumerate(said) if "interests" in found)
    liking = np.exp(shop.users.shelves[user]).reshape(8, 5).sum(axis=1)
    assert said[user]["interests"][0] == DEPARTMENTS[int(liking.argmax())]
    assert {found["country"] for found in said} == {"DE", "GB", "FR", "NL", "SE", "ES", "PL"}
    assert len({found["age_band"] for found in said}) == 6


def test_nothing_is_liked_by_everybody(shop: Shop) -> None:
    """Popularity must not be the whole truth: averaged over users, no shelf and no style stands far out."""
    assert np.abs(shop.users.shelves.mean(axis=0) - shop.users.shelves.mean()).max() < 0.5
    assert np.abs(shop.users.styles.mean(axis=0)).max() < 0.2
    assert shop.users.shelves.std(axis=1).mean() > 0.7


def test_activity_is_a_power_law(shop: Shop) -> None:
    sessions = np.sort(shop.users.sessions)[::-1]
    assert sessions[:500].sum() > 0.25 * sessions.sum()
    assert sessions.max() <= 3.0
    assert sessions.min() > 0.1
