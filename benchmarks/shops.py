"""The shop that speed is measured on: two thousand items in twenty categories, a thousand users unless told otherwise."""

import random
from collections.abc import Mapping
from pathlib import Path

from honeyguide import Honeyguide

USERS, ITEMS, CATEGORIES, EVENTS = 1_000, 2_000, 20, 60_000
NOW = 1_780_000_000_000
HIDDEN = 20  # so that what may not be shown is looked for


def category_shop(data_dir: Path, *, users: int = USERS, env: Mapping[str, str] | None = None) -> None:
    """Fill and train it: each user likes a category, and popular items inside it."""
    chance = random.Random(1)
    items = [
        {
            "item_id": f"item_{n}",
            "title": f"Item {n}",
            "categories": [f"c{n % CATEGORIES}"],
            "hidden": n >= ITEMS - HIDDEN,
        }
        for n in range(ITEMS)
    ]
    events = []
    for number in range(EVENTS):
        user = number % users + 1 if number < users else chance.randint(1, users)
        place = min(ITEMS // CATEGORIES - 1, int(chance.paretovariate(0.9)) - 1)  # popular items inside a category
        category = user % CATEGORIES if chance.random() < 0.8 else chance.randrange(CATEGORIES)
        events.append(
            {
                "event_id": f"e{number}",
                "user_id": f"user_{user}",
                "item_id": f"item_{CATEGORIES * place + category}",
                "type": chance.choice(["view", "click", "purchase"]),
                "ts": NOW + number,
            }
        )
    with Honeyguide.open(data_dir=data_dir, environ=env or {}) as hg:
        hg.ingest(items, "items")
        hg.ingest(events)
        hg.train()
