"""A small shop as two CSV files, so that a new project has something to train on. Same moment and seed, same files."""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

USERS = 80
_DAY = 86_400_000
_DAYS = 30

_SHELVES = {
    "tents": ["Ridge tent", "Dome tent", "Tarp", "Bivvy bag", "Footprint", "Peg set", "Guy lines", "Tunnel tent"],
    "light": [
        "Trail lamp",
        "Lantern",
        "Head torch",
        "Candle box",
        "Fire steel",
        "Solar string",
        "Battery",
        "Glow sticks",
    ],
    "kitchen": ["Gas stove", "Pot set", "Enamel mug", "Spork", "Water filter", "Folding knife", "Flask", "Coffee press"],
    "clothing": ["Rain shell", "Wool socks", "Down vest", "Sun hat", "Fleece", "Gaiters", "Base layer", "Mittens"],
    "sleeping": ["Sleeping bag", "Foam mat", "Air mat", "Hammock", "Pillow", "Silk liner", "Blanket", "Mosquito net"],
}
_FOLLOW_UPS = (("click", 0.55), ("add_to_cart", 0.35), ("purchase", 0.6))
"""After a view each step follows the one before it with this probability."""


def items_csv() -> str:
    """item_id, title, categories, price: 40 items on five shelves."""
    rows = [
        (f"i-{number:03d}", title, shelf, f"{5 + (number * 37) % 120}.90")
        for number, (shelf, title) in enumerate(_items(), start=1)
    ]
    return _csv(("item_id", "title", "categories", "price"), rows)


def events_csv(now_ms: int, seed: int = 0) -> str:
    """ts, user_id, item_id, type: a month up to `now_ms`, by users who each prefer one shelf and like a second."""
    rows = sorted(_events(now_ms, np.random.default_rng(seed)))
    return _csv(("ts", "user_id", "item_id", "type"), rows)


def _items() -> list[tuple[str, str]]:
    return [(shelf, title) for shelf, titles in _SHELVES.items() for title in titles]


def _events(now_ms: int, chance: np.random.Generator) -> Iterator[tuple[int, str, str, str]]:
    shelves, per_shelf = len(_SHELVES), len(next(iter(_SHELVES.values())))
    taste = 1.0 / np.arange(1, per_shelf + 1)  # the first items of a shelf are its classics
    for user in range(1, USERS + 1):
        favourite, second = chance.choice(shelves, size=2, replace=False)
        liking = np.full(shelves, 0.1 / shelves)
        liking[favourite] += 0.65
        liking[second] += 0.25
        for _ in range(int(chance.integers(8, 26))):
            ts = now_ms - int(chance.integers(60_000, _DAYS * _DAY))
            item = int(chance.choice(shelves, p=liking)) * per_shelf + int(chance.choice(per_shelf, p=taste / taste.sum()))
            for kind in _visit(chance):
                yield ts, f"u-{user:02d}", f"i-{item + 1:03d}", kind
                ts += int(chance.integers(2_000, 50_000)) if ts < now_ms - 60_000 else 0


def _visit(chance: np.random.Generator) -> Iterator[str]:
    yield "view"
    for kind, probability in _FOLLOW_UPS:
        if chance.random() > probability:
            return
        yield kind


def _csv(head: tuple[str, ...], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
