"""`honeyguide demo --cluster`: the shop on two nodes and a worker, with a PostgreSQL and a Redis server of its own.

The shoppers' requests go to both nodes in turn. At the end it is counted, event by event, whether what was acknowledged
is in the log, and list by list, whether any was older than it may be.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.text import Text

from honeyguide.api.server import bind
from honeyguide.clock import Clock, SystemClock
from honeyguide.config import Settings
from honeyguide.errors import Conflict
from honeyguide.simulate.balanced import Balanced, PatientService
from honeyguide.simulate.building import build, settings_of
from honeyguide.simulate.child import Server, serving
from honeyguide.simulate.demo import DemoOptions, farewell, headers_of, invite, place, port_of, show_list
from honeyguide.simulate.drill import Drill, Times
from honeyguide.simulate.folder import Folder, open_folder
from honeyguide.simulate.private import PrivatePostgres, PrivateRedis
from honeyguide.simulate.running import DemoResult, Running, ctrl_c
from honeyguide.simulate.screen import Screen
from honeyguide.simulate.shoppers import Pace, Shoppers
from honeyguide.stores.urls import open_store
from honeyguide.types import Json

PATIENCE: Final = 5.0
"""Seconds that a shopper waits for an answer."""
_SETTLE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Two nodes, a worker, and what is behind them."""

    redis: PrivateRedis
    postgres: PrivatePostgres
    nodes: tuple[Server, Server]
    worker: Server


def run_cluster(options: DemoOptions, console: Console, *, times: Times | None = None) -> DemoResult:
    """Build, train, serve on two nodes, and let the shoppers in, until ctrl-C or for `options.seconds`; with `times`, until
    the drill is done. `result.traffic["cluster"]` has the counts.

    Raises as `run_demo`, and `Unavailable` where PostgreSQL or Redis is not installed."""
    clock = SystemClock()
    begun = clock.monotonic()
    screen = Screen(console, clock)
    port = port_of(options.port, screen)
    with place(options.keep) as path, ExitStack() as stack:
        folder = open_folder(path, clock, items=options.items, users=options.users, seed=options.seed)
        with screen.step("behind", "starting PostgreSQL and Redis") as step:
            servers = stack.enter_context(_servers_place(options.keep))
            postgres = stack.enter_context(PrivatePostgres(servers / "postgres"))
            redis = stack.enter_context(PrivateRedis(servers / "redis"))
            folder.configure(f'[storage]\nurl = "{postgres.url}"\n\n[redis]\nurl = "{redis.url}"\n')
            step.say(f"PostgreSQL on port {postgres.port}, Redis on port {redis.port}, data in {servers}")
        shop, past = build(folder, screen)
        cluster = stack.enter_context(_standing(folder, port, postgres, redis, screen))
        headers = headers_of(folder)
        show_list(shop, cluster.nodes[0].url, headers, screen)
        result = DemoResult(cluster.nodes[0].url, round(clock.monotonic() - begun, 1))
        _invite(folder, cluster, screen, with_key=bool(headers))
        node, other = cluster.nodes
        watched = (other, cluster.worker) if times is not None else (node, other, cluster.worker)
        running = Running(folder, shop, past, watched, headers, screen, clock)
        if options.traffic:
            drill = Drill(redis, postgres, node, times) if times is not None else None
            asyncio.run(_shop_on(running, cluster, result, options, drill))
        else:
            asyncio.run(running.wait(result, seconds=options.seconds))
        farewell(options.keep, result, screen, flag=" --cluster")
    return result


@contextmanager
def _servers_place(keep: Path | None) -> Iterator[Path]:
    """Where the servers' data are: beside the kept shop, or in a folder that is gone afterwards. It is not inside that of
    the shop, which is closed to the user who runs PostgreSQL."""
    if keep is not None:
        yield keep.absolute() / "servers"
        return
    with tempfile.TemporaryDirectory(prefix="honeyguide-servers-", ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o711)
        yield Path(path)


@contextmanager
def _standing(
    folder: Folder, port: int, postgres: PrivatePostgres, redis: PrivateRedis, screen: Screen
) -> Iterator[Cluster]:
    """The nodes and the worker, started side by side."""
    with screen.step("cluster", "starting two nodes and a worker") as step, ExitStack() as stack:
        node = stack.enter_context(serving(folder.config, port, folder.path / "node-a.log"))
        other = stack.enter_context(serving(folder.config, _next(node.port), folder.path / "node-b.log"))
        worker = stack.enter_context(serving(folder.config, 0, folder.path / "worker.log", "worker"))
        step.say(f"two nodes (processes {node.pid} and {other.pid}), and a worker ({worker.pid})")
        rest = stack.pop_all()
    with rest:
        yield Cluster(redis, postgres, (node, other), worker)


def _next(port: int) -> int:
    """The port after this one if it is free, else any."""
    with suppress(Conflict):
        bind("127.0.0.1", port + 1).close()
        return port + 1
    return 0


def _invite(folder: Folder, cluster: Cluster, screen: Screen, *, with_key: bool) -> None:
    """Where it answers, and what to try."""
    first, second = cluster.nodes
    screen.blank()
    screen.line("serving", Text(f"{first.url}  {second.url}", "bold"), f"logs, configuration and data in {folder.path}")
    screen.line("metrics", f"{first.url}/metrics  {second.url}/metrics  {cluster.worker.url}/metrics")
    invite(folder, second.url, first.url, screen, with_key=with_key)
    screen.blank()


async def _shop_on(
    running: Running, cluster: Cluster, result: DemoResult, options: DemoOptions, drill: Drill | None
) -> None:
    """Shoppers on both nodes, then the drill's parts if there is one, then the counts."""
    settings = settings_of(running.folder)
    before = await asyncio.to_thread(_position, settings, running.clock)
    nodes = Balanced([node.url for node in cluster.nodes], running.clock)
    hard = settings.all_surfaces()["home"].invalidate
    client = httpx.AsyncClient(
        transport=nodes, base_url=cluster.nodes[0].url, headers=running.headers, timeout=PATIENCE, trust_env=False
    )
    async with client:
        service = PatientService(client, running.clock, hard)
        shoppers = running.shoppers(service, Pace(lists=options.pace))
        sending = asyncio.create_task(service.keep_sending())
        with ctrl_c() as told:
            drilling = asyncio.create_task(_drilled(drill, shoppers, service, running.screen, told))
            await running.watch(shoppers, told, None if drill is not None else options.seconds)
            parts = await _ended(drilling)
        sending.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(service.settle(), _SETTLE_SECONDS)
    running.look_back(shoppers, result)
    counts = await asyncio.to_thread(_counts, service, settings, running.clock, before)
    counts |= {"asked": dict(nodes.asked), "moved": nodes.moved, "drill": parts}
    result.traffic["cluster"] = counts
    result.failures += _broken(counts)
    _show(counts, running.screen)


async def _drilled(
    drill: Drill | None, shoppers: Shoppers, service: PatientService, screen: Screen, told: asyncio.Event
) -> list[Json]:
    """Run the drill beside the shoppers, and send them home when it is done."""
    if drill is None:
        return []
    try:
        return await drill.run(shoppers.traffic, service, screen)
    finally:
        told.set()


async def _ended(drilling: "asyncio.Task[list[Json]]") -> list[Json]:
    """What the drill came to; nothing if it was broken off."""
    if not drilling.done():
        drilling.cancel()
    with suppress(asyncio.CancelledError):
        return await drilling
    return []


def _position(settings: Settings, clock: Clock) -> int:
    """Where the log ends."""
    store = open_store(settings, clock)
    try:
        return asyncio.run(store.log.position())
    finally:
        store.close()


def _counts(service: PatientService, settings: Settings, clock: Clock, before: int) -> Json:
    """What was acknowledged, against what the log holds."""
    store = open_store(settings, clock)
    try:
        stored = Counter(row.event_id for batch in store.log.scan(after=before) for row in batch if row.kind == "event")
    finally:
        store.close()
    sent = {event_id: times for event_id, times in stored.items() if event_id in service.sent}
    return {
        "acknowledged": len(service.acknowledged),
        "in_log": len(sent),
        "lost": len(service.acknowledged - sent.keys()),
        "twice": sum(times > 1 for times in sent.values()),
        "not_taken": service.waiting,
        "told_again": service.repeated,
        "checked": service.checked,
        "late": service.late,
        "tiers": dict(service.tiers),
    }


def _broken(counts: Json) -> list[str]:
    """The promises that were not kept."""
    told = {
        "lost": "acknowledged events are not in the log",
        "twice": "events are in the log twice",
        "not_taken": "events were not taken by the end",
        "late": "lists did not know of an event that was acknowledged before",
    }
    return [f"{counts[name]} {what}" for name, what in told.items() if counts[name]]


def _show(counts: Json, screen: Screen) -> None:
    """The counts, in words."""
    exact = counts["acknowledged"] == counts["in_log"] and not counts["twice"]
    again = f"{counts['told_again']:,} batches had to be sent again" if counts["told_again"] else ""
    screen.line(
        "events",
        Text(f"{counts['acknowledged']:,} acknowledged, {counts['in_log']:,} in the log", "bold" if exact else "bold red"),
        f"{'each once, none lost' if exact else 'NOT the same'}{', ' if again else ''}{again}",
    )
    screen.line("fresh", f"{counts['checked']:,} lists after such an event, {counts['late']:,} older than promised")
    asked = ", ".join(f"{node} {times:,}" for node, times in sorted(counts["asked"].items()))
    screen.line("nodes", asked, f"{counts['moved']:,} requests moved to the other node")
    tiers = ", ".join(f"{tier} {times:,}" for tier, times in sorted(counts["tiers"].items()))
    screen.line("tiers", tiers)
    screen.blank()
