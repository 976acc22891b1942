"""A real server with a small shop in it, asked in process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from honeyguide import Honeyguide
from honeyguide.api.app import create_app
from honeyguide.bootstrap import Runtime, open_runtime
from honeyguide.clock import Clock, ManualClock
from honeyguide.config import Settings
from honeyguide.config.settings import Auth, Models, Project
from honeyguide.simulate import Shop, Tally, history, owned, popularity, references
from honeyguide.simulate.service import Service
from honeyguide.simulate.shoppers import Pace, Shoppers
from honeyguide.simulate.traffic import Traffic
from honeyguide.types import LogRow

DAYS = 12


def settings(data_dir: Path, key: str | None = None) -> Settings:
    auth = Auth(key=SecretStr(key) if key else None)
    return Settings(project=Project(data_dir=data_dir), models=Models(train=["popular", "ease"]), auth=auth)


def fill(shop: Shop, data_dir: Path, clock: Clock | None = None) -> None:
    """A project with the shop's catalogue and past, trained."""
    with Honeyguide.open(settings(data_dir), clock=clock or ManualClock(shop.opened_at)) as hg:
        assert not hg.ingest(shop.item_rows(), "items").rejected
        assert not hg.ingest(shop.user_rows(), "users").rejected
        assert not hg.ingest(history(shop, DAYS)).rejected
        hg.train()


class Shopping:
    """Shoppers at a runtime that runs while the block does."""

    def __init__(self, shop: Shop, data_dir: Path, *, key: str | None = None, sent_key: str | None = None) -> None:
        self.shop = shop
        self.clock = ManualClock(shop.opened_at)
        self.runtime: Runtime = open_runtime(settings(data_dir, key), self.clock)
        headers = {"Authorization": f"Bearer {sent_key}"} if sent_key else {}
        transport = httpx.ASGITransport(app=create_app(self.runtime))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
        self.service = Service(self.client)

    def shoppers(self, past: bool = True, **options: Any) -> Shoppers:
        events = history(self.shop, DAYS)
        options.setdefault("pace", Pace(lists=0, together=1))
        makers = references(self.shop, popularity(self.shop, events)) if past else {}
        return Shoppers(self.shop, self.service, self.clock, references=makers, owned=owned(self.shop, events), **options)

    async def run(self, shoppers: Shoppers, **until: Any) -> Traffic:
        await self.runtime.start()
        try:
            return await shoppers.run(**until)
        finally:
            await self.client.aclose()
            await self.runtime.stop()


def log_rows(data_dir: Path, after: int = 0) -> list[LogRow]:
    """All rows of a project's log."""
    runtime = open_runtime(settings(data_dir), ManualClock())
    rows = [row for batch in runtime.store.log.scan(after=after) for row in batch]
    runtime.store.close()
    return rows


@contextmanager
def copied(data_dir: Path, to: Path) -> Iterator[Path]:
    """A project of one's own, as the filled one was."""
    to.mkdir()
    for path in data_dir.rglob("*"):
        target = to / path.relative_to(data_dir)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    yield to


def rates(tally: Tally) -> tuple[int, int, int]:
    return tally.lists, tally.clicks, tally.purchases
