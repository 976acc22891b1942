"""A tiny shop with an obvious truth, in a real data directory: tea drinkers and ball players."""

from pathlib import Path
from typing import Any

from honeyguide import Honeyguide
from honeyguide.clock import Clock, ManualClock
from honeyguide.config import Settings
from honeyguide.config.settings import Models, Project

NOW = 1_780_000_000_000
HOUR = 3_600_000

TEA = ["tea", "pot", "cup", "spoon", "sugar", "honey", "tray", "kettle"]
BALL = ["ball", "bat", "glove", "shoe", "sock", "cap", "net", "whistle"]


def settings(data_dir: Path, **sections: Any) -> Settings:
    """Settings on a data directory."""
    return Settings(project=Project(data_dir=data_dir), **sections)


def catalogue() -> list[dict[str, Any]]:
    """Sixteen items in two categories with prices and creation times."""
    return [
        {
            "item_id": name,
            "title": name.title(),
            "categories": [category],
            "price": 5.0 + place,
            "created_at": NOW - 100 * 24 * HOUR,
        }
        for category, names in (("kitchen", TEA), ("sport", BALL))
        for place, name in enumerate(names)
    ]


def history() -> list[dict[str, Any]]:
    """Forty users, half of each kind; user k has bought five of their eight items, in an order of their own."""
    events = []
    for number in range(40):
        names = TEA if number % 2 == 0 else BALL
        for step in range(5):
            item = names[(number // 2 * 3 + step * (1 + number % 3)) % 8]
            events.append(
                {
                    "event_id": f"h{number}-{step}",
                    "user_id": f"u{number}",
                    "item_id": item,
                    "type": "purchase" if step % 2 else "view",
                    "ts": NOW - 10 * 24 * HOUR + number * HOUR + step * 60_000,
                }
            )
    return events


def open_shop(data_dir: Path, *, clock: Clock | None = None, train: bool = True, **sections: Any) -> Honeyguide:
    """The shop, filled and trained; with two models unless told otherwise, which is quick."""
    sections.setdefault("models", Models(train=["popular", "ease"]))
    hg = Honeyguide.open(settings(data_dir, **sections), clock=clock or ManualClock(NOW))
    assert not hg.ingest(catalogue(), "items").rejected
    assert not hg.ingest(history()).rejected
    if train:
        hg.train()
    return hg
