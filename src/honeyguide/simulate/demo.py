"""`honeyguide demo`: a drawn shop, its past imported, models trained, a server, and shoppers who use it."""

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import polars as pl
from rich.console import Console
from rich.text import Text

from honeyguide.api.server import bind
from honeyguide.clock import Clock, SystemClock
from honeyguide.config import Settings, load
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.library import Honeyguide
from honeyguide.messages import IngestReport
from honeyguide.simulate.child import Server, serving
from honeyguide.simulate.folder import Folder, open_folder
from honeyguide.simulate.history import history, owned, popularity
from honeyguide.simulate.reference import references
from honeyguide.simulate.screen import Screen
from honeyguide.simulate.service import Service
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shoppers import Pace, Shoppers
from honeyguide.simulate.traffic import Traffic
from honeyguide.types import Json

PORT: Final = 8000
HISTORY_DAYS: Final = 30
REFRESH_SECONDS: Final = 0.5
TRY_USER: Final = "user_123"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to build and how long to run. None means: as it is there, or the default.

    `port` None takes 8000, or a free one if that is in use; `keep` None is a temporary folder, removed at the end;
    `seconds` None runs until ctrl-C. `pace` is how many lists the shoppers ask for in a second, 0 as many as they can.
    """

    users: int | None = None
    items: int | None = None
    seed: int | None = None
    port: int | None = None
    keep: Path | None = None
    traffic: bool = True
    seconds: float | None = None
    pace: float = 50.0


@dataclass(slots=True)
class DemoResult:
    """How it went: `first_list_seconds` from the start to the first list, the traffic report, and what failed."""

    url: str = ""
    first_list_seconds: float = 0.0
    traffic: Json = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 if nothing failed."""
        return 1 if self.failures else 0


def run_demo(options: DemoOptions, console: Console, *, clock: Clock | None = None) -> DemoResult:
    """Build, train, serve, and let the shoppers in, until ctrl-C or `options.seconds` of traffic.

    Raises `Conflict` for a named port in use or a folder that is something else, `InvalidInput` for sizes that do not
    make a shop. Ctrl-C while it is being built ends it at once; later it ends the traffic and shows the report."""
    clock = clock or SystemClock()
    begun = clock.monotonic()
    screen = Screen(console, clock)
    port = _port(options.port, screen)
    with _place(options.keep) as path:
        folder = open_folder(path, clock, items=options.items, users=options.users, seed=options.seed)
        shop, past = _build(folder, screen)
        with serving(folder.config, port, folder.path / "server.log") as server:
            result = DemoResult(url=server.url)
            key = _settings(folder).auth.key
            headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
            _first_list(shop, server, headers, screen)
            result.first_list_seconds = round(clock.monotonic() - begun, 1)
            screen.line("ready", Text(f"{result.first_list_seconds:.1f} s from the start to the first list", "bold"))
            _invite(folder, server, screen, with_key=bool(key))
            demo = _Demo(options, folder, shop, past, server, headers, screen, clock)
            asyncio.run(demo.run(result))
        screen.line("stopped", _farewell(options.keep))
    return result


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    """The folder to work in: the one to keep, or one that is gone afterwards."""
    if keep is not None:
        yield keep.absolute()
    else:
        with tempfile.TemporaryDirectory(prefix="honeyguide-demo-") as path:
            yield Path(path)


def _port(wanted: int | None, screen: Screen) -> int:
    """A port that can be bound now: the one that was asked for or an error, else 8000, else any."""
    try:
        bind("127.0.0.1", PORT if wanted is None else wanted).close()
    except Conflict as taken:
        if wanted is not None:
            raise Conflict(taken.detail, cure="Stop that one, or take another: --port 0 is any free one.") from None
        screen.line("port", f"{taken.detail} Taking a free one.")
        return 0
    return PORT if wanted is None else wanted


def _settings(folder: Folder) -> Settings:
    return load(folder.config, environ=os.environ).settings


def _build(folder: Folder, screen: Screen) -> tuple[Shop, pl.DataFrame]:
    """The shop, filled and trained; and all events so far."""
    with screen.step("shop", "drawing the shop") as step:
        shop = folder.note.shop()
        on_sale = sum(1 for _ in range(int((shop.items.created_at <= folder.note.simulated).sum())))
        step.say(f"{on_sale:,} items in 40 categories, {len(shop.users):,} users, seed {shop.seed}")
    with Honeyguide.open(_settings(folder)) as hg:
        if folder.fresh:
            _import(hg, shop, screen)
            folder.remember(folder.note.simulated)
        with screen.step("training", "training") as step:
            report = hg.train(progress=lambda stage, share: step.working(f"training: {stage} {share:.0%}"))
            step.say(f"{report.champion} serves: {report.reason}")
        return shop, hg.runtime.store.log.interactions()


def _import(hg: Honeyguide, shop: Shop, screen: Screen) -> None:
    with screen.step("history", f"playing {HISTORY_DAYS} days of history") as step:
        events = history(shop, HISTORY_DAYS)
        step.say(f"{events.height:,} events of {HISTORY_DAYS} days")
    with screen.step("import", "importing items, users and events") as step:
        reports = {
            "items": hg.ingest(shop.item_rows(), "items"),
            "users": hg.ingest(shop.user_rows(), "users"),
            "events": hg.ingest(events, "events"),
        }
        for kind, report in reports.items():
            _all_taken(kind, report)
        step.say(", ".join(f"{report.accepted:,} {kind}" for kind, report in reports.items()))


def _all_taken(kind: str, report: IngestReport) -> None:
    if report.rejected:
        first = report.rejected[0]
        raise InvalidInput(f"{len(report.rejected)} of the shop's {kind} were rejected, first: {first.detail}")


def _first_list(shop: Shop, server: Server, headers: dict[str, str], screen: Screen) -> None:
    """Show what a list looks like."""
    user_id = TRY_USER if len(shop.users) >= 123 else shop.user_ids[0]
    with httpx.Client(base_url=server.url, headers=headers, timeout=30, trust_env=False) as client:
        answer = client.post("/v1/recommendations", json={"user_id": user_id, "n": 5})
        answer.raise_for_status()
    screen.line("first list", f"for {user_id}, by {answer.json()['model']}:")
    for entry in answer.json()["items"]:
        item = shop.item_number[entry["item_id"]]
        where = " / ".join(shop.categories(item))
        screen.line("", f"{shop.items.titles[item]} · {shop.items.price[item]:,.2f} · {where}", entry["reason"]["text"])


def _invite(folder: Folder, server: Server, screen: Screen, *, with_key: bool) -> None:
    """Where it answers, and what to try."""
    key = " -H 'Authorization: Bearer KEY'" if with_key else ""
    config = f"honeyguide --config {folder.config}"
    screen.blank()
    screen.line("serving", Text(server.url, "bold"), f"API page: {server.url}/docs")
    screen.line("try", f"curl -X POST{key} '{server.url}/recommendations?user_id={TRY_USER}&n=10'")
    screen.line("", f"curl -X POST{key} '{server.url}/track/purchase?user_id={TRY_USER}&item_id=item_1'")
    screen.line("", f"{config} recommend {TRY_USER} --explain")
    screen.line("", f"{config} models promote popular", "and watch CTR fall")
    screen.line("stop", "ctrl-C")
    screen.blank()


def _farewell(keep: Path | None) -> str:
    if keep is None:
        return "the shop is gone; --keep DIR keeps one"
    return f"the shop is in {keep}; honeyguide demo --keep {keep} goes on with it"


@dataclass(slots=True)
class _Demo:
    """The last part: a server and its shoppers."""

    options: DemoOptions
    folder: Folder
    shop: Shop
    past: pl.DataFrame
    server: Server
    headers: dict[str, str]
    screen: Screen
    clock: Clock

    async def run(self, result: DemoResult) -> None:
        """Until told to stop, or for `options.seconds`, or until the server is gone."""
        stop = asyncio.Event()
        with _on_signals(stop):
            if self.options.traffic:
                async with self._shoppers() as shoppers:
                    await self._watch(shoppers, stop)
                traffic = shoppers.traffic
                self.folder.remember(shoppers.simulated)
                self.screen.report(traffic)
                result.traffic = traffic.as_json()
                result.failures += [f"{reason} ({times} times)" for reason, times in traffic.failures.items()]
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._server_or(stop), self.options.seconds)
        if not self.server.alive:
            result.failures.append(f"the server ended by itself; its log is {self.server.log}")
        for failure in result.failures:
            self.screen.line("failed", Text(failure, "red"))

    @asynccontextmanager
    async def _shoppers(self) -> AsyncIterator[Shoppers]:
        client = httpx.AsyncClient(base_url=self.server.url, headers=self.headers, timeout=30, trust_env=False)
        async with client:
            yield Shoppers(
                self.shop,
                Service(client),
                self.clock,
                references=references(self.shop, popularity(self.shop, self.past)),
                owned=owned(self.shop, self.past),
                pace=Pace(lists=self.options.pace),
                begin=self.folder.note.simulated,
            )

    async def _watch(self, shoppers: Shoppers, stop: asyncio.Event) -> None:
        """Let them shop and show how it goes."""
        shopping = asyncio.create_task(shoppers.run(seconds=self.options.seconds))
        ending = asyncio.create_task(self._server_or(stop))
        with self.screen.live(shoppers.traffic) as figures:
            while not shopping.done():
                await asyncio.wait([shopping], timeout=REFRESH_SECONDS)
                if ending.done():
                    shoppers.stop()
                figures.update()
        ending.cancel()
        await shopping

    async def _server_or(self, stop: asyncio.Event) -> None:
        """Return when told to stop, or when the server has ended."""
        while not stop.is_set() and self.server.alive:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), REFRESH_SECONDS)


@contextmanager
def _on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set the event instead of breaking off."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
