"""The processes on a project's data: who is there, who leads, how far behind; for `status` and `doctor`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from honeyguide.cli.findings import Finding
from honeyguide.cli.output import ago, count
from honeyguide.jobs.leader import LEASE
from honeyguide.jobs.presence import SILENT
from honeyguide.protocols import Store
from honeyguide.types import Process

_FAR_BEHIND = 100_000
_NAMES = {"api": "server", "alone": "server", "worker": "worker"}
_COMMANDS = {"api": "honeyguide serve", "alone": "honeyguide serve", "worker": "honeyguide worker"}


@dataclass(frozen=True, slots=True)
class Crew:
    """What the database knows of the processes. `leader` is the id of the one that leads, empty if none does; `behind` how
    many rows of the log the folded features do not know yet."""

    processes: Sequence[Process]
    leader: str
    behind: int
    shared: bool

    @property
    def alive(self) -> list[Process]:
        """Those heard of lately."""
        return [process for process in self.processes if process.silent < SILENT]

    @property
    def missing(self) -> list[Process]:
        """Those that died and in whose place nobody has come on their machine."""
        places = {(process.host, process.role) for process in self.alive}
        return [each for each in self.processes if each.silent >= SILENT and (each.host, each.role) not in places]

    def told(self) -> list[dict[str, Any]]:
        """For programs."""
        return [
            {
                "role": _NAMES[process.role],
                "host": process.host,
                "pid": process.pid,
                "port": process.port,
                "release": process.release,
                "started_at": process.started_at,
                "silent_seconds": round(process.silent, 1),
                "leads": process.process_id == self.leader,
            }
            for process in (*self.alive, *self.missing)
        ]


def crew_of(store: Store, position: int) -> Crew:
    """Read it."""
    lease = store.leases.leadership(LEASE)
    folded = [mark.sequence for mark in store.features.groups().values()]
    behind = max(0, position - max(folded)) if folded else 0
    leader = lease.holder if lease is not None and lease.left > 0 else ""
    return Crew(store.heartbeats.processes(), leader, behind, store.shared)


def process_texts(crew: Crew, now: int) -> Iterator[Text]:
    """One line for each process."""
    for process in (*crew.alive, *crew.missing):
        where = f"{_NAMES[process.role]} {process.pid} on {process.host}" + (f" port {process.port}" if process.port else "")
        if process in crew.missing:
            yield Text.assemble(
                where, " ", (f"died, last heard of {ago(now - round(process.silent * 1000), now)}", "bold red")
            )
            continue
        leads = (" leads", "green") if process.process_id == crew.leader else ""
        yield Text.assemble(where, leads, f" · started {ago(process.started_at, now)}")


def process_findings(crew: Crew, now: int) -> Iterator[Finding]:
    """Who has died, and what nobody does."""
    for process in crew.missing:
        when = ago(now - round(process.silent * 1000), now)
        what = f"the {_NAMES[process.role]} {process.pid} on {process.host} died: it was last heard of {when}"
        yield Finding("warning", "dead_process", what, f"see its log, and start it again: {_COMMANDS[process.role]}")
    if crew.alive and not crew.leader:
        what = f"of {len(crew.alive)} servers and workers none leads: nobody folds features or ends the jobs of the dead"
        fix = "look again in a few seconds; if it stays so, the log says why (background job failed, job=lease)"
        yield Finding("warning", "no_leader", what, fix)
    if crew.shared and crew.alive and all(process.role != "worker" for process in crew.alive):
        what = "no worker runs: a server trains and folds beside its answers"
        yield Finding("warning", "no_worker", what, "honeyguide worker")
    if crew.behind > _FAR_BEHIND:
        what = f"the features do not know the latest {count(crew.behind, 'row')} of the log"
        yield Finding("warning", "features_behind", what, "start honeyguide serve or honeyguide worker, which fold them")
