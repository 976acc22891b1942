"""`honeyguide status`: is a server up, how far is the log, what is served, what runs."""

import asyncio
from typing import Any

import httpx
import msgspec
import typer
from rich.text import Text

from honeyguide.cli.holder import holder_of, url_of
from honeyguide.cli.opening import short
from honeyguide.cli.output import Json, Out, ago, count
from honeyguide.cli.processes import crew_of, process_texts
from honeyguide.cli.storage import Stored, storage
from honeyguide.config import settings_fingerprint
from honeyguide.config.settings import Retention
from honeyguide.jobs.erase import shown
from honeyguide.types import Job

app = typer.Typer(add_completion=False)

_JOBS = 5
_TIMEOUT = 2.0
_DAY = 86_400


@app.command()
def status(context: typer.Context, json: Json = False) -> None:
    """Show the server and other processes, the log, the models and the latest jobs of this project."""
    out = Out(json)
    with storage(context) as stored:
        settings, store = stored.loaded.settings, stored.store
        server = _server(stored)
        position = asyncio.run(store.log.position())
        items = sum(item.deleted_at is None for batch in store.catalogue.scan_items() for item in batch)
        aliases = {alias: version.label for alias, version in sorted(store.registry.aliases().items())}
        versions, jobs, now = len(store.registry.versions()), store.jobs.page(limit=_JOBS), stored.clock.now_ms()
        known: dict[str, Any] = {"position": position, "items": items, "slates": store.slates.count()}
        crew = crew_of(store, position)
        known |= {"processes": crew.told(), "features_behind": crew.behind}
        known |= {"aliases": aliases, "versions": versions, "config": settings_fingerprint(settings)}
        data_dir, limits = settings.project.data_dir, settings.retention
        out.result(
            {
                "project": settings.project.name,
                "data_dir": str(data_dir),
                "server": server,
                **known,
                "retention": {"events": limits.events, "slates": limits.slates, "models": limits.models},
                "jobs": [_shown(job) for job in jobs],
            }
        )
        out.show("project", f"{settings.project.name} in {short(data_dir)}")
        out.show("server", _server_text(server, now))
        for text in process_texts(crew, now):
            out.show("process", text)
        behind = f" · features {count(crew.behind, 'row')} behind" if crew.behind else ""
        out.show(
            "log", f"{count(position, 'row')} · {count(items, 'item')} · {count(known['slates'], 'slate')} served{behind}"
        )
        served = ", ".join(f"{alias} = {label}" for alias, label in aliases.items())
        out.show("models", f"{served or 'none trained; popular items are served'} · {count(versions, 'version')} kept")
        out.show("kept", _kept_text(limits, bool(crew.leader)))
        for job in jobs:
            out.show("job", _job_text(job, now))
        if not aliases:
            out.hint("honeyguide train" if position else "honeyguide import events FILE")
        elif not server["running"]:
            out.hint("honeyguide serve")


def _server(stored: Stored) -> dict[str, Any]:
    """Who holds the data directory, and whether it answers."""
    settings = stored.loaded.settings
    holder = holder_of(settings.project.data_dir)
    if holder is None:
        return {"running": False}
    url = url_of(holder, settings.server.port)
    told = {"running": True, "holder": holder.holder, "pid": holder.pid, "since": holder.since, "url": url}
    try:
        answer = httpx.get(f"{url}/healthz", timeout=_TIMEOUT, trust_env=False)
    except httpx.HTTPError as error:
        return told | {"healthy": False, "reason": str(error) or type(error).__name__}
    return told | {"healthy": answer.status_code == httpx.codes.OK}


def _server_text(server: dict[str, Any], now: int) -> Text:
    if not server["running"]:
        return Text("not running")
    health = Text("answers", style="green") if server["healthy"] else Text("does not answer", style="bold red")
    return Text.assemble(f"{server['url']} ", health, f" · process {server['pid']}, started {ago(server['since'], now)}")


def _kept_text(limits: Retention, led: bool) -> str:
    """What is removed for its age, and whether anybody does it now."""
    days = [
        f"{name} {round(seconds / _DAY):,} days" for name, seconds in (("events", limits.events), ("lists", limits.slates))
    ]
    return f"{' · '.join(days)}{'' if led else ' · nobody removes what is older now'}"


def _shown(job: Job) -> dict[str, Any]:
    return msgspec.structs.asdict(job) | {"params": shown(job.params)}


def _job_text(job: Job, now: int) -> Text:
    style = {"succeeded": "green", "failed": "bold red", "running": "cyan"}.get(job.state, "")
    how_far = f" {job.progress:.0%}" if job.state == "running" else ""
    said = f" · {job.message}" if job.message else ""
    return Text.assemble(f"{job.kind} ", (f"{job.state}{how_far}", style), f" · {ago(job.created_at, now)}{said}")
