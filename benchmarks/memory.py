"""What memory holds: per 100,000 users who were served, and per 100,000 items.

    python -m benchmarks.memory [--users 4000] [--items 100000]

Each figure is from a process of its own: what it has more after the work than before it (resident set, with what the
allocator could give back given back), and what the parts add up to. Users are fewer than 100,000 and the figure is scaled:
each has a list of its own. One of the runs gives the lists too little room, to show that memory ends there.
"""

import argparse
import ctypes
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Report
from benchmarks.shops import category_shop
from honeyguide import Honeyguide

PER = 100_000
WARM, SMALL = 500, 8_000_000


def resident() -> int:
    """Bytes that this process holds in memory, after the allocator gave back what it could."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def weight(value: object, seen: set[int]) -> int:
    """Bytes of an object and all that is in it, each object once."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, np.ndarray):
        return size + (weight(value.base, seen) if value.base is not None else 0)
    inside: Iterable[object] = ()
    if isinstance(value, Mapping):
        inside = [part for pair in value.items() for part in pair]
    elif isinstance(value, list | tuple | set | frozenset):
        inside = value
    return size + sum(weight(part, seen) for part in inside)


def serve_users(data_dir: str, users: int, room: int) -> dict[str, Any]:
    """Lists of so many users, with so many bytes for them."""
    with Honeyguide.open(data_dir=data_dir, environ={"HONEYGUIDE_CACHE__L1_SIZE": f"{room}B"}) as hg:
        for number in range(1, WARM + 1):
            hg.recommend(f"user_{number}")
        memory, held = hg.runtime.caches.memory, hg.runtime.caches.generations.held
        before, kept, count = resident(), memory.size(), memory.count()
        for number in range(WARM + 1, WARM + users + 1):
            hg.recommend(f"user_{number}")
        hg.run(hg.runtime.slates.round())
        return {
            "served": users,
            "lists held": memory.count() - count,
            "resident": resident() - before,
            "accounted": memory.size() - kept,
            "tokens": len(held),
        }


def load_items(data_dir: str) -> dict[str, Any]:
    """What a process has more once the items are there."""
    with Honeyguide.open(data_dir=str(Path(data_dir) / "none"), environ={}):
        before = resident()  # with everything loaded and started that an empty project needs
        with Honeyguide.open(data_dir=data_dir, environ={}) as hg:
            hg.run(hg.runtime.columns.round())
            found = {"items": len(hg.runtime.items), "resident": resident() - before}
            seen: set[int] = set()
            parts = {
                name.strip("_"): weight(part, seen) for name, part in vars(hg.runtime.items).items() if name != "features"
            }
            parts["feature columns"] = hg.runtime.columns.nbytes
            return found | {"accounted": sum(parts.values()), "parts": parts}


def fill_items(data_dir: Path, items: int) -> None:
    """Items as a shop has them: a title, two categories, a price, two properties; one of a hundred is hidden."""
    chance = random.Random(4)
    with Honeyguide.open(data_dir=data_dir, environ={}) as hg:
        hg.ingest(
            [
                {
                    "item_id": f"item_{number:06d}",
                    "title": f"A thing of many uses, number {number}",
                    "categories": [f"c{number % 200}", f"d{number % 20}"],
                    "price": round(chance.uniform(1, 200), 2),
                    "hidden": number % 100 == 0,
                    "properties": {"brand": f"brand {number % 300}", "stars": number % 5},
                }
                for number in range(items)
            ],
            "items",
        )


def in_a_process(what: str, *arguments: object) -> dict[str, Any]:
    """One measurement, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", "--measure", what, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def users_row(found: Mapping[str, Any], room: int) -> dict[str, Any]:
    """One run with users."""
    return {
        "users served": found["served"],
        "cache.l1_size MB": room / 1e6,
        "lists held": found["lists held"],
        "resident MB more": found["resident"] / 1e6,
        "accounted MB more": found["accounted"] / 1e6,
        f"resident MB per {PER:,}": found["resident"] / found["served"] * PER / 1e6,
        f"accounted MB per {PER:,}": found["accounted"] / found["served"] * PER / 1e6,
    }


def measured(what: str, *arguments: str) -> dict[str, Any]:
    """The measurement of that name."""
    return load_items(*arguments) if what == "items" else serve_users(arguments[0], int(arguments[1]), int(arguments[2]))


def main() -> None:
    """Measure both and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=4_000)
    parser.add_argument("--items", type=int, default=PER)
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measured(*asked.measure)))
        return
    report = Report(
        "memory",
        "Memory of users who were served, and of items",
        "Resident set and accounted bytes, each in its own process.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        category_shop(folder / "shop", users=WARM + asked.users)
        rooms = (256_000_000, SMALL)
        rows = [users_row(in_a_process("users", folder / "shop", asked.users, room), room) for room in rooms]
        report.table("Users", rows)
        fill_items(folder / "items", asked.items)
        found = in_a_process("items", folder / "items")
    shares = {key: found[key] / found["items"] * PER / 1e6 for key in ("resident", "accounted")}
    report.table("Items", [{"items": found["items"], **{f"{key} MB per {PER:,}": value for key, value in shares.items()}}])
    largest = sorted(found["parts"].items(), key=lambda part: -part[1])
    report.table(
        "Items: the parts",
        [{"part": part, "bytes per item": size / found["items"]} for part, size in largest if size > 10_000],
    )
    report.notes += [
        "Accounted of users: what cache.l1_size counts (encoded lists, and an estimate of the objects around them).",
        "Scaled to 100,000 users, what is beyond cache.l1_size is not held: the second row shows where it ends.",
        "Resident of items: a second project opened in one process, so that libraries and threads count for neither.",
    ]
    report.write()


if __name__ == "__main__":
    main()
