"""`honeyguide demo`: a drawn shop, its past imported, models trained, a server, and shoppers who use it."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.text import Text

from honeyguide.api.server import bind
from honeyguide.cli.opening import short
from honeyguide.clock import Clock, SystemClock
from honeyguide.errors import Conflict
from honeyguide.simulate.building import build, settings_of
from honeyguide.simulate.child import serving
from honeyguide.simulate.folder import Folder, open_folder
from honeyguide.simulate.running import DemoResult, Running
from honeyguide.simulate.screen import Screen
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shoppers import Pace

__all__ = ["DemoOptions", "DemoResult", "run_demo"]

PORT: Final = 8000
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


def run_demo(options: DemoOptions, console: Console, *, clock: Clock | None = None) -> DemoResult:
    """Build, train, serve, and let the shoppers in, until ctrl-C or for `options.seconds`.

    Raises `Conflict` for a named port that is in use or a folder that is something else, `InvalidInput` for sizes that
    make no shop. Ctrl-C while the shop is built raises KeyboardInterrupt; later it ends the traffic and shows the report.
    """
    clock = clock or SystemClock()
    begun = clock.monotonic()
    screen = Screen(console, clock)
    port = port_of(options.port, screen)
    with place(options.keep) as path:
        folder = open_folder(path, clock, items=options.items, users=options.users, seed=options.seed)
        shop, past = build(folder, screen)
        with serving(folder.config, port, folder.path / "server.log") as server:
            headers = headers_of(folder)
            show_list(shop, server.url, headers, screen)
            result = DemoResult(server.url, round(clock.monotonic() - begun, 1))
            screen.line("ready", Text(f"{result.first_list_seconds:.1f} s from the start to the first list", "bold"))
            _invite(folder, server.url, screen, with_key=bool(headers))
            running = Running(folder, shop, past, (server,), headers, screen, clock)
            if options.traffic:
                asyncio.run(running.shop_on(result, seconds=options.seconds, pace=Pace(lists=options.pace)))
            else:
                asyncio.run(running.wait(result, seconds=options.seconds))
        farewell(options.keep, result, screen)
    return result


def port_of(wanted: int | None, screen: Screen) -> int:
    """A port that can be bound now: the one that was asked for or an error, else 8000, else any."""
    port = PORT if wanted is None else wanted
    try:
        bind("127.0.0.1", port).close()
    except Conflict as taken:
        if wanted is not None:
            raise Conflict(
                taken.detail, cure="Stop that one, or take any free one with --port 0.", code=taken.code
            ) from None
        screen.line("port", f"{taken.detail} Taking a free one.")
        return 0
    return port


@contextmanager
def place(keep: Path | None) -> Iterator[Path]:
    """The folder to work in: the one to keep, or one that is gone afterwards."""
    if keep is not None:
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="honeyguide-demo-", ignore_cleanup_errors=True) as path:
        yield Path(path)


def headers_of(folder: Folder) -> dict[str, str]:
    """What a request to the project's servers must carry."""
    key = settings_of(folder).auth.key
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}


def show_list(shop: Shop, url: str, headers: Mapping[str, str], screen: Screen) -> None:
    """Show what a list looks like; the user of the examples is taken if there is one."""
    user_id = TRY_USER if TRY_USER in shop.user_ids else shop.user_ids[0]
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
        answer = client.post("/v1/recommendations", json={"user_id": user_id, "n": 5}).raise_for_status().json()
    screen.line("list", f"for {user_id}, by {answer['model']}")
    for entry in answer["items"]:
        item = shop.item_number[entry["item_id"]]
        price = f"{shop.items.price[item]:,.2f}"
        screen.line("", Text.assemble((shop.items.titles[item], "bold"), f"  {price}"), entry["reason"]["text"])


def _invite(folder: Folder, url: str, screen: Screen, *, with_key: bool) -> None:
    """Where it answers, and what to try."""
    screen.blank()
    screen.line("serving", Text(url, "bold"), f"{url}/docs describes the API")
    invite(folder, url, url, screen, with_key=with_key)


def invite(folder: Folder, url: str, told: str, screen: Screen, *, with_key: bool) -> None:
    """What to try: lists at `url`, events told to the server at `told`."""
    key = " -H 'Authorization: Bearer KEY'" if with_key else ""
    command = f"{program()} --config {folder.config}"
    screen.line("try", f"curl -X POST{key} '{url}/recommendations?user_id={TRY_USER}&n=10'")
    screen.line("", f"curl -X POST{key} '{told}/track/purchase?user_id={TRY_USER}&item_id=item_1'")
    screen.line("", f"{command} recommend {TRY_USER} --explain")
    screen.line("", f"{command} models promote popular@1", "and see CTR fall")
    screen.line("stop", "ctrl-C")
    screen.blank()


def program() -> str:
    """What a shell here calls this program: its name where it is on the path, else its file."""
    if shutil.which("honeyguide"):
        return "honeyguide"
    beside = Path(sys.executable).with_name("honeyguide")
    return short(beside) if beside.exists() else f"{sys.executable} -m honeyguide"


def farewell(keep: Path | None, result: DemoResult, screen: Screen, *, flag: str = "") -> None:
    """What failed, and how to go on."""
    for failure in result.failures:
        screen.line("failed", Text(failure, "red"))
    kept = f"the shop is in {keep}; honeyguide demo{flag} --keep {keep} goes on with it"
    screen.line("stopped", kept if keep else "the shop is gone; with --keep DIR it would stay")
