"""A tiny shop with an obvious truth, in a real data directory: tea drinkers and ball players."""

import os
import shutil
import tempfile
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

_WITH_SERVERS = "127.0.0.1:"
_made: dict[tuple[str, int], Path] = {}
_made_in = Path(tempfile.gettempdir()) / f"honeyguide-shops-{os.getpid()}"


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
    return filled(settings(data_dir, **sections), clock or ManualClock(NOW), train=train)


def filled(given: Settings, clock: Clock, *, train: bool = True) -> Honeyguide:
    """A project with the shop in it. Of those that are alike one is made, and the others are copies of it."""
    alike = given.model_dump_json(exclude={"project": {"data_dir"}})
    folder, at = given.project.data_dir, clock.now_ms() if isinstance(clock, ManualClock) else None
    if not train or at is None or _WITH_SERVERS in alike or (folder.exists() and any(folder.iterdir())):
        return _fill(given, clock, train=train)
    if (alike, at) not in _made:
        place = _made[alike, at] = _made_in / str(len(_made))
        there = given.model_copy(update={"project": given.project.model_copy(update={"data_dir": place})})
        _fill(there, ManualClock(at), train=True).close()
    shutil.copytree(_made[alike, at], folder, dirs_exist_ok=True)
    return Honeyguide.open(given, clock=clock)


def _fill(given: Settings, clock: Clock, *, train: bool) -> Honeyguide:
    hg = Honeyguide.open(given, clock=clock)
    assert not hg.ingest(catalogue(), "items").rejected
    assert not hg.ingest(history()).rejected
    if train:
        hg.train()
    return hg


def remove_shops() -> None:
    """Remove what copies are made of, at the end of the process."""
    _made.clear()
    shutil.rmtree(_made_in, ignore_errors=True)
