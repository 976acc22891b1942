"""Programs that tests run in processes of their own, to kill or to compete with them: `python -m tests.stores.processes`."""

import asyncio
import subprocess
import sys
from pathlib import Path
from tempfile import gettempdir

from honeyguide.clock import SystemClock
from honeyguide.protocols import Store
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.stores.urls import open_store
from honeyguide.testing.stores.rows import change
from honeyguide.types import LogRow
from tests import postgres

ROOT = Path(__file__).parents[2]
PER_BATCH = 20


def batch(name: str) -> list[LogRow]:
    """Rows whose ids say which batch they are of; each names an item of its own, and one of them makes a user."""
    rows = [
        LogRow(event_id=f"{name}/{at}", ts=at, received_at=at, user_id=f"u{at}", item_id=f"{name}/{at}", type="view")
        for at in range(PER_BATCH - 1)
    ]
    made = change("user_put", name, properties={"batch": name})
    made.event_id = f"{name}/user"
    return [*rows, made]


def say(*words: object) -> None:
    """A line to the parent, at once."""
    print(*words, flush=True)


def opened(where: str) -> Store:
    """The store of a folder, or of a PostgreSQL URL."""
    if where.startswith("postgresql:"):
        return open_store(postgres.patient(where, Path(gettempdir()) / "honeyguide-tests"), SystemClock())
    return SqliteStore(Path(where), SystemClock())


async def append_for_ever(folder: str, prefix: str = "b", tasks: str = "16") -> None:
    """Append from many tasks, saying the name of each batch once it is acknowledged."""
    store = opened(folder)

    async def one(task: int) -> None:
        at = 0
        while True:
            name = f"{prefix}-{task}-{at}"
            await store.log.append(batch(name))
            say(name)
            at += 1

    say("ready")
    await asyncio.gather(*(one(task) for task in range(int(tasks))))


async def append_some(folder: str, prefix: str, batches: str) -> None:
    """Append a number of batches, one after another, then end; says how many rows were new."""
    store = opened(folder)
    say("ready")
    sys.stdin.readline()
    accepted = 0
    for at in range(int(batches)):
        accepted += (await store.log.append(batch(f"shared-{at}"))).accepted
        accepted += (await store.log.append(batch(f"{prefix}-{at}"))).accepted
    store.close()
    say(accepted)


async def hold(folder: str) -> None:
    """Hold the data directory until killed."""
    store = SqliteStore(Path(folder), SystemClock())
    with store.hold("serve on port 8765"):
        say("ready")
        sys.stdin.readline()


async def half_an_artefact(folder: str) -> None:
    """Stop in the middle of writing a version."""
    with FileArtefacts(Path(folder)).create("ease", 1) as path:
        (path / "half").write_text("half")
        say("ready")
        sys.stdin.readline()


async def erase_slowly(folder: str, user_id: str, until: str) -> None:
    """Erase a user, saying when each step is done; each waits to be told."""
    store = SqliteStore(Path(folder), SystemClock())
    say("ready")
    sys.stdin.readline()
    for counts in store.people.erase([user_id], until=int(until)):
        say(counts)
        sys.stdin.readline()


PROGRAMS = {program.__name__: program for program in (append_for_ever, append_some, hold, half_an_artefact, erase_slowly)}


class Child:
    """A program under way in a process of its own; killed at the end of the block."""

    def __init__(self, program: str, *words: object) -> None:
        command = [sys.executable, "-m", "tests.stores.processes", program, *map(str, words)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Child":
        assert self.line() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def line(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> list[str]:
        """Kill -9; returns the whole lines that it had said and nobody had read."""
        self.process.kill()
        said, _ = self.process.communicate() if not self.process.stdout.closed else ("", None)  # type: ignore[union-attr]
        return [line.strip() for line in said.splitlines(keepends=True) if line.endswith("\n")]


if __name__ == "__main__":
    asyncio.run(PROGRAMS[sys.argv[1]](*sys.argv[2:]))
